"""The tokens around a place: which they are, how much each is heard, and nothing where nothing is pointed at."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.modules.pointed import PointedAttention, PointedInput, Reach, tokens_around

VOCABULARY, WIDTH, HEADS, SOURCE = 30, 12, 2, 8
REACH, SHORT = (
    Reach(before=3, after=12, near_before=2, near_after=3),
    Reach(before=0, after=4, near_before=0, near_after=1),
)
BEFORE, AFTER, NUM_OFFSETS = REACH.before, REACH.after, REACH.num_offsets
places = st.lists(st.integers(-1, 45), min_size=1, max_size=40)


def attention() -> PointedAttention:
    torch.manual_seed(0)
    module = PointedAttention(VOCABULARY, WIDTH, HEADS, SOURCE, NUM_OFFSETS).double()
    module.offset_bias_HO.data.normal_()
    return module


@given(source=places, cut=st.integers(0, 39))
@settings(max_examples=60, deadline=None)
def test_tokens_around_are_those_already_written(source: list[int], cut: int) -> None:
    """Of all tokens or of the last alone."""
    T = len(source)
    start = min(cut, T - 1)
    ids = torch.randint(VOCABULARY, (1, T))
    pointed = tokens_around(torch.tensor([source[start:]])[..., None], ids, VOCABULARY, (REACH,))
    assert pointed.start == start
    for t in range(start, T):
        around = [source[t] + offset for offset in range(-BEFORE, AFTER + 1)]
        expected = [int(ids[0, p]) if source[t] >= 0 and 0 <= p <= t else VOCABULARY for p in around]
        assert pointed.tokens_BTO[0, t - start].tolist() == expected
        assert pointed.named()[0, t - start].tolist() == [expected[BEFORE]]


@given(source=places)
@settings(max_examples=40, deadline=None)
@torch.no_grad()
def test_weights_stand_at_the_places_of_what_is_heard(source: list[int]) -> None:
    T, module = len(source), attention()
    pointed = tokens_around(torch.tensor([source])[..., None], torch.randint(VOCABULARY, (1, T)), VOCABULARY, (REACH,))
    x = torch.randn(1, T, WIDTH, dtype=torch.float64)
    weights = module.weights(x, pointed, torch.arange(T))[0]
    told = module(x, pointed)
    for t in range(T):
        around = [source[t] >= 0 and -BEFORE <= p - source[t] <= AFTER and p <= t for p in range(T)]
        assert torch.equal(weights[:, t] > 0, torch.tensor(around).expand(HEADS, -1))
        assert (weights[:, t].sum(-1) < 1).all()
        assert bool(told[0, t].any()) == any(around)


@torch.no_grad()
def test_what_is_heard_depends_on_how_far_a_token_is_from_the_place() -> None:
    """The same token everywhere: only the bias of the offset makes a difference."""
    module, x = attention(), torch.randn(1, 20, WIDTH, dtype=torch.float64)
    pointed = tokens_around(torch.full((1, 20, 1), 3), torch.full((1, 20), 5), VOCABULARY, (REACH,))
    weights = module.weights(x, pointed, torch.tensor([19]))[0, :, 0, :NUM_OFFSETS]
    ratios = (weights / weights[:, :1]).log()
    assert (ratios - (module.offset_bias_HO - module.offset_bias_HO[:, :1])).abs().max() < 1e-12


@torch.no_grad()
def test_the_input_tells_the_nearest_tokens_alone() -> None:
    """Two before the place, itself and three after, each by its own part of the matrix."""
    torch.manual_seed(0)
    module = PointedInput(VOCABULARY, WIDTH, SOURCE, REACH.num_near).double()
    pointed = tokens_around(torch.full((1, 20, 1), 3), torch.randint(VOCABULARY, (1, 20)), VOCABULARY, (REACH,))
    before, differs = module(pointed)[0, -1], list[int]()
    for offset in range(NUM_OFFSETS):
        changed = pointed.tokens_BTO.clone()
        changed[..., offset] = (changed[..., offset] + 1) % VOCABULARY
        if not torch.equal(module(pointed._replace(tokens_BTO=changed))[0, -1], before):
            differs.append(offset - BEFORE)
    assert differs == [-2, -1, 0, 1, 2, 3]
    assert not module(pointed._replace(tokens_BTO=torch.full_like(pointed.tokens_BTO, VOCABULARY))).any()


def test_several_pointers_stand_side_by_side() -> None:
    """Each names its own token, and brings its own near ones."""
    ids, places = torch.randint(VOCABULARY, (2, 30)), torch.randint(-1, 30, (2, 2, 30)).minimum(torch.arange(30))
    both = tokens_around(torch.stack(list(places), -1), ids, VOCABULARY, (REACH, SHORT))
    each = [
        tokens_around(place[..., None], ids, VOCABULARY, (reach,))
        for place, reach in zip(places, (REACH, SHORT), strict=True)
    ]
    assert both.tokens_BTO.shape[-1] == REACH.num_offsets + SHORT.num_offsets
    for side_by_side, alone in (
        (both.tokens_BTO, [one.tokens_BTO for one in each]),
        (both.places_BTO, [one.places_BTO for one in each]),
        (both.named(), [one.named() for one in each]),
        (both.near(), [one.near() for one in each]),
    ):
        assert torch.equal(side_by_side, torch.cat(alone, dim=-1))
    assert both.near().shape[-1] == REACH.num_near + SHORT.num_near == 6 + 2


def test_count_their_parameters() -> None:
    pairs = [
        (attention(), PointedAttention.num_parameters(VOCABULARY, WIDTH, HEADS, SOURCE, NUM_OFFSETS)),
        (PointedInput(VOCABULARY, WIDTH, SOURCE, 5), PointedInput.num_parameters(VOCABULARY, WIDTH, SOURCE, 5)),
    ]
    for module, stated in pairs:
        assert sum(parameter.numel() for parameter in module.parameters()) == stated
