"""States as values: rows, leaves, and structures that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch

from ritornello.models.states import detached, first_rows, leaves, rows_of_state, with_leaves


class _Pair(NamedTuple):
    one: Any
    other: Any


@dataclass(frozen=True)
class _Record:
    inner: Any
    position: int


def _state() -> _Record:
    table = torch.arange(12.0).reshape(4, 3).requires_grad_()
    return _Record(inner=(_Pair([table * 2, None], {"a": table + 1, "b": 7}), ()), position=5)


def test_leaves_go_back_where_they_were() -> None:
    state = _state()
    found = leaves(state)
    assert [leaf if leaf is None else leaf * 1 for leaf in found[1::2]] == [None, 7]
    assert found[4:] == [5]
    again = with_leaves(_state(), found)
    assert isinstance(again, _Record)
    assert isinstance(again.inner[0], _Pair)
    assert again.inner[0].one[0] is found[0]
    assert again.inner[0].other == {"a": found[2], "b": 7}
    assert (again.inner[1], again.position) == ((), 5)


def test_another_number_of_leaves_is_refused() -> None:
    for values in ([], list(range(4)), list(range(6))):
        with pytest.raises(ValueError, match="for a state of 5 leaves"):
            with_leaves(_state(), values)


def test_rows() -> None:
    some, first = rows_of_state(_state(), torch.tensor([3, 3, 0])), first_rows(_state(), 2)
    assert some.inner[0].one[0].tolist() == [[18, 20, 22], [18, 20, 22], [0, 2, 4]]
    assert first.inner[0].other["a"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert (some.position, first.position, first.inner[0].other["b"]) == (5, 5, 7)


def test_detached_is_the_same_without_gradient() -> None:
    before, after = leaves(_state()), leaves(detached(_state()))
    assert [torch.is_tensor(leaf) and leaf.requires_grad for leaf in before] == [True, False, True, False, False]
    assert not any(torch.is_tensor(leaf) and leaf.requires_grad for leaf in after)
    assert torch.equal(after[0], before[0])
    assert detached(torch.eye(3)[:, :2]).is_contiguous()
