"""Seeds: every step has its own, so that a run resumes at any step without a saved random state."""

from __future__ import annotations

import hashlib

import torch


def derived_seed(*parts: int | str) -> int:
    """A seed of 63 bits from any integers and words; nearby inputs give unrelated seeds."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_step(seed: int, step: int) -> None:
    """Seeds torch's generators (dropout) for one step; step 0 is the initialisation."""
    torch.manual_seed(derived_seed("step", seed, step))  # pyright: ignore[reportUnknownMemberType]
