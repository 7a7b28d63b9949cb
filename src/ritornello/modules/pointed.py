"""Hearing the tokens around those that are pointed at, finely: what each is and how far from its place.

What is heard are tokens as they were written, so nothing but their ids is remembered. A token may have several
pointers, each with a reach of its own; they are heard side by side.

Shapes: B batch, T new tokens, S all tokens, P pointers, O offsets from the places pointed at, pointer by pointer,
V vocabulary, D width, W source width, H heads, K head width, N new tokens that are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.ears import Attended, Ear, heard_of_the_last


class Reach(NamedTuple):
    """Which tokens around a place are heard, and which of them are also told outright at the input."""

    before: int
    after: int
    near_before: int
    near_after: int

    @property
    def num_offsets(self) -> int:
        """The place itself included."""
        return self.before + 1 + self.after

    @property
    def num_near(self) -> int:
        """Likewise."""
        return self.near_before + 1 + self.near_after


class Layout(NamedTuple):
    """Where the tokens around all places of one token stand among O, pointer by pointer; int64."""

    offset_O: Tensor
    """Of each from its place."""
    pointer_O: Tensor
    """Whose it is."""
    named_P: Tensor
    """Where each pointer's own place stands."""
    near_N: Tensor
    """Where those stand that are told at the input."""


class Pointed(NamedTuple):
    """The tokens around the places that T tokens point at."""

    layout: Layout
    tokens_BTO: Tensor
    """What they are; ``vocabulary_size`` where there is none."""
    places_BTO: Tensor
    """Where they stand in the piece."""
    start: int
    """Where the first of the T tokens stands."""

    def named(self) -> Tensor:
        """The tokens pointed at themselves (B, T, P)."""
        return self.tokens_BTO.index_select(-1, self.layout.named_P)

    def near(self) -> Tensor:
        """Those that are told at the input (B, T, the sum of all ``num_near``)."""
        return self.tokens_BTO.index_select(-1, self.layout.near_N)


def tokens_around(place_BTP: Tensor, ids_BS: Tensor, nothing: int, reaches: tuple[Reach, ...]) -> Pointed:
    """The tokens around each of the places, none of them later than the token that points.

    Args:
        place_BTP: to which the last T tokens of the piece point; negative where nothing is pointed at. A place ahead is
            not heard.
        ids_BS: all tokens so far, the last T included.
        nothing: stands for no token.
        reaches: of every pointer.
    """
    layout, S, T = layout_of(reaches, ids_BS.device), ids_BS.shape[1], place_BTP.shape[1]
    place_BTO = place_BTP.index_select(-1, layout.pointer_O)
    places_BTO = place_BTO + layout.offset_O
    now_T1 = torch.arange(S - T, S, device=ids_BS.device)[:, None]
    is_there_BTO = (place_BTO >= 0) & (places_BTO >= 0) & (places_BTO <= now_T1)
    places_BTO = places_BTO.clamp(0, S - 1)
    tokens_BTO = ids_BS.gather(1, places_BTO.flatten(1)).view(places_BTO.shape).long()
    return Pointed(layout, torch.where(is_there_BTO, tokens_BTO, nothing), places_BTO, S - T)


@lru_cache(maxsize=8)
def layout_of(reaches: tuple[Reach, ...], device: torch.device) -> Layout:
    """Of the pointers' tokens, side by side."""
    offsets, pointers, named, near = list[int](), list[int](), list[int](), list[int]()
    for pointer, reach in enumerate(reaches):
        named.append(len(offsets) + reach.before)
        near += range(named[-1] - reach.near_before, named[-1] + reach.near_after + 1)
        offsets += range(-reach.before, reach.after + 1)
        pointers += [pointer] * reach.num_offsets
    with torch.inference_mode(mode=False):  # they may be used again for a gradient
        return Layout(*(torch.tensor(column, device=device) for column in (offsets, pointers, named, near)))


class PointedInput(nn.Module):
    """The tokens nearest to the places, each by a table and a matrix of its own offset."""

    def __init__(self, vocabulary_size: int, width: int, source_width: int, num_near: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size + 1, source_width // 2, padding_idx=vocabulary_size)
        self.mix = nn.Linear((source_width // 2) * num_near, width, bias=False)

    @staticmethod
    def num_parameters(vocabulary_size: int, width: int, source_width: int, num_near: int) -> int:
        """Exactly."""
        return (source_width // 2) * (vocabulary_size + 1 + num_near * width)

    @staticmethod
    def token_multiplications(width: int, source_width: int, num_near: int) -> int:
        """In the matrix products of one token."""
        return (source_width // 2) * num_near * width

    def forward(self, pointed: Pointed) -> Tensor:
        """Vectors (B, T, D) of the tokens around; ``vocabulary_size`` stands for no token."""
        return self.mix(self.embedding(pointed.near()).flatten(2))


class PointedAttention(nn.Module):
    """Attention over the tokens around the places; logits are q.k / sqrt(K) + bias[offset].

    A key that says nothing stands beside them, and alone where nothing is pointed at.
    """

    def __init__(self, vocabulary_size: int, width: int, num_heads: int, source_width: int, num_offsets: int) -> None:
        super().__init__()
        self.num_heads, self.nothing = num_heads, vocabulary_size
        self.norm = nn.LayerNorm(width)
        self.content = nn.Embedding(vocabulary_size + 1, 2 * source_width)
        nn.init.normal_(self.content.weight, std=0.5)
        self.project_query = nn.Linear(width, source_width, bias=False)
        self.project_out = nn.Linear(source_width, width, bias=False)
        self.offset_bias_HO = nn.Parameter(torch.zeros(num_heads, num_offsets))

    @staticmethod
    def num_parameters(vocabulary_size: int, width: int, num_heads: int, source_width: int, num_offsets: int) -> int:
        """Exactly."""
        tables = 2 * source_width * (vocabulary_size + 1) + num_heads * num_offsets
        return tables + 2 * width + 2 * width * source_width

    @staticmethod
    def token_multiplications(width: int, source_width: int, num_offsets: int) -> int:
        """In the matrix products of one token: query, output, logits and weighted values."""
        return 2 * source_width * (width + num_offsets)

    def forward(self, x_BTD: Tensor, pointed: Pointed) -> Tensor:
        """What every token hears (B, T, D)."""
        keys_BTOHK, values_BTOHK = self._keys_and_values(pointed.tokens_BTO)
        weights_BHTO = self._weights(x_BTD, pointed.tokens_BTO, keys_BTOHK)
        heard_BTHK = torch.einsum("bhto,btohk->bthk", weights_BHTO, values_BTOHK)
        return self.project_out(heard_BTHK.flatten(2))

    def offset_weights(self, x_BTD: Tensor, tokens_BTO: Tensor) -> Tensor:
        """How much each token hears of those around its places (B, H, T, O)."""
        return self._weights(x_BTD, tokens_BTO, self._keys_and_values(tokens_BTO)[0])

    def weights(self, x_BTD: Tensor, pointed: Pointed, asked_N: Tensor) -> Tensor:
        """How much those of the T tokens that are named hear of all tokens so far (B, H, N, S), by whatever pointer."""
        places_BNO = pointed.places_BTO[:, asked_N]
        weights_BHNO = self.offset_weights(x_BTD[:, asked_N], pointed.tokens_BTO[:, asked_N])
        nothing_BHNS = weights_BHNO.new_zeros(*weights_BHNO.shape[:-1], pointed.start + x_BTD.shape[1])
        return nothing_BHNS.scatter_add(-1, places_BNO[:, None].expand(weights_BHNO.shape), weights_BHNO)

    def ear(self, name: str) -> Ear:
        """What tells of each token how much it hears of others."""

        def read(asked_A: Tensor, x_BTD: Tensor, pointed: Pointed) -> Iterator[Attended]:
            def weights(asked_N: Tensor) -> Tensor:
                return self.weights(x_BTD, pointed, asked_N)

            yield from heard_of_the_last(asked_A, pointed.start, pointed.start + x_BTD.shape[1], weights)

        return Ear(name, self, read)

    def _keys_and_values(self, tokens_BTO: Tensor) -> tuple[Tensor, Tensor]:
        """Of each token (B, T, O, H, K)."""
        keys, values = self.content(tokens_BTO).unflatten(-1, (2, self.num_heads, -1)).unbind(dim=3)
        return keys, values

    def _weights(self, x_BTD: Tensor, tokens_BTO: Tensor, keys_BTOHK: Tensor) -> Tensor:
        """Over the offsets (B, H, T, O)."""
        q_BTHK = self.project_query(self.norm(x_BTD)).unflatten(-1, (self.num_heads, -1)).to(keys_BTOHK.dtype)
        logits = torch.einsum("bthk,btohk->btho", q_BTHK, keys_BTOHK) * q_BTHK.shape[-1] ** -0.5 + self.offset_bias_HO
        logits = logits.masked_fill((tokens_BTO == self.nothing)[:, :, None], float("-inf"))
        nothing = logits.new_zeros(*logits.shape[:-1], 1)
        return torch.cat([nothing, logits], dim=-1).softmax(dim=-1)[..., 1:].transpose(1, 2)
