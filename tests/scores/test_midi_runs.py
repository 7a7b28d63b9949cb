"""The scan in runs measures what a walk from event to event measures, whatever the bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.scores import midi_runs, midi_scan
from ritornello.scores.midi_runs import PlainRuns
from tests.scores.files import midi_file


def test_a_run_counts_ticks_and_notes() -> None:
    event = b"\x81\x00\x90\x3c\x40" + b"\x05\x3c\x00" + b"\x00\xb0\x40\x7f"  # 128 + 5 ticks, one note struck
    run = PlainRuns(event * 100 + b"\x00\xff\x2f\x00", counts_notes=True).follow(0, 0x90)
    assert run is not None
    assert (run.position, run.ticks, run.num_notes, run.status) == (1200, 13_300, 100, 0xB0)


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
        run = PlainRuns(event * 50 + other + event * 50, counts_notes=False).follow(0, 0x90)
        assert run is not None
        assert run.position == 200


PLAIN = [
    *(b"\x00\x90\x3c\x40", b"\x60\x3c\x00", b"\x81\x48\xb0\x40\x7f"),
    *(b"\x83\xff\x7f\xe0\x00\x40", b"\x80\x80\x80\x00\x40\x41"),
]
OTHER = [b"\x05\xc0\x07", b"\x05\xff\x01\x02hi", b"\x07\xf0\x01\xf7", b"\x00\xff\x51\x03\x07\xa1\x20"]
EVENTS = st.lists(st.tuples(st.sampled_from(PLAIN + OTHER), st.integers(1, 60)), max_size=12)


def no_run(_runs: PlainRuns, _position: int, _status: int) -> None:
    """So that the walk goes event by event."""


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.integers(40, 200), st.randoms(use_true_random=False))
def test_runs_and_single_events_measure_the_same(
    pieces: list[tuple[bytes, int]], block_bytes: int, generator: random.Random
) -> None:
    data = bytearray(midi_file(b"".join(event * count for event, count in pieces)))
    for _ in range(generator.randint(0, 2)):
        data[generator.randrange(len(data))] = generator.randrange(256)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(midi_runs, "BLOCK_BYTES", block_bytes)
        patch.setattr(midi_scan, "_FEWEST_NOTE_BYTES", 0)  # so that notes are counted
        in_runs = _measured(bytes(data))
        patch.setattr(PlainRuns, "follow", no_run)
        assert in_runs == _measured(bytes(data))


def _measured(data: bytes) -> object:
    try:
        return midi_scan.scan_midi(data, "file")
    except UserError as error:
        return str(error)
