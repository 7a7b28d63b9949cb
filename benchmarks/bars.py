"""What the bar-based scheme keeps of two corpora, and how many tokens it takes, beside MidiTok's REMI.

    python benchmarks/bars.py [--corpora bach_mutopia mutopia pop909_cl] [--every N]

Needs RITORNELLO_DATA. Every piece that the corpus gives is encoded and decoded; a note is exact where its onset or
length comes back as it was. Notes that fall together on the grid (one part, onset and pitch) are counted as lost. REMI
is set to the same grid, metres, tempos, instruments (one stream) and 16 velocities, without chords, and reads the same
MIDI; it is left out, with a word, where MidiTok is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import numpy as np

from ritornello.data.corpora import CORPORA
from ritornello.errors import UserError
from ritornello.scores.clock import Clock
from ritornello.scores.midi import format_midi
from ritornello.scores.score import IntArray, Part, Score
from ritornello.tokenizers.bars import BarsTokenizer
from ritornello.tokenizers.bars_words import BAR, CHORD, DURATION, FAMILY_V, PART, POSITION, VELOCITY

STEPS = 24
KINDS = {"BAR": BAR, "POSITION": POSITION, "CHORD": CHORD, "PART": PART, "VELOCITY": VELOCITY, "DURATION": DURATION}


@dataclass
class Tally:
    """Sums over the pieces of a corpus."""

    lengths: list[int] = field(default_factory=list)
    remi_tokens: int = 0
    notes: int = 0
    lost: int = 0
    onset_errors: list[np.ndarray] = field(default_factory=list)
    duration_errors: list[np.ndarray] = field(default_factory=list)
    minutes: float = 0.0
    refused: int = 0
    seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def main() -> None:
    """Prints one column of figures a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", default=["bach_mutopia", "mutopia", "pop909_cl"])
    parser.add_argument("--every", type=int, default=1, help="only every N-th piece")
    options = parser.parse_args()
    remi = _remi()
    for name in options.corpora:
        _print(name, _tally(name, options.every, remi))


def _tally(name: str, every: int, remi: Callable[[Score], int] | None) -> Tally:
    tally, tokenizer = Tally(), BarsTokenizer()
    for score in _scores(name, every, tally):
        start = process_time()
        tokens = tokenizer.encode(score)
        tally.seconds += process_time() - start
        decoded = tokenizer.decode(tokens)
        tally.lengths.append(len(tokens))
        tally.notes += score.num_notes
        tally.lost += score.num_notes - decoded.num_notes
        tally.minutes += Clock.of(score).seconds(np.array([score.end_ticks])).item() / 60
        for before, after in zip(score.parts, decoded.parts, strict=True):
            _compare(before, after, score, tally)
        for kind, family in KINDS.items():
            tally.kinds[kind] += int(np.count_nonzero(FAMILY_V[tokens.ids] == family))
        if remi is not None:
            tally.remi_tokens += remi(score)
    return tally


def _scores(name: str, every: int, tally: Tally) -> Iterator[Score]:
    for number, piece in enumerate(CORPORA[name].pieces(None)):
        if number % every == 0:
            try:
                yield piece.load()
            except UserError:
                tally.refused += 1


def _compare(before: Part, after: Part, score: Score, tally: Tally) -> None:
    """By how many steps the onsets and lengths of a part's notes have moved."""
    notes, kept = before.notes, after.notes
    onset = notes.onset_ticks * STEPS / score.ticks_per_beat
    key = np.ceil(onset - 0.5).astype(np.int64) * 128 + notes.pitch
    kept_key = kept.onset_ticks * STEPS // 480 * 128 + kept.pitch
    longest = np.lexsort((-notes.duration_ticks, key))
    first = longest[np.unique(key[longest], return_index=True)[1]]
    place = np.minimum(np.searchsorted(kept_key, key[first]), len(kept_key) - 1)
    is_there = kept_key[place] == key[first] if len(kept_key) else np.zeros(0, dtype=bool)
    first, place = first[is_there], place[is_there]
    tally.onset_errors.append(np.abs(kept.onset_ticks[place] * STEPS / 480 - onset[first]))
    duration = notes.duration_ticks[first] * STEPS / score.ticks_per_beat
    tally.duration_errors.append(np.abs(kept.duration_ticks[place] * STEPS / 480 - duration))


def _remi() -> Callable[[Score], int] | None:
    if importlib.util.find_spec("miditok") is None:
        print("MidiTok is not installed: pip install miditok")
        return None
    import symusic

    miditok: Any = importlib.import_module("miditok")
    beats_of_unit = {2: 6, 4: 12, 8: 24, 16: 24}
    config = miditok.TokenizerConfig(
        pitch_range=(0, 127),
        beat_res={(0, 32): STEPS},
        num_velocities=16,
        num_tempos=32,
        use_tempos=True,
        use_time_signatures=True,
        use_programs=True,
        one_token_stream_for_programs=True,
        time_signature_range={unit: list(range(1, most + 1)) for unit, most in beats_of_unit.items()},
    )
    tokenizer = miditok.REMI(config)
    return lambda score: len(tokenizer.encode(symusic.Score.from_midi(format_midi(score))).ids)


def _exact(errors: list[np.ndarray]) -> tuple[float, float]:
    """Share without error, and the mean of the others in steps."""
    all_errors = np.concatenate(errors)
    wrong = all_errors[all_errors > 1e-9]
    return 1 - len(wrong) / len(all_errors), float(wrong.mean()) if len(wrong) else 0.0


def _print(name: str, tally: Tally) -> None:
    lengths: IntArray = np.array(tally.lengths)
    (onsets, onset_error), (durations, duration_error) = _exact(tally.onset_errors), _exact(tally.duration_errors)
    print(f"\n{name}: {len(lengths)} pieces, {tally.refused} refused, {tally.notes:,} notes, {lengths.sum():,} tokens")
    print(f"  notes that fall together      {tally.lost / tally.notes:.3%}")
    print(f"  onsets exact                  {onsets:.2%}, the others off by {onset_error:.2f} steps")
    print(f"  lengths exact                 {durations:.2%}, the others off by {duration_error:.2f} steps")
    print(f"  tokens a note                 {lengths.sum() / tally.notes:.3f}")
    if tally.remi_tokens:
        print(f"    MidiTok's REMI              {tally.remi_tokens / tally.notes:.3f}")
    shares = ", ".join(f"{kind} {count / tally.notes:.3f}" for kind, count in tally.kinds.items())
    print(f"    of ours                     {shares}")
    print(f"  tokens a minute               {lengths.sum() / tally.minutes:,.0f}")
    print(f"  tokens a piece                median {np.median(lengths):,.0f}, 95 % {np.percentile(lengths, 95):,.0f}, "
          f"most {lengths.max():,}")  # fmt: skip
    print(f"  encoded in                    {1e6 * tally.seconds / tally.notes:.1f} us a note")


if __name__ == "__main__":
    main()
