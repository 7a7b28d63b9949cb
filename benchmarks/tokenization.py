"""How fast a MIDI file becomes performance tokens: ours, MidiTok's MIDILike, and a plain loop over mido's messages.

    python benchmarks/tokenization.py [--files N] [--repeats 3]

Reads the 177 test performances of MAESTRO (needs RITORNELLO_DATA). All three go over each file in turn, bytes on disk
to ids, in processor time, which other work on the machine disturbs least; the best of the repeats counts (mido once),
and the ratios are of the sums. The mido loop does the same work as ours, pedal included, and must give the same tokens.
MidiTok is left out, with a word, where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

import mido
import symusic

from ritornello.data.corpora.archive import corpus_folder
from ritornello.scores import midi_scan, read_score
from ritornello.tokenizers.performance import (
    BOS,
    END,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    TIME_SHIFT,
    VELOCITY,
    PerformanceTokenizer,
)

CORPUS = "maestro-v3.0.0-test-midi"


def main() -> None:
    """Times all files and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, help="only the first N")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    files = sorted(corpus_folder(None, CORPUS).rglob("*.midi"))[: options.files]
    methods, repeats = _methods(), options.repeats
    seconds: dict[str, float] = defaultdict(float)
    num_notes = 0
    for file in files:
        ids = PerformanceTokenizer().encode(read_score(file)).ids.tolist()
        assert by_mido(file) == ids, f"{file.name}: the loop over mido's messages gives other tokens"
        num_notes += sum(NOTE_ON <= token < NOTE_OFF for token in ids)
        for name, method in methods.items():
            seconds[name] += min(_timed(method, file) for _ in range(1 if name == "mido" else repeats))
    _print(seconds, len(files), num_notes)


def by_ours(file: Path) -> object:
    """Bytes on disk to ids."""
    return PerformanceTokenizer().encode(read_score(file))


def by_mido(file: Path) -> list[int]:
    """The same tokens by a loop over mido's messages."""
    played: Any = mido.MidiFile(file)
    state = _Loop(2 * 1_000_000 * played.ticks_per_beat)
    for track in played.tracks:
        for message in _on_time(track):
            state.feed(*message)
    return state.tokens()


@dataclass
class _Loop:
    """Notes and pedal as mido's messages tell them; times in microseconds times ticks per beat."""

    double_second: int
    pedal_down: bool = False
    keys: dict[int, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    """Pitch -> notes whose key is down."""
    caught: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """Pitch -> the note that the pedal holds."""
    notes: list[list[int]] = field(default_factory=list[list[int]])
    """Onset, pitch, velocity, end."""
    now: int = 0
    """Time of the last key or pedal event, to which a pedal that never comes up holds."""

    def feed(self, now: int, message: Any) -> None:
        if message.type in ("note_on", "note_off") or message.is_cc(64):
            self.now = now
        if message.type == "note_on" and message.velocity:
            if message.note in self.caught:
                self.caught.pop(message.note)[3] = now
            self.notes.append([now, message.note, message.velocity, now])
            self.keys[message.note].append(self.notes[-1])
        elif message.type in ("note_on", "note_off") and self.keys[message.note]:
            note = self.keys[message.note].pop(0)
            note[3] = now
            if self.pedal_down and not self.keys[message.note]:
                self.caught[message.note] = note
        elif message.is_cc(64):
            self.pedal_down = message.value >= 64
            if not self.pedal_down:
                for note in self.caught.values():
                    note[3] = now
                self.caught.clear()

    def tokens(self) -> list[int]:
        for note in self.caught.values():
            note[3] = self.now
        events: list[tuple[int, int, int]] = []
        for number, (onset, _, _, end) in enumerate(sorted(self.notes)):
            begin = self._step(onset)
            events += [(begin, 1, number), (max(self._step(end), begin + 1), 0, number)]
        return self._written(sorted(events), sorted(self.notes))

    def _step(self, time: int) -> int:
        return (200 * time + self.double_second // 2) // self.double_second

    def _written(self, events: list[tuple[int, int, int]], notes: list[list[int]]) -> list[int]:
        ids, now, velocity_bin = [BOS], 0, -1
        for step, begins, number in events:
            while step > now:
                ids.append(TIME_SHIFT + min(step - now, MAX_SHIFT))
                now += min(step - now, MAX_SHIFT)
            _, pitch, velocity, _ = notes[number]
            if begins and (velocity - 1) // 4 != velocity_bin:
                velocity_bin = (velocity - 1) // 4
                ids.append(VELOCITY + velocity_bin)
            ids.append((NOTE_ON if begins else NOTE_OFF) + pitch)
        return [*ids, END]


def _on_time(track: Any) -> list[tuple[int, Any]]:
    """Messages with their times; at one tick, the pedal comes before the keys."""
    now, microseconds, timed = 0, 500_000, list[tuple[int, Any]]()
    for message in track:
        now += message.time * microseconds
        if message.type == "set_tempo":
            microseconds = message.tempo
        timed.append((now, message))
    return sorted(timed, key=lambda place: (place[0], place[1].type != "control_change"))


def _methods() -> dict[str, Callable[[Path], object]]:
    methods: dict[str, Callable[[Path], object]] = {
        "ours": by_ours,
        "  of this, reading and parsing": lambda file: symusic.Score.from_midi(file.read_bytes()),
        "  of this, the check before it": lambda file: midi_scan.scan_midi(file.read_bytes(), ""),
        "  of this, Score to ids": lambda file: PerformanceTokenizer().encode(_SCORES[file]),
        "mido": by_mido,
    }
    if importlib.util.find_spec("miditok") is None:
        print("MidiTok is not installed: pip install miditok")
        return methods
    return methods | {"MidiTok MIDILike": importlib.import_module("miditok").MIDILike()}


class _Scores(dict[Path, Any]):
    """The Score of the last file that was asked for."""

    def __missing__(self, file: Path) -> Any:
        self.clear()
        self[file] = read_score(file)
        return self[file]


_SCORES = _Scores()


def _timed(method: Callable[[Path], object], file: Path) -> float:
    _ = _SCORES[file]
    start = process_time()
    method(file)
    return process_time() - start


def _print(seconds: dict[str, float], num_files: int, num_notes: int) -> None:
    print(f"{num_files} files, {num_notes:,} notes")
    print(f"{'':32}{'ms a file':>10}{'ours is':>16}{'notes a second':>18}{'share':>8}")
    ours = seconds["ours"]
    for name, total in seconds.items():
        part = name.startswith(" ")
        ratio = "" if part or name == "ours" else f"{total / ours:.1f} x as fast"
        rate = "" if part else f"{num_notes / total:,.0f}"
        share = f"{total / ours:.0%}" if part else ""
        print(f"{name:32}{1e3 * total / num_files:10.2f}{ratio:>16}{rate:>18}{share:>8}")


if __name__ == "__main__":
    main()
