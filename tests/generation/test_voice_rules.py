"""Rules of part writing at moments by hand."""

import numpy as np
import pytest

from ritornello.generation.voice_rules import ALTO, BASS, SOPRANO, TENOR, Moment, Place, Weights, apply_rules

C_MAJOR = (0, 4, 7)
FREE = Place(chord=tuple(range(12)), bass=0)
HOLD, REST = "hold", "rest"


def _logits(moment: Moment) -> dict[object, float]:
    """Penalised zero logits by token."""
    values = apply_rules(np.zeros(63), moment, Weights())
    return dict(zip([HOLD, REST, *range(30, 91)], values.tolist(), strict=True))


def _possible(moment: Moment) -> set[object]:
    return {token for token, value in _logits(moment).items() if value > -np.inf}


def test_range_order_and_no_rest() -> None:
    moment = Moment(FREE, ALTO, (72, 60, 55, 48), (65,))
    assert _possible(moment) == {HOLD, *range(55, 66)}
    assert HOLD not in _possible(Moment(FREE, ALTO, (72, 70, 55, 48), (65,)))  # it would lie above the soprano
    assert _possible(Moment(FREE, BASS, (72, 60, 55, 48), (72, 60, 50))) == {HOLD, *range(40, 51)} - {
        43
    }  # a parallel fifth


@pytest.mark.parametrize(
    ("before", "above", "token", "parallel", "contrary"),
    [
        ((67, 60, 55, 48), (69,), 62, 1, 0),  # fifth to fifth, both up
        ((67, 60, 55, 48), (67,), 60, 0, 0),  # a repeated note is no motion
        ((67, 60, 55, 48), (69,), 61, 0, 0),  # fifth to minor sixth
        ((72, 67, 64, 60), (74, 68, 65), 50, 0, 1),  # octave to double octave by contrary motion
        ((72, 67, 60, 48), (74, 68, 62), 50, 2, 0),  # with soprano and tenor
    ],
)
def test_parallels_are_forbidden_and_contrary_consecutives_cost(
    before: tuple[int, ...], above: tuple[int, ...], token: int, parallel: int, contrary: int
) -> None:
    weights = Weights(overlap=0, wide_leap=0, gap=0)
    values = apply_rules(np.zeros(63), Moment(FREE, len(above), before, above), weights)
    expected = -np.inf if parallel else -contrary * weights.contrary
    assert values[2 + token - 30] == expected


def test_leaps_overlaps_and_gaps_cost() -> None:
    costs = _logits(Moment(FREE, SOPRANO, (67, 64, 55, 48), ()))
    assert (costs[74], costs[75], costs[79]) == (0, -Weights().wide_leap, 0)  # a fifth, a sixth, the octave
    assert costs[62] == -Weights().overlap  # below where the alto was
    assert _logits(Moment(FREE, ALTO, (76, 64, 55, 48), (76,)))[62] == -Weights().gap


def test_chord_notes_are_favoured_on_the_beat() -> None:
    place = Place(chord=C_MAJOR, bass=4, on_beat=True)
    costs = _logits(Moment(place, ALTO, (72, 65, 60, 52), (72,)))
    weights = Weights()
    assert (costs[64], costs[62], costs[HOLD]) == (0, -weights.struck_foreign, 0)
    assert _logits(Moment(place, BASS, (72, 64, 60, 53), (72, 64, 60)))[48] == -weights.wrong_bass
    root_position = Place(chord=C_MAJOR, bass=0, on_beat=True)
    assert _logits(Moment(root_position, TENOR, (72, 67, 62, 48), (72, 67)))[60] == -weights.no_third


def test_a_fermata_is_struck_by_the_soprano_and_its_cadence_heard() -> None:
    place = Place(chord=C_MAJOR, bass=0, on_beat=True, fermata=True, closing=True, soprano=frozenset({0}))
    assert _possible(Moment(place, SOPRANO, (72, 64, 60, 48), ())) == {60, 72}
    assert HOLD in _possible(Moment(place, ALTO, (72, 64, 60, 48), (72,)))


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("soprano", [0, 1, 2])
def test_the_final_chord_can_always_be_completed(tonic: int, soprano: int) -> None:
    """Whatever is chosen among the possible, the triad becomes complete with its root in the bass."""
    chord = tuple((tonic + i) % 12 for i in C_MAJOR)
    place = Place(chord=chord, bass=tonic, on_beat=True, closing=True, final=True, soprano=frozenset({chord[soprano]}))
    for choose in (min, max):
        above: tuple[int, ...] = ()
        for voice in range(4):
            above += (choose(t for t in _possible(Moment(place, voice, (-1,) * 4, above)) if isinstance(t, int)),)
        assert {pitch % 12 for pitch in above} == set(chord)
        assert above[BASS] % 12 == tonic
        assert list(above) == sorted(above, reverse=True)


def test_holding_is_all_that_is_left_after_the_final_chord() -> None:
    assert _possible(Moment(Place(chord=C_MAJOR, bass=0, hold=True), TENOR, (72, 67, 64, 48), (72, 67))) == {HOLD}


def test_striking_in_the_middle_of_a_beat_is_favoured() -> None:
    costs = _logits(Moment(Place(chord=C_MAJOR, bass=0, mid_beat=True), ALTO, (72, 64, 60, 48), (72,)))
    assert (costs[65], costs[HOLD]) == (Weights().motion, 0)
