"""Streams: every piece whole, from left to right, once an epoch, in rows that go on where they ended."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.data.streams import StreamLoader
from ritornello.errors import UserError
from ritornello.scores.score import IntArray
from ritornello.tokenizers.performance_changes import transposed


@pytest.fixture(scope="module")
def data(midi_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedLevel:
    out = tmp_path_factory.mktemp("streams") / "out"
    prepare(str(midi_folder), out)
    return PreparedLevel(out, "performance")


def _loader(data: PreparedLevel, **options: object) -> StreamLoader:
    return StreamLoader(data, **{"seed": 1, "batch_tokens": 256, "window_tokens": 64, **options})  # type: ignore[arg-type]


def _groups(loader: StreamLoader, num_groups: int, part: int = 0, parts: int = 1) -> list[dict[int, IntArray]]:
    """By piece, what the first groups of a stream hear, put together from its batches."""
    groups: list[dict[int, IntArray]] = []
    for step in range(10**6):
        batch = loader.batch(step, part, parts)
        if not batch.goes_on:
            if len(groups) == num_groups:
                break
            groups.append({piece: ids[:1].numpy() for piece, ids in zip(batch.pieces, batch.ids_BT, strict=True)})
        assert tuple(groups[-1])[: len(batch.pieces)] == batch.pieces  # only the last rows drop out
        for piece, ids, scored in zip(batch.pieces, batch.ids_BT.numpy(), batch.scored_BT.numpy(), strict=True):
            assert ids[0] == groups[-1][piece][-1]  # the context of a step is the last target of the step before
            assert scored.tolist() == [0 < place <= scored.sum() for place in range(len(ids))]
            groups[-1][piece] = np.concatenate([groups[-1][piece], ids[scored]])
    return groups


def _epoch(loader: StreamLoader, lanes: int, parts: int = 1) -> list[dict[int, IntArray]]:
    numbers = range(-(-len(loader.data.of_split("train")) // lanes))
    return [group for part in range(parts) for group in _groups(loader, len(numbers[part::parts]), part, parts)]


@given(lanes=st.integers(1, 50), window_tokens=st.integers(8, 300), parts=st.integers(1, 3))
def test_an_epoch_is_every_piece_whole_and_once(
    data: PreparedLevel, lanes: int, window_tokens: int, parts: int
) -> None:
    loader = _loader(data, batch_tokens=lanes * window_tokens + window_tokens // 2, window_tokens=window_tokens)
    groups = _epoch(loader, lanes, parts)
    assert sorted(piece for group in groups for piece in group) == data.of_split("train")
    sizes = [len(group) for group in groups]
    assert max(sizes) - 1 <= min(sizes) <= max(sizes) <= lanes
    for group in groups:
        for piece, ids in group.items():
            assert np.array_equal(ids, data.row(piece).ids)


def test_the_step_alone_gives_the_batch(data: PreparedLevel) -> None:
    one, other = (_loader(data, transpose=(-2, 3)) for _ in range(2))
    for step in (90, 0, 7, 91, 90):
        mine, its = one.batch(step, 1, 2), other.batch(step, 1, 2)
        assert torch.equal(mine.ids_BT, its.ids_BT)
        assert (mine.pieces, mine.goes_on) == (its.pieces, its.goes_on)
    assert one.batch(0).pieces != one.batch(0, 1, 2).pieces
    assert one.batch(0).pieces != _loader(data, seed=2).batch(0).pieces


def test_groups_are_of_like_length_and_dealt_anew_in_every_epoch(data: PreparedLevel) -> None:
    random = np.random.default_rng(1)
    many = copy.copy(data)  # 240 pieces of many lengths
    many.entries = [replace(e, length=int(random.integers(100, 3000)), split="train") for e in data.entries * 6]
    many.ids = lambda index, *_: np.arange(many.entries[index].length)  # type: ignore[method-assign]
    loader = _loader(many, batch_tokens=512)
    first, second = np.split(np.array([list(group) for group in _groups(loader, 60)]), 2)
    assert sorted(first.flat) == sorted(second.flat) == list(range(240))
    assert {frozenset(group.tolist()) for group in first} != {frozenset(group.tolist()) for group in second}
    lengths = np.array([[many.entries[piece].length for piece in group] for group in first])
    assert (np.diff(lengths) <= 0).all()
    assert (lengths[:, 0] - lengths[:, -1]).mean() < 300  # 97 if sorted exactly, about 2,300 if dealt by chance
    assert lengths[:, 0].tolist() != sorted(lengths[:, 0])


def test_a_piece_is_transposed_as_a_whole_and_otherwise_in_another_epoch(data: PreparedLevel) -> None:
    loader = _loader(data, transpose=(-2, 2))
    num_groups = len(_epoch(loader, 4))
    shifts: list[dict[int, int]] = [{}, {}]
    for number, group in enumerate(_groups(loader, 2 * num_groups)):
        for piece, ids in group.items():
            moved = [transposed(data.row(piece).ids, by) for by in range(-2, 3)]
            (by,) = (by for by, m in zip(range(-2, 3), moved, strict=True) if m is not None and np.array_equal(m, ids))
            shifts[number // num_groups][piece] = by
    assert set(shifts[0].values()) == set(range(-2, 3))
    assert shifts[0] != shifts[1]


def test_what_cannot_be_done_is_one_line(data: PreparedLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "name", "note_duration")
    with pytest.raises(UserError, match="cannot be changed"):
        _loader(data, transpose=(-1, 1))
    _loader(data)
    monkeypatch.setattr(data, "of_split", lambda _: [])
    with pytest.raises(UserError, match="no piece to train on"):
        _loader(data)
