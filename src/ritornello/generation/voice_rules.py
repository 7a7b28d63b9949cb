"""Rules of part writing, as penalties in nats on the tokens of one voice in one frame.

Voices are written soprano, alto, tenor, bass, so a voice hears those above it. Arrays over tokens here are over the
voice tokens alone: HOLD, REST, PITCH_30 ... PITCH_90 (W of them). A strict rule forbids, unless it would forbid
everything; the others weigh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ritornello.tokenizers.chorale import HIGHEST_PITCH, HOLD, LOWEST_PITCH

Penalties = NDArray[np.float64]

RANGES = ((60, 79), (55, 74), (48, 67), (40, 62))
"""Lowest and highest MIDI pitch that soprano, alto, tenor and bass strike."""
SOPRANO, ALTO, TENOR, BASS = range(4)
FIRST_VOICE_TOKEN = HOLD
_HOLD, _REST = 0, 1
_PITCHES = np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1)
_PERFECT = (0, 7)


@dataclass(frozen=True, slots=True)
class Weights:
    """Penalties in nats."""

    contrary: float = 3.0
    """Fifths or octaves in a row between two voices that move in contrary motion; parallel ones are forbidden."""
    overlap: float = 1.5
    """Moving beyond where the neighbour was just before."""
    wide_leap: float = 2.0
    """Leaping by more than a fifth, the octave apart; beyond the octave five times as much."""
    gap: float = 2.0
    """More than an octave between neighbours above the bass."""
    struck_foreign: float = 0.7
    """Striking a note foreign to the chord on the beat; suspensions and notes between beats are free."""
    wrong_bass: float = 1.0
    """A bass on the beat other than the inversion's."""
    no_third: float = 1.0
    """A chord on the beat that is left without its third."""
    echo: float = 1.5
    """What the soprano gains by doing what the phrase's source does here."""
    motion: float = 0.8
    """What a token gains that strikes in the middle of a beat: where each note is drawn in turn, quarter notes beget
    quarter notes, and eighths become too rare (``benchmarks/chorales.py``, notes off the beat)."""
    closing: float = 3.0
    """How many times as much the last three count in the last chord of a phrase."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the plan asks of one frame, before a note is written."""

    chord: tuple[int, ...]
    """Pitch classes from the root upwards."""
    bass: int
    """Pitch class of the bass."""
    on_beat: bool = False
    """Whether a beat slot begins."""
    mid_beat: bool = False
    """Whether the second half of a whole beat begins."""
    fermata: bool = False
    """Whether the last chord of a phrase begins under a fermata, which the soprano strikes."""
    closing: bool = False
    """Whether the last chord of a phrase begins: all voices sound its notes."""
    final: bool = False
    """Whether the last chord of the piece begins: it is complete, its bass right, and struck by all."""
    strike: bool = False
    """Whether all voices strike."""
    hold: bool = False
    """Whether all voices hold."""
    soprano: frozenset[int] = frozenset(range(12))
    """Pitch classes that the cadence wants in the soprano."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One voice to be written in one frame. Pitches are MIDI, -1 = silent."""

    place: Place
    voice: int
    before: tuple[int, ...]
    """The four voices in the frame before."""
    above: tuple[int, ...]
    """The voices above, in this frame."""
    echo: int = -1
    """The token, counted from HOLD, that does what the source of the phrase does here; -1 = there is none."""


def apply_rules(logits_W: Penalties, moment: Moment, weights: Weights) -> Penalties:
    """Logits of the voice tokens under all rules; at least one stays possible."""
    pitch = np.concatenate([[moment.before[moment.voice], -1], _PITCHES])
    logits = logits_W - _weighed(pitch, moment, weights)
    for allowed in _strict(pitch, moment):
        narrowed = np.where(allowed, logits, -np.inf)
        logits = narrowed if narrowed.max() > -np.inf else logits
    return logits


def _strict(pitch: NDArray[np.int64], moment: Moment) -> list[NDArray[np.bool_]]:
    """What is allowed, the most binding first."""
    struck = np.arange(len(pitch)) > _REST
    lowest, highest = RANGES[moment.voice]
    rules = [pitch >= 0, ~struck | ((pitch >= lowest) & (pitch <= highest))]
    if moment.above:
        rules.append(pitch <= moment.above[-1])
    place, is_soprano = moment.place, moment.voice == SOPRANO
    if place.hold:
        rules.append(~struck)
    if place.strike or place.final or (place.fermata and is_soprano):
        rules.append(struck)
    if place.closing and is_soprano:
        rules.append(np.isin(pitch % 12, list(place.soprano)))
    if place.final:
        wanted = frozenset(place.chord[:3]) - {p % 12 for p in moment.above}
        rules.append(np.array([_completes(p, moment.voice, wanted, place) for p in pitch.tolist()]))
    rules.append(_consecutives(pitch, moment, parallel=True) == 0)
    return rules


def _completes(pitch: int, voice: int, wanted: frozenset[int], place: Place) -> bool:
    """Whether this note leaves the voices below it room to make the chord complete over its bass."""
    left = wanted - {pitch % 12}
    if pitch < 0 or pitch % 12 not in place.chord:
        return False
    if voice == BASS:
        return pitch % 12 == place.bass and not left
    lowest, highest = RANGES[voice + 1]
    return any(_completes(lower, voice + 1, left, place) for lower in range(lowest, min(highest, pitch) + 1))


def _weighed(pitch: NDArray[np.int64], moment: Moment, weights: Weights) -> Penalties:
    own = moment.before[moment.voice]
    penalty = weights.contrary * _consecutives(pitch, moment, parallel=False) + weights.overlap * _overlaps(
        pitch, moment
    )
    if own >= 0:
        leap = np.abs(pitch - own)
        penalty += np.where((leap > 7) & (leap != 12) & (pitch >= 0), weights.wide_leap, 0.0)
        penalty += np.where((leap > 12) & (pitch >= 0), 4 * weights.wide_leap, 0.0)
    if moment.above and moment.voice != BASS:
        penalty += np.where(moment.above[-1] - pitch > 12, weights.gap, 0.0)
    if moment.echo >= 0:
        penalty[moment.echo] -= weights.echo
    return penalty + _foreign(pitch, moment, weights)


def _consecutives(pitch: NDArray[np.int64], moment: Moment, *, parallel: bool) -> Penalties:
    """With how many voices above each token makes consecutive fifths or octaves, in parallel or contrary motion."""
    own = moment.before[moment.voice]
    count = np.zeros(len(pitch))
    for other_before, other in zip(moment.before, moment.above, strict=False):
        interval = (other_before - own) % 12
        if min(own, other_before) >= 0 and other != other_before and interval in _PERFECT:
            same_way = (pitch - own) * (other - other_before) > 0
            count += ((other - pitch) % 12 == interval) & (pitch != own) & (same_way == parallel)
    return count


def _overlaps(pitch: NDArray[np.int64], moment: Moment) -> Penalties:
    moved = pitch != moment.before[moment.voice]
    count = np.zeros(len(pitch))
    if moment.above:
        upper_before = moment.before[moment.voice - 1]
        count += moved & (upper_before >= 0) & (pitch > upper_before)
    if moment.voice < BASS:
        count += moved & (pitch < moment.before[moment.voice + 1])
    return count


def _foreign(pitch: NDArray[np.int64], moment: Moment, weights: Weights) -> Penalties:
    place = moment.place
    struck = np.arange(len(pitch)) > _REST
    foreign = ~np.isin(pitch % 12, place.chord)
    if not place.on_beat:
        return np.where(struck & place.mid_beat, -weights.motion, 0.0)
    penalty = np.where(foreign & struck, weights.struck_foreign, 0.0)
    if moment.voice == BASS:
        penalty += np.where(pitch % 12 != place.bass, weights.wrong_bass, 0.0)
    third = place.chord[1]
    if moment.voice == TENOR and third != place.bass and all(p % 12 != third for p in moment.above):
        penalty += np.where(pitch % 12 != third, weights.no_third, 0.0)
    return penalty * (weights.closing if place.closing else 1.0)
