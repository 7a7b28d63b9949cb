"""Blocks of latents: which positions share one pass through a stack that holds few of them.

A stack over N latents cannot hold a long piece, so positions go through it in blocks. The first
block is the first N positions. Every later one begins with the ``carried`` last positions of the
block before, computed anew, and adds the N - ``carried`` that follow: so no prediction after the
first block is made from fewer than ``carried`` + 1 latents, and each is what a stack computes that
is given this block and nothing else.

Positions here are counted from the first latent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LatentBlocks:
    """Blocks of ``latents`` positions, of which all but the first share ``carried`` with the one before."""

    latents: int
    carried: int

    @property
    def added(self) -> int:
        """Positions that a block after the first adds."""
        return self.latents - self.carried

    def start(self, position: int) -> int:
        """The first position that the block of ``position`` adds."""
        if position < self.latents:
            return 0
        return position - (position - self.latents) % self.added

    def stop(self, position: int) -> int:
        """The position at which the next block begins to add."""
        return self.latents if position < self.latents else self.start(position) + self.added

    def first_heard(self, position: int) -> int:
        """The first latent of the block of ``position``."""
        return max(0, self.start(position) - self.carried)

    def first_needed(self, position: int) -> int:
        """The first latent that must be known to go on at ``position``, the keys and values of its block apart."""
        return self.first_heard(position if self.start(position) == position else self.stop(position))

    def num_whole(self, start: int, stop: int) -> int:
        """How many blocks after the first lie wholly in [start, stop), if one begins to add at ``start``; else 0."""
        return (stop - start) // self.added if start and self.start(start) == start else 0
