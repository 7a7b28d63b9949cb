"""The grammar of the bar-based scheme (``bars.py``): where a stream stands, and what may come next."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from ritornello.scores import limits
from ritornello.scores.score import IntArray
from ritornello.tokenizers.bars_grid import MAX_STEPS
from ritornello.tokenizers.bars_words import (
    BAR,
    BAR_STEPS,
    BOS,
    CHORD,
    DEFAULT_VELOCITY,
    DURATION,
    DURATIONS,
    END,
    FAMILY_V,
    KEY,
    LENGTH,
    MAX_PARTS,
    NUM_PITCHES,
    NUM_TOKENS,
    PAD,
    PART,
    PITCH,
    POSITION,
    PROGRAM,
    STEPS_PER_LENGTH,
    TEMPO,
    VELOCITY,
)

_FAMILY: list[int] = FAMILY_V.tolist()
_BAR_STEPS: list[int] = BAR_STEPS.tolist()
_MAY_END_BAR = frozenset((BAR, LENGTH, KEY, TEMPO, CHORD, DURATION))
"""Families behind which a place is complete, so that another place, a bar or the end may follow."""


class BarsCursor:
    """Where a stream of bars stands. ``feed`` takes what ``mask`` allows, each in constant time.

    Public fields say what a generator may want to know: ``bar`` (number of the current bar, -1 before the first),
    ``bar_start_steps`` and ``bar_steps`` (where it begins and how long it is), ``position_steps`` (within it, -1 before
    the first), ``part`` (-1 before the first at this position), ``num_parts``, ``num_notes``.
    """

    def __init__(self, *, has_dynamics: bool = True) -> None:
        """Before BOS; without dynamics no VELOCITY may come."""
        self.has_dynamics = has_dynamics
        self.last = PAD
        """The token before."""
        self.num_parts = 0
        self.num_notes = 0
        self.bar = -1
        self.bar_start_steps = 0
        self.bar_steps = 0
        self.position_steps = -1
        self.part = -1
        self._pitch = -1
        """The last pitch of this part at this position."""
        self._said = {KEY: -1, TEMPO: -1, CHORD: -1}
        """The token of each of these families that holds."""
        self._velocity = [VELOCITY + DEFAULT_VELOCITY] * MAX_PARTS
        self._ends: IntArray = np.zeros((MAX_PARTS, NUM_PITCHES), dtype=np.int64)
        """Step at which each pitch of each part is silent again."""

    def copy(self) -> BarsCursor:
        """A cursor that can go another way."""
        other = copy.copy(self)
        other.__dict__.update(_said=dict(self._said), _velocity=list(self._velocity), _ends=self._ends.copy())
        return other

    @property
    def now_steps(self) -> int:
        """Steps from the beginning of the piece."""
        return self.bar_start_steps + max(0, self.position_steps)

    def feed(self, token: int) -> None:
        """Takes the next token."""
        family = _FAMILY[token]
        if family == DURATION:
            self._ends[self.part, self._pitch] = self.now_steps + DURATIONS[token - DURATION]
            self.num_notes += 1
        elif family == PITCH:
            self._pitch = token - PITCH
        elif family == PART:
            self.part, self._pitch = token - PART, -1
        elif family == POSITION:
            self.position_steps, self.part = token - POSITION, -1
        elif family == BAR:
            self.bar += 1
            self.bar_start_steps += self.bar_steps
            self.bar_steps = _BAR_STEPS[token - BAR]
            self.position_steps = self.part = -1
        elif family == LENGTH:
            self.bar_steps = STEPS_PER_LENGTH * (token - LENGTH + 1)
        elif family == VELOCITY:
            self._velocity[self.part] = token
        elif family == PROGRAM:
            self.num_parts += 1
        elif family in self._said:
            self._said[family] = token
        self.last = token

    def mask(self) -> NDArray[np.bool_]:
        """Which ids (V,) may come next; none after END."""
        mask = np.zeros(NUM_TOKENS, dtype=np.bool_)
        last = _FAMILY[self.last]
        if last == PAD:
            mask[BOS] = True
        elif last in (BOS, PROGRAM):
            mask[PROGRAM:BAR] = self.num_parts < MAX_PARTS
            mask[BAR:LENGTH] = last == PROGRAM
        elif last == PITCH:
            mask[DURATION:] = True
        elif last in (PART, VELOCITY, DURATION):
            self._allow_notes(mask, velocity=self.has_dynamics and last != VELOCITY)
        elif last in (BAR, LENGTH):
            mask[LENGTH : LENGTH + self.bar_steps // STEPS_PER_LENGTH - 1] = last == BAR
            self._allow_change(mask, KEY, POSITION)
        elif last in (POSITION, TEMPO):
            self._allow_change(mask, CHORD, PART)
            if last == POSITION:
                self._allow_change(mask, TEMPO, CHORD)
        if last in (POSITION, TEMPO, CHORD, DURATION):
            self._allow_parts(mask)
        if last in _MAY_END_BAR:
            mask[POSITION + self.position_steps + 1 : POSITION + self.bar_steps] = True
            self._allow_bars(mask)
            mask[END] = True
        return mask

    def _allow_change(self, mask: NDArray[np.bool_], family: int, stop: int) -> None:
        """What holds already is not said again."""
        mask[family:stop] = True
        mask[self._said[family]] = False

    def _allow_notes(self, mask: NDArray[np.bool_], *, velocity: bool) -> None:
        """Higher pitches that the part does not sound, and before them another velocity."""
        if self.num_notes >= limits.MAX_NOTES:
            return
        above = self._pitch + 1
        silent = self._ends[self.part, above:] <= self.now_steps
        mask[PITCH + above : DURATION] = silent
        if velocity and silent.any():
            mask[VELOCITY:PITCH] = True
            mask[self._velocity[self.part]] = False

    def _allow_parts(self, mask: NDArray[np.bool_]) -> None:
        """Lower parts that can begin a note."""
        if self.num_notes < limits.MAX_NOTES:
            below = self.part + 1
            silent = self._ends[below : self.num_parts] <= self.now_steps
            mask[PART + below : PART + self.num_parts] = silent.any(axis=1)

    def _allow_bars(self, mask: NDArray[np.bool_]) -> None:
        if self.bar + 1 < limits.MAX_BARS:
            mask[BAR:LENGTH] = self.bar_start_steps + self.bar_steps + BAR_STEPS <= MAX_STEPS
