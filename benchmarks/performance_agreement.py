"""What the performance tokens keep of MAESTRO, and where they differ from those of an independent encoder.

    python benchmarks/performance_agreement.py

Needs RITORNELLO_DATA with ``maestro-v3.0.0-test-midi`` and ``maestro-v3.0.0-tokens388``. Prints, for the 177 test
performances: how far times move in a round trip of the performance with its pedal folded in; how many pieces have the
tokens of the other encoder, and of which kind each difference is. Then, for all pieces of all splits, whether decoding
the other encoder's tokens and encoding again gives the same tokens. ``docs/performance-tokens.md`` explains the kinds.
"""

from __future__ import annotations

import csv
import lzma
from collections import Counter
from pathlib import Path

import numpy as np

from ritornello.data.corpora.archive import corpus_folder
from ritornello.scores import Score, read_score
from ritornello.scores.clock import Clock
from ritornello.scores.score import IntArray
from ritornello.scores.sustain import sustained
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.note_duration import NoteDurationTokenizer
from ritornello.tokenizers.performance import BOS, END, TIME_SHIFT, VELOCITY, PerformanceTokenizer
from ritornello.tokenizers.performance_grid import STEPS_PER_SECOND, GridNotes, grid_notes

EVENTS, DURATIONS = PerformanceTokenizer(), NoteDurationTokenizer()
TOLERANCE_SECONDS = 0.005 + 1e-9


def main() -> None:
    """Prints the three parts."""
    tokens = corpus_folder(None, "maestro-v3.0.0-tokens388")
    midi = corpus_folder(None, "maestro-v3.0.0-test-midi")
    kept, kinds = Counter[str](), Counter[str]()
    for name, theirs in pieces(tokens, "test"):
        score = read_score(midi / name)
        _count_kept(score, kept)
        _count_kinds(score, theirs, kinds)
    _print("Round trip of the test performances", kept)
    _print("Against the tokens of an independent encoder", kinds)
    _print("Their tokens decoded and encoded again", _count_again(tokens))


def pieces(folder: Path, split: str) -> list[tuple[str, IntArray]]:
    """(Name of the MIDI file, ids of the project's vocabulary) of every piece of a split."""
    with lzma.open(folder / f"{split}.npy.xz") as file:
        events = np.load(file, allow_pickle=False)
    with (folder / "index.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    places = [(row["midi_filename"], int(row["offset"]), int(row["n_tokens"])) for row in rows]
    return [
        (name, np.concatenate([[BOS], events[start : start + length].astype(np.int64) + 3, [END]]))
        for name, start, length in places
    ]


def _count_kept(score: Score, kept: Counter[str]) -> None:
    """One piece through both schemes and back, against its own notes in exact seconds."""
    (part,) = score.parts
    notes, clock = sustained(part), Clock.of(score)
    for scheme in (EVENTS, DURATIONS):
        encoded = scheme.encode(score)
        decoded = scheme.decode(encoded)
        back, grid = decoded.parts[0].notes, Clock.of(decoded)
        kept[f"{scheme.name}: pieces"] += 1
        kept[f"{scheme.name}: encoding again gives the same tokens"] += scheme.encode(decoded) == encoded
        kept[f"{scheme.name}: notes"] += len(notes)
        if len(back) != len(notes) or not np.array_equal(back.pitch, notes.pitch):
            kept[f"{scheme.name}: pieces with other notes"] += 1
            continue
        kept[f"{scheme.name}: other velocity bin"] += int(((back.velocity - 1) // 4 != (notes.velocity - 1) // 4).sum())
        onsets = np.abs(grid.seconds(back.onset_ticks) - clock.seconds(notes.onset_ticks))
        ends = np.abs(grid.seconds(back.offset_ticks) - clock.seconds(notes.offset_ticks))
        late = ends > TOLERANCE_SECONDS
        short = notes.duration_ticks / score.ticks_per_beat / 2 < 1 / STEPS_PER_SECOND
        kept[f"{scheme.name}: onsets off by more than 5 ms"] += int((onsets > TOLERANCE_SECONDS).sum())
        kept[f"{scheme.name}: ends off by more than 5 ms, of notes shorter than 10 ms"] += int((late & short).sum())
        kept[f"{scheme.name}: ends off by more than 5 ms, of other notes"] += int((late & ~short).sum())


def _count_kinds(score: Score, theirs: IntArray, kinds: Counter[str]) -> None:
    """Where the tokens of one piece differ, note by note."""
    ours = EVENTS.encode(score).ids
    kinds["pieces"] += 1
    kinds["pieces with the same tokens"] += np.array_equal(ours, theirs)
    kinds["tokens, ours"] += len(ours) - 2
    kinds["tokens, theirs"] += len(theirs) - 2
    kinds["tokens of ours that stand nowhere at that time in theirs"] += _num_others(ours, theirs)
    mine, other = grid_notes(score), grid_notes(EVENTS.decode(Tokens(theirs, EVENTS.vocabulary.hash)))
    if not np.array_equal(np.sort(mine.pitch), np.sort(other.pitch)):
        kinds["pieces with other notes"] += 1
        return
    by_pitch, others = _by_pitch(mine), _by_pitch(other)
    kinds["notes"] += len(mine)
    kinds["notes with another velocity bin"] += int((mine.velocity_bin[by_pitch] != other.velocity_bin[others]).sum())
    notes = sustained(score.parts[0])
    for name, ticks in (("onset", notes.onset_ticks), ("end", notes.offset_ticks)):
        steps, their_steps = getattr(mine, f"{name}_steps")[by_pitch], getattr(other, f"{name}_steps")[others]
        moved = steps != their_steps
        halves = _is_half_step(score, ticks)[by_pitch]
        kinds[f"{name}s that are exactly half a step"] += int(halves.sum())
        kinds[f"{name}s one step away from theirs, exactly half a step"] += int((moved & halves).sum())
        kinds[f"{name}s elsewhere for another reason"] += int((moved & ~halves).sum())


def _num_others(ours: IntArray, theirs: IntArray) -> int:
    keys: list[IntArray] = []
    for ids in (ours, theirs):
        shifts = np.where((ids > TIME_SHIFT) & (ids < VELOCITY), ids - TIME_SHIFT, 0)
        keys.append((np.cumsum(shifts) - shifts) * len(EVENTS.vocabulary) + ids)
    return len(np.setdiff1d(keys[0], keys[1]))


def _by_pitch(notes: GridNotes) -> IntArray:
    return np.lexsort((notes.onset_steps, notes.pitch))


def _is_half_step(score: Score, ticks: IntArray) -> np.ndarray:
    """Whether a time lies exactly between two steps."""
    microseconds = int(Clock.of(score).microseconds_per_beat[0])
    assert len(score.tempos) <= 1, "MAESTRO has one tempo"
    double = 2 * STEPS_PER_SECOND * ticks * microseconds
    second = 1_000_000 * score.ticks_per_beat
    return (double % second == 0) & (double // second % 2 == 1)


def _count_again(folder: Path) -> Counter[str]:
    counts = Counter[str]()
    for split in ("train", "validation", "test"):
        for _, ids in pieces(folder, split):
            again = EVENTS.encode(EVENTS.decode(Tokens(ids, EVENTS.vocabulary.hash))).ids
            counts[f"{split}: pieces"] += 1
            counts[f"{split}: pieces with the same tokens"] += np.array_equal(again, ids)
    return counts


def _print(title: str, counts: Counter[str]) -> None:
    print(f"\n{title}")
    for name, count in counts.items():
        print(f"  {name:75}{count:>10,}")


if __name__ == "__main__":
    main()
