"""Harmony: shares worked by hand, muspy's scale consistency, and what must not matter."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.when_in_rome import read_analysis
from ritornello.evaluation import harmony
from ritornello.evaluation.key_profiles import AARDEN_ESSEN
from ritornello.evaluation.timeline import Timeline
from ritornello.scores.score import Score
from tests.contracts.music import DEGENERATE, performed, random_performance, random_written, written

MAJOR = (0, 2, 4, 5, 7, 9, 11)


def played(*rows: tuple[float, float, int]) -> Timeline:
    """Notes of (onset, length, pitch) in seconds."""
    return Timeline.of(performed([(*row, 64) for row in rows]), written=False)


def chords(*chord: tuple[int, ...], seconds: float = 1.0) -> Timeline:
    """Chords one after the other."""
    return played(*((number * seconds, seconds, pitch) for number, own in enumerate(chord) for pitch in own))


def scale(*tonics: int, times: int) -> Timeline:
    """For each tonic its major scale, as often as said, two notes a second; the tonic triad lasts twice as long."""
    rows: list[tuple[float, float, int]] = []
    for number, tonic in enumerate(tonics):
        for time in range(times):
            for place, step in enumerate(MAJOR):
                length = 1.0 if step in (0, 4, 7) else 0.5
                rows.append((4.0 * (number * times + time) + place / 2, length, 60 + tonic + step))
    return played(*rows)


def test_a_histogram_like_a_profile_is_clear() -> None:
    profile = AARDEN_ESSEN[1]
    notes = played(*((10.0 * i, float(length), 60 + i) for i, length in enumerate(profile)))
    assert harmony.key_clarity(profile) == pytest.approx(1.0, abs=1e-12)
    assert harmony.evaluate(notes)["key_clarity"] == pytest.approx(1.0, abs=1e-4)  # milliseconds
    assert harmony.key_of(notes) == 12


def test_clarity_by_hand() -> None:
    # One pitch class, 11/12 square about its mean, fits best the major key of which it is the fifth: no entry stands
    # out more from the mean of its row than 22.062.
    squares = float((AARDEN_ESSEN[0] ** 2).sum()) - 12 * float(AARDEN_ESSEN[0].mean()) ** 2
    expected = (22.062 - AARDEN_ESSEN[0].mean()) / math.sqrt(squares * 11 / 12)
    assert harmony.key_clarity(np.eye(12)[7]) == pytest.approx(expected, abs=1e-12)
    assert harmony.key_of(played((0.0, 1.0, 67), (1.0, 1.0, 67))) == 0
    assert math.isnan(harmony.key_clarity(np.ones(12)))


@pytest.mark.parametrize(("present", "expected"), [((0, 7), 0.6326), ((0, 4, 7), 0.8141)])
def test_clarity_of_chords_by_hand(present: tuple[int, ...], expected: float) -> None:
    # C major: entries 17.7661, 19.8049 and 22.062 for C, E and G, mean 8.33334, squares about the mean 804.31 (that of
    # C G, two ones in twelve, 20 / 12; of C E G 27 / 12).
    # C G: (39.8281 - 16.6667) / sqrt(804.31 * 1.6667) = 23.1614 / 36.614; C E G: 34.6329 / sqrt(804.31 * 2.25)
    squares = float(((AARDEN_ESSEN[0] - AARDEN_ESSEN[0].mean()) ** 2).sum())
    assert squares == pytest.approx(804.31, abs=0.01)
    histogram = np.isin(np.arange(12), present).astype(float)
    assert harmony.key_clarity(histogram) == pytest.approx(expected, abs=5e-5)


def test_a_piece_in_two_keys_is_clearer_in_its_passages() -> None:
    # 32 s of C major and 32 s of F sharp major: two passages of 16 s each, all clear; together nearly flat
    one, two = harmony.evaluate(scale(0, times=8)), harmony.evaluate(scale(0, 6, times=8))
    assert one["key_clarity_local"] == pytest.approx(one["key_clarity"], abs=1e-9)
    assert two["key_clarity_local"] == pytest.approx(one["key_clarity"], abs=0.02)
    assert two["key_clarity"] < 0.5 * one["key_clarity"]


def test_a_passage_is_sixteen_seconds_or_four_bars() -> None:
    # keys that change in the middle of every passage blur it; keys that change with the passages do not
    blurred, clear = scale(0, 6, 0, 6, times=2), scale(0, 6, 0, 6, times=4)
    assert harmony.local_key_clarity(blurred) < 0.5
    assert harmony.local_key_clarity(clear) > 0.8
    bars = {
        num_bars: [(12 * bar + 4 * beat, 4, 60 + p + 6 * (bar // num_bars % 2), 64)
                   for bar in range(16) for beat, p in enumerate((0, 4, 7))]
        for num_bars in (2, 4)
    }  # fmt: skip
    mixed, apart = (harmony.local_key_clarity(Timeline.of(written(rows))) for rows in bars.values())
    assert mixed < 0.5
    assert apart > 0.8


@pytest.mark.parametrize("seconds", [1, 4, 16])
def test_passages_count_by_the_time_of_their_notes(seconds: int) -> None:
    # a major triad for 16 s, then one note for 1 s (4 s, 16 s): their clarities weigh 48 to 1 (4, 16)
    notes = played(*((0.0, 16.0, pitch) for pitch in (60, 64, 67)), (16.0, float(seconds), 61))
    triad, one = (harmony.key_clarity(np.isin(np.arange(12), own).astype(float)) for own in ((0, 4, 7), (1,)))
    assert harmony.local_key_clarity(notes) == pytest.approx((48 * triad + seconds * one) / (48 + seconds), abs=1e-9)


@pytest.mark.parametrize(("tonics", "num_changes"), [((0,), 0), ((0, 6), 1), ((0, 6, 0), 2), ((0, 6, 0, 2), 3)])
def test_key_changes_are_counted_by_the_minute(tonics: tuple[int, ...], num_changes: int) -> None:
    notes = scale(*tonics, times=5)  # 20 s for each key; the last note ends half a second before
    assert notes.seconds == pytest.approx(20 * len(tonics) - 0.5, abs=1e-9)
    assert harmony.key_changes_per_minute(notes) == pytest.approx(60 * num_changes / notes.seconds, abs=1e-12)


def test_a_passing_chord_changes_no_key() -> None:
    home, away = (60, 64, 67), (66, 70, 73)
    assert harmony.key_changes_per_minute(chords(*[home] * 4, away, *[home] * 4)) == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0.0, 1.0, 60), (0.0, 1.0, 64), (0.0, 1.0, 67)], 1.0),  # a triad
        ([(0.0, 1.0, 60), (0.0, 1.0, 64), (0.0, 1.0, 67), (0.0, 1.0, 71)], 1.0),  # a seventh
        ([(0.0, 1.0, 60), (0.0, 1.0, 64), (0.0, 1.0, 67), (0.0, 0.5, 62)], 3 / 3.5),  # no chord has C, D, E and G
        ([(0.0, 1.0, 60), (0.0, 1.0, 61), (0.0, 1.0, 62)], 2 / 3),  # C and C sharp are in D flat major 7, D is not
        ([(0.0, 0.25, pitch) for pitch in range(60, 72)], 4 / 12),  # four of twelve
        ([(0.0, 2.0, 60), (1.0, 1.0, 61), (1.0, 1.0, 62)], 3 / 4),  # a window of C alone, then 2 of 3
    ],
)
def test_chord_tones_by_hand(rows: list[tuple[float, float, int]], expected: float) -> None:
    assert harmony.evaluate(played(*rows))["chord_tone_share"] == pytest.approx(expected, abs=1e-9)


def test_chord_tones_of_written_music_are_counted_by_the_beat() -> None:
    # quarter notes C, D: each is a chord tone of its beat; as eighths C-D belong to one chord (D 7: D, F sharp, A, C),
    # and C, D, E in one beat (12ths would be needed; here 16th, 16th, 8th) have D or E left out: 1/4 of the time
    whole = Timeline.of(written([(0, 4, 60, 64), (4, 4, 62, 64)]))
    mixed = Timeline.of(written([(0, 1, 60, 64), (1, 1, 62, 64), (2, 2, 64, 64)]))
    assert harmony.evaluate(whole)["chord_tone_share"] == 1.0
    # C major and D flat major, a beat each, share no note: one window of both would hold three to four notes of six
    rows = [(4 * beat, 4, 60 + beat + step, 64) for beat in (0, 1) for step in (0, 4, 7)]
    assert harmony.evaluate(Timeline.of(written(rows)))["chord_tone_share"] == 1.0
    assert harmony.evaluate(mixed)["chord_tone_share"] == pytest.approx(0.75, abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0.0, 1.0, 60), (0.0, 1.0, 62)], 1.0),  # a second
        ([(0.0, 1.0, 60), (0.0, 1.0, 64), (0.0, 1.0, 67)], 0.0),  # a triad
        ([(0.0, 1.0, 60), (0.0, 1.0, 64), (0.0, 1.0, 70)], 2 / 3),  # C-E, C-B flat, E-B flat
        ([(0.0, 1.0, 60), (0.0, 1.0, 66)], 1.0),  # a tritone is one pair, met from both ends
        ([(0.0, 1.0, 60), (0.0, 1.0, 63), (0.0, 1.0, 66)], 1 / 3),  # C-E flat, E flat-G flat, C-G flat
        ([(0.0, 3.0, 60), (0.0, 2.0, 64), (2.0, 1.0, 62)], 1 / 3),  # two seconds of a third, one of a second
        ([(0.0, 1.0, 48), (0.0, 1.0, 60), (0.0, 1.0, 62), (0.0, 1.0, 65)], 1 / 3),  # octaves count once
        ([(0.0, 1.0, 60), (1.0, 1.0, 61)], math.nan),  # one after the other
        ([(0.0, 1.0, 60), (0.0, 1.0, 72)], math.nan),  # one pitch class
    ],
)
def test_dissonance_by_hand(rows: list[tuple[float, float, int]], expected: float) -> None:
    assert harmony.dissonance(played(*rows)) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(36, 84)), min_size=1, max_size=14))
def test_dissonance_the_same_as_moment_by_moment(rows: list[tuple[int, int, int]]) -> None:
    notes = played(*((a / 10, b / 10, pitch) for a, b, pitch in rows))
    dissonant = together = 0
    for moment in np.arange(0.05, 10, 0.1) - min(a for a, _, _ in rows) / 10:
        own = (notes.onset_seconds < moment) & (notes.offset_seconds > moment)
        classes = sorted({int(p) % 12 for p in notes.pitch[own]})
        pairs = [(a - b) % 12 for a in classes for b in classes if a > b]
        together += len(pairs)
        dissonant += sum(pair in {1, 2, 6, 10, 11} for pair in pairs)
    expected = dissonant / together if together else math.nan
    assert harmony.dissonance(notes) == pytest.approx(expected, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("pitches", "expected"),
    [
        ([60, 62, 64, 65, 67, 69, 71, 72], 1.0),
        ([60, 62, 64, 65, 66, 67, 69, 71], 7 / 8),
        ([57, 59, 60, 62, 64, 65, 68, 69], 7 / 8),  # harmonic minor: muspy's minor is the natural one
        (list(range(60, 72)), 7 / 12),
    ],
)
def test_scale_consistency_by_hand(pitches: list[int], expected: float) -> None:
    notes = played(*((float(number), 1.0, pitch) for number, pitch in enumerate(pitches)))
    assert harmony.scale_consistency(notes) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_scale_consistency_is_muspys(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import muspy
    random = np.random.default_rng(seed)
    for score in (random_written(seed), random_performance(seed), _noise(random)):
        rows = [row for part in score.parts for row in part.notes.rows()]
        track = muspy.Track(notes=[muspy.Note(time=a, pitch=p, duration=b, velocity=v) for a, b, p, v in rows])
        expected = muspy.scale_consistency(muspy.Music(resolution=score.ticks_per_beat, tracks=[track]))
        assert harmony.scale_consistency(Timeline.of(score)) == pytest.approx(expected, abs=1e-12)


def _noise(random: np.random.Generator) -> Score:
    return performed([(i * 0.317, 0.2, int(pitch), 64) for i, pitch in enumerate(random.integers(30, 90, 50))])


@pytest.mark.parametrize("music", DEGENERATE)
def test_what_cannot_be_said_is_nan(music: str) -> None:
    notes = Timeline.of(DEGENERATE[music])
    values = harmony.evaluate(notes)
    silent = len(notes) == 0
    for name in ("key_clarity", "key_clarity_local", "chord_tone_share", "scale_consistency"):
        assert math.isnan(values[name]) == silent or music == "one chord performed", name  # 40 semitones: almost flat
    assert (harmony.key_of(notes) is None) == silent or music == "one chord performed"


def test_a_silent_middle_says_nothing() -> None:
    values = harmony.evaluate(Timeline.of(DEGENERATE["a note, a long rest, a note"]))
    assert values["chord_tone_share"] == 1.0
    assert values["key_changes_per_minute"] <= 60 / 900
    assert math.isnan(values["dissonance"])


@pytest.mark.data
def test_keys_change_as_often_as_people_hear(data_folder: object) -> None:
    """In every third chorale, by the bar; a piece's own number is only loosely that of its analysis."""
    del data_folder
    heard: list[float] = []
    said: list[int] = []
    num_bars = 0
    for piece in list(CORPORA["bach_370"].pieces(None))[::3]:
        keys = [reading.key for reading in read_analysis(int(piece.id[-3:]))]
        notes = Timeline.of(piece.load(), written=True)
        assert notes.bar_beats is not None
        num_bars += len(notes.bar_beats) - 1
        said.append(sum(one != other for one, other in itertools.pairwise(keys)))
        heard.append(harmony.key_changes_per_minute(notes) * notes.seconds / 60)
    assert sum(said) / num_bars == pytest.approx(0.297, abs=0.001)
    assert sum(heard) / num_bars == pytest.approx(0.321, abs=0.001)
    assert np.corrcoef(heard, said)[0, 1] == pytest.approx(0.46, abs=0.01)
