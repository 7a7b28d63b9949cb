"""From ticks to seconds and back, by the tempo map.

Tempos count in whole microseconds per quarter note, as in a MIDI file, so that places can be rounded to a grid of
seconds without error: a product of ticks and microseconds is an exact integer. Before the first tempo, 120 quarter
notes per minute hold, the default of Standard MIDI Files 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray, Score

_DEFAULT_MICROSECONDS = 500_000


@dataclass(frozen=True, slots=True)
class Clock:
    """A tempo map of C columns: from ``onset_ticks`` on, a quarter note lasts ``microseconds_per_beat``.

    ``elapsed`` is the time at each of these places, in microseconds times ``ticks_per_beat``.
    """

    ticks_per_beat: int
    onset_ticks: IntArray
    microseconds_per_beat: IntArray
    elapsed: IntArray

    @classmethod
    def of(cls, score: Score) -> Clock:
        """The clock of a Score; where two tempos stand at one place, the later one of the table holds."""
        by_onset = {0: _DEFAULT_MICROSECONDS}
        by_onset |= {tempo.onset_ticks: round(60e6 / tempo.beats_per_minute) for tempo in score.tempos}
        onsets = sorted(by_onset)
        onset_ticks = np.array(onsets, dtype=np.int64)
        microseconds = np.array([by_onset[onset] for onset in onsets], dtype=np.int64)
        elapsed = np.append(0, np.cumsum(np.diff(onset_ticks) * microseconds[:-1]))
        return cls(score.ticks_per_beat, onset_ticks, microseconds, elapsed)

    def seconds(self, ticks: IntArray) -> NDArray[np.float64]:
        """Ticks (N,), at least 0, to seconds from the start."""
        return self._elapsed_at(ticks) / (1e6 * self.ticks_per_beat)

    def steps(self, ticks: IntArray, steps_per_second: int) -> IntArray:
        """Ticks (N,) to the nearest step of a grid; exactly half a step goes up."""
        step = 1_000_000 * self.ticks_per_beat
        return (2 * steps_per_second * self._elapsed_at(ticks) + step) // (2 * step)

    def ticks(self, seconds: NDArray[np.float64]) -> IntArray:
        """Seconds (N,) from the start to the nearest tick."""
        elapsed = seconds * (1e6 * self.ticks_per_beat)
        place = np.maximum(np.searchsorted(self.elapsed, elapsed, side="right") - 1, 0)
        late = (elapsed - self.elapsed[place]) / self.microseconds_per_beat[place]
        return self.onset_ticks[place] + np.rint(late).astype(np.int64)

    def _elapsed_at(self, ticks: IntArray) -> IntArray:
        if len(self.onset_ticks) == 1:
            return ticks * self.microseconds_per_beat[0]
        place = np.searchsorted(self.onset_ticks, ticks, side="right") - 1
        return self.elapsed[place] + (ticks - self.onset_ticks[place]) * self.microseconds_per_beat[place]
