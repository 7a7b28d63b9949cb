"""Self-similarity: frames and cosines worked by hand, transposition, bounds, and similarity by lag."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.evaluation import similarity
from ritornello.evaluation.similarity import MOST_FRAMES, by_lag, chroma_of, similarity_of
from tests.evaluation.timelines import played, written

C, G, F_SHARP = 60, 67, 66


def test_a_frame_weighs_pitch_classes_by_how_long_they_sound() -> None:
    """0-0.5 s: C 0.5, G 0.25; 0.5-1 s: G 0.25; 1-1.5 s: nothing; 1.5-2 s: C an octave higher 0.1."""
    found = similarity_of(played((0.0, 0.5, C), (0.25, 0.75, G), (1.6, 1.7, C + 12)))
    assert found.frame_seconds == 0.5
    cosine = 1 / np.sqrt(5)  # of (0.5, 0.25) and (0, 0.25)
    expected = [
        [1, cosine, 0, 2 * cosine],
        [cosine, 1, 0, 0],
        [0, 0, 1, 0],
        [2 * cosine, 0, 0, 1],
    ]
    assert found.matrix_FF == pytest.approx(np.array(expected), abs=1e-6)


def test_silent_frames_are_alike_and_unlike_all_others() -> None:
    matrix = similarity_of(played((0.0, 0.5, C), (2.0, 2.5, C))).matrix_FF
    assert matrix == pytest.approx(np.array([[a == b for b in "CSSSC"] for a in "CSSSC"], dtype=float), abs=1e-6)


def test_written_music_is_cut_into_quarter_notes_from_its_bar_line_on() -> None:
    """At 40 quarters a minute a frame lasts 1.5 s; the first bar begins with a rest of one quarter."""
    found = similarity_of(written((1, 2, C), (2, 4, G), (5, 6, C), bpm=40.0))
    assert found.frame_seconds == pytest.approx(1.5)
    kinds = "SCGGSC"
    assert found.matrix_FF == pytest.approx(np.array([[a == b for b in kinds] for a in kinds], dtype=float), abs=1e-6)


def test_a_triad_on_another_level_is_alike_only_if_transposed() -> None:
    triads = [(0.5 * i, 0.5 * i + 0.5, C + by + third) for i, by in enumerate((0, 2, 9)) for third in (0, 4, 7)]
    minor = [(1.5, 2.0, C + third) for third in (0, 3, 7)]
    notes = played(*triads, *minor)
    plain, moved = similarity_of(notes).matrix_FF, similarity_of(notes, transposed=True).matrix_FF
    assert plain[0, 1] == 0  # C E G and D F# A
    assert plain[0, 2] == pytest.approx(1 / 3)  # C E G and A C# E
    assert moved[:3, :3] == pytest.approx(np.ones((3, 3)))
    assert moved[0, 3] == pytest.approx(2 / 3)  # a minor triad has two tones in common with some major triad
    assert moved == pytest.approx(moved.T)


def test_a_long_piece_gets_longer_frames() -> None:
    found = similarity_of(played((0.0, 1.0, C), (7199.0, 7200.0, G)))
    assert found.matrix_FF.shape == (MOST_FRAMES, MOST_FRAMES)
    assert found.matrix_FF.dtype == np.float32
    assert found.frame_seconds == 6.0


def test_sounding_is_counted_as_by_brute_force() -> None:
    random = np.random.default_rng(0)
    rows = [(20 * a, 20 * a + 4 * b, int(40 + 40 * p)) for a, b, p in random.random((60, 3)).tolist()]
    notes = played((0.0, 0.1, 40), *rows)
    frames = np.zeros((len(chroma_of(notes).frames_F13), 12))
    for onset, offset, pitch in zip(notes.onset_seconds, notes.offset_seconds, notes.pitch, strict=True):
        for f in range(len(frames)):
            frames[f, pitch % 12] += max(0.0, min(offset, 0.5 * f + 0.5) - max(onset, 0.5 * f))
    frames /= np.linalg.norm(frames, axis=1, keepdims=True)
    assert chroma_of(notes).frames_F13[:, :12] == pytest.approx(frames, abs=1e-6)


def test_similarity_by_lag_worked_by_hand() -> None:
    """3 s of C, 3 s of F sharp, and both again: 24 frames, of whose 276 pairs 2 * 66 are alike.

    At a lag of 6 s all pairs are alike. Of lags above 8 s, 8.5 s and 9 s leave a quarter to be compared: at 8.5 s
    two of seven pairs are alike (frames 0 and 17, 6 and 23), at 9 s none.
    """
    blocks = [(3.0 * i, 3.0 * i + 3.0, pitch) for i, pitch in enumerate((C, F_SHARP, C, F_SHARP))]
    found = by_lag(chroma_of(played(*blocks)))
    assert found[:2] == pytest.approx([1 - 132 / 276, 2 / 7 - 132 / 276], abs=1e-6)
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize(
    ("block_seconds", "num_blocks", "expected"),
    [
        # 16 frames in blocks of 4: of 120 pairs 2 * 28 are alike; at 4 s all are; beyond 6 s too little is left
        (2, 4, {0: 1 - 56 / 120}),
        # 80 frames in blocks of 20: of 3160 pairs 2 * 780 are alike. At 2.5 s 5 of 75 differ at each of three borders;
        # at 15 s, a block and a half, the second halves of the first two blocks are alike, 20 of 50; at 20 s all are
        (10, 4, {0: 60 / 75 - 1560 / 3160, 1: 20 / 50 - 1560 / 3160, 2: 1 - 1560 / 3160}),
        # 320 frames in blocks of 40: of 51040 pairs 2 * 12720 are alike. At 2.5 s 5 of 315 differ at each of seven
        # borders; at 40 s and at 80 s all are alike
        (20, 8, {0: 280 / 315 - 25440 / 51040, 3: 1 - 25440 / 51040, 4: 1 - 25440 / 51040}),
    ],
)
def test_blocks_by_hand(block_seconds: int, num_blocks: int, expected: dict[int, float]) -> None:
    """C and F sharp in turn, two frames a second."""
    size = float(block_seconds)
    found = by_lag(chroma_of(played(*((size * i, size * i + size, (C, F_SHARP)[i % 2]) for i in range(num_blocks)))))
    for place, value in expected.items():
        assert found[place] == pytest.approx(value, abs=1e-6)
    assert np.isnan(found[1]) == (block_seconds == 2)


def test_one_sound_throughout_is_as_alike_at_every_lag_as_by_chance() -> None:
    assert by_lag(chroma_of(played((0.0, 20.0, C))))[:2] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_loop_is_most_alike_at_its_length() -> None:
    """Random notes for 20 s, three times: the mean similarity at 20 s is 1."""
    random = np.random.default_rng(1)
    once = [(0.25 * i, 0.25 * i + 0.25, int(p)) for i, p in enumerate(random.integers(40, 80, 80))]
    looped = played(*((a + 20 * k, b + 20 * k, p) for k in range(3) for a, b, p in once))
    found = by_lag(chroma_of(looped))
    assert found[2] > 0.7  # 15 to 30 s
    assert found[1] < 0.2


def test_without_notes_there_is_nothing_to_compare() -> None:
    nothing = played()
    assert similarity_of(nothing).matrix_FF.shape == (0, 0)
    assert np.isnan(np.asarray(similarity.evaluate(nothing)["similarity_by_lag"])).all()
