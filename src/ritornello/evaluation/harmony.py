"""Harmony: how clear the key is, how far notes belong to chords and scales, how much sounds dissonant.

**Conventions**

* A note counts for as long as it sounds. Written music is heard in beats and bars, a performance in seconds
  (``windows.py``).
* The key of a passage is found by correlation with the profiles of Aarden and Essen (``key_profiles.py``);
  *clarity* is the correlation with the best of the 24 keys. Music that modulates is less clear as a whole than from
  passage to passage.
* A *chord* is one of the triads and sevenths of ``form/chord.py`` on any root. The best-fitting one of a window is that
  which most of the sounding time belongs to; sevenths have four notes and are seldom worse than their triads, so a
  share is to be read beside that of other music.
* The *scale* is the major (or natural minor, which has the same notes) scale that holds most notes; notes are counted,
  not weighed, as in muspy.
* *Dissonance* is counted over pairs of different pitch classes that sound together, by time: seconds, sevenths and
  tritones. What the pedal holds sounds together.

**Source**: Krumhansl, Cognitive Foundations of Musical Pitch (1990); key clarity as in Lartillot, Toiviainen and
Eerola, A Matlab Toolbox for Music Information Retrieval (2008); scale consistency: Mogren, C-RNN-GAN (2016), by the
definition of muspy 0.5 (Dong et al., ISMIR 2020); the others are ours.

Shapes: N notes, W windows, E events (places where a note begins or ends).
"""

from __future__ import annotations

import numpy as np

from ritornello.evaluation.key_profiles import best_key, changes, key_fits
from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.evaluation.windows import by_bars, by_beats, whole
from ritornello.form.chord import QUALITIES

PASSAGE_BARS, PASSAGE_SECONDS = 4, 16.0
CHORD_BEATS, CHORD_SECONDS = 1.0, 1.0
CHANGE_BARS, CHANGE_SECONDS = 1, 4.0
CHANGE_PENALTY = 0.15
"""Correlation that another key must win, added up over windows: so set, keys change in Bach's chorales about as often
as people's analyses say. The number hangs on it and on the length of windows; compare it, do not believe it."""
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
DISSONANT = (1, 2, 6)
"""Interval classes: seconds and sevenths, and the tritone."""
NAN = float("nan")

METRICS: tuple[Metric, ...] = (
    Metric(
        "key_clarity", "correlation", "how much all pitch classes together are like those of one key",
        moves={"shuffled": "same", "transposed": "down"}, low=-1.0, high=1.0,
    ),
    Metric(
        "key_clarity_local", "correlation", "the same for passages of 16 seconds or 4 bars, on average",
        moves={"transposed": "down"}, low=-1.0, high=1.0,
    ),
    Metric(
        "key_changes_per_minute", "per minute", "how often the key changes, windows of 4 seconds or a bar",
        moves={"transposed": "up"},
    ),
    Metric(
        "chord_tone_share", "share", "time of notes in the best triad or seventh of their second or beat",
        moves={"shuffled": "down"}, high=1.0,
    ),
    Metric("dissonance", "share", "seconds, sevenths and tritones among what sounds together",
           moves={"shuffled": "up"}, high=1.0),
    Metric("scale_consistency", "share", "notes in the one major scale that holds most of them",
           moves={"shuffled": "same", "transposed": "down"}, high=1.0),
)  # fmt: skip


def evaluate(notes: Timeline) -> dict[str, Value]:
    """All figures of this file; nan where nothing sounds, and for clarity where no pitch class stands out."""
    return {
        "key_clarity": key_clarity(whole(notes)),
        "key_clarity_local": local_key_clarity(notes),
        "key_changes_per_minute": key_changes_per_minute(notes),
        "chord_tone_share": chord_tone_share(by_beats(notes, beats=CHORD_BEATS, seconds=CHORD_SECONDS).sounding),
        "dissonance": dissonance(notes),
        "scale_consistency": scale_consistency(notes),
    }


def key_of(notes: Timeline) -> int | None:
    """The key of the whole piece, 0-11 major and 12-23 minor; None where no pitch class stands out."""
    if not len(notes):
        return None
    bass = int(notes.pitch[notes.chord == notes.chord[-1]].min()) % 12
    return best_key(key_fits(whole(notes)), bass)


def key_clarity(histogram: FloatArray) -> float:
    """Correlation of a histogram (12,) with the best key."""
    return float(key_fits(histogram).max())


def local_key_clarity(notes: Timeline) -> float:
    """Mean of the clarity of passages, each counted by the time of its notes; passages without shape are left out."""
    sounding = by_bars(notes, bars=PASSAGE_BARS, seconds=PASSAGE_SECONDS).sounding
    clarity, weight = key_fits(sounding).max(axis=1), sounding.sum(axis=1)
    clear = ~np.isnan(clarity)
    return float(np.average(clarity[clear], weights=weight[clear])) if clear.any() else NAN


def key_changes_per_minute(notes: Timeline) -> float:
    """Changes of key on the best path through short windows; nan for less than two windows."""
    windows = by_bars(notes, bars=CHANGE_BARS, seconds=CHANGE_SECONDS)
    if len(windows.sounding) < 2 or notes.seconds <= 0:
        return NAN
    fits = key_fits(windows.sounding)
    return 60 * len(changes(fits, np.ones(len(fits)), CHANGE_PENALTY)) / notes.seconds


def chord_tone_share(sounding: FloatArray) -> float:
    """Share of the time of all notes that belongs to the best chord of its window (W, 12)."""
    total = float(sounding.sum())
    return float((sounding @ _chords().T).max(axis=1).sum()) / total if total > 0 else NAN


def dissonance(notes: Timeline) -> float:
    """Share of dissonant pairs among pairs of different pitch classes that sound together; nan if none do."""
    sounds, seconds = _simultaneous(notes)
    by_class = np.array([((sounds & np.roll(sounds, -step, axis=1)).sum(axis=1) @ seconds) for step in range(1, 7)])
    by_class[5] /= 2  # a tritone is met from both its ends
    total = float(by_class.sum())
    return float(by_class[np.array(DISSONANT) - 1].sum()) / total if total > 0 else NAN


def scale_consistency(notes: Timeline) -> float:
    """Share of notes in the best of 12 major scales, which are the natural minor scales as well."""
    if not len(notes):
        return NAN
    counts = np.bincount(notes.pitch % 12, minlength=12)
    return max(int(counts[(np.array(MAJOR_SCALE) + root) % 12].sum()) for root in range(12)) / len(notes)


def _chords() -> FloatArray:
    """(108, 12) 1 where a pitch class belongs to a chord."""
    table = np.zeros((len(QUALITIES), 12, 12))
    for number, intervals in enumerate(QUALITIES.values()):
        for root in range(12):
            table[number, root, (np.array(intervals) + root) % 12] = 1.0
    return table.reshape(-1, 12)


def _simultaneous(notes: Timeline) -> tuple[np.ndarray, FloatArray]:
    """Whether each pitch class sounds (E - 1, 12) between one event and the next, and for how long (E - 1,)."""
    seconds = np.concatenate([notes.onset_seconds, notes.offset_seconds])
    change = np.repeat([1, -1], len(notes))
    pitch_class = np.tile(notes.pitch % 12, 2)
    order = np.argsort(seconds, kind="stable")
    steps = np.zeros((len(seconds), 12), dtype=np.int32)
    steps[np.arange(len(seconds)), pitch_class[order]] = change[order]
    return np.cumsum(steps, axis=0)[:-1] > 0, np.diff(seconds[order])
