"""Hearing the tokens around one that is pointed at, finely: what each is and how far from it.

What is heard are tokens as they were written, so nothing but their ids is remembered.

Shapes: B batch, T new tokens, S all tokens, O offsets from the place pointed at, V vocabulary, D width, W source width,
H heads, K head width, N new tokens that are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.ears import Attended, Ear, heard_of_the_last

BEFORE, AFTER = 3, 12
"""How many tokens before and after the place are heard."""
NUM_OFFSETS = BEFORE + 1 + AFTER
_NEAR = slice(BEFORE - 2, BEFORE + 4)
"""Which of them are also told outright at the input."""
_NUM_NEAR = _NEAR.stop - _NEAR.start


class Pointed(NamedTuple):
    """The tokens around the places that T tokens point at."""

    tokens_BTO: Tensor
    """What they are; ``vocabulary_size`` where there is none."""
    places_BTO: Tensor
    """Where they stand in the piece."""
    start: int
    """Where the first of the T tokens stands."""

    def named(self) -> Tensor:
        """The tokens pointed at themselves (B, T)."""
        return self.tokens_BTO[..., BEFORE]


def tokens_around(source_BT: Tensor, ids_BS: Tensor, nothing: int) -> Pointed:
    """The tokens around each of the places ``source_BT``, none of them later than the token that points.

    Args:
        source_BT: places in the piece, of the last T of its tokens; negative where nothing is pointed at. A place
            ahead is not heard.
        ids_BS: all tokens so far, the last T included.
        nothing: stands for no token.
    """
    start, S = ids_BS.shape[1] - source_BT.shape[1], ids_BS.shape[1]
    places_BTO = source_BT[..., None] + torch.arange(-BEFORE, AFTER + 1, device=ids_BS.device)
    now_T1 = torch.arange(start, S, device=ids_BS.device)[:, None]
    is_there_BTO = (source_BT[..., None] >= 0) & (places_BTO >= 0) & (places_BTO <= now_T1)
    places_BTO = places_BTO.clamp(0, S - 1)
    tokens_BTO = ids_BS.gather(1, places_BTO.flatten(1)).view(places_BTO.shape).long()
    return Pointed(torch.where(is_there_BTO, tokens_BTO, nothing), places_BTO, start)


class PointedInput(nn.Module):
    """The tokens nearest to the place, each by a table and a matrix of its own offset."""

    def __init__(self, vocabulary_size: int, width: int, source_width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size + 1, source_width // 2, padding_idx=vocabulary_size)
        self.mix = nn.Linear((source_width // 2) * _NUM_NEAR, width, bias=False)

    @staticmethod
    def num_parameters(vocabulary_size: int, width: int, source_width: int) -> int:
        """Exactly."""
        return (source_width // 2) * (vocabulary_size + 1 + _NUM_NEAR * width)

    @staticmethod
    def token_multiplications(width: int, source_width: int) -> int:
        """In the matrix products of one token."""
        return (source_width // 2) * _NUM_NEAR * width

    def forward(self, tokens_BTO: Tensor) -> Tensor:
        """Vectors (B, T, D) of the tokens around; ``vocabulary_size`` stands for no token."""
        return self.mix(self.embedding(tokens_BTO[..., _NEAR]).flatten(2))


class PointedAttention(nn.Module):
    """Attention over the tokens around the place; logits are q.k / sqrt(K) + bias[offset].

    A key that says nothing stands beside them, and alone where nothing is pointed at.
    """

    def __init__(self, vocabulary_size: int, width: int, num_heads: int, source_width: int) -> None:
        super().__init__()
        self.num_heads, self.nothing = num_heads, vocabulary_size
        self.norm = nn.LayerNorm(width)
        self.content = nn.Embedding(vocabulary_size + 1, 2 * source_width)
        nn.init.normal_(self.content.weight, std=0.5)
        self.project_query = nn.Linear(width, source_width, bias=False)
        self.project_out = nn.Linear(source_width, width, bias=False)
        self.offset_bias_HO = nn.Parameter(torch.zeros(num_heads, NUM_OFFSETS))

    @staticmethod
    def num_parameters(vocabulary_size: int, width: int, num_heads: int, source_width: int) -> int:
        """Exactly."""
        tables = 2 * source_width * (vocabulary_size + 1) + num_heads * NUM_OFFSETS
        return tables + 2 * width + 2 * width * source_width

    @staticmethod
    def token_multiplications(width: int, source_width: int) -> int:
        """In the matrix products of one token: query, output, logits and weighted values."""
        return 2 * source_width * (width + NUM_OFFSETS)

    def forward(self, x_BTD: Tensor, pointed: Pointed) -> Tensor:
        """What every token hears (B, T, D)."""
        keys_BTOHK, values_BTOHK = self.content(pointed.tokens_BTO).unflatten(-1, (2, self.num_heads, -1)).unbind(dim=3)
        weights_BTHO = self._weights(x_BTD, pointed.tokens_BTO, keys_BTOHK)
        heard_BTHK = torch.einsum("btho,btohk->bthk", weights_BTHO, values_BTOHK)
        return self.project_out(heard_BTHK.flatten(2))

    def weights(self, x_BTD: Tensor, pointed: Pointed, asked_N: Tensor) -> Tensor:
        """How much those of the T tokens that are named hear of all tokens so far (B, H, N, S)."""
        tokens_BNO, places_BNO = pointed.tokens_BTO[:, asked_N], pointed.places_BTO[:, asked_N]
        keys_BNOHK = self.content(tokens_BNO).unflatten(-1, (2, self.num_heads, -1))[..., 0, :, :]
        weights_BHNO = self._weights(x_BTD[:, asked_N], tokens_BNO, keys_BNOHK).transpose(1, 2)
        nothing_BHNS = weights_BHNO.new_zeros(*weights_BHNO.shape[:-1], pointed.start + x_BTD.shape[1])
        return nothing_BHNS.scatter_add(-1, places_BNO[:, None].expand(weights_BHNO.shape), weights_BHNO)

    def ear(self, name: str) -> Ear:
        """What tells of each token how much it hears of others."""

        def read(asked_A: Tensor, x_BTD: Tensor, pointed: Pointed) -> Iterator[Attended]:
            def weights(asked_N: Tensor) -> Tensor:
                return self.weights(x_BTD, pointed, asked_N)

            yield from heard_of_the_last(asked_A, pointed.start, pointed.start + x_BTD.shape[1], weights)

        return Ear(name, self, read)

    def _weights(self, x_BTD: Tensor, tokens_BTO: Tensor, keys_BTOHK: Tensor) -> Tensor:
        """Over the offsets (B, T, H, O)."""
        q_BTHK = self.project_query(self.norm(x_BTD)).unflatten(-1, (self.num_heads, -1)).to(keys_BTOHK.dtype)
        logits = torch.einsum("bthk,btohk->btho", q_BTHK, keys_BTOHK) * q_BTHK.shape[-1] ** -0.5 + self.offset_bias_HO
        logits = logits.masked_fill((tokens_BTO == self.nothing)[:, :, None], float("-inf"))
        nothing = logits.new_zeros(*logits.shape[:-1], 1)
        return torch.cat([nothing, logits], dim=-1).softmax(dim=-1)[..., 1:]
