"""Rhythm features: worked by hand, degenerate pieces, mgeval, and a slow way to the same figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.evaluation import rhythm
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Notes, Part, Pedal, Score, Tempo
from tests.contracts.music import performed, random_performance, random_written, written
from tests.evaluation import mgeval_features as mgeval

NUM_SEGMENTS = 64
(WHOLE, HALF, QUARTER, EIGHTH, SIXTEENTH, DOTTED_HALF, DOTTED_QUARTER, DOTTED_EIGHTH, DOTTED_SIXTEENTH) = range(9)
HALF_TRIPLET, QUARTER_TRIPLET, EIGHTH_TRIPLET = range(9, 12)


def played(rows: list[tuple[float, float, int, int]]) -> Timeline:
    """A performance of (onset, length, pitch, velocity) in seconds."""
    return Timeline.of(performed(rows), written=False)


def lasting(*ticks: int) -> Timeline:
    """Written notes of these lengths in 480ths of a quarter note, each after the other."""
    onsets = np.cumsum([0, *ticks[:-1]]).tolist()
    rows = [(onset, length, 60, 64) for onset, length in zip(onsets, ticks, strict=True)]
    return Timeline.of(Score(480, (Part("", Notes.of(rows)),)), written=True)


# Two keys struck within 20 ms, then notes at 1, 1.5 and 3.5 s; all is over at 4 s. A segment lasts 1/16 s.
CHORD_FIRST = played(
    [(0.0, 0.5, 60, 64), (0.02, 0.5, 48, 64), (1.0, 0.25, 62, 64), (1.5, 1.0, 64, 64), (3.5, 0.5, 65, 64)]
)
# Three quick notes, a fourth after 10 s that sounds up to 64 s. A segment lasts 1 s.
LONG_END = played([(0.0, 0.1, 60, 64), (0.25, 0.1, 62, 64), (0.5, 0.1, 64, 64), (10.0, 54.0, 65, 64)])
# Quarter, two eighths and a half of 3/4 at 96: a beat is 0.625 s; 4 beats, so a segment is 1/16 beat.
WRITTEN = Timeline.of(written([(0, 4, 60, 64), (4, 2, 62, 64), (6, 2, 64, 64), (8, 8, 65, 64)]))


@pytest.mark.parametrize(
    ("notes", "seconds"),
    [
        (CHORD_FIRST, 3.5 / 3),  # 1, 0.5 and 2: the chord is one onset, from its first key on
        (LONG_END, 10.0 / 3),  # 0.25, 0.25 and 9.5
        (WRITTEN, 0.625 * 2 / 3),  # 1, 1/2 and 1/2 beat
    ],
)
def test_inter_onset_intervals_by_hand(notes: Timeline, seconds: float) -> None:
    assert rhythm.evaluate(notes)["inter_onset_seconds"] == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(
    ("notes", "seconds"),
    [
        # chords begin in segments 0, 16, 24 and 56; the last one's interval is what is left of the piece
        (CHORD_FIRST, [1.0] * 16 + [0.5] * 8 + [2.0] * 32 + [0.5] * 8),
        # three intervals begin in segment 0; up to segment 9 the last of them lasts; then the closing one, of 54 s
        (LONG_END, [10 / 3] + [9.5] * 9 + [54.0] * 54),
        # in beats the notes begin in segments 0, 16, 24 and 32, and a beat lasts 0.625 s
        (WRITTEN, [0.625] * 16 + [0.3125] * 16 + [1.25] * 32),
        # an interval of 0.25 s begins in the last segment, so the closing one of 0.75 s does not count
        (played([(0.0, 1.0, 60, 64), (63.0, 0.1, 62, 64), (63.25, 0.75, 64, 64)]), [63.0] * 63 + [0.25]),
    ],
)
def test_inter_onset_intervals_per_segment_by_hand(notes: Timeline, seconds: list[float]) -> None:
    values = rhythm.evaluate(notes)["inter_onset_seconds_per_segment"]
    assert np.allclose(values, seconds, rtol=0, atol=1e-12)


def test_segments_of_written_music_are_equal_in_beats() -> None:
    """Two beats at 60, two at 120: the second note begins in the middle of the beats, at 2/3 of the seconds."""
    score = replace(written([(0, 8, 60, 64), (8, 8, 62, 64)]), tempos=(Tempo(0, 60.0), Tempo(960, 120.0)))
    for is_written, second in ((True, 32), (False, 42)):  # 2/3 of 64 is 42.7
        notes = Timeline.of(score, written=is_written)
        values = rhythm.evaluate(notes)["inter_onset_seconds_per_segment"]
        assert values.tolist() == [2.0] * second + [1.0] * (NUM_SEGMENTS - second)


@pytest.mark.parametrize(
    ("notes", "classes"),
    [
        # borders at 62.5 88 125 177 250 354 500 707 ms, 1, 1.4, 2 s; what lies on one belongs above it
        (played([(9.0 * i, length, 60, 64) for i, length in enumerate((0.05, 0.063, 0.1, 0.125))]), [0, 1, 2, 3]),
        (played([(9.0 * i, length, 60, 64) for i, length in enumerate((0.249, 0.25, 0.5, 0.8, 1.0))]), [4, 5, 7, 8, 9]),
        (played([(9.0 * i, length, 60, 64) for i, length in enumerate((1.999, 2.0, 8.0))]), [10, 11, 11]),
        (WRITTEN, [QUARTER, EIGHTH, EIGHTH, HALF]),
        (lasting(1920, 720, 360, 180, 120), [WHOLE, DOTTED_QUARTER, DOTTED_EIGHTH, DOTTED_SIXTEENTH, SIXTEENTH]),
        (lasting(1440, 640, 320, 160), [DOTTED_HALF, HALF_TRIPLET, QUARTER_TRIPLET, EIGHTH_TRIPLET]),
        (lasting(1, 9000, 490), [SIXTEENTH, WHOLE, QUARTER]),  # the nearest, however far
        # halfway between two: mgeval's first. Double dotted half, quarter, eighth; a half tied to an eighth
        (lasting(1680, 840, 420, 1200), [WHOLE, HALF, QUARTER, HALF]),
    ],
)
def test_classes_of_length_by_hand(notes: Timeline, classes: list[int]) -> None:
    assert rhythm.length_class(notes).tolist() == classes
    assert len(set(classes)) > 1


def test_rounding_moves_no_length_over_a_border() -> None:
    """Differences of seconds are a little more or less than 0.25; all are on the border."""
    notes = played([(0.111 * i, 0.25, 60, 64) for i in range(99)])
    assert (notes.length_seconds < 0.25).any()
    assert rhythm.length_class(notes).tolist() == [5] * 99


@pytest.mark.parametrize(
    ("notes", "shares"),
    [
        (CHORD_FIRST, {5: 1 / 5, 7: 3 / 5, 9: 1 / 5}),  # 0.25, three of 0.5, 1 s
        (LONG_END, {2: 3 / 4, 11: 1 / 4}),  # three of 0.1 s, 54 s
        (WRITTEN, {QUARTER: 1 / 4, EIGHTH: 2 / 4, HALF: 1 / 4}),
    ],
)
def test_histograms_by_hand(notes: Timeline, shares: dict[int, float]) -> None:
    expected = [shares.get(length, 0.0) for length in range(12)]
    assert rhythm.evaluate(notes)["note_length_histogram"].tolist() == expected


@pytest.mark.parametrize(
    ("notes", "steps"),
    [
        (CHORD_FIRST, {(7, 7): 1 / 4, (7, 5): 1 / 4, (5, 9): 1 / 4, (9, 7): 1 / 4}),  # 0.5 0.5 0.25 1 0.5
        (LONG_END, {(2, 2): 2 / 3, (2, 11): 1 / 3}),
        (WRITTEN, {(QUARTER, EIGHTH): 1 / 3, (EIGHTH, EIGHTH): 1 / 3, (EIGHTH, HALF): 1 / 3}),
    ],
)
def test_transitions_by_hand(notes: Timeline, steps: dict[tuple[int, int], float]) -> None:
    expected = np.zeros((12, 12))
    for step, share in steps.items():
        expected[step] = share
    assert np.allclose(rhythm.evaluate(notes)["note_length_transitions"], expected, rtol=0, atol=1e-12)


def test_the_pedal_makes_notes_long() -> None:
    """Keys held for 0.1 s, the pedal for a second."""
    score = performed([(0.0, 0.1, 60, 64), (2.0, 0.1, 62, 64)])
    pedal = Pedal.columns(np.array([50, 1000]), np.array([127, 0]))
    notes = Timeline.of(replace(score, parts=(replace(score.parts[0], pedal=pedal),)), written=False)
    assert rhythm.length_class(notes).tolist() == [9, 2]


def test_without_notes_nothing_is_said() -> None:
    for notes in (played([]), Timeline.of(written([]))):
        values = rhythm.evaluate(notes)
        assert all(np.isnan(value).all() for value in values.values())
        assert [np.shape(value) for value in values.values()] == [metric.shape for metric in rhythm.METRICS]


@pytest.mark.parametrize("keys", [[60], [60, 64, 67]])
def test_one_chord_has_no_interval_but_fills_its_segments(keys: list[int]) -> None:
    values = rhythm.evaluate(played([(5.0, 0.75, key, 64) for key in keys]))
    assert np.isnan(values["inter_onset_seconds"])
    assert values["inter_onset_seconds_per_segment"].tolist() == [0.75] * NUM_SEGMENTS
    assert values["note_length_histogram"][8] == 1.0
    assert np.isnan(values["note_length_transitions"]).all() == (len(keys) == 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_mgeval_agrees_where_onsets_are_single(seed: int) -> None:
    random = np.random.default_rng(seed)
    onsets = np.cumsum(random.integers(40, 900, 50)) / 1000
    notes = played([(at, 0.2, 60, 64) for at in onsets.tolist()])
    assert rhythm.evaluate(notes)["inter_onset_seconds"] == pytest.approx(mgeval.avg_ioi(mgeval.midi_of(notes)))


def test_where_mgeval_counts_intervals_within_chords() -> None:
    """Three triads a second apart: eight intervals, six of them 0, so 0.25 s; between chords it is a second."""
    notes = played([(float(at), 0.9, key, 64) for at in range(3) for key in (60, 64, 67)])
    assert mgeval.avg_ioi(mgeval.midi_of(notes)) == 0.25
    assert rhythm.evaluate(notes)["inter_onset_seconds"] == 1.0


@pytest.mark.parametrize("seed", [1, 2])
def test_mgeval_agrees_on_the_lengths_of_written_music_in_four_quarters(seed: int) -> None:
    random = np.random.default_rng(seed)
    ticks = [*random.integers(1, 2400, 300).tolist(), *(40 * random.integers(1, 60, 300)).tolist()]
    notes, rows = lasting(*ticks), [(0, length, 60) for length in ticks]
    bar = mgeval.bar_ticks(480, (4, 2), track_num=0)
    values = rhythm.evaluate(notes)
    assert np.array_equal(values["note_length_histogram"], mgeval.note_length_hist(rows, bar))
    assert np.allclose(values["note_length_transitions"], mgeval.note_length_transition_matrix(rows, bar), atol=1e-12)


@pytest.mark.parametrize(
    ("signature", "track_num", "called"),
    [
        ((4, 2), 0, QUARTER),  # 4/4
        ((3, 2), 0, HALF_TRIPLET),  # 3/4: a third of the bar
        ((6, 3), 0, HALF_TRIPLET),  # 6/8
        ((4, 2), 1, HALF),  # the log of the denominator, 2, for the numerator: a bar of two quarters
        ((3, 2), 1, HALF),
    ],
)
def test_what_mgeval_calls_a_quarter_note(signature: tuple[int, int], track_num: int, called: int) -> None:
    bar = mgeval.bar_ticks(480, signature, track_num)
    assert mgeval.note_lengths([(0, 480, 60)], bar) == [called]
    assert rhythm.length_class(lasting(480)).tolist() == [QUARTER]


@pytest.mark.parametrize("score", [random_performance(1), random_written(1)])
def test_lengths_ask_the_timeline_whether_music_is_written(score: Score) -> None:
    in_seconds, in_values = (rhythm.length_class(Timeline.of(score, written=yes)) for yes in (False, True))
    assert not np.array_equal(in_seconds, in_values)


note = st.tuples(st.integers(0, 6000), st.integers(1, 3000), st.integers(0, 127))


@given(st.lists(note, min_size=1, max_size=30))
def test_segments_agree_with_asking_each_interval(rows: list[tuple[int, int, int]]) -> None:
    notes = played([(at / 1000, length / 1000, key, 64) for at, length, key in rows])
    first, last = min(at for at, _, _ in rows), max(at + length for at, length, _ in rows)
    onsets = sorted({at - first for at, _, _ in rows})
    chords = [at for before, at in zip([-1000, *onsets], onsets, strict=False) if at - before > 30]
    ends = [*chords[1:], last - first]
    for segment, value in enumerate(rhythm.evaluate(notes)["inter_onset_seconds_per_segment"]):
        places = [NUM_SEGMENTS * at // (last - first) for at in chords]
        begun = [end - at for at, end, place in zip(chords[:-1], ends, places, strict=False) if place == segment]
        lasts = [end - at for at, end, place in zip(chords, ends, places, strict=True) if place <= segment][-1]
        expected = sum(begun) / len(begun) if begun else lasts
        assert value == pytest.approx(expected / 1000, abs=1e-9)
