"""Perceivers written out: one position after the other, no cache, no tiles, nothing kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu


def reference_logits(
    model: Any,
    ids_T: Tensor,
    first_latent: int = 0,
    scales: tuple[int, ...] = (),
    dropped: frozenset[int] = frozenset(),
) -> Tensor:
    """Logits (V,) of the last of ``ids_T``; positions before ``first_latent`` are heard only.

    ``scales``: how many positions each cross-attention hears; empty = one, the whole context. Those ``dropped`` are
    heard by none.
    """
    config, stack, x_TD = model.config, model.stack, model.embedding(ids_T)
    block: list[int] = []
    for position in range(first_latent, len(ids_T)):
        if len(block) == config.latents:
            block = block[config.latents - config.carried :]
        block = [*block, position]
    latents = []
    for position in block:
        z_D = x_TD[position]
        for cross, scale in zip(stack.crosses, scales or (config.context,), strict=True):
            heard = [place for place in range(max(0, position - scale + 1), position + 1) if place not in dropped]
            z_D = crossed(cross, z_D, x_TD, position, heard, config.rotary_fraction)
        latents.append(z_D)
    z_ND = torch.stack(latents)
    for layer in stack.layers:
        z_ND = torch.stack([layered(layer, z_ND, place, config.rotary_fraction) for place in range(len(block))])
    return model.head(stack.norm(z_ND[-1]))


def crossed(cross: Any, z_D: Tensor, x_TD: Tensor, position: int, heard: list[int], fraction: float) -> Tensor:
    """What one cross-attention makes of one latent."""
    queries = cross.project_query(cross.query_norm(z_D))
    pairs = [cross.project_heard(cross.heard_norm(x_TD[place])).chunk(2) for place in heard]
    keys, values = ([pair[part] for pair in pairs] for part in (0, 1))
    z_D = z_D + cross.project_out(attended(queries, keys, values, position, heard, cross.num_heads, fraction))
    return z_D + fed_forward(cross.feedforward, cross.feedforward_norm(z_D))


def layered(layer: Any, z_ND: Tensor, place: int, fraction: float) -> Tensor:
    """What one layer makes of one latent of a block."""
    triples = [layer.attention.project_in(layer.attention_norm(z_D)).chunk(3) for z_D in z_ND[: place + 1]]
    keys, values = ([triple[part] for triple in triples] for part in (1, 2))
    heads = layer.attention.num_heads
    heard_D = attended(triples[place][0], keys, values, place, list(range(place + 1)), heads, fraction)
    z_D = z_ND[place] + layer.attention.project_out(heard_D)
    return z_D + fed_forward(layer.feedforward, layer.feedforward_norm(z_D))


def fed_forward(feedforward: Any, z_D: Tensor) -> Tensor:
    return feedforward.narrow(gelu(feedforward.widen(z_D)))


def attended(
    query_D: Tensor,
    keys: list[Tensor],
    values: list[Tensor],
    position: int,
    places: list[int],
    heads: int,
    fraction: float,
) -> Tensor:
    """One query, head by head and key by key."""
    answers = []
    for head in range(heads):
        query = turned(query_D.chunk(heads)[head], position, fraction)
        products = [
            query @ turned(key.chunk(heads)[head], place, fraction) for key, place in zip(keys, places, strict=True)
        ]
        weights = (torch.stack(products) / len(query) ** 0.5).softmax(0)
        answers.append(sum(w * value.chunk(heads)[head] for w, value in zip(weights, values, strict=True)))
    return torch.cat(answers)


def turned(x_K: Tensor, position: int, fraction: float) -> Tensor:
    """The first channels as complex numbers, multiplied by a unit for their speed and the position."""
    half = int(fraction * len(x_K)) // 2
    speeds = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    numbers = torch.complex(x_K[:half], x_K[half : 2 * half]) * torch.polar(torch.ones_like(speeds), position * speeds)
    return torch.cat([numbers.real, numbers.imag, x_K[2 * half :]])
