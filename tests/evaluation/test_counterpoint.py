"""Counterpoint counts: bars worked by hand, nothing to count, and what must not change them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ritornello.evaluation import counterpoint
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Notes, Part, Score
from tests.contracts.music import random_performance

BEAT = 480


def grid(*chords: tuple[int, int, int, int]) -> np.ndarray:
    """One quarter note (four frames) for each chord, soprano first."""
    return np.repeat(np.array(chords, dtype=np.int64), 4, axis=0)


def struck(pitches: np.ndarray) -> np.ndarray:
    """An onset in all voices on every beat."""
    return np.repeat((np.arange(len(pitches)) % 4 == 0)[:, None], 4, axis=1) & (pitches >= 0)


# C major to D minor in root position, all voices up a tone: bass C-D and tenor G-A in parallel fifths,
# bass C-D and soprano C-D in parallel octaves, tenor G-A and soprano C-D are fourths (no consecutive).
PARALLEL = grid((72, 64, 55, 48), (74, 65, 57, 50))
# The same two chords led well: the upper voices go down against the bass.
LED_WELL = grid((72, 64, 55, 48), (69, 62, 53, 50))


def test_two_chords_in_parallel_have_one_fifth_and_one_octave() -> None:
    assert counterpoint.consecutives(PARALLEL, 7, contrary=False) == [4]
    assert counterpoint.consecutives(PARALLEL, 0, contrary=False) == [4]


def test_contrary_motion_has_none() -> None:
    for interval in (0, 7):
        assert counterpoint.consecutives(LED_WELL, interval, contrary=False) == []


def test_a_fifth_answered_by_a_twelfth_is_a_contrary_consecutive() -> None:
    # bass G2 down to D2, tenor D3 up to A3
    pitches = grid((74, 71, 50, 43), (74, 69, 57, 38))
    assert counterpoint.consecutives(pitches, 7, contrary=True) == [4]
    assert counterpoint.consecutives(pitches, 7, contrary=False) == []


def test_repeated_notes_are_no_consecutives() -> None:
    repeated = grid((72, 64, 55, 48), (72, 64, 55, 48))
    assert counterpoint.consecutives(repeated, 7, contrary=False) == []
    # only the bass moves, an octave down: the fifth becomes a twelfth, but the tenor stands still
    assert counterpoint.consecutives(grid((72, 64, 55, 48), (72, 64, 55, 36)), 7, contrary=True) == []


def test_a_diminished_fifth_moving_to_a_perfect_one_is_none() -> None:
    assert counterpoint.consecutives(grid((76, 72, 59, 53), (76, 72, 60, 53)), 7, contrary=False) == []
    assert counterpoint.consecutives(grid((76, 72, 65, 59), (76, 72, 67, 60)), 7, contrary=False) == []


def test_a_rest_between_breaks_the_consecutive() -> None:
    silent = np.full((4, 4), -1)
    pitches = np.concatenate([PARALLEL[:4], silent, PARALLEL[4:]])
    assert counterpoint.consecutives(pitches, 7, contrary=False) == []


def test_rates_are_per_hundred_beats() -> None:
    counts = counterpoint.evaluate_frames(PARALLEL, struck(PARALLEL))
    assert counts["beats"] == 2
    assert counts["parallel_fifths"] == pytest.approx(50.0, abs=1e-12)
    assert counts["crossings"] == 0


def test_consecutives_across_a_fermata_are_counted_apart() -> None:
    counts = counterpoint.evaluate_frames(PARALLEL, struck(PARALLEL), frozenset({4}))
    assert counts["parallel_fifths"] == 0
    assert counts["parallel_fifths_across_fermatas"] == pytest.approx(50.0, abs=1e-12)


def test_a_crossing_counts_once_for_as_long_as_it_lasts() -> None:
    # the tenor lies above the alto for two beats, returns, and crosses again
    pitches = grid((72, 62, 64, 48), (72, 62, 65, 48), (72, 64, 62, 48), (72, 60, 62, 48))
    assert counterpoint.crossings(pitches) == [0, 12]
    assert counterpoint.overlaps(grid((72, 64, 62, 48), (72, 62, 64, 48))) == []


def test_an_overlap_goes_beyond_the_neighbours_last_note() -> None:
    # alto G4 against soprano C5; then soprano F4 lies below where the alto was
    assert counterpoint.overlaps(grid((72, 67, 60, 48), (65, 64, 60, 48))) == [4]
    assert counterpoint.overlaps(grid((72, 67, 60, 48), (67, 64, 60, 48))) == []


def test_notes_out_of_range_are_counted_at_their_onset() -> None:
    pitches = grid((80, 64, 55, 48), (59, 54, 47, 39), (79, 74, 67, 62))
    assert counterpoint.out_of_range(pitches, struck(pitches)) == 5


@pytest.mark.parametrize(("voice", "lowest", "highest"), [(0, 60, 79), (1, 55, 74), (2, 48, 67), (3, 40, 62)])
def test_the_ends_of_a_range_are_within_it(voice: int, lowest: int, highest: int) -> None:
    for pitch, expected in ((lowest, 0), (highest, 0), (lowest - 1, 1), (highest + 1, 1)):
        chord = [66, 60, 60, 60]
        chord[voice] = pitch
        pitches = grid(tuple(chord))
        assert counterpoint.out_of_range(pitches, struck(pitches)) == expected


def test_leaps_are_above_a_fifth_but_not_octaves() -> None:
    # soprano a sixth, alto a fifth, tenor an octave, bass a seventh
    assert counterpoint.leaps(grid((72, 67, 48, 50), (63, 60, 60, 60))) == [4, 4]


def test_a_score_gives_the_same_as_its_grid() -> None:
    parts = [[(0, BEAT, 72), (BEAT, BEAT, 74)], [(0, BEAT, 64), (BEAT, BEAT, 65)],
             [(0, BEAT, 55), (BEAT, BEAT, 57)], [(0, BEAT, 48), (BEAT, BEAT, 50)]]  # fmt: skip
    score = Score(
        BEAT, tuple(Part(f"voice {i}", Notes.of([(*row, 80) for row in rows])) for i, rows in enumerate(parts))
    )
    assert counterpoint.evaluate(Timeline.of(score, written=True)) == counterpoint.evaluate_frames(
        PARALLEL, struck(PARALLEL)
    )


def test_the_end_of_a_fermata_note_is_a_border() -> None:
    notes = Notes.of([(0, 2 * BEAT, 72, 80), (2 * BEAT, BEAT, 74, 80)])
    assert counterpoint.phrase_borders(Score(BEAT, (Part("soprano", notes, fermatas_ticks=(0,)),))) == {8}


FIFTHS, FIFTHS_APART = (72, 64, 55, 48), (76, 71, 50, 43)
"""A fifth between tenor and bass; in the first also two octaves between soprano and bass."""


@pytest.mark.parametrize(
    ("name", "chords", "expected"),
    [
        # FIFTHS up a tone: one parallel fifth and one parallel octave in two beats, 50 per 100; and back: 2 in 3 beats
        ("parallel_fifths", [FIFTHS, (74, 65, 57, 50)], 100 / 2),
        ("parallel_fifths", [FIFTHS, (74, 65, 57, 50), FIFTHS], 200 / 3),
        ("parallel_fifths", [FIFTHS, (74, 65, 57, 50), (74, 65, 57, 50), FIFTHS], 200 / 4),
        ("parallel_octaves", [FIFTHS, (74, 65, 57, 50)], 100 / 2),
        ("parallel_octaves", [FIFTHS, (74, 65, 57, 50), FIFTHS], 200 / 3),
        ("parallel_octaves", [(72, 64, 52, 48), (74, 66, 54, 50), (72, 64, 52, 48)], 400 / 3),  # alto and tenor too
        # G-D up to D-A with the bass going down: a fifth to a twelfth
        ("contrary_fifths", [FIFTHS_APART, (74, 69, 57, 38)], 100 / 2),
        ("contrary_fifths", [FIFTHS_APART, (74, 69, 57, 38), FIFTHS_APART], 200 / 3),
        ("contrary_fifths", [FIFTHS_APART, FIFTHS_APART], 0.0),
        # soprano C5 up to E5, bass C3 down to E2: two octaves to three; the way back is one again; alone it is none
        ("contrary_octaves", [(72, 67, 55, 48), (76, 67, 55, 40)], 100 / 2),
        ("contrary_octaves", [(72, 67, 55, 48), (76, 67, 55, 40), (72, 67, 55, 48)], 200 / 3),
        ("contrary_octaves", [(72, 67, 55, 48), (72, 67, 55, 36)], 0.0),
        # the tenor above the alto: for one beat of one, for two of three beats (once), twice in three beats
        ("crossings", [(72, 60, 64, 48)], 100 / 1),
        ("crossings", [(72, 64, 60, 48), (72, 60, 64, 48), (72, 60, 64, 48)], 100 / 3),
        ("crossings", [(72, 60, 64, 48), (72, 64, 60, 48), (72, 60, 64, 48)], 200 / 3),
        # the soprano below the alto's last note; the alto above the soprano's last note; both voices up a little: none
        ("overlaps", [(72, 67, 60, 48), (65, 64, 60, 48)], 100 / 2),
        ("overlaps", [(67, 64, 60, 48), (72, 69, 60, 48)], 100 / 2),
        ("overlaps", [(67, 64, 60, 48), (69, 65, 60, 48)], 0.0),
        ("out_of_range", [(80, 64, 55, 48)], 100 / 1),
        ("out_of_range", [(80, 75, 68, 63)], 400 / 1),
        ("out_of_range", [(80, 64, 55, 48), (72, 64, 55, 48)], 100 / 2),
        # a sixth; a sixth and back; an octave and a fifth, which are none
        ("leaps", [(72, 64, 55, 48), (72, 64, 55, 57)], 100 / 2),
        ("leaps", [(72, 64, 55, 48), (72, 64, 55, 57), (72, 64, 55, 48)], 200 / 3),
        ("leaps", [(72, 64, 55, 48), (72, 64, 55, 60), (72, 64, 55, 53)], 0.0),
    ],
)
def test_rates_by_hand(name: str, chords: list[tuple[int, int, int, int]], expected: float) -> None:
    pitches = grid(*chords)
    found = counterpoint.evaluate_frames(pitches, struck(pitches))
    assert found[name] == pytest.approx(expected, abs=1e-12)
    assert found["beats"] == len(chords)
    across = counterpoint.evaluate_frames(pitches, struck(pitches), frozenset(range(4, len(pitches), 4)))
    if f"{name}_across_fermatas" in across:
        assert across[f"{name}_across_fermatas"] == pytest.approx(expected, abs=1e-12)
        assert across[name] == 0


def test_beats_are_counted_from_the_first_bar_with_a_note() -> None:
    """Silence before, a fermata after it, and the same rates."""
    rows = [[(0, BEAT, 72), (BEAT, BEAT, 74)], [(0, 2 * BEAT, 64)], [(0, BEAT, 55), (BEAT, BEAT, 57)],
            [(0, BEAT, 48), (BEAT, BEAT, 50)]]  # fmt: skip
    found = []
    for late in (0, 8 * BEAT):
        parts = [Notes.of([(late + onset, length, pitch, 80) for onset, length, pitch in own]) for own in rows]
        score = Score(BEAT, tuple(Part(v, n, fermatas_ticks=(late,)) for v, n in zip("SATB", parts, strict=True)))
        found.append(counterpoint.evaluate(Timeline.of(score, written=True)))
    assert found[0] == found[1]
    assert found[0]["beats"] == 2
    assert (found[0]["parallel_fifths"], found[0]["parallel_fifths_across_fermatas"]) == (0, 50)


def test_a_performance_has_no_beats() -> None:
    counts = counterpoint.evaluate(Timeline.of(random_performance(1)))
    assert counts.pop("beats") == 0
    assert all(math.isnan(value) for value in counts.values())


def test_no_music_is_nan() -> None:
    counts = counterpoint.evaluate_frames(np.empty((0, 4), np.int64), np.empty((0, 4), bool))
    assert counts.pop("beats") == 0
    assert counts
    assert all(math.isnan(value) for value in counts.values())


voices = arrays(np.int64, st.tuples(st.integers(1, 24), st.just(4)), elements=st.sampled_from([-1, *range(40, 80)]))


@given(voices, st.integers(1, 12))
def test_transposing_changes_nothing_but_the_range(pitches: np.ndarray, semitones: int) -> None:
    onsets = np.ones(pitches.shape, dtype=bool)
    before = counterpoint.evaluate_frames(pitches, onsets)
    after = counterpoint.evaluate_frames(np.where(pitches < 0, -1, pitches + semitones), onsets)
    assert {**before, "out_of_range": 0} == {**after, "out_of_range": 0}


@given(voices)
def test_silence_before_shifts_every_event(pitches: np.ndarray) -> None:
    shifted = np.concatenate([np.full((4, 4), -1), pitches])
    for events in (counterpoint.crossings, counterpoint.overlaps, counterpoint.leaps):
        assert events(shifted) == [frame + 4 for frame in events(pitches)]
