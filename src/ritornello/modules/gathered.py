"""Attention in which every tile of queries hears a few stretches of a table of keys and values, and nothing else.

Tiles of about one size are computed together, so that little is computed for nothing; a key that no query of a tile
hears is never touched, so cost follows what is heard and not how long the table is.

Shapes: N tiles, C stretches of a tile, R rows of the table, P queries, D width, G tiles computed together,
Q queries and M keys of a tile, H heads, K head width, N queries that are asked about.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ritornello.modules.fused import attended

MOST_PAIRS = 2**20
"""Pairs of query and key that are computed together."""
STEP = 16
"""Tiles computed together differ by less than so many queries, and by no more than an eighth of their keys."""
_NEVER = 2**62


class Tiles(NamedTuple):
    """Which queries hear which stretches; all on the CPU."""

    first_query_N: Tensor
    """Each tile's queries are consecutive."""
    num_queries_N: Tensor
    first_key_NC: Tensor
    num_keys_NC: Tensor
    """May be 0, but every tile hears something."""


class Group(NamedTuple):
    """Tiles that are computed together."""

    shape: tuple[int, int, int]
    """G, Q, M."""
    heard_G1QM: Tensor


class Listening(NamedTuple):
    """All that can be said before keys and values are known: made once for all layers."""

    groups: tuple[Group, ...]
    queries: Tensor
    """Which queries are asked, those of all groups one after the other."""
    keys: Tensor
    """Which rows of the table they meet, likewise."""
    places_P: Tensor
    """Where each query's answer stands among all answers."""


def listening(tiles: Tiles, query_order_P: Tensor, key_order_R: Tensor, device: torch.device) -> Listening:
    """Who hears what: of its tile's stretches, a query hears the keys whose order is not above its own."""
    groups: list[Group] = []
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    for chosen_G in _alike(tiles):
        queries_GQ = _rows(tiles.first_query_N[chosen_G, None], tiles.num_queries_N[chosen_G, None])
        keys_GM = _rows(tiles.first_key_NC[chosen_G], tiles.num_keys_NC[chosen_G])
        latest_GQ = torch.where(queries_GQ < 0, _NEVER - 1, query_order_P[queries_GQ])  # who is nobody hears all
        order_GM = torch.where(keys_GM < 0, _NEVER, key_order_R[keys_GM])
        heard_G1QM = (order_GM[:, None] <= latest_GQ[:, :, None])[:, None]
        groups.append(Group((len(chosen_G), queries_GQ.shape[1], keys_GM.shape[1]), heard_G1QM.to(device)))
        queries.append(queries_GQ.flatten())
        keys.append(keys_GM.flatten())
    asked, met = torch.cat(queries), torch.cat(keys)
    places_P = torch.empty_like(query_order_P)
    (is_query,) = (asked >= 0).nonzero(as_tuple=True)
    places_P[asked[is_query]] = is_query
    return Listening(tuple(groups), asked.clamp(min=0).to(device), met.clamp(min=0).to(device), places_P.to(device))


def gathered_attention(q_PD: Tensor, table_RE: Tensor, to: Listening, num_heads: int) -> Tensor:
    """What each query hears (P, D); logits are q.k / sqrt(K).

    In training, the keys and values that every tile hears stay in memory until the gradient is known.

    Args:
        q_PD: queries.
        table_RE: E = 2 D: keys, then values.
        to: who hears what.
        num_heads: divides D.
    """
    shapes = [group.shape for group in to.groups]
    queries = q_PD[to.queries].split_with_sizes([G * Q for G, Q, _ in shapes])
    # an embedding, since its gradient is faster than that of an index; one for all, since it is as large as the table
    tables = torch.nn.functional.embedding(to.keys, table_RE).split_with_sizes([G * M for G, _, M in shapes])
    heard: list[Tensor] = []
    for (G, Q, M), heard_G1QM, asked, met in zip(
        shapes, (g.heard_G1QM for g in to.groups), queries, tables, strict=True
    ):
        q_GHQK = asked.view(G, Q, num_heads, -1).transpose(1, 2)
        k_GHMK, v_GHMK = met.view(G, M, 2, num_heads, -1).permute(2, 0, 3, 1, 4)
        heard.append(attended(q_GHQK, k_GHMK, v_GHMK, heard_G1QM).transpose(1, 2).reshape(G * Q, -1))
    return torch.cat(heard)[to.places_P]


def gathered_weights(q_PD: Tensor, keys_RD: Tensor, to: Listening, num_heads: int, asked_N: Tensor) -> Tensor:
    """How much some of the P queries hear of each row of the table (H, N, R)."""
    weights_HNR = q_PD.new_zeros(num_heads, len(asked_N), len(keys_RD))
    answers_N, head_width, first_answer, first_key = to.places_P[asked_N], q_PD.shape[1] // num_heads, 0, 0
    for (G, Q, M), heard_G1QM in to.groups:
        (mine,) = ((answers_N >= first_answer) & (answers_N < first_answer + G * Q)).nonzero(as_tuple=True)
        place_X = answers_N[mine] - first_answer
        q_HXK = q_PD[asked_N[mine]].view(-1, num_heads, head_width).transpose(0, 1)
        rows_GM = to.keys[first_key : first_key + G * M].view(G, M)
        for tile in sorted({int(place) // Q for place in place_X}):
            (its,) = (place_X // Q == tile).nonzero(as_tuple=True)
            k_HMK = keys_RD[rows_GM[tile]].view(M, num_heads, -1).transpose(0, 1)
            logits_HXM = (q_HXK[:, its] @ k_HMK.mT) * head_width**-0.5
            heard_XM = heard_G1QM[tile, 0, place_X[its] % Q]
            shares_HXM = logits_HXM.masked_fill(~heard_XM, float("-inf")).softmax(dim=-1)
            weights_HNR[:, mine[its]] = weights_HNR[:, mine[its]].index_add(2, rows_GM[tile], shares_HXM)
        first_answer, first_key = first_answer + G * Q, first_key + G * M
    return weights_HNR


def _alike(tiles: Tiles) -> list[list[int]]:
    """The tiles in groups of about equal numbers of queries, then of keys."""
    steps = [-(-int(queries) // STEP) for queries in tiles.num_queries_N]
    keys = [int(keys) for keys in tiles.num_keys_NC.sum(dim=1)]
    groups: list[list[int]] = []
    fewest = most_tiles = 0
    for tile in sorted(range(len(steps)), key=lambda tile: (steps[tile], keys[tile])):
        fits = groups and steps[tile] == steps[groups[-1][0]] and 8 * keys[tile] <= 9 * fewest
        if not fits or len(groups[-1]) >= most_tiles:
            groups.append([])
            fewest, most_tiles = keys[tile], MOST_PAIRS * 8 // (9 * steps[tile] * STEP * keys[tile])
        groups[-1].append(tile)
    return groups


def _rows(first_GC: Tensor, length_GC: Tensor) -> Tensor:
    """All rows of each tile's stretches (G, M), side by side and filled up with -1."""
    totals_G = length_GC.sum(dim=1)
    rows_GM = first_GC.new_full((len(totals_G), int(totals_G.max())), -1)
    first, length = first_GC.flatten(), length_GC.flatten()
    skipped = first - (length.cumsum(0) - length)
    flat = skipped.repeat_interleave(length) + torch.arange(int(totals_G.sum()))
    rows_GM[torch.arange(rows_GM.shape[1]) < totals_G[:, None]] = flat
    return rows_GM
