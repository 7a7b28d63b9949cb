"""Rows of a model's state: pieces that go on, are forked or are left out."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from torch import Tensor


def rows_of_state(state: Any, rows: Tensor) -> Any:
    """The state of the pieces in ``rows`` (int64), which may repeat or leave out any.

    The rows of every tensor in the state are taken, whatever holds it; everything else stays as it is.
    """
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    if isinstance(state, tuple):
        items = [rows_of_state(item, rows) for item in cast("tuple[Any, ...]", state)]
        make: Any = getattr(cast("Any", state), "_make", tuple)  # of a named tuple
        return make(items)
    if isinstance(state, list):
        return [rows_of_state(item, rows) for item in cast("list[Any]", state)]
    if isinstance(state, dict):
        return {key: rows_of_state(item, rows) for key, item in cast("dict[Any, Any]", state).items()}
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        fields = {f.name: rows_of_state(getattr(state, f.name), rows) for f in dataclasses.fields(state)}
        return dataclasses.replace(state, **fields)
    return state
