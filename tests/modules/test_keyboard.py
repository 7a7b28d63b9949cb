"""The keyboard against one that is played key by key, and its layers against what they promise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.modules.keyboard import (
    MAY_END,
    NEVER_STEPS,
    NEXT_TO_END,
    NUM_EVENTS,
    PASSED_OVER,
    SILENT,
    STATE_BYTES,
    KeyboardState,
    follow,
    untouched_keyboard,
)
from ritornello.modules.touch import IMPOSSIBLE, TERM_SIZES, KeyboardHead, span_class
from ritornello.tokenizers.performance import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, PerformanceTokenizer

FIRST = 3
CPU = torch.device("cpu")


def untouched(rows: int = 1) -> KeyboardState:
    return untouched_keyboard(rows, CPU)


class PlayedKeyboard:
    """The same, one event after the other."""

    def __init__(self) -> None:
        self.clock, self.position, self.ended = 0, 0, -1
        self.struck: dict[int, tuple[int, int]] = {}
        self.released: dict[int, tuple[int, int]] = {}
        self.recent: list[tuple[int, int]] = []
        self.velocities: list[int] = []

    def play(self, token: int) -> None:
        event, self.ended = token - FIRST, -1
        if 0 <= event < 128:
            self.struck[event] = (self.position, self.clock)
            self.recent.insert(0, (event, self.clock))
        elif 128 <= event < 256:
            self.released[event - 128] = (self.position, self.clock)
            self.ended = self.struck.get(event - 128, (-1, 0))[0]
        elif 256 <= event < 356:
            self.clock += event - 255
        elif event >= 356:
            self.velocities.insert(0, event - 356)
        self.position += 1

    def place(self, pitch: int) -> int:
        sounding = {p: at for p, (at, _) in self.struck.items() if at > self.released.get(p, (-1, 0))[0]}
        if pitch not in sounding:
            return SILENT
        later = [at for at in sounding.values() if at > self.ended]
        if later and sounding[pitch] == min(later):
            return NEXT_TO_END
        return MAY_END if sounding[pitch] in later else PASSED_OVER


def random_ids(seed: int, rows: int, length: int) -> torch.Tensor:
    """Half of them onsets and releases of few keys, so that keys are struck and released again."""
    torch.manual_seed(seed)
    ids = torch.randint(FIRST + NUM_EVENTS, (rows, length))
    keys = FIRST + torch.randint(12, ids.shape) + 128 * torch.randint(2, ids.shape)
    return torch.where(torch.rand(ids.shape) < 0.6, keys, ids)


@pytest.mark.parametrize("seed", range(4))
def test_counts_what_was_played(seed: int) -> None:
    ids = random_ids(seed, rows=2, length=80)
    known, _ = follow(ids, untouched(2), FIRST)
    for row in range(2):
        played = PlayedKeyboard()
        for t in range(80):
            played.play(int(ids[row, t]))
            never = (-1, NEVER_STEPS)
            places = [played.place(p) for p in range(128)]
            assert known.place_BTP[row, t].tolist() == places
            assert known.sounding_BTP[row, t].tolist() == [place != SILENT for place in places]
            held = [played.clock - played.struck.get(p, never)[1] for p in range(128)]
            assert known.held_steps_BTP[row, t].tolist() == held
            released = [played.clock - played.released.get(p, never)[1] for p in range(128)]
            assert known.released_steps_BTP[row, t].tolist() == released
            recent = (played.recent + [(60, NEVER_STEPS)] * 8)[:8]
            assert known.recent_pitch_BTR[row, t].tolist() == [pitch for pitch, _ in recent]
            assert known.recent_steps_BTR[row, t].tolist() == [played.clock - at for _, at in recent]
            assert known.recent_velocity_BTS[row, t].tolist() == (played.velocities + [16] * 4)[:4]


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8), seed=st.integers(0, 999))
def test_any_chunks_are_the_whole(sizes: list[int], seed: int) -> None:
    ids = random_ids(seed, rows=2, length=sum(sizes))
    whole, last = follow(ids, untouched(2), FIRST)
    state, parts = untouched(2), []
    for chunk in ids.split(sizes, dim=1):
        known, state = follow(chunk, state, FIRST)
        parts.append(known)
    for column, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        assert torch.equal(column, torch.cat(pieces, dim=1))
    assert state.position == last.position
    assert all(torch.equal(a, b) for a, b in zip(state[1:], last[1:], strict=True))


def test_the_state_has_the_stated_size() -> None:
    _, state = follow(random_ids(0, rows=3, length=50), untouched(3), FIRST)
    assert sum(t.numel() * t.element_size() for t in state[1:]) == 3 * STATE_BYTES


def test_the_events_are_those_of_the_performance_scheme() -> None:
    assert NOTE_ON == FIRST
    assert (NOTE_OFF, TIME_SHIFT + 1, VELOCITY) == (FIRST + 128, FIRST + 256, FIRST + 356)
    assert len(PerformanceTokenizer.vocabulary) == FIRST + NUM_EVENTS


def test_spans_of_time_have_upper_ends() -> None:
    assert span_class(torch.tensor([0, 1, 2, 3, 4000, 4001])).tolist() == [0, 0, 1, 2, 26, 27]


def test_a_key_cannot_be_struck_twice_nor_released_in_silence() -> None:
    ids = torch.tensor([[NOTE_ON + 60]])
    known, _ = follow(ids, untouched(), FIRST)
    logits = KeyboardHead(8, FIRST)(torch.randn(1, 1, 8), known)[0, 0]
    assert logits[NOTE_ON + 60] == IMPOSSIBLE
    assert (logits[NOTE_OFF : NOTE_OFF + 128] == IMPOSSIBLE).sum() == 127
    assert logits[NOTE_OFF + 60] > IMPOSSIBLE


def test_an_interval_means_the_same_anywhere() -> None:
    """What the head says of a pitch by its intervals moves with the notes before."""
    head = KeyboardHead(8, FIRST)
    torch.nn.init.normal_(head.terms_head.weight)
    x = torch.randn(1, 1, 8)
    rows = []
    for moved in (0, 5):
        ids = torch.tensor([[NOTE_ON + 50 + moved, TIME_SHIFT + 9, NOTE_ON + 57 + moved]])
        known, _ = follow(ids, untouched(), FIRST)
        last = type(known)(*(column[:, -1:] for column in known))
        # the notes before the first two are unknown and stay where they are, so their terms are left out
        rows.append(_without_unknown(head, x, last)[NOTE_ON + 40 + moved : NOTE_ON + 80 + moved])
    assert torch.allclose(rows[0], rows[1], atol=1e-6)


def _without_unknown(head: KeyboardHead, x: torch.Tensor, known: object) -> torch.Tensor:
    starts = [sum(TERM_SIZES[:i]) for i in range(len(TERM_SIZES) + 1)]
    with torch.no_grad():
        for term in (6, 7):  # intervals to the third and fourth note back
            head.terms_head.weight[starts[term] : starts[term + 1]] = 0
        return head(x, known)[0, 0]
