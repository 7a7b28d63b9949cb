"""Whether an edit leaves everything else as it was: random regions of held-out pieces.

    python benchmarks/edits.py --song FOLDER --bach FOLDER [--regions 200] [--drafts 1]

FOLDER is what ``ritornello edit --weights`` takes. Pieces are drawn from the test songs of ``pop909_cl`` and the test
pieces of ``bach_mutopia`` (needs RITORNELLO_DATA), regions of one to sixteen bars from all their bars; the fewer bars
the likelier, so that it ends in time. In every third edit one or more of the parts are locked. Each edit is made of the
piece's MIDI file, as the command makes it, and looked at in the notes of the score, in those read from the new file,
and in the file's events: all that begins outside the region must be as it was, in order, tick and byte. How it stands
is said on stderr after every ten.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections import Counter, defaultdict, deque
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from ritornello.data.corpora import CORPORA
from ritornello.errors import UserError
from ritornello.form.analyse import analyse
from ritornello.form.plan import Plan
from ritornello.form.style import Style
from ritornello.generation.edit import Span, bars_span, edit
from ritornello.generation.levels import load_notes
from ritornello.models.base import LanguageModel
from ritornello.scores.midi import format_midi, parse_midi
from ritornello.scores.midi_revision import revise_midi
from ritornello.scores.score import Notes, Score

CORPUS = {"song": "pop909_cl", "bach": "bach_mutopia"}
MOST_BARS = 16
NUM_PIECES = 10
"""Of each style; the regions are theirs in turn."""


class Source(NamedTuple):
    """A piece as it lies in a MIDI file."""

    data: bytes
    score: Score
    plan: Plan


def sources(style: str, random: np.random.Generator) -> list[Source]:
    """Some test pieces of a style."""
    pieces = [piece for piece in CORPORA[CORPUS[style]].pieces(None) if piece.split == "test"]
    order: list[int] = random.permutation(len(pieces)).tolist()
    found: list[Source] = []
    for number in order:
        try:
            data = format_midi(pieces[number].load())
            score = parse_midi(data)
            plan = analyse(score).model_copy(update={"style": style})
        except UserError:
            continue
        if len(score.parts) > 1 and len(score.bars()) > 2:
            found.append(Source(data, score, plan))
        if len(found) == NUM_PIECES:
            break
    return found


def region(score: Score, random: np.random.Generator) -> Span:
    """One to sixteen bars anywhere in a piece."""
    first = 0 if score.pickup_ticks else 1
    last = first + len(score.bars()) - 1
    length = min(int(random.geometric(0.5)), MOST_BARS, last - first + 1)
    start = int(random.integers(first, last - length + 2))
    return bars_span(score, start, start + length - 1)


def outside(notes: Notes, span: Span) -> list[tuple[int, int, int, int]]:
    """The notes that begin outside a region."""
    return [row for row in notes.rows() if not span.start <= row[0] < span.end]


def events_outside(data: bytes, span: Span) -> list[list[tuple[int, bytes]]]:
    """Per track the tick and bytes of all events but note events of the region and the end of the track."""
    import mido  # pyright: ignore[reportMissingTypeStubs]

    file: Any = mido.MidiFile(file=io.BytesIO(data))
    tracks: list[list[tuple[int, bytes]]] = []
    for track in file.tracks:
        ticks, found = 0, list[tuple[int, bytes]]()
        # Of a pitch, the first to begin is the first to end.
        sounding = defaultdict[tuple[int, int], deque[bool]](deque)
        for message in track:
            ticks += message.time
            if message.type in {"note_on", "note_off"}:
                key = (message.channel, message.note)
                if message.type == "note_on" and message.velocity > 0:
                    of_region = span.start <= ticks < span.end
                    sounding[key].append(of_region)
                else:
                    of_region = bool(sounding[key]) and sounding[key].popleft()
                if of_region:
                    continue
            if message.type != "end_of_track":
                found.append((ticks, bytes(message.bytes())))
        tracks.append(found)
    return tracks


def check(
    source: Source, model: LanguageModel, span: Span, locked: frozenset[int], seed: int, drafts: int
) -> Counter[str]:
    """One edit: what of it is as it must be, by name."""
    made = edit(source.score, source.plan, model, span, seed, locked=locked, num_drafts=drafts)
    data = revise_midi(source.data, made.score)
    read = parse_midi(data)
    pairs = list(zip(source.score.parts, made.score.parts, strict=True))
    again = [outside(part.notes, span) for part in read.parts]
    was = [outside(part.notes, span) for part in source.score.parts]
    held = {
        "edits": True,
        "notes outside identical": all(outside(old.notes, span) == outside(new.notes, span) for old, new in pairs),
        "notes outside identical in the file": [rows for rows in again if rows] == [rows for rows in was if rows],
        "events outside identical in the file": events_outside(data, span) == events_outside(source.data, span),
        "same bars": made.score.bars() == source.score.bars(),
        "with locked parts": bool(locked),
        "locked parts identical": bool(locked) and all(pairs[part][0].notes == pairs[part][1].notes for part in locked),
        "no new note beyond the region": all(
            row[0] + row[1] <= span.end for old, new in pairs for row in set(new.notes.rows()) - set(old.notes.rows())
        ),
        "region is other music": any(old.notes != new.notes for old, new in pairs),
        "the file unchanged if nothing is": revise_midi(source.data, source.score) == source.data,
    }
    return Counter({name: int(value) for name, value in held.items()})


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--song", type=Path)
    options.add_argument("--bach", type=Path)
    options.add_argument("--regions", type=int, default=200)
    options.add_argument("--drafts", type=int, default=1)
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    folders = {style: getattr(asked, style) for style in CORPUS if getattr(asked, style) is not None}
    for place, (style, folder) in enumerate(folders.items()):
        random = np.random.default_rng([asked.seed, place])
        model, pieces = load_notes(folder, cast("Style", style)), sources(style, random)
        share = asked.regions * (place + 1) // len(folders) - asked.regions * place // len(folders)
        held, seconds, num_bars = Counter[str](), list[float](), 0
        for number in range(share):
            source = pieces[number % len(pieces)]
            span = region(source.score, random)
            num_parts = len(source.score.parts)
            count = int(random.integers(1, num_parts)) if number % 3 == 0 else 0
            locked = frozenset(random.choice(num_parts, count, replace=False).tolist())
            start = time.process_time()
            held += check(source, model, span, locked, number, asked.drafts)
            seconds.append(time.process_time() - start)
            num_bars += sum(span.start <= bar < span.end for bar, _ in source.score.bars())
            if held["edits"] % 10 == 0:
                print(f"{style}: {dict(held)}", file=sys.stderr, flush=True)
        print(f"{style}: {len(pieces)} pieces, {num_bars / share:.1f} bars a region")
        for name, count in held.items():
            print(f"  {name:40} {count:4}")
        print(f"  seconds of processor time an edit: median {np.median(seconds):.1f}, longest {max(seconds):.1f}")


if __name__ == "__main__":
    main()
