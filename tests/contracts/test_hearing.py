"""Every model of events: its masks are the truth, and what it forgot it hears no more.

What reaches the logits is found by changing single tokens: the second way to compute who hears what.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ritornello.models import MODELS
from ritornello.models.events import EventModel
from ritornello.models.states import leaves
from tests.contracts.model_entries import ENTRIES, NUM_TOKENS, build, heard, learnable_input

EVENTS = [name for name, entry in ENTRIES.items() if issubclass(MODELS[entry.model], EventModel)]
CHANGED = (0, 1, 4, 6, 7, 9, 13, 17, 24, 25, 30, 34, 41, NUM_TOKENS - 1)
"""Beginnings, ends and middles of windows, blocks and segments."""


@pytest.mark.parametrize("name", EVENTS)
@torch.no_grad()
def test_the_masks_say_what_logits_depend_on(name: str) -> None:
    """A change of one token changes the logits of every position that hears it, and not one bit of any other."""
    model, compared = build(name), 0
    ids, _ = learnable_input(name, seed=5)
    others, before, heard_TT = elsewhere(name, ids), model(ids)[0], heard(model, ids[0])
    for position in CHANGED:
        changed = ids.clone()
        changed[:, position] = others[:, position]
        if torch.equal(ids, changed) or not hears_alike(model, ids, changed):
            continue
        differs_T = (model(changed)[0] != before).any(dim=-1)[0]
        if ENTRIES[name].hears_beyond:
            assert (differs_T | ~heard_TT[:, position]).all()
        else:
            assert differs_T.tolist() == heard_TT[:, position].tolist(), position
        compared += 1
    assert compared >= 5


@pytest.mark.parametrize("name", EVENTS)
def test_masks_are_causal_and_everyone_hears_itself(name: str) -> None:
    for length in (1, 8, NUM_TOKENS):
        for mask_TT in build(name).hears(learnable_input(name, seed=5)[0][0, :length]).values():
            assert mask_TT.shape == (length, length)
            assert mask_TT.dtype == torch.bool
            assert mask_TT.diagonal().all()
            assert not mask_TT.triu(1).any()


@pytest.mark.parametrize("name", EVENTS)
@torch.no_grad()
def test_what_was_forgotten_is_heard_no_more(name: str) -> None:
    """Two pasts that differ, forgotten, leave the same future; the state that forgets stays as it was."""
    model = build(name)
    ids, _ = learnable_input(name, seed=5)
    others = elsewhere(name, ids)
    for middle in (1, 7, 18, 21, 25, 40):
        _, state = model(ids[:, :middle])
        _, other = model(others[:, :middle])
        rest = ids[:, middle:]
        remembered, before = model(rest, state)[0], tensors(state)
        forgotten = model.forget(state)
        after = model(rest, forgotten)[0]
        assert all(map(torch.equal, before, tensors(state)))
        assert torch.equal(model(rest, state)[0], remembered)
        hears_past_T = heard(model, ids[0])[middle:, :middle].any(dim=-1)
        if hears_past_T.any():
            assert not torch.equal(after, remembered)
        if ENTRIES[name].hears_beyond:
            continue
        assert torch.equal(after, model(rest, model.forget(other))[0])
        assert torch.allclose(after[:, ~hears_past_T], remembered[:, ~hears_past_T], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", EVENTS)
@torch.no_grad()
def test_after_forgetting_any_chunks_equal_the_whole(name: str) -> None:
    model = build(name)
    ids, _ = learnable_input(name, seed=5)
    for middle in (7, 18, 40):
        forgotten = model.forget(model(ids[:, :middle])[1])
        rest = ids[:, middle:]
        whole, after_whole = model(rest, forgotten)
        for sizes in ([1] * rest.shape[1], [5, 1, 1, 9], [2] * 30):
            pieced, after_pieces = in_chunks(model, rest, sizes, forgotten)
            assert (pieced - whole).abs().max() <= 1e-12
            for ours, theirs in zip(leaves(after_pieces), leaves(after_whole), strict=True):
                if isinstance(ours, Tensor):
                    assert ours.shape == theirs.shape
                    assert not ours.numel() or (ours - theirs).abs().max() <= 1e-11
                else:
                    assert ours == theirs


def elsewhere(name: str, ids_1T: Tensor) -> Tensor:
    """Other ids (1, T), as far as they leave the borders where they are in a model that finds them in the ids."""
    model, (others, _) = build(name), learnable_input(name, seed=6)
    changed = ids_1T.clone()
    for position in range(NUM_TOKENS):
        tried = changed.clone()
        tried[:, position] = others[:, position]
        if hears_alike(model, ids_1T, tried):
            changed = tried
    return changed


def hears_alike(model: Any, ids_1T: Tensor, others_1T: Tensor) -> bool:
    return all(map(torch.equal, model.hears(ids_1T[0]).values(), model.hears(others_1T[0]).values()))


def in_chunks(model: Any, ids: Tensor, sizes: list[int], state: Any) -> tuple[Tensor, Any]:
    logits, start = [], 0
    for size in [*sizes, ids.shape[1]]:
        if start < ids.shape[1]:
            chunk, state = model(ids[:, start : start + size], state)
            logits.append(chunk)
        start += size
    return torch.cat(logits, dim=1), state


def tensors(state: Any) -> list[Tensor]:
    return [leaf.clone() for leaf in leaves(state) if isinstance(leaf, Tensor)]
