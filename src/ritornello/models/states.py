"""A model's state as a whole: its rows (pieces that go on, are forked or are left out), its leaves, its gradients.

A state is any nest of named tuples, tuples, lists, dictionaries and dataclasses. Its *leaves* are all
that is no such container: tensors, whose first dimension is the batch, and values that are the same
for the whole batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, cast

from torch import Tensor


def rows_of_state(state: Any, rows: Tensor) -> Any:
    """The state of the pieces in ``rows`` (int64), which may repeat or leave out any; everything else stays."""
    return _mapped(state, lambda leaf: leaf.index_select(0, rows) if isinstance(leaf, Tensor) else leaf)


def first_rows(state: Any, num_rows: int) -> Any:
    """The state of the first ``num_rows`` pieces, which shares its memory with ``state``."""
    return _mapped(state, lambda leaf: leaf[:num_rows] if isinstance(leaf, Tensor) else leaf)


def detached(state: Any) -> Any:
    """The same state, from which no gradient flows back to what made it, laid out as one that was written and read."""
    return _mapped(state, lambda leaf: leaf.detach().contiguous() if isinstance(leaf, Tensor) else leaf)


def leaves(state: Any) -> list[Any]:
    """All leaves, in an order that follows from the structure alone."""
    found: list[Any] = []
    _mapped(state, found.append)
    return found


def with_leaves(state: Any, values: Sequence[Any]) -> Any:
    """A state of the same structure with other leaves, in the order of ``leaves``.

    Raises:
        ValueError: there are more or fewer values than leaves.
    """
    if len(values) != len(leaves(state)):
        raise ValueError(f"{len(values)} values for a state of {len(leaves(state))} leaves")
    remaining = iter(values)
    return _mapped(state, lambda _: next(remaining))


def _mapped(state: Any, change: Callable[[Any], Any]) -> Any:
    """The same structure, ``change`` applied to every leaf."""
    if isinstance(state, tuple):
        items = [_mapped(item, change) for item in cast("tuple[Any, ...]", state)]
        make: Any = getattr(cast("Any", state), "_make", tuple)  # of a named tuple
        return make(items)
    if isinstance(state, list):
        return [_mapped(item, change) for item in cast("list[Any]", state)]
    if isinstance(state, dict):
        return {key: _mapped(item, change) for key, item in cast("dict[Any, Any]", state).items()}
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        fields = {f.name: _mapped(getattr(state, f.name), change) for f in dataclasses.fields(state)}
        return dataclasses.replace(state, **fields)
    return change(state)
