"""Against a voice followed frame by frame."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from ritornello.modules.voices import HOLD, NO_LEAP, SILENCE, Voices, follow, silent_voices

EVENTS = st.lists(st.sampled_from([HOLD, HOLD, SILENCE, 5, 9]), min_size=1, max_size=20)


def by_hand(events: list[int]) -> list[tuple[int, int, int]]:
    pitch, age, leap, rows = SILENCE, 0, NO_LEAP, []
    for event in events:
        if event == HOLD:
            age += 1
        else:
            leap = event - pitch if SILENCE not in (event, pitch) else NO_LEAP
            pitch, age = event, 0
        rows.append((pitch, age, leap))
    return rows


@given(events=EVENTS, cut=st.integers(1, 20))
def test_follows_as_by_hand_in_one_go_and_in_two(events: list[int], cut: int) -> None:
    tensor = torch.tensor(events)[None, :, None]
    silent = silent_voices(1, 1, tensor.device)
    whole = follow(tensor, silent)
    assert list(zip(*(row.flatten().tolist() for row in whole), strict=True)) == by_hand(events)
    if cut < len(events):
        first = follow(tensor[:, :cut], silent)
        second = follow(tensor[:, cut:], Voices(*(row[:, -1] for row in first)))
        for one, two, both in zip(first, second, whole, strict=True):
            assert torch.equal(torch.cat([one, two], dim=1), both)
