"""Tension: places on the spiral by hand, curves against a plain second computation, arcs that are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from ritornello.evaluation import tension
from ritornello.evaluation.timeline import Timeline
from tests.contracts.music import DEGENERATE, performed, random_performance, random_written, written

H = math.sqrt(2 / 15)
C_MAJOR, A_MINOR = 0, 21


def cloud(*pitch_classes: int) -> np.ndarray:
    """One window in which these sound for a unit of time each."""
    return np.bincount(pitch_classes, minlength=12).astype(float)


def test_the_spiral_turns_a_quarter_for_every_fifth() -> None:
    # C at (0, 1, 0), G at (1, 0, h), D at (0, -1, 2h), A at (-1, 0, 3h), E at (0, 1, 4h), F at (-1, 0, -h)
    places = tension.pitch_places(0)
    expected = {0: (0, 1, 0), 7: (1, 0, H), 2: (0, -1, 2 * H), 9: (-1, 0, 3 * H), 4: (0, 1, 4 * H), 5: (-1, 0, -H)}
    for pitch_class, place in expected.items():
        assert places[pitch_class] == pytest.approx(place, abs=1e-12)


@pytest.mark.parametrize(("tonic", "flattest"), [(0, 1), (7, 8), (9, 10)])
def test_pitch_classes_are_spelt_by_the_key(tonic: int, flattest: int) -> None:
    """The flat second is the flattest, the raised fourth the sharpest: in C, D flat to F sharp."""
    fifths = tension.pitch_places(tonic)[:, 2] / H
    assert sorted(fifths) == pytest.approx(range(-5, 7), abs=1e-9)
    assert fifths[tonic] == pytest.approx(0, abs=1e-9)
    assert int(fifths.argmin()) == flattest
    assert int(fifths.argmax()) == (tonic + 6) % 12


def test_diameters_by_hand() -> None:
    # a fifth: (1, 1, h), length sqrt(2 + 2/15); a major third: 4h, the same; E-G: (1, 1, 3h), sqrt(2 + 18/15)
    # C-F sharp: (0, 2, 6h), sqrt(4 + 72/15); D flat-F sharp is the widest: eleven fifths and a quarter turn
    fifth = math.sqrt(2 + 2 / 15)
    rows = [cloud(0), cloud(0, 7), cloud(0, 4), cloud(0, 4, 7), cloud(0, 6), cloud(1, 6), np.ones(12), np.zeros(12)]
    _, diameter, _ = tension.curves(np.stack(rows), C_MAJOR)
    widest = math.sqrt(2 + 121 * 2 / 15)
    assert diameter[:-1] == pytest.approx([0, fifth, fifth, math.sqrt(3.2), math.sqrt(8.8), widest, widest], abs=1e-12)
    assert math.isnan(diameter[-1])
    assert math.isclose(widest, tension.HIGHEST, abs_tol=1e-12)


def test_momentum_by_hand() -> None:
    # C, then G: a fifth; then nothing, and nothing to compare with after it; then C and G together after C: the
    # centre (1/2, 1/2, h/2) lies half a fifth from C
    rows = [cloud(0), cloud(7), np.zeros(12), cloud(0), cloud(0, 7), cloud(0, 7)]
    _, _, momentum = tension.curves(np.stack(rows), C_MAJOR)
    fifth = math.sqrt(2 + 2 / 15)
    assert momentum == pytest.approx([math.nan, fifth, math.nan, math.nan, fifth / 2, 0], abs=1e-12, nan_ok=True)


def test_strain_by_hand() -> None:
    # The triads stand at C (.274, .726, 1.034h), G (.726, -.274, 2.034h), F (-.726, .274, .034h), each .536 of the
    # root, .274 of the fifth, .19 of the third; C major at .536 C + .274 G + .19 F = (.207848, .36612, 1.118h).
    assert tension.key_place(0) == pytest.approx([0.207848, 0.36612, 1.118 * H], abs=1e-12)
    # C, E and G sound alike: centre (1/3, 2/3, 5h/3), so that the strain is the root of
    # .125485^2 + .300547^2 + (.548667h)^2 = .015747 + .090328 + .040138 = .146213
    # G alone: (1, 0, h): .792152^2 + .36612^2 + (.118h)^2 = .627505 + .134044 + .001857 = .763405
    # F sharp alone: (0, -1, 6h): .207848^2 + 1.36612^2 + (4.882h)^2 = .043201 + 1.866284 + 3.177857 = 5.087342
    strain, _, _ = tension.curves(np.stack([cloud(0, 4, 7), cloud(7), cloud(6)]), C_MAJOR)
    assert strain**2 == pytest.approx([0.146213, 0.763405, 5.087342], abs=2e-6)


@pytest.mark.parametrize("num_triads", [1, 2, 3])
def test_means_and_spreads_by_hand(num_triads: int) -> None:
    """C major triads, then a window of G: k values of one kind and one of another.

    k times a and once b have the mean (k a + b) / (k + 1) and the standard deviation |b - a| sqrt(k) / (k + 1). Strain
    is the root of .146213 for the triad and of .763405 for G (see above); the diameter sqrt(3.2) and 0. Momentum is 0
    from triad to triad, k - 1 times, and once the way from (1/3, 2/3, 5h/3) to (1, 0, h): the root of 8/9 + (2h/3)^2.
    """
    k = num_triads
    rows = [(4 * beat, 4, pitch, 64) for beat in range(k) for pitch in (60, 64, 67)]
    notes = Timeline.of(written([*rows, (4 * k, 4, 67, 64)]))
    values = tension.evaluate(notes)
    for name, (a, b, times) in {
        "tensile_strain": (math.sqrt(0.146213), math.sqrt(0.763405), k),
        "cloud_diameter": (math.sqrt(3.2), 0.0, k),
        "cloud_momentum": (0.0, math.sqrt(8 / 9 + 4 / 9 * H**2), k - 1),
    }.items():
        assert values[name] == pytest.approx((times * a + b) / (times + 1), abs=2e-6), name
        spread = abs(b - a) * math.sqrt(times) / (times + 1)
        assert values[f"{name}_spread"] == pytest.approx(spread, abs=2e-6), name


def test_a_minor_key_by_hand() -> None:
    # With the tonic at 0 the minor triad is (.274, .536, h(.274 - .57)) + (.19, 0, 0), since its third, three fifths
    # below, stands at (1, 0, -3h): (.464, .536, -.296h). A fifth up and with a quarter turn it is (.536, -.464, .704h),
    # a fifth down (-.536, .464, -1.296h). The major ones are (.726, -.274, 2.034h) and (-.726, .274, .034h).
    # dominant: .75 major + .25 minor = (.6785, -.3215, 1.7015h); subdominant: .75 minor + .25 major =
    # (-.5835, .4165, -.9635h); key: .536 (.464, .536, -.296h) + .274 dominant + .19 subdominant
    expected = (
        0.536 * 0.464 + 0.274 * 0.6785 - 0.19 * 0.5835,
        0.536 * 0.536 - 0.274 * 0.3215 + 0.19 * 0.4165,
        (-0.536 * 0.296 + 0.274 * 1.7015 - 0.19 * 0.9635) * H,
    )
    assert tension.key_place(A_MINOR) == pytest.approx(expected, abs=1e-12)


def test_home_is_less_tense_than_its_dominant_and_far_keys_more() -> None:
    for key, home in ((C_MAJOR, (0, 4, 7)), (A_MINOR, (9, 0, 4))):
        dominant, far = (
            tuple((p + 7) % 12 for p in (key % 12, key % 12 + 4, key % 12 + 7)),
            [(p + 6) % 12 for p in home],
        )
        strain, _, _ = tension.curves(np.stack([cloud(*home), cloud(*dominant), cloud(*far)]), key)
        assert strain[0] < strain[1] < strain[2]


windows = st.lists(st.lists(st.integers(0, 5), min_size=12, max_size=12), min_size=1, max_size=6)


@given(windows, st.integers(0, 23))
def test_the_same_as_a_plain_computation(rows: list[list[int]], key: int) -> None:
    strain, diameter, momentum = tension.curves(np.array(rows, float), key)
    previous = None
    for number, row in enumerate(rows):
        fifths = [next(k for k in range(-5, 7) if (7 * k + key) % 12 == p) for p in range(12) if row[p]]
        points = np.array([(math.sin(k * math.pi / 2), math.cos(k * math.pi / 2), k * H) for k in fifths])
        if not fifths:
            assert math.isnan(strain[number])
            assert math.isnan(diameter[number])
            previous = None
            continue
        centre = np.average(points, axis=0, weights=[time for time in row if time])
        assert strain[number] == pytest.approx(math.dist(centre, tension.key_place(key)), abs=1e-9)
        assert diameter[number] == pytest.approx(pdist(points).max() if len(points) > 1 else 0, abs=1e-9)
        expected = math.nan if previous is None else math.dist(centre, previous)
        assert momentum[number] == pytest.approx(expected, abs=1e-9, nan_ok=True)
        previous = centre


@given(windows, st.integers(0, 23), st.integers(1, 11))
def test_tension_moves_with_the_key(rows: list[list[int]], key: int, up: int) -> None:
    table = np.array(rows, float)
    moved = key // 12 * 12 + (key % 12 + up) % 12
    for one, other in zip(tension.curves(table, key), tension.curves(np.roll(table, up, axis=1), moved), strict=True):
        assert np.allclose(one, other, atol=1e-9, equal_nan=True)


def test_the_windows_of_a_piece() -> None:
    # 3/4 at 96 a minute: six quarter notes are six windows; of a performance of 6 s there are three of two
    curve = tension.tension_of(Timeline.of(written([(4 * i, 4, 60 + 4 * (i % 2), 64) for i in range(6)])))
    assert curve.seconds == pytest.approx(0.625 * (np.arange(6) + 0.5), abs=1e-9)
    assert curve.diameter == pytest.approx(np.zeros(6), abs=1e-12)
    played = performed([(i * 0.5 + 0.003, 0.5, 60 + 4 * (i % 2), 64) for i in range(12)])
    curve = tension.tension_of(Timeline.of(played, written=False))
    assert curve.seconds == pytest.approx([1, 3, 5], abs=1e-9)
    assert curve.diameter == pytest.approx([math.sqrt(2 + 2 / 15)] * 3, abs=1e-9)


def test_arcs_that_are_known() -> None:
    place = (np.arange(40) + 0.5) / 40
    seconds = 2 * np.arange(40) + 1.0
    rise_and_fall = tension.arc(seconds, np.sin(np.pi * place))
    assert rise_and_fall["tension_arc"] > 0.99
    assert rise_and_fall["tension_peak"] == pytest.approx(0.5, abs=0.02)
    assert rise_and_fall["tension_end_slope"] < 0
    assert rise_and_fall["tension_resolves"] == 1
    upside_down = tension.arc(seconds, -np.sin(np.pi * place))
    assert upside_down["tension_arc"] == pytest.approx(-rise_and_fall["tension_arc"], abs=1e-12)
    assert upside_down["tension_resolves"] == 0
    # a straight line rises by 0.01 in two seconds, 0.3 in a minute; its arc is none: a sine is even
    line = tension.arc(seconds, 0.01 * np.arange(40))
    assert line["tension_end_slope"] == pytest.approx(0.3, abs=1e-9)
    assert line["tension_arc"] == pytest.approx(0.0, abs=1e-9)
    assert line["tension_peak"] == pytest.approx(39.5 / 40)
    assert line["tension_resolves"] == 0


def test_half_a_sine_is_the_arc_itself() -> None:
    # eight windows, too few to smooth: one rise and fall exactly, and one fall and rise
    sine = np.sin(np.pi * (np.arange(8) + 0.5) / 8)
    for sign in (1, -1):
        assert tension.arc(np.arange(8.0), sign * sine)["tension_arc"] == pytest.approx(sign, abs=1e-12)


def test_arcs_by_hand() -> None:
    # Four windows, the second silent; at 1/8, 5/8, 7/8 of the piece. Nothing is smoothed (a twentieth of 3 is 0).
    # The end is all three: times 1, 5, 7 about their mean 13/3 are -10/3, 2/3, 8/3; values 1, 3, 2 about 2: -1, 1, 0;
    # slope (10/3 + 2/3) / (100/9 + 4/9 + 64/9) = 4 / (168/9) = 3/14 a second, 60 times that a minute.
    values = tension.arc(np.array([1.0, 3, 5, 7]), np.array([1.0, math.nan, 3, 2]))
    assert values["tension_peak"] == 5 / 8
    assert values["tension_end_slope"] == pytest.approx(60 * 3 / 14, abs=1e-12)
    assert values["tension_resolves"] == 0  # 2 is the mean, not below it
    sine = np.sin(np.pi * np.array([1, 5, 7]) / 8)
    assert values["tension_arc"] == pytest.approx(np.corrcoef([1, 3, 2], sine)[0, 1], abs=1e-12)


def test_the_peak_is_smoothed_and_the_end_is_a_tenth() -> None:
    # 100 windows: one of 3 at 10, eleven of 1 from 60 to 70; means over five windows to each side are 3/11 and 1 at 65
    curve = np.zeros(100)
    curve[10], curve[60:71] = 3, 1
    assert tension.arc(np.arange(100.0), curve)["tension_peak"] == pytest.approx(0.655)
    # the last ten of 100 windows rise by 1 a second; those before fall
    ends = np.concatenate([-np.arange(90.0), np.arange(10.0)])
    assert tension.arc(np.arange(100.0), ends)["tension_end_slope"] == pytest.approx(60, abs=1e-9)


def test_a_level_or_short_curve_has_no_arc() -> None:
    level = tension.arc(np.arange(9.0), np.ones(9))
    assert [math.isnan(level[name]) for name in ("tension_peak", "tension_arc")] == [True, True]
    assert (level["tension_end_slope"], level["tension_resolves"]) == (0, 0)
    assert all(math.isnan(value) for value in tension.arc(np.arange(2.0), np.ones(2)).values())


@pytest.mark.parametrize("music", DEGENERATE)
def test_degenerate_music(music: str) -> None:
    notes = Timeline.of(DEGENERATE[music])
    curve = tension.tension_of(notes)
    assert len({len(column) for column in curve}) == 1
    values = tension.evaluate(notes)
    if not len(notes):
        assert all(math.isnan(value) for value in values.values())
    elif music.startswith("one pitch"):
        assert (values["cloud_diameter"], values["cloud_momentum"]) == pytest.approx((0, 0), abs=1e-12)


def test_a_flat_cloud_has_no_key_and_no_tension() -> None:
    notes = Timeline.of(performed([(0.0, 10.0, pitch, 64) for pitch in range(48, 60)]), written=False)
    assert all(math.isnan(value) for value in tension.evaluate(notes).values())


def test_random_music_is_within_range() -> None:
    for score in (random_written(3), random_performance(4)):
        curve = tension.tension_of(Timeline.of(score))
        for column in curve[1:]:
            heard = column[~np.isnan(column)]
            assert len(heard) > 10
            assert (heard >= 0).all()
            assert (heard <= tension.HIGHEST).all()
        assert (np.diff(curve.seconds) > 0).all()
