"""Entropy, returns and rhythm worked by hand; muspy; what loops and short pieces give."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ritornello.evaluation import structure
from ritornello.evaluation.structure import (
    entropy_bits,
    local_entropy_bits,
    pitch_class_counts,
    returned_shares,
    rhythm_repetition,
)
from ritornello.evaluation.timeline import Timeline
from tests.evaluation.test_recurrence import THEME, filler
from tests.evaluation.timelines import played, written

C, D, G = 60, 62, 67


def in_turn(pitch: np.ndarray, apart: float = 1.0) -> Timeline:
    """A performance of single notes, a second or less apart."""
    return played(*((apart * i, apart * (i + 0.5), p) for i, p in enumerate(pitch.tolist())))


@pytest.mark.parametrize(
    ("pitch", "bits"),
    [([C, C + 12], 0.0), ([C, C, G, G], 1.0), ([C, C, D, G], 1.5), (list(range(48, 72)), np.log2(12))],
)
def test_pitch_class_entropy_worked_by_hand(pitch: list[int], bits: float) -> None:
    assert entropy_bits(pitch_class_counts(np.array(pitch))) == pytest.approx(bits, abs=1e-12)


def test_pitch_class_entropy_as_muspy_has_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import muspy
    pitch = np.random.default_rng(0).integers(21, 60, 200)
    notes = [muspy.Note(time=i, pitch=int(p), duration=1) for i, p in enumerate(pitch)]
    expected = muspy.pitch_class_entropy(muspy.Music(tracks=[muspy.Track(notes=notes)]))
    assert structure.evaluate(in_turn(pitch))["pitch_class_entropy_bits"] == pytest.approx(expected, abs=1e-12)


def test_local_entropy_of_a_performance() -> None:
    """Windows of 8 s begin at 0 (C and G: 1 bit) and at 2 s (D: 0 bits); the last note begins in the second."""
    assert local_entropy_bits(played((0.0, 0.5, C), (1.0, 1.5, G), (9.0, 9.5, D))) == pytest.approx(0.5)


def test_local_entropy_of_written_music() -> None:
    """Four bars of one C, a bar of four G: the windows have C alone, and 3 C with 4 G."""
    notes = written(*((4 * bar, 4 * bar + 4, C) for bar in range(4)), *((16 + i, 17 + i, G) for i in range(4)))
    bits = -(3 / 7 * np.log2(3 / 7) + 4 / 7 * np.log2(4 / 7))
    assert local_entropy_bits(notes) == pytest.approx(bits / 2)


def test_windows_without_a_note_are_left_out() -> None:
    """The window from 0 s has 1 bit, that from 92 s has 0; between them there is nothing."""
    assert local_entropy_bits(played((0.0, 0.5, C), (1.0, 1.5, G), (99.0, 99.5, C))) == pytest.approx(0.5)


@pytest.mark.parametrize("up", [0, 5])
def test_a_theme_that_returns_after_seventy_seconds(up: int) -> None:
    """Notes 100 to 119 of 150 were heard 70 notes before, one a second."""
    music = np.concatenate([filler(1, 30), THEME, filler(2, 50), THEME + up, filler(3, 30)])
    found = returned_shares(in_turn(music))
    exactly = 20 / 150 if up == 0 else 0.0
    assert found == pytest.approx(
        {
            "returned_30s": 20 / 150,
            "returned_60s": 20 / 150,
            "returned_120s": 0.0,
            "returned_exactly_30s": exactly,
            "returned_exactly_60s": exactly,
            "returned_exactly_120s": 0.0,
        }
    )


@pytest.mark.parametrize(("apart", "late"), [(0.4, ()), (0.5, (30,)), (1.0, (30, 60)), (2.0, (30, 60, 120))])
def test_a_theme_of_twenty_that_returns_after_seventy_notes(apart: float, late: tuple[int, ...]) -> None:
    """28, 35, 70 and 140 s later; of 150 notes, which take 300 s at most and 60 s at least."""
    music = np.concatenate([filler(1, 30), THEME, filler(2, 50), THEME, filler(3, 30)])
    found = returned_shares(in_turn(music, apart))
    for seconds in (30, 60, 120):
        share = 20 / 150 if seconds in late else 0.0
        known = apart * 149.5 >= seconds
        for name in ("returned", "returned_exactly"):
            assert found[f"{name}_{seconds}s"] == pytest.approx(share if known else np.nan, nan_ok=True), seconds


def test_half_of_a_piece_heard_twice_returns() -> None:
    """130 notes, a second apart, and again."""
    found = returned_shares(in_turn(np.tile(filler(1, 130), 2)))
    assert set(found.values()) == {0.5}


def test_in_a_loop_everything_returns_after_its_length_and_nothing_later() -> None:
    """Of five times 30 s the first is new."""
    found = returned_shares(in_turn(np.tile(filler(1, 60), 5), apart=0.5))
    assert found["returned_exactly_30s"] == pytest.approx(4 / 5)
    assert found["returned_60s"] == 0.0


def test_what_is_too_short_to_return_says_nothing() -> None:
    short = returned_shares(in_turn(filler(1, 50)))  # 49.5 s
    assert short["returned_30s"] == 0.0
    assert np.isnan(short["returned_60s"])
    assert np.isnan(returned_shares(in_turn(filler(1, 31), apart=9.0))["returned_30s"])  # fewer than two passages


def test_a_regular_pulse_and_a_repeated_rhythm_return_wholly() -> None:
    assert rhythm_repetition(np.arange(40.0)) == pytest.approx(1.0, abs=1e-6)
    pattern = np.sort(np.random.default_rng(0).uniform(0, 7, 30))
    looped = np.concatenate([pattern + 7 * k for k in range(6)])
    assert rhythm_repetition(looped) > 0.9
    assert rhythm_repetition(np.sort(np.random.default_rng(1).uniform(0, 120, 600))) < 0.3


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ([0, 7, 14, 21], 1.0),  # after 7 s all three return
        ([0, 5, 10, 20], 2 / 6**0.5),  # after 10 s two; there are three in the first 10 s, two in the last
        ([0, 5, 10, 11, 12, 20], 2 / 12**0.5),  # after 10 s two, of three in the first 10 s and four in the last
    ],
)
def test_rhythm_by_hand(onsets: list[int], expected: float) -> None:
    """Products of single strokes over the root of both energies; the mean, which is subtracted, changes little."""
    assert rhythm_repetition(np.array(onsets, dtype=float)) == pytest.approx(expected, abs=0.015)


def test_two_onsets_return_at_no_lag_of_up_to_half_their_distance() -> None:
    assert rhythm_repetition(np.array([0.0, 12.0])) == 0.0


@pytest.mark.parametrize("onsets", [[], [3.0], [1.0] * 5, [0.0, 9.9]])
def test_less_than_ten_seconds_have_no_rhythm(onsets: list[float]) -> None:
    assert np.isnan(rhythm_repetition(np.array(onsets)))


def test_nothing_is_said_without_notes() -> None:
    assert all(np.isnan(value) for value in structure.evaluate(played()).values())
