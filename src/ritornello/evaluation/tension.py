"""Tonal tension along a piece: how far its notes lie from each other, from those before, and from the key.

Pitches stand on a spiral, one fifth after the other, so that what is close in tonal music is close in space. The notes
of a window are a *cloud*, their mean by sounding time its centre:

* **cloud diameter**: the greatest distance between two pitches of the cloud: dissonance;
* **cloud momentum**: the distance between the centres of a cloud and the one before: how fast harmony moves;
* **tensile strain**: the distance between the centre of the cloud and the place of the key: how far from home.

**Conventions**

* Windows are beats of written music and 2 seconds of a performance (``windows.py``). Where nothing sounds all three are
  nan, and momentum also in the window after it and in the first.
* The key is one for the whole piece (``harmony.key_of``), so that a modulation is a strain.
* MIDI spells no pitches. A pitch class stands where it lies from five fifths below the tonic to six above, in major and
  in minor: flat second, third, sixth and seventh, raised fourth; over C from D flat to F sharp.
* Distances are in radii of the spiral; a fifth rises by h = sqrt(2/15), so that a fifth and a major third are equally
  far, sqrt(2 + 2/15) = 1.46.
* The *arc* is taken from the strain, smoothed over a twentieth of the piece to each side.

**Source**: Herremans and Chew, Tension ribbons (TENOR 2016); Chew, Towards a Mathematical Model of Tonality (2000),
with the weights of Chew, Mathematical and Computational Modeling of Tonality (2014). The arc figures are ours.
**Differs from them in** windows by seconds, in spelling by the key, and in one key where they let the user set several.

Shapes: W windows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.evaluation.harmony import key_of
from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.evaluation.windows import by_beats, seconds_at
from ritornello.scores.score import IntArray

WINDOW_BEATS, WINDOW_SECONDS = 1.0, 2.0
RISE = np.sqrt(2 / 15)
"""Height of a fifth on the spiral, in radii."""
WEIGHTS = np.array([0.536, 0.274, 0.19])
"""Of root, fifth and third in a chord, and of tonic, dominant and subdominant in a key."""
MAJOR_DOMINANT, MINOR_SUBDOMINANT = 0.75, 0.75
"""In a minor key: share of the major chord on the dominant, and of the minor chord on the subdominant."""
FLATTEST = -5
"""Fifths from the tonic down to the flattest pitch class."""
SMOOTHED_SHARE = 0.05
"""Of the windows of a piece, on each side of one."""
END_SHARE, END_WINDOWS = 0.1, 3
"""Share of the windows that are the end of a piece, and their least number."""
HIGHEST = float(np.sqrt(2 + (11 * RISE) ** 2))
"""From the flattest pitch class to the sharpest, eleven fifths above it: no two are farther apart."""
_ROUNDING = 1e-9
NAN = float("nan")

METRICS: tuple[Metric, ...] = (
    Metric("tensile_strain", "radii", "distance of a window's notes from the key, on average",
           moves={"shuffled": "down", "transposed": "up"}, high=HIGHEST),
    Metric("tensile_strain_spread", "radii", "standard deviation of it along the piece",
           moves={"shuffled": "down"}, high=HIGHEST),
    Metric("cloud_diameter", "radii", "greatest distance between two notes of a window, on average",
           moves={"shuffled": "up", "transposed": "up"}, high=HIGHEST),
    Metric("cloud_diameter_spread", "radii", "standard deviation of it along the piece", high=HIGHEST),
    Metric("cloud_momentum", "radii", "distance between the notes of a window and the next, on average",
           moves={"transposed": "up"}, high=HIGHEST),
    Metric("cloud_momentum_spread", "radii", "standard deviation of it along the piece", high=HIGHEST),
    Metric("tension_peak", "share of the piece", "where the smoothed strain is greatest", high=1.0),
    Metric("tension_arc", "correlation", "smoothed strain with one rise and fall over the piece", low=-1.0, high=1.0),
    Metric("tension_end_slope", "radii per minute", "how strain rises in the last tenth", low=-np.inf),
    Metric("tension_resolves", "0 or 1", "whether the last window lies below the mean strain", high=1.0),
)  # fmt: skip


class Tension(NamedTuple):
    """Curves over W windows, in radii of the spiral."""

    seconds: FloatArray
    """Middle of each window, from the first onset."""
    strain: FloatArray
    diameter: FloatArray
    momentum: FloatArray


def evaluate(notes: Timeline) -> dict[str, Value]:
    """All figures of this file; nan without a key, and for the arc of a piece of less than three windows."""
    curve = tension_of(notes)
    strain, strain_spread = _mean_and_spread(curve.strain)
    diameter, diameter_spread = _mean_and_spread(curve.diameter)
    momentum, momentum_spread = _mean_and_spread(curve.momentum)
    return {
        "tensile_strain": strain,
        "tensile_strain_spread": strain_spread,
        "cloud_diameter": diameter,
        "cloud_diameter_spread": diameter_spread,
        "cloud_momentum": momentum,
        "cloud_momentum_spread": momentum_spread,
        **arc(curve.seconds, curve.strain),
    }


def arc(seconds: FloatArray, strain: FloatArray) -> dict[str, Value]:
    """Where a curve (W,) has its peak, whether it is one rise and fall, and how it ends; windows of nan are left out.

    The rise and fall is half a sine over the piece. A level curve has no peak and no arc. The end is a least-squares
    line through the last tenth of the windows, at least three of them.
    """
    sounding = ~np.isnan(strain)
    names = ("tension_peak", "tension_arc", "tension_end_slope", "tension_resolves")
    if np.count_nonzero(sounding) < END_WINDOWS:
        return dict.fromkeys(names, NAN)
    place = (np.flatnonzero(sounding) + 0.5) / len(strain)
    time, heard = seconds[sounding], strain[sounding]
    smooth = _smoothed(heard, round(SMOOTHED_SHARE * len(heard)))
    num_end = max(END_WINDOWS, round(END_SHARE * len(heard)))
    values = (
        float(place[smooth >= smooth.max() - _ROUNDING][0]) if np.ptp(smooth) > _ROUNDING else NAN,
        _correlation(smooth, np.sin(np.pi * place)),
        60 * _slope(time[-num_end:], heard[-num_end:]),
        float(heard[-1] < heard.mean() - _ROUNDING),
    )
    return dict(zip(names, values, strict=True))


def tension_of(notes: Timeline) -> Tension:
    """The three curves; all nan where the piece has no key."""
    windows = by_beats(notes, beats=WINDOW_BEATS, seconds=WINDOW_SECONDS)
    return Tension(seconds_at(notes, windows), *curves(windows.sounding, key_of(notes)))


def curves(sounding: FloatArray, key: int | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Strain, diameter and momentum (W,) of windows (W, 12) against a key (0-23); nan without a key."""
    if key is None:
        nothing = np.full(len(sounding), NAN)
        return nothing, nothing, nothing
    place = pitch_places(key % 12)
    total = sounding.sum(axis=1, keepdims=True)
    centre = np.divide(sounding @ place, total, out=np.full((len(sounding), 3), NAN), where=total > 0)
    strain = np.linalg.norm(centre - key_place(key), axis=1)
    momentum = np.full(len(centre), NAN)
    momentum[1:] = np.linalg.norm(np.diff(centre, axis=0), axis=1)
    return strain, _diameter(sounding > 0, place), momentum


def pitch_places(tonic: int) -> FloatArray:
    """(12, 3) where each pitch class stands when the tonic stands at 0 fifths."""
    above = 7 * (np.arange(12) - tonic)  # 7 semitones are a fifth, and 7 * 7 = 1 modulo 12
    return spiral((above - FLATTEST) % 12 + FLATTEST)


def key_place(key: int) -> FloatArray:
    """(3,) where a key (0-23) stands when its tonic stands at 0 fifths."""
    if key < 12:
        return WEIGHTS @ np.stack([_chord(0, 4), _chord(1, 4), _chord(-1, 4)])
    dominant = MAJOR_DOMINANT * _chord(1, 4) + (1 - MAJOR_DOMINANT) * _chord(1, -3)
    subdominant = MINOR_SUBDOMINANT * _chord(-1, -3) + (1 - MINOR_SUBDOMINANT) * _chord(-1, 4)
    return WEIGHTS @ np.stack([_chord(0, -3), dominant, subdominant])


def spiral(fifths: IntArray) -> FloatArray:
    """(..., 3) places of pitches on the line of fifths: quarter turns, rising."""
    return np.stack([np.sin(fifths * np.pi / 2), np.cos(fifths * np.pi / 2), fifths * RISE], axis=-1)


def _chord(root: int, third: int) -> FloatArray:
    """A triad on a root; the third lies 4 fifths above it (major) or 3 below (minor)."""
    return WEIGHTS @ spiral(np.array([root, root + 1, root + third]))


def _diameter(present: np.ndarray, place: FloatArray) -> FloatArray:
    """(W,) greatest distance between two pitch classes that are present (W, 12); 0 for one, nan for none."""
    apart = np.linalg.norm(place[:, None] - place, axis=-1)
    widest = np.where(present.any(axis=1), 0.0, NAN)
    for one in range(12):
        furthest = np.where(present, apart[one], 0.0).max(axis=1, initial=0.0)
        widest = np.where(present[:, one], np.maximum(widest, furthest), widest)
    return widest


def _mean_and_spread(curve: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of what is not nan."""
    heard = curve[~np.isnan(curve)]
    return (float(heard.mean()), float(heard.std())) if len(heard) else (NAN, NAN)


def _smoothed(curve: FloatArray, reach: int) -> FloatArray:
    """Mean over so many values before and after each; fewer at both ends."""
    total = np.concatenate([[0.0], np.cumsum(curve)])
    at = np.arange(len(curve))
    first, stop = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(curve))
    return (total[stop] - total[first]) / (stop - first)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Pearson's; nan where one of them is level."""
    one, other = one - one.mean(), other - other.mean()
    if np.abs(one).max() <= _ROUNDING or np.abs(other).max() <= _ROUNDING:
        return NAN
    return float(np.clip(one @ other / np.sqrt((one @ one) * (other @ other)), -1, 1))


def _slope(time: FloatArray, values: FloatArray) -> float:
    """Of the least-squares line; time must not stand still."""
    time = time - time.mean()
    return float(time @ (values - values.mean()) / (time @ time))
