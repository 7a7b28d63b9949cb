"""What makes a run repeatable: a seed of its own for every step, and arithmetic that does not depend on timing."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch


def derived_seed(*parts: int | str) -> int:
    """A seed of 63 bits from any integers and words; nearby inputs give unrelated seeds."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_step(seed: int, step: int, part: int = 0) -> None:
    """Seeds torch's generators (dropout) for one part of a step, so that no random state need be saved.

    Step 0 is for initialising.
    """
    parts = (part,) if part else ()  # a step in one part draws what it drew before there were several
    torch.manual_seed(derived_seed("step", seed, step, *parts))  # pyright: ignore[reportUnknownMemberType]


@contextmanager
def exact_arithmetic(threads: int | None) -> Generator[None]:
    """Deterministic operations and a fixed number of threads (None: as they are); put back afterwards."""
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    memory.fill_uninitialized_memory = False  # nothing here reads what it has not written; filling it first takes time
    torch.use_deterministic_algorithms(mode=True, warn_only=torch.cuda.is_available())
    torch.set_num_threads(threads or before[1])
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = filled
        torch.set_num_threads(before[1])
