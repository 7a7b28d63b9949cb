"""Compression: factors by hand and by brute force, costs worked out, and what other estimates make of one repeat."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.evaluation import compression
from ritornello.evaluation.compression import (
    compression_ratio,
    entropy_rate_bits,
    factors,
    longest_earlier,
    time_classes,
)
from tests.evaluation.timelines import played


def symbols(text: str) -> np.ndarray:
    return np.array([ord(letter) for letter in text])


def test_factors_of_a_word() -> None:
    word = symbols("abracadabra")
    assert longest_earlier(word).tolist() == [0, 0, 0, 1, 0, 1, 0, 4, 3, 2, 1]
    assert factors(word).tolist() == [0, 1, 2, 3, 5, 7]  # a b r ac ad abra


def test_a_passage_may_overlap_its_model() -> None:
    assert longest_earlier(symbols("aaaa")).tolist() == [0, 3, 2, 1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_the_longest_earlier_passage_by_brute_force(values: list[int]) -> None:
    def common(a: int, b: int) -> int:
        length = 0
        while b + length < len(values) and values[a + length] == values[b + length]:
            length += 1
        return length

    expected = [max((common(a, b) for a in range(b)), default=0) for b in range(len(values))]
    assert longest_earlier(np.array(values)).tolist() == expected


@pytest.mark.parametrize(
    ("sequence", "bits"),
    [
        (np.zeros(40), 1.0),  # factors begin at 0 and 1: log2 1 + log2 2
        (np.tile([5, 7], 20), np.log2([1, 2, 3]).sum()),  # 5, 7, and all the rest
        (np.arange(32), np.log2(np.arange(1, 33)).sum()),  # nothing returns: a factor for each
        (np.tile(np.arange(20), 2), np.log2(np.arange(1, 22)).sum()),  # twenty, and their return
    ],
)
def test_costs_worked_by_hand(sequence: np.ndarray, bits: float) -> None:
    assert entropy_rate_bits(sequence.astype(np.int64)) == pytest.approx(bits / len(sequence), abs=1e-12)


@pytest.mark.parametrize(
    ("pitches", "steps", "pitch_bits", "interval_bits", "rhythm_bits"),
    [
        # one pitch, one step: factors begin at 0 and 1
        ([60], [0.2], 1, 1, 1),
        # two in turn: at 0, 1 and 2, intervals +7 and -7 too
        ([60, 67], [0.2], np.log2(6), np.log2(6), 1),
        # a cell of three pitches and three intervals, in a rhythm of three values: at 0, 1, 2 and 3
        ([60, 62, 67], [0.1, 0.2, 0.4], np.log2(24), np.log2(24), np.log2(24)),
    ],
)
def test_rates_of_pieces_by_hand(
    pitches: list[int], steps: list[float], pitch_bits: float, interval_bits: float, rhythm_bits: float
) -> None:
    """60 notes, 59 steps."""
    onset = np.cumsum([0.0, *(steps * 60)[:59]])
    values = compression.evaluate(played(*((t, t + 0.05, p) for t, p in zip(onset, pitches * 60, strict=False))))
    assert values["pitch_entropy_rate_bits"] == pytest.approx(pitch_bits / 60)
    assert values["interval_entropy_rate_bits"] == pytest.approx(interval_bits / 59)
    assert values["rhythm_entropy_rate_bits"] == pytest.approx(rhythm_bits / 59)


def test_one_repeat_saves_what_it_repeats() -> None:
    """An eighth of 4,000 random symbols is repeated: an eighth fewer bits. The mean longest match calls it order."""

    def by_mean_match(sequence: np.ndarray) -> float:
        return float(1 / ((longest_earlier(sequence)[1:] + 1) / np.log2(np.arange(2, len(sequence) + 1))).mean())

    new = np.random.default_rng(0).integers(0, 40, 4000)
    repeated = new.copy()
    repeated[3000:3500] = repeated[500:1000]
    assert entropy_rate_bits(repeated) / entropy_rate_bits(new) == pytest.approx(7 / 8, abs=0.01)
    assert by_mean_match(repeated) / by_mean_match(new) < 0.1


def test_matches_are_seen_however_far_back() -> None:
    """60,000 symbols and again: zlib's window of 32 KB forgets them, factors do not."""
    once = np.random.default_rng(0).integers(0, 256, 60_000)
    assert entropy_rate_bits(np.tile(once, 2)) / entropy_rate_bits(once) == pytest.approx(0.5, abs=0.01)


def test_times_are_classed_by_doublings_from_chord_to_chord() -> None:
    """0 and 10 ms are a chord; 100 ms, 100 ms and 400 ms later: one, one and three doublings of 50 ms."""
    notes = played((0.0, 0.1, 60), (0.01, 0.1, 64), (0.1, 0.2, 60), (0.2, 0.3, 60), (0.6, 0.7, 60), (99.0, 99.1, 60))
    assert time_classes(notes).tolist() == [0, 3, 3, 7, 20]


def test_the_ratio_is_of_bytes_that_can_be_read_again() -> None:
    random = np.random.default_rng(0)
    interval, time = random.integers(-100, 100, 500), random.integers(0, 20, 500)
    raw = bytes(byte for pair in zip((interval + 128).tolist(), time.tolist(), strict=True) for byte in pair)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    packed = lzma.compress(raw, format=lzma.FORMAT_RAW, filters=filters)
    assert lzma.decompress(packed, format=lzma.FORMAT_RAW, filters=filters) == raw
    assert compression_ratio(interval, time) == len(packed) / 1000
    assert compression_ratio(np.tile(interval[:50], 10), np.tile(time[:50], 10)) < 0.2


def test_few_notes_say_nothing() -> None:
    """A rate needs 32 symbols."""
    for count in (0, 1, 2, 31):
        values = compression.evaluate(played(*((i, i + 0.5, 60) for i in range(count))))
        assert all(np.isnan(value) for value in values.values())
    values = compression.evaluate(played(*((i, i + 0.5, 60) for i in range(33))))
    assert values["pitch_entropy_rate_bits"] == pytest.approx(1 / 33)
    assert values["interval_entropy_rate_bits"] == pytest.approx(1 / 32)
