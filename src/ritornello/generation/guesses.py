"""What may come next in a piece, guessed from where its last tokens stood before: for reading several tokens at once.

A model's step for a few tokens takes far less than as many steps. So the tokens that followed last time are read along
with the one that was drawn; each that is then drawn indeed costs no step of its own, and one that is not costs
nothing but the reading. What is drawn does not depend on the guesses.

**Source**: speculative decoding (arXiv 2211.17192) with drafts looked up in the text itself (LLMA, arXiv 2304.04487).
**Differs in** that a draw takes the same random number whether it was guessed or not, so the piece is the same with
guesses and without, up to rounding.

Shapes: S tokens so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GUESSES = ((16, 4), (9, 3), (5, 2), (2, 1), (1, 0))
"""After so many tokens as before, so many are guessed.

The longer the stretch, the surer the guess: behind 16 tokens it is mostly right, behind two about every third time. To
read a token along costs a fourth or fifth of a step, so that much is enough.
"""
_MOST_SAME = GUESSES[0][0]
_ROOM = 1024


class Guesses:
    """Follows a piece, and says what came after its last tokens when they were heard before."""

    def __init__(self) -> None:
        """Before the first token."""
        self._ids: NDArray[np.int16] = np.zeros(_ROOM, dtype=np.int16)
        self._length = 0

    def copy(self) -> Guesses:
        """One that can go another way."""
        other = Guesses()
        other._ids, other._length = self._ids.copy(), self._length
        return other

    def after(self, ids: Sequence[int]) -> list[int]:
        """What is guessed to follow ``ids``, which go on from what they were last time; nothing after what is new."""
        new, S = ids[self._length :], len(ids)
        if len(self._ids) < S:
            self._ids = np.append(self._ids, np.zeros(S, dtype=np.int16))
        self._ids[self._length : S], self._length = new, S
        if S < 2:
            return []
        ids_S, num_same = self._ids[:S], 1
        ends_N = np.flatnonzero(ids_S[:-1] == ids_S[-1])
        while num_same < _MOST_SAME:
            earlier_N = ends_N[ends_N >= num_same]
            longer_N = earlier_N[ids_S[earlier_N - num_same] == ids_S[-1 - num_same]]
            if not len(longer_N):
                break
            ends_N, num_same = longer_N, num_same + 1
        if not len(ends_N):
            return []
        end = int(ends_N[-1]) + 1
        most = next(most for least, most in GUESSES if num_same >= least)
        return ids_S[end : end + most].tolist()
