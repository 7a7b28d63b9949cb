"""Copies: worked by hand, against the definition by brute force, and planted in random music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.evaluation.copying import notes as copying
from ritornello.evaluation.copying.index import Heard, Index
from ritornello.evaluation.copying.notes import METRICS, Copy
from ritornello.evaluation.recurrence import MIN_NOTES, is_passage
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Metre, Notes, Part, Score, Tempo
from tests.contracts.music import CHANGES, DEGENERATE, TICKS, random_performance, random_written, written

THEME = [60, 62, 64, 60, 67, 65, 64, 62, 71, 69, 67, 72, 60, 59, 57, 62, 66, 61, 70, 55]
SECONDS = 0.25
BARS = ("copied_bars_share", "copied_bars_share_transposed")


def played(pitches: Sequence[int]) -> Timeline:
    """A performance with a note every quarter of a second."""
    rows = [(500 * i + 7, 400, int(pitch), 64) for i, pitch in enumerate(pitches)]
    score = Score(1000, (Part("piano", Notes.of(rows)),), tempos=(Tempo(0, 120.0),))
    return Timeline.of(score, written=False)


def index_of(*pieces: Sequence[int]) -> Index:
    return Index.of(Heard.of(f"piece {number}", played(piece)) for number, piece in enumerate(pieces))


def filler(seed: int, count: int) -> list[int]:
    """Notes that repeat nothing."""
    return np.random.default_rng(seed).integers(21, 109, count).tolist()


def test_a_training_piece_is_a_copy_of_itself() -> None:
    music = filler(1, 50)
    found = copying.evaluate(played(music), index_of(filler(2, 90), music))
    assert found["copied_notes_share"] == found["copied_notes_share_transposed"] == 1.0
    assert found["longest_copy_notes"] == found["longest_copy_notes_transposed"] == 50
    for name in ("longest_copy_seconds", "longest_copy_seconds_transposed"):
        assert found[name] == pytest.approx(49 * SECONDS, abs=1e-9)


def test_a_theme_among_other_notes() -> None:
    """20 of 20 + 30 + 30 notes: a share of 0.25; from the first onset of the theme to its last, 19 steps."""
    index = index_of(filler(1, 60), [*filler(2, 40), *THEME, *filler(3, 40)])
    piece = played([*filler(4, 30), *THEME, *filler(5, 30)])
    found = copying.evaluate(piece, index)
    assert found["copied_notes_share"] == 0.25
    assert found["longest_copy_notes"] == 20
    assert found["longest_copy_seconds"] == pytest.approx(19 * SECONDS, abs=1e-9)
    assert copying.longest_copy(piece, index, transposed=False) == Copy(
        num_notes=20,
        start_seconds=pytest.approx(30 * SECONDS, abs=1e-9),
        stop_seconds=pytest.approx(49 * SECONDS, abs=1e-9),
        training_piece="piece 1",
        training_start_seconds=pytest.approx(40 * SECONDS, abs=1e-6),
        training_stop_seconds=pytest.approx(59 * SECONDS, abs=1e-6),
        semitones=0,
    )


def test_two_themes_from_two_pieces() -> None:
    """20 and 16 of 20 + 10 + 16 + 14 = 60 notes, a share of 0.6; the second is three semitones lower: exact 1/3."""
    other = [40 + pitch % 37 for pitch in filler(9, 16)]
    index = index_of([*filler(1, 30), *other], [*THEME, *filler(2, 30)])
    piece = played([*THEME, *filler(4, 10), *(pitch - 3 for pitch in other), *filler(5, 14)])
    found = copying.evaluate(piece, index)
    assert found["copied_notes_share"] == 20 / 60
    assert found["copied_notes_share_transposed"] == 36 / 60
    assert found["longest_copy_notes_transposed"] == 20
    assert found["longest_copy_seconds_transposed"] == pytest.approx(19 * SECONDS, abs=1e-9)


def test_no_copy_runs_from_one_training_piece_into_the_next() -> None:
    found = copying.evaluate(played(THEME), index_of(THEME[:10], THEME[10:]))
    assert found["copied_notes_share"] == found["copied_notes_share_transposed"] == 0.0
    assert found["longest_copy_notes"] == found["longest_copy_seconds"] == 0.0


def test_fifteen_notes_are_no_copy() -> None:
    piece = played([*filler(1, 10), *THEME[:15], 21])
    assert copying.evaluate(piece, index_of([*THEME[:15], 108]))["copied_notes_share_transposed"] == 0.0
    assert copying.longest_copy(piece, index_of(THEME[:15]), transposed=True) is None


@pytest.mark.parametrize("figure", [[60], [60, 62], [48, 55, 52, 55], [48, 55, 60, 64, 67, 64, 60]])
def test_ostinati_are_no_copies(figure: list[int]) -> None:
    once = (figure * 60)[:60]
    assert copying.evaluate(played(once), index_of(once))["copied_notes_share_transposed"] == 0.0


def test_ostinati_at_the_ends_of_a_copy_do_not_count_and_inside_do() -> None:
    """The trills before the first theme and behind the last count as far as windows reach that have 5 pitches."""
    trill = [30, 31] * 15
    music = [*trill, *THEME, *trill, *THEME, *trill]
    windows = np.flatnonzero(is_passage(np.array(music)))
    wanted = windows[-1] + MIN_NOTES - windows[0]
    found = copying.evaluate(played(music), index_of(music))
    assert 70 < wanted < 110  # theme, trill and theme are 70 notes of 130; of either outer trill less than 14 count
    assert found["longest_copy_notes"] == wanted
    assert found["copied_notes_share"] == wanted / len(music)


@pytest.mark.parametrize("semitones", [0, 5, -7])
def test_forty_planted_notes_are_found_with_their_place(semitones: int) -> None:
    """A corpus of 10,000 random notes; the notes around the copy differ, so that it has 40 notes exactly."""
    corpus = np.random.default_rng(1).integers(40, 90, (4, 2500)).tolist()
    copied = [pitch + semitones for pitch in corpus[2][1000:1040]]
    piece = played([*filler(2, 333), 21, *copied, 108, *filler(3, 200)])
    index = index_of(*corpus)
    found = copying.longest_copy(piece, index, transposed=True)
    assert found is not None
    assert (found.num_notes, found.training_piece, found.semitones) == (40, "piece 2", semitones)
    assert found.start_seconds == pytest.approx(334 * SECONDS, abs=1e-9)
    assert found.training_start_seconds == pytest.approx(1000 * SECONDS, abs=1e-4)
    exact = copying.longest_copy(piece, index, transposed=False)
    assert exact == (found if semitones == 0 else None)
    values = copying.evaluate(piece, index)
    assert values["longest_copy_seconds_transposed"] == pytest.approx(39 * SECONDS, abs=1e-9)
    assert values["longest_copy_seconds"] == pytest.approx(39 * SECONDS if semitones == 0 else 0.0, abs=1e-9)


def test_chords_are_compared_in_one_order() -> None:
    """A chord struck within 30 ms, from high to low here and from low to high there."""
    chords = np.sort(np.random.default_rng(1).integers(40, 90, (12, 3)), axis=1)
    down, up = (
        Part(
            "",
            Notes.of(
                [(1000 * i + 12 * j, 500, int(p), 60) for i, chord in enumerate(rows) for j, p in enumerate(chord)]
            ),
        )
        for rows in (chords[:, ::-1], chords)
    )
    one, other = (Timeline.of(Score(1000, (part,), tempos=(Tempo(0, 60.0),)), written=False) for part in (down, up))
    assert copying.evaluate(one, Index.of([Heard.of("other", other)]))["copied_notes_share"] == 1.0


def in_copies(music: list[int], corpus: list[list[int]], *, transposed: bool) -> tuple[float, int]:
    """Share of notes and longest copy by the definition, looking everywhere."""

    def form(notes: list[int]) -> list[int]:
        return [pitch - notes[0] for pitch in notes] if transposed else notes

    def is_one(start: int, stop: int) -> bool:
        windows = is_passage(np.array(music))
        if not (windows[start] and windows[stop - MIN_NOTES]):
            return False
        length = stop - start
        return any(
            form(piece[i : i + length]) == form(music[start:stop])
            for piece in corpus
            for i in range(len(piece) - length + 1)
        )

    spans = [
        (start, stop)
        for start in range(len(music) - MIN_NOTES + 1)
        for stop in range(start + MIN_NOTES, len(music) + 1)
        if is_one(start, stop)
    ]
    covered = {note for start, stop in spans for note in range(start, stop)}
    return len(covered) / len(music), max((stop - start for start, stop in spans), default=0)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_shares_and_lengths_are_what_the_definition_says(seed: int, data: st.DataObject) -> None:
    """Music and corpus of a few phrases in random order, on random levels."""
    random = np.random.default_rng(seed)
    phrases = [random.integers(50, 57, int(random.integers(4, 20))).tolist() for _ in range(3)]

    def music(parts: list[tuple[int, int]]) -> list[int]:
        return [pitch + 2 * level for part, level in parts for pitch in phrases[part]]

    parts = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=4)
    piece = music(data.draw(parts))
    corpus = [music(one) for one in data.draw(st.lists(parts, min_size=1, max_size=3))]
    found = copying.evaluate(played(piece), index_of(*corpus))
    for transposed, ending in ((False, ""), (True, "_transposed")):
        share, longest = in_copies(piece, corpus, transposed=transposed)
        if len(piece) < MIN_NOTES:
            assert np.isnan(found[f"copied_notes_share{ending}"])
        else:
            assert found[f"copied_notes_share{ending}"] == pytest.approx(share, abs=1e-12)
            assert found[f"longest_copy_notes{ending}"] == longest


def test_too_little_music_says_nothing() -> None:
    for piece, index in (
        (played(THEME), Index.of([])),
        (played(THEME), index_of([])),
        (played([]), index_of(THEME)),
        (played(THEME[:15]), index_of(THEME)),
    ):
        found = copying.evaluate(piece, index)
        assert list(found) == [metric.name for metric in METRICS]
        assert np.isnan(list(found.values())).all()
        assert copying.longest_copy(piece, index, transposed=True) is None


def bars(*rows: list[tuple[int, int]], metre: tuple[int, int] = (3, 4), pickup_beats: int = 0) -> Timeline:
    """Written bars of (16th, pitch), the last one filled to its end."""
    length = 16 * metre[0] // metre[1]
    notes = [
        (4 * pickup_beats + length * bar + place, 2, pitch, 64) for bar, row in enumerate(rows) for place, pitch in row
    ]
    end = (4 * pickup_beats + length * len(rows)) * TICKS // 4
    pickup = [(0, 1, 77, 64)] if pickup_beats else []
    score = written(sorted([*pickup, *notes]), metres=(Metre(0, *metre),), pickup_ticks=pickup_beats * TICKS)
    return Timeline.of(replace(score, closing_ticks=end), written=True)


ONE, TWO, THREE = [(0, 60), (4, 64), (8, 67)], [(0, 62), (0, 65), (6, 69)], [(2, 71), (3, 60)]


def test_shares_of_bars() -> None:
    """Of four bars two stand in the corpus; the third does four semitones lower; a silent one does not count."""
    index = Index.of([Heard.of("a", bars(TWO, ONE, TWO)), Heard.of("b", bars(THREE))])
    higher = [(place, pitch + 4) for place, pitch in TWO]
    found = copying.evaluate(bars(ONE, THREE, higher, [], [(0, 60)]), index)
    assert found["copied_bars_share"] == 2 / 4
    assert found["copied_bars_share_transposed"] == 3 / 4


def test_pickups_and_short_last_bars_do_not_count() -> None:
    index = Index.of([Heard.of("a", bars(ONE))])
    found = copying.evaluate(bars(ONE, TWO, pickup_beats=1), index)
    assert found["copied_bars_share"] == found["copied_bars_share_transposed"] == 0.5
    short = written([(0, 4, 60, 64), (4, 4, 64, 64), (8, 4, 67, 64), (12, 2, 60, 64)])
    assert copying.evaluate(Timeline.of(short, written=True), index)["copied_bars_share"] == 1.0
    shorter = written([(0, 4, 60, 64)])
    assert np.isnan(copying.evaluate(Timeline.of(shorter, written=True), index)["copied_bars_share"])


@pytest.mark.parametrize(
    "other",
    [
        [(0, 60), (4, 64), (9, 67)],  # later
        [(0, 60), (4, 64), (8, 68)],  # higher
        [(0, 60), (4, 64)],  # fewer
        [*ONE, (8, 72)],  # more
    ],
)
def test_a_bar_is_copied_note_for_note(other: list[tuple[int, int]]) -> None:
    index = Index.of([Heard.of("a", bars(ONE))])
    assert copying.evaluate(bars(other), index)["copied_bars_share_transposed"] == 0.0
    assert copying.evaluate(bars(ONE, other), index)["copied_bars_share"] == 0.5


def test_bars_know_no_ticks_lengths_loudness_or_parts() -> None:
    third = (0, 160, 320)
    score = Score(
        480,
        (
            Part("right", Notes.of([(t, 100, 72 + i, 90) for i, t in enumerate(third)])),
            Part("left", Notes.of([(0, 480, 48, 30), (160, 10, 73, 20)])),  # the 73 is there twice
        ),
        (Metre(0, 1, 4),),
    )
    rows = [(0, 1, 48, 64), (0, 1, 72, 64), (1, 1, 73, 64), (2, 1, 74, 64)]
    other = Score(3, (Part("", Notes.of(rows)),), (Metre(0, 1, 4),))
    index = Index.of([Heard.of("a", Timeline.of(score, written=True))])
    assert copying.evaluate(Timeline.of(other, written=True), index)["copied_bars_share"] == 1.0


def test_places_in_a_bar_are_told_apart_to_a_64th_and_a_triplet_32nd() -> None:
    """At 1/16 and at 1/12 of a beat."""

    def at(ticks: int) -> Timeline:
        return Timeline.of(written([], parts=(Part("", Notes.of([(ticks, 1440 - ticks, 60, 64)])),)), written=True)

    index = Index.of([Heard.of("a", at(30))])
    assert copying.evaluate(at(30), index)["copied_bars_share"] == 1.0
    assert copying.evaluate(at(40), index)["copied_bars_share"] == 0.0


def test_performances_have_no_shares_of_bars() -> None:
    assert np.isnan(
        [copying.evaluate(played(THEME), Index.of([Heard.of("a", bars(ONE))]))[name] for name in BARS]
    ).all()
    assert np.isnan([copying.evaluate(bars(ONE), index_of(THEME))[name] for name in BARS]).all()


MUSIC = {"written": random_written(1), "performed": random_performance(3)}


@pytest.mark.parametrize("music", [*MUSIC, *DEGENERATE])
@pytest.mark.parametrize("change", CHANGES)
def test_what_must_not_matter_does_not(music: str, change: str) -> None:
    """Against a corpus that holds the piece itself, so that there is something to lose."""
    score = {**MUSIC, **DEGENERATE}[music]
    index = Index.of([Heard.of(music, Timeline.of(score)), Heard.of("other", Timeline.of(random_written(7)))])
    before, after = (copying.evaluate(Timeline.of(one), index) for one in (score, CHANGES[change](score)))
    for metric in METRICS:
        if change in metric.keeps:
            assert before[metric.name] == pytest.approx(after[metric.name], abs=1e-9, nan_ok=True), metric.name
        if not np.isnan(before[metric.name]):
            assert metric.low <= before[metric.name] <= metric.high
            assert np.isfinite(before[metric.name])


def test_music_that_moved_up_is_no_exact_copy() -> None:
    """What leaves the transposed figures alone does move the exact ones."""
    score = MUSIC["performed"]
    index = Index.of([Heard.of("it", Timeline.of(score))])
    moved = copying.evaluate(Timeline.of(CHANGES["transposed up"](score)), index)
    assert moved["copied_notes_share"] < 0.1
    assert moved["copied_notes_share_transposed"] > 0.9
