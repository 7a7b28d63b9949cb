"""Pitch features: worked by hand, degenerate pieces, other tools, and a slow way to the same figures."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.corpora import CORPORA
from ritornello.evaluation import pitch
from ritornello.evaluation.corruption import shuffled
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Notes, Part, Score, Tempo
from tests.contracts.music import performed, random_performance, random_written, written
from tests.evaluation import mgeval_features as mgeval

NUM_SEGMENTS = 64
Rows = list[tuple[float, float, int, int]]


def played(rows: Rows) -> Timeline:
    """A performance of (onset, length, pitch, velocity) in seconds."""
    return Timeline.of(performed(rows), written=False)


def composed(rows: list[tuple[int, int, int, int]]) -> Timeline:
    """Written music in 3/4, in 16ths."""
    return Timeline.of(written(rows))


# C4 for 1 s and E4 for 2 s together, G4 from 1 to 2 s, silence, C5 from 3 to 4 s. A segment lasts 1/16 s.
BROKEN_CHORD = played([(0.0, 1.0, 60, 64), (0.0, 2.0, 64, 64), (1.0, 1.0, 67, 64), (3.0, 1.0, 72, 64)])
# A scale of 8 eighths, A3 to A4, each up to the next, in 3/4. An eighth lasts 8 segments.
SCALE = composed([(2 * i, 2, note, 64) for i, note in enumerate((57, 59, 60, 62, 64, 65, 67, 69))])
# Two notes, 70 and 50, thirty times, each 0.5 s with 0.5 s of silence; 59.5 s in all.
ALTERNATING = played([(float(i), 0.5, 50 if i % 2 else 70, 64) for i in range(60)])


def histogram(**shares: float) -> list[float]:
    """Shares of C, Cs, D, ... as a list of twelve."""
    names = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")
    return [shares.get(name, 0.0) for name in names]


@pytest.mark.parametrize(
    ("notes", "classes", "pitches", "span", "interval"),
    [
        (BROKEN_CHORD, 3, 4, 12, 4.0),  # C E G; (4 + 3 + 5) / 3
        (SCALE, 7, 8, 12, 12 / 7),  # A B C D E F G; twelve semitones in seven steps
        (ALTERNATING, 2, 2, 20, 20.0),  # As D
    ],
)
def test_single_values_by_hand(notes: Timeline, classes: float, pitches: float, span: float, interval: float) -> None:
    values = pitch.evaluate(notes)
    assert values["pitch_classes_used"] == classes
    assert values["pitches_used"] == pitches
    assert values["pitch_range_semitones"] == span
    assert values["pitch_interval_semitones"] == pytest.approx(interval, abs=1e-12)


@pytest.mark.parametrize(
    ("notes", "shares"),
    [
        (BROKEN_CHORD, histogram(C=2 / 5, E=2 / 5, G=1 / 5)),  # of 5 s of sound
        (SCALE, histogram(A=2 / 8, B=1 / 8, C=1 / 8, D=1 / 8, E=1 / 8, F=1 / 8, G=1 / 8)),
        (ALTERNATING, histogram(As=1 / 2, D=1 / 2)),
    ],
)
def test_histograms_by_hand(notes: Timeline, shares: list[float]) -> None:
    assert pitch.evaluate(notes)["pitch_class_histogram"] == pytest.approx(shares, abs=1e-12)


@pytest.mark.parametrize(
    ("notes", "steps"),
    [
        (BROKEN_CHORD, {(0, 4): 1 / 3, (4, 7): 1 / 3, (7, 0): 1 / 3}),
        (SCALE, dict.fromkeys([(9, 11), (11, 0), (0, 2), (2, 4), (4, 5), (5, 7), (7, 9)], 1 / 7)),
        (ALTERNATING, {(10, 2): 30 / 59, (2, 10): 29 / 59}),  # it begins with 70
    ],
)
def test_transitions_by_hand(notes: Timeline, steps: dict[tuple[int, int], float]) -> None:
    matrix = np.zeros((12, 12))
    for step, share in steps.items():
        matrix[step] = share
    assert np.allclose(pitch.evaluate(notes)["pitch_class_transitions"], matrix, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("notes", "pitches"),
    [
        (BROKEN_CHORD, {0: 2, 16: 1, 48: 1}),
        (SCALE, {8 * i: 1 for i in range(8)}),
        # a segment lasts 59.5 / 64 s, so note i begins in segment floor(64 i / 59.5)
        (ALTERNATING, {int(i * 64 / 59.5): 1 for i in range(60)}),
    ],
)
def test_pitches_per_segment_by_hand(notes: Timeline, pitches: dict[int, int]) -> None:
    expected = [pitches.get(segment, 0) for segment in range(NUM_SEGMENTS)]
    values = pitch.evaluate(notes)
    assert values["pitches_used_per_segment"].tolist() == expected
    assert values["pitch_classes_used_per_segment"].tolist() == expected


def test_octaves_are_one_class_in_a_segment() -> None:
    values = pitch.evaluate(played([(0.0, 1.0, 48, 64), (0.0, 1.0, 60, 64), (0.0, 1.0, 67, 64)]))
    assert values["pitches_used_per_segment"][0] == 3
    assert values["pitch_classes_used_per_segment"][0] == 2


@pytest.mark.parametrize(
    ("notes", "segments"),
    [
        (
            BROKEN_CHORD,
            [histogram(C=0.5, E=0.5)] * 16
            + [histogram(E=0.5, G=0.5)] * 16
            + [histogram()] * 16  # silence
            + [histogram(C=1.0)] * 16,
        ),
        (SCALE, [histogram(**{name: 1.0}) for name in "ABCDEFGA" for _ in range(8)]),
        # 64 s: C until 1.5 s, G until 1.25 s; a rest; E in the second half
        (
            played([(0.0, 1.5, 60, 64), (0.0, 1.25, 67, 64), (32.0, 32.0, 64, 64)]),
            [histogram(C=1 / 2, G=1 / 2), histogram(C=2 / 3, G=1 / 3)] + [histogram()] * 30 + [histogram(E=1.0)] * 32,
        ),
    ],
)
def test_histograms_per_segment_by_hand(notes: Timeline, segments: list[list[float]]) -> None:
    assert np.allclose(pitch.evaluate(notes)["pitch_class_histogram_per_segment"], segments, rtol=0, atol=1e-12)


def test_written_music_is_weighed_and_divided_in_beats() -> None:
    """Two beats of C at 60, two of D at 120: halves in beats, 2 s and 1 s in seconds."""
    score = replace(written([(0, 8, 60, 64), (8, 8, 62, 64)]), tempos=(Tempo(0, 60.0), Tempo(960, 120.0)))
    in_beats, in_seconds = (pitch.evaluate(Timeline.of(score, written=yes)) for yes in (True, False))
    assert in_beats["pitch_class_histogram"].tolist() == histogram(C=1 / 2, D=1 / 2)
    assert np.flatnonzero(in_beats["pitches_used_per_segment"]).tolist() == [0, 32]
    assert in_seconds["pitch_class_histogram"] == pytest.approx(histogram(C=2 / 3, D=1 / 3), abs=1e-12)
    assert np.flatnonzero(in_seconds["pitches_used_per_segment"]).tolist() == [0, 42]  # 2/3 of 64 is 42.7


@pytest.mark.parametrize("start", [0, 1, 5])
def test_what_ends_on_a_border_is_not_beyond_it(start: int) -> None:
    """64 notes, each as long as a segment and ending where the next begins, at thirds of a beat."""
    third = 160
    rows = [(third * (start + i), third, 60 + i % 12, 64) for i in range(NUM_SEGMENTS)]
    score = Score(480, (Part("", Notes.of(rows)),))
    values = pitch.evaluate(Timeline.of(score, written=True))
    assert values["pitches_used_per_segment"].tolist() == [1.0] * NUM_SEGMENTS
    assert np.array_equal(values["pitch_class_histogram_per_segment"], np.eye(12)[np.arange(NUM_SEGMENTS) % 12])


def test_a_rolled_chord_is_read_from_below() -> None:
    """Within 30 ms the order of keys is chance: 60 67 64, then 72, is heard as 60 64 67 72."""
    values = pitch.evaluate(played([(0.0, 1.0, 60, 64), (0.01, 1.0, 67, 64), (0.02, 1.0, 64, 64), (1.0, 1.0, 72, 64)]))
    assert values["pitch_interval_semitones"] == 4.0


def test_without_notes_nothing_is_said() -> None:
    values = pitch.evaluate(composed([]))
    assert all(np.isnan(value).all() for value in values.values())
    assert [np.shape(value) for value in values.values()] == [metric.shape for metric in pitch.METRICS]


def test_one_note() -> None:
    values = pitch.evaluate(played([(5.0, 0.3, 61, 64)]))
    assert (values["pitch_classes_used"], values["pitches_used"], values["pitch_range_semitones"]) == (1, 1, 0)
    assert np.isnan(values["pitch_interval_semitones"])
    assert np.isnan(values["pitch_class_transitions"]).all()
    assert values["pitches_used_per_segment"].tolist() == [1.0] + [0.0] * 63
    assert np.array_equal(values["pitch_class_histogram_per_segment"], [histogram(Cs=1.0)] * NUM_SEGMENTS)


def test_one_pitch() -> None:
    values = pitch.evaluate(played([(0.4 * i, 0.4, 61, 64) for i in range(9)]))
    assert values["pitch_interval_semitones"] == 0.0
    assert values["pitch_class_transitions"][1, 1] == 1.0
    assert values["pitch_class_histogram"].tolist() == histogram(Cs=1.0)


@pytest.mark.parametrize("score", [random_performance(1), random_performance(2), random_written(1)])
def test_muspy_agrees(score: Score) -> None:
    import muspy

    notes = Timeline.of(score)
    track = muspy.Track(notes=[muspy.Note(0, int(p), 1, 64) for p in notes.pitch])
    music = muspy.Music(resolution=24, tracks=[track])
    values = pitch.evaluate(notes)
    assert values["pitch_classes_used"] == muspy.n_pitch_classes_used(music)
    assert values["pitches_used"] == muspy.n_pitches_used(music)
    assert values["pitch_range_semitones"] == muspy.pitch_range(music)


@pytest.mark.parametrize("score", [random_performance(1), random_performance(2), random_written(1)])
def test_pretty_midi_and_mgeval_agree_where_they_mean_the_same(score: Score) -> None:
    notes = Timeline.of(score, written=False)
    midi, rows = mgeval.midi_of(notes), [(0, 0, p) for p in notes.pitch.tolist()]
    values = pitch.evaluate(notes)
    assert np.allclose(values["pitch_class_histogram"], midi.get_pitch_class_histogram(use_duration=True), atol=1e-12)
    assert values["pitches_used"] == mgeval.total_used_pitch(midi)  # its "PC"
    assert values["pitch_range_semitones"] == mgeval.pitch_range(midi)
    assert values["pitch_interval_semitones"] == pytest.approx(mgeval.avg_pitch_shift(rows), abs=1e-12)


def test_mgeval_counts_pitches_per_bar_as_we_do_per_segment() -> None:
    """64 bars of 3/4, the last one sounding to its end, so that a segment is a bar."""
    random = np.random.default_rng(5)
    onsets = np.sort(random.integers(0, 64 * 12 - 4, 700))
    rows = [(0, 1, 60), *((int(at), 4, int(random.integers(40, 80))) for at in onsets), (64 * 12 - 4, 4, 60)]
    values = pitch.evaluate(composed([(at, length, key, 64) for at, length, key in rows]))
    assert values["pitches_used_per_segment"].tolist() == mgeval.bar_used_pitch(rows, 12, 64)


def test_where_mgeval_weighs_by_velocity() -> None:
    """C at velocity 100 and G at 25, a second each: to mgeval 80 % is C, to us and to pretty_midi a half."""
    notes = played([(0.0, 1.0, 60, 100), (1.0, 1.0, 67, 25)])
    assert mgeval.total_pitch_class_histogram(mgeval.midi_of(notes)).tolist() == histogram(C=0.8, G=0.2)
    assert pitch.evaluate(notes)["pitch_class_histogram"].tolist() == histogram(C=0.5, G=0.5)


def test_where_mgeval_misses_short_notes() -> None:
    """A note of 8 ms within one frame of its piano roll is no pitch to it."""
    notes = played([(0.0, 1.0, 60, 64), (1.001, 0.008, 90, 64), (1.1, 1.0, 62, 64)])
    midi, values = mgeval.midi_of(notes), pitch.evaluate(notes)
    assert (mgeval.total_used_pitch(midi), mgeval.pitch_range(midi)) == (2, 2)
    assert (values["pitches_used"], values["pitch_range_semitones"]) == (3, 30)


def test_where_mgeval_depends_on_the_order_of_the_file() -> None:
    """The same triad written in two orders has intervals of 3.5 and 5 semitones; ours are 3.5."""
    triad = [(0, 480, 60), (0, 480, 64), (0, 480, 67)]
    other = [triad[0], triad[2], triad[1]]
    assert (mgeval.avg_pitch_shift(triad), mgeval.avg_pitch_shift(other)) == (3.5, 5.0)
    for rows in (triad, other):
        notes = composed([(at, 4, key, 64) for at, _, key in rows])
        assert pitch.evaluate(notes)["pitch_interval_semitones"] == 3.5


def test_what_mgeval_calls_note_count() -> None:
    """It counts every note; we, as PerceiverS, the different ones."""
    notes = ALTERNATING
    assert mgeval.total_used_note([(0, 0, p) for p in notes.pitch.tolist()]) == 60
    assert pitch.evaluate(notes)["pitches_used"] == 2


def test_pretty_midi_agrees_on_the_transitions_of_a_legato_line() -> None:
    notes = played([(0.3 * i, 0.3, 50 + 7 * i % 31, 64) for i in range(40)])
    theirs = mgeval.pitch_class_transition_matrix(mgeval.midi_of(notes))
    assert np.allclose(pitch.evaluate(notes)["pitch_class_transitions"], theirs, atol=1e-12)


def test_where_pretty_midi_sees_no_transition() -> None:
    """Three notes with rests of 0.1 s between them: no end lies within 0.05 s of a beginning."""
    notes = played([(0.0, 0.2, 60, 64), (0.3, 0.2, 62, 64), (0.6, 0.2, 64, 64)])
    assert mgeval.midi_of(notes).get_pitch_class_transition_matrix().sum() == 0
    matrix = pitch.evaluate(notes)["pitch_class_transitions"]
    assert (matrix[0, 2], matrix[2, 4]) == (0.5, 0.5)


def test_where_pretty_midi_lets_short_notes_follow_themselves() -> None:
    """C and D of 40 ms, a second apart: it counts C after C and D after D, and never D after C."""
    notes = played([(0.0, 0.04, 60, 64), (1.0, 0.04, 62, 64)])
    theirs = mgeval.midi_of(notes).get_pitch_class_transition_matrix()
    assert (theirs[0, 0], theirs[2, 2], theirs[0, 2]) == (1, 1, 0)
    assert pitch.evaluate(notes)["pitch_class_transitions"][0, 2] == 1.0


def test_where_pretty_midi_counts_all_pairs_of_two_chords() -> None:
    """C E G to F A C: nine steps there, none within a chord; here the five of the line through both."""
    keys = [(0.0, 60), (0.0, 64), (0.0, 67), (1.0, 65), (1.0, 69), (1.0, 72)]
    notes = played([(at, 1.0, key, 64) for at, key in keys])
    theirs = mgeval.midi_of(notes).get_pitch_class_transition_matrix()
    assert (theirs.sum(), theirs[0, 4], theirs[7, 0]) == (9, 0, 1)
    ours = pitch.evaluate(notes)["pitch_class_transitions"]
    assert np.count_nonzero(ours) == 5
    assert ours[0, 4] == ours[4, 7] == ours[7, 5] == ours[5, 9] == ours[9, 0] == 1 / 5


@pytest.mark.data
def test_shuffled_chorales_have_smaller_intervals(data_folder: Path) -> None:
    """Four voices lie wider apart than four notes drawn at random: no claim can be made of this metric."""
    random = np.random.default_rng(0)
    pieces = itertools.islice(CORPORA["jsb_chorales"].pieces(data_folder), 0, None, 40)
    scores = [piece.load() for piece in pieces]
    change = [
        pitch.evaluate(Timeline.of(shuffled(score, random)))["pitch_interval_semitones"]
        - pitch.evaluate(Timeline.of(score))["pitch_interval_semitones"]
        for score in scores
    ]
    assert len(change) >= 9
    assert np.mean(change) < -0.5


note = st.tuples(st.integers(0, 5000), st.integers(1, 3000), st.integers(0, 127))


@given(st.lists(note, min_size=1, max_size=40))
def test_segments_agree_with_adding_up_overlaps(rows: list[tuple[int, int, int]]) -> None:
    notes = played([(at / 1000, length / 1000, key, 64) for at, length, key in rows])
    values = pitch.evaluate(notes)
    first, last = min(at for at, _, _ in rows), max(at + length for at, length, _ in rows)
    borders = [(last - first) * i / NUM_SEGMENTS for i in range(NUM_SEGMENTS + 1)]
    for segment in range(NUM_SEGMENTS):
        start, stop = borders[segment], borders[segment + 1]
        sounds = np.zeros(12)
        for at, length, key in rows:
            sounds[key % 12] += max(0.0, min(stop, at + length - first) - max(start, at - first))
        sounds[sounds < 1e-6 * borders[1]] = 0.0
        expected = sounds / sounds.sum() if sounds.any() else sounds
        assert np.allclose(values["pitch_class_histogram_per_segment"][segment], expected, atol=1e-9)
        # whole numbers, so that a note on a border is in the later segment
        begun = {key for at, _, key in rows if (at - first) * NUM_SEGMENTS // (last - first) == segment}
        assert values["pitches_used_per_segment"][segment] == len(begun)
        assert values["pitch_classes_used_per_segment"][segment] == len({key % 12 for key in begun})
