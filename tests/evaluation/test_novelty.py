"""The second segmenter: what recurs cuts the piece, and sections of the same bars are of one material."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.evaluation import novelty
from ritornello.evaluation.novelty import Sections, sections_of
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Metre, Notes, Part, Score
from tests.evaluation.timelines import played, written

BAR = 48


def song(form: str, seed: int = 0, shift: int = 0, pickup: int = 0) -> Score:
    """Eight bars of eighths for each letter, pitches drawn at random for each, the same each time."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, int]] = []
    material = {letter: random.integers(55, 80, size=64).tolist() for letter in sorted(set(form))}
    for number, letter in enumerate(form):
        for place, pitch in enumerate(material[letter]):
            rows.append((pickup + number * 8 * BAR + place * 6, 6, pitch + shift, 64))
    if pickup:
        rows = [(0, pickup, 60, 64), *rows]
    return Score(12, (Part("", Notes.of(rows)),), (Metre(0, 4, 4),), pickup_ticks=pickup)


def heard(score: Score) -> Sections:
    return sections_of(Timeline.of(score, written=True))


@pytest.mark.parametrize("form", ["AABA", "ABACA", "AABBA", "ABBA"])
def test_sections_that_return_are_found_with_their_materials(form: str) -> None:
    assert heard(song(form)) == Sections(
        tuple(8 * number for number in range(len(form) + 1)), tuple("ABC".index(letter) for letter in form)
    )


def test_what_always_returns_together_is_one_section() -> None:
    assert heard(song("ABAB")) == Sections((0, 16, 32), (0, 0))


def test_the_level_does_not_matter_and_a_pickup_is_no_bar() -> None:
    plain = heard(song("ABACA"))
    assert heard(song("ABACA", shift=5)) == plain
    assert heard(song("ABACA", pickup=12)) == plain


def test_the_order_of_parts_and_their_names_do_not_matter() -> None:
    score = song("ABAB")
    notes = score.parts[0].notes
    half = notes.pitch >= 67
    parts = tuple(
        Part(
            name,
            Notes.columns(notes.onset_ticks[own], notes.duration_ticks[own], notes.pitch[own], notes.velocity[own]),
        )
        for name, own in (("melody", half), ("A", ~half))
    )
    assert heard(replace(score, parts=parts)) == heard(replace(score, parts=parts[::-1])) == heard(score)


def test_music_without_bars_or_contrast_has_no_borders() -> None:
    assert sections_of(played((0, 1, 60), (1, 2, 62))) == Sections((0,), ())
    assert sections_of(written()) == Sections((0,), ())
    assert sections_of(written((0, 4, 60))) == Sections((0, 1), (0,))
    assert set(heard(song("AAAA")).labels) == {0}
    loop = written(*((4 * bar, 4 * bar + 4, 60) for bar in range(24)))
    assert sections_of(loop) == Sections((0, 24), (0,))


def test_too_many_bars_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "MOST_BARS", 31)
    with pytest.raises(UserError, match="too many bars"):
        heard(song("ABAB"))


def test_bars_are_as_alike_as_their_pitch_classes_and_onsets() -> None:
    # bars: c for a whole, c' for a whole, g for a whole, c twice for a half
    notes = written((0, 4, 60), (4, 8, 72), (8, 12, 67), (12, 14, 60), (14, 16, 60))
    alike = novelty.bar_similarity(notes, np.array([0.0, 4.0, 8.0, 12.0, 16.0]))
    # octaves are one pitch class: 1; c and g have no class in common but the same onset: 0.2 * 1;
    # c once and twice: the same classes (0.8), one of onsets (1) and (1, 1): cosine 1 / sqrt 2
    assert alike[0].tolist() == pytest.approx([1.0, 1.0, 0.2, 0.8 + 0.2 / np.sqrt(2)])
    assert np.allclose(alike, alike.T)


def test_peaks_are_high_and_the_last_of_a_plateau() -> None:
    assert novelty.peaks(np.array([0.0, 0.1, 0.0, 0.5, 0.5, 0.0, 1.0, 0.9, 0.0])) == (4, 6)  # 0.1 is below the least
    assert novelty.peaks(np.array([0.0, 0.2, 0.0])) == (1,)
    assert novelty.peaks(np.zeros(9)) == ()


def test_materials_join_by_mean_likeness() -> None:
    # three sections of two bars: the first and the last the same, the middle one like neither
    alike = np.eye(6)
    alike[:2, 4:] = alike[4:, :2] = np.eye(2)
    assert novelty.materials(alike, (0, 2, 4, 6)) == (0, 1, 0)
    assert novelty.materials(alike, (0, 6)) == (0,)
    # a bar at the best place in a longer section: bar 5 is bar 1
    assert novelty.materials(alike, (0, 3, 5, 6)) == (0, 1, 0)


def test_full_barlines_leave_the_pickup_out() -> None:
    assert novelty.full_barlines(song("A", pickup=12)).tolist() == [1.0 + 4 * bar for bar in range(9)]
    assert novelty.full_barlines(song("A")).tolist() == [4.0 * bar for bar in range(9)]
