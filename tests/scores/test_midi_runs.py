"""The scan in runs measures what a walk from event to event measures, whatever the bytes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.scores import midi_scan
from ritornello.scores.midi_runs import Run, plain_run
from tests.scores.files import midi_file


def test_a_run_counts_ticks_and_notes() -> None:
    event = b"\x81\x00\x90\x3c\x40" + b"\x05\x3c\x00" + b"\x00\xb0\x40\x7f"  # 128 + 5 ticks, one note struck
    track = np.frombuffer(event * 100 + b"\x00\xff\x2f\x00", dtype=np.uint8)
    assert plain_run(track, 0, 0x90, 2000, counts_notes=True) == Run(1200, 13_300, 100, 0xB0)
    assert plain_run(track, 0, 0x90, 2000, counts_notes=False).num_notes == 0


def test_a_run_begins_with_the_status_that_runs_on() -> None:
    track = np.frombuffer(b"\xff" + b"\x01\x3c\x40" * 5 + b"\x01\x80\x3c\x40", dtype=np.uint8)
    assert plain_run(track, 1, 0x90, 2000, counts_notes=True) == Run(20, 6, 5, 0x80)
    assert plain_run(track, 1, 0xB0, 2000, counts_notes=True) == Run(20, 6, 0, 0x80)


def test_a_run_ends_before_what_is_not_plain() -> None:
    event = b"\x00\x90\x3c\x40"
    for other in (
        b"\x00\xc0\x05",
        b"\x00\xff\x01\x00",
        b"\x00\xf8",
        b"\x80\x80\x80\x80\x00",
        b"\x00\x90\x3c\x80",
        b"\x00\x90",
    ):
        track = np.frombuffer(event * 50 + other + event * 50, dtype=np.uint8)
        assert plain_run(track, 0, 0x90, 2000, counts_notes=False).position == 200


PLAIN = [
    *(b"\x00\x90\x3c\x40", b"\x60\x3c\x00", b"\x81\x48\xb0\x40\x7f"),
    *(b"\x83\xff\x7f\xe0\x00\x40", b"\x80\x80\x80\x00\x40\x41"),
]
OTHER = [b"\x05\xc0\x07", b"\x05\xff\x01\x02hi", b"\x07\xf0\x01\xf7", b"\x00\xff\x51\x03\x07\xa1\x20"]
EVENTS = st.lists(st.tuples(st.sampled_from(PLAIN + OTHER), st.integers(1, 60)), max_size=12)


def no_run(_track: object, position: int, status: int, _block_bytes: int, **_options: object) -> Run:
    """So that the walk goes event by event."""
    return Run(position, 0, 0, status)


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.integers(40, 200), st.randoms(use_true_random=False))
def test_runs_and_single_events_measure_the_same(
    pieces: list[tuple[bytes, int]], block_bytes: int, generator: random.Random
) -> None:
    data = bytearray(midi_file(b"".join(event * count for event, count in pieces)))
    for _ in range(generator.randint(0, 2)):
        data[generator.randrange(len(data))] = generator.randrange(256)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(midi_scan, "_MAX_RUN_BYTES", block_bytes)
        patch.setattr(midi_scan, "_RUN_BYTES", block_bytes // 2)
        patch.setattr(midi_scan, "_FEWEST_NOTE_BYTES", 0)  # so that notes are counted
        in_runs = _measured(bytes(data))
        patch.setattr(midi_scan, "plain_run", no_run)
        assert in_runs == _measured(bytes(data))


def _measured(data: bytes) -> object:
    try:
        return midi_scan.scan_midi(data, "file")
    except UserError as error:
        return str(error)
