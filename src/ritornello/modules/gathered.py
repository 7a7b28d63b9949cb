"""Attention in which every tile of queries hears a few stretches of a table of keys and values, and nothing else.

Tiles of about one size are computed together, so that little is computed for nothing; a key that no query of a tile
hears is never touched, so cost follows what is heard and not how long the table is.

Shapes: N tiles, C stretches of a tile, R rows of the table, P queries, D width, G tiles computed together,
Q queries and M keys of a tile, H heads, K head width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ritornello.modules.fused import attended

MOST_PAIRS = 2**20
"""Pairs of query and key that are computed together."""
STEP = 16
"""Tiles computed together differ by less than so many queries."""
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

    queries_GQ: Tensor
    keys_GM: Tensor
    """Rows of the table."""
    heard_G1QM: Tensor


class Listening(NamedTuple):
    """All that can be said before keys and values are known: made once for all layers."""

    groups: tuple[Group, ...]
    places_P: Tensor
    """Where each query's answer stands among the answers of all groups."""


def listening(tiles: Tiles, query_order_P: Tensor, key_order_R: Tensor, device: torch.device) -> Listening:
    """Who hears what: of its tile's stretches, a query hears the keys whose order is not above its own."""
    groups: list[Group] = []
    places_P, offset = torch.empty_like(query_order_P), 0
    for chosen_G in _alike(tiles):
        queries_GQ = _rows(tiles.first_query_N[chosen_G, None], tiles.num_queries_N[chosen_G, None])
        keys_GM = _rows(tiles.first_key_NC[chosen_G], tiles.num_keys_NC[chosen_G])
        is_query_GQ, is_key_GM = queries_GQ >= 0, keys_GM >= 0
        places_P[queries_GQ[is_query_GQ]] = offset + is_query_GQ.flatten().nonzero()[:, 0]
        offset += queries_GQ.numel()
        queries_GQ, keys_GM = queries_GQ.clamp(min=0), keys_GM.clamp(min=0)
        latest_GQ = torch.where(is_query_GQ, query_order_P[queries_GQ], _NEVER - 1)  # who is nobody hears all
        order_GM = torch.where(is_key_GM, key_order_R[keys_GM], _NEVER)
        heard_G1QM = (order_GM[:, None] <= latest_GQ[:, :, None])[:, None]
        groups.append(Group(queries_GQ.to(device), keys_GM.to(device), heard_G1QM.to(device)))
    return Listening(tuple(groups), places_P.to(device))


def gathered_attention(q_PD: Tensor, table_RE: Tensor, to: Listening, num_heads: int) -> Tensor:
    """What each query hears (P, D); logits are q.k / sqrt(K).

    Args:
        q_PD: queries.
        table_RE: E = 2 D: keys, then values.
        to: who hears what.
        num_heads: divides D.
    """
    heard: list[Tensor] = []
    for queries_GQ, keys_GM, heard_G1QM in to.groups:
        q_GHQK = q_PD[queries_GQ].view(*queries_GQ.shape, num_heads, -1).transpose(1, 2)
        gathered = torch.nn.functional.embedding(keys_GM, table_RE)  # whose gradient is faster than that of an index
        k_GHMK, v_GHMK = gathered.view(*keys_GM.shape, 2, num_heads, -1).permute(2, 0, 3, 1, 4)
        heard.append(attended(q_GHQK, k_GHMK, v_GHMK, heard_G1QM).transpose(1, 2).flatten(2).flatten(0, 1))
    return torch.cat(heard)[to.places_P]


def _alike(tiles: Tiles) -> list[list[int]]:
    """The tiles in groups of about equal numbers of queries, then of keys."""
    steps = [-(-int(queries) // STEP) for queries in tiles.num_queries_N]
    keys = [int(keys) for keys in tiles.num_keys_NC.sum(dim=1)]
    groups: list[list[int]] = []
    for tile in sorted(range(len(steps)), key=lambda tile: (steps[tile], keys[tile])):
        pairs = steps[tile] * STEP * keys[tile]  # no tile of the group has more
        if not groups or steps[tile] != steps[groups[-1][0]] or (len(groups[-1]) + 1) * pairs > MOST_PAIRS:
            groups.append([])
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
