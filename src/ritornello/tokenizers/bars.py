"""The bar-based scheme: several parts, bar by bar, each note with its length.

    BOS PROGRAM+ ( BAR [LENGTH] [KEY] place* )+ END
    place = POSITION [TEMPO] [CHORD] ( PART ( [VELOCITY] PITCH DURATION )+ )*

* **PROGRAM**: the instrument (General MIDI) of each part, from the top down; at most 16 parts, so that no score of the
  corpora has to be folded. It says how many parts there are.
* **BAR** names the metre and begins every bar. A bar shorter than its metre (a pickup, the halves of a bar that a
  repeat divides, a last bar) says its LENGTH in 32nds; its positions count from its own barline.
* **KEY**: the key signature from this bar on.
* **POSITION**: 24ths of a quarter note from the barline. **TEMPO**: from here on, in 32 bins. **CHORD**: a chord symbol
  from here on, where the piece has them.
* **PART**, then its notes at this place. **DURATION** is the whole length, across barlines too: no ties. **VELOCITY**
  holds for the part until it is said again, and is bin 11 (89-96) at first: scores without dynamics have none.

What holds already is not said again. Places ascend within a bar, parts at a place, pitches in a part; a part does not
strike a pitch that it still sounds; a place is not empty. So a piece has one way to be written, and what the grammar
allows always decodes to as many bars as were written. (Only a note that is longer than the piece goes on is cut when
decoded: how many bars will follow is not known when it is written.) ``bars_grid`` says how a Score comes onto the grid.

**Source**: bars, positions and durations follow REMI (Huang and Yang, "Pop Music Transformer", arXiv 2002.00212) and
REMI+ (von Ruette et al., arXiv 2201.10936). **Departures**: the metre is in the bar token; a place is said once for all
parts and a part once for all its notes there; velocities, tempos and chords are said where they change; the grid is
24 to a quarter note; bars may be short.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.score import IntArray, Notes, Score
from ritornello.tokenizers.bars_cursor import BarsCursor
from ritornello.tokenizers.bars_grid import (
    MAX_STEPS,
    Changes,
    GridBars,
    GridNotes,
    GridPiece,
    grid_piece,
    score_of,
    settled,
)
from ritornello.tokenizers.bars_order import place_in_order
from ritornello.tokenizers.bars_words import (
    BAR,
    BAR_STEPS,
    BEGINS_BAR_V,
    BOS,
    CHORD,
    DEFAULT_VELOCITY,
    DURATION,
    END,
    FAMILY_V,
    KEY,
    LENGTH,
    NUM_TOKENS,
    PART,
    PITCH,
    POSITION,
    PROGRAM,
    STEPS_PER_LENGTH,
    TEMPO,
    VELOCITIES_PER_BIN,
    VELOCITY,
    VOCABULARY,
    transposition,
)
from ritornello.tokenizers.base import Tokens, check_vocabulary, mask_after

_WHERE = "bars tokens"


class BarsTokenizer:
    """Scores of several parts to bars of tokens and back."""

    name = "bars"
    vocabulary = VOCABULARY
    begins_bar_V = BEGINS_BAR_V
    """Which tokens begin a bar."""

    def encode(self, music: Score) -> Tokens:
        """Score to tokens, from BOS to END; raises UserError for what breaks the limits or has no parts."""
        return Tokens(_write(grid_piece(music)), self.vocabulary.hash)

    def decode(self, tokens: Tokens) -> Score:
        """Tokens to a Score; an unfinished note is left out, unfinished bars are filled up with rests.

        Raises UserError for other ids, notes outside a part or bar, or too much music.
        """
        check_vocabulary(tokens, self.vocabulary, _WHERE)
        return score_of(_read(tokens.ids))

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which ids (V,) may follow; walks over the prefix, so generation keeps a cursor instead."""
        return mask_after(self.cursor(), prefix)

    def cursor(self) -> BarsCursor:
        """A cursor before BOS."""
        return BarsCursor()

    def transposed(self, semitones: int) -> IntArray:
        """Id -> id (V,) after moving the music by ``semitones``; -1 where a pitch leaves 0-127."""
        return transposition(semitones)

    def places(self, ids: IntArray) -> IntArray:
        """For each token (T, 3) the bar, the steps from the beginning of the piece, and the part that it speaks of.

        Bars count from 0, -1 before the first; parts likewise, -1 where a token speaks of none. END stands at the end.
        Whole pieces and beginnings of pieces can be asked; it looks at nothing to come but the LENGTH behind a BAR.
        """
        return _places(ids)


class EvenBarsTokenizer(BarsTokenizer):
    """The same without dynamics: no VELOCITY, all notes equally loud. A sixth fewer tokens where they were played."""

    name = "bars_even"

    def encode(self, music: Score) -> Tokens:
        """Score to tokens, whatever its velocities."""
        return super().encode(without_dynamics(music))

    def cursor(self) -> BarsCursor:
        """A cursor before BOS."""
        return BarsCursor(has_dynamics=False)


def quantize(score: Score) -> Score:
    """The Score on the grid of this scheme: what ``decode(encode(score))`` gives back."""
    return score_of(grid_piece(score))


def without_dynamics(score: Score) -> Score:
    """The Score with all notes as loud as those before any VELOCITY."""
    return replace(score, parts=tuple(replace(part, notes=_even(part.notes)) for part in score.parts))


def _even(notes: Notes) -> Notes:
    velocity = np.full(len(notes), DEFAULT_VELOCITY * VELOCITIES_PER_BIN + VELOCITIES_PER_BIN // 2)
    return Notes.columns(notes.onset_ticks, notes.duration_ticks, notes.pitch, velocity)


def _write(piece: GridPiece) -> IntArray:
    """A piece on the grid to ids: every token gets a place in the order of time and grammar, then they are sorted."""
    notes, bars = piece.notes, piece.bars
    barlines = bars.start_steps[:-1]
    ids: list[IntArray] = []
    keys: list[IntArray] = []

    def say(tokens: IntArray, steps: IntArray, part: IntArray | int = 0, pitch: IntArray | int = 0) -> None:
        ids.append(tokens)
        keys.append(place_in_order(tokens, steps, part, pitch))

    say(BAR + bars.metre, barlines)
    short = bars.is_short
    say(LENGTH + bars.steps[short] // STEPS_PER_LENGTH - 1, barlines[short])
    key_bars, key_values = _columns(piece.keys)
    say(KEY + key_values, barlines[key_bars])
    changes = [(TEMPO, *_columns(piece.tempos)), (CHORD, *_columns(piece.chords))]
    for family, steps, values in changes:
        say(family + values, steps)
    places = np.unique(np.concatenate([notes.onset_steps, *(steps for _, steps, _ in changes)]))
    say(POSITION + places - barlines[np.searchsorted(barlines, places, side="right") - 1], places)
    begins = (np.diff(notes.onset_steps, prepend=-1) != 0) | (np.diff(notes.part, prepend=-1) != 0)
    say(PART + notes.part[begins], notes.onset_steps[begins], notes.part[begins])
    louder = _changes_of_velocity(notes)
    velocities = VELOCITY + notes.velocity_bin[louder]
    say(velocities, notes.onset_steps[louder], notes.part[louder], notes.pitch[louder])
    say(PITCH + notes.pitch, notes.onset_steps, notes.part, notes.pitch)
    say(DURATION + notes.duration, notes.onset_steps, notes.part, notes.pitch)
    body = np.concatenate(ids)[np.argsort(np.concatenate(keys), kind="stable")]
    return np.concatenate([[BOS], PROGRAM + np.array(piece.programs), body, [END]])


def _columns(changes: Changes) -> tuple[IntArray, IntArray]:
    table = np.array(changes, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _changes_of_velocity(notes: GridNotes) -> NDArray[np.bool_]:
    """Which notes (N,) are not as loud as the one before in their part."""
    order = np.argsort(notes.part, kind="stable")
    part, velocity = notes.part[order], notes.velocity_bin[order]
    before = np.append(DEFAULT_VELOCITY, velocity[:-1])
    before[np.diff(part, prepend=-1) != 0] = DEFAULT_VELOCITY
    changes = np.zeros(len(notes), dtype=np.bool_)
    changes[order] = velocity != before
    return changes


def _read(ids: IntArray) -> GridPiece:
    """Ids (T,) to a piece on the grid."""
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < NUM_TOKENS:
        raise UserError("an id that is no token", where=_WHERE, limit=f"0 to {NUM_TOKENS - 1}")
    families = FAMILY_V[ids]
    bars = _read_bars(ids, families)
    end_step = int(bars.start_steps[-1])
    limits.check_count("bars", len(bars.metre), limits.MAX_BARS, _WHERE)
    if end_step > MAX_STEPS:
        raise limits.too_large("the piece", end_step, MAX_STEPS, _WHERE, unit="steps")
    places = _places(ids)
    programs = tuple((ids[families == PROGRAM] - PROGRAM).tolist())
    notes = _read_notes(ids, families, places, len(programs), end_step)

    def changes(family: int, column: int) -> Changes:
        at = np.flatnonzero(families == family)
        return tuple(zip(places[at, column].tolist(), (ids[at] - family).tolist(), strict=True))

    return GridPiece(programs, bars, notes, changes(KEY, 0), changes(TEMPO, 1), changes(CHORD, 1))


def _read_bars(ids: IntArray, families: IntArray) -> GridBars:
    at = np.flatnonzero(families == BAR)
    metre = ids[at] - BAR
    following = np.append(ids, END)[at + 1]
    is_short = np.append(families, END)[at + 1] == LENGTH
    return GridBars(metre, np.where(is_short, STEPS_PER_LENGTH * (following - LENGTH + 1), BAR_STEPS[metre]))


def _read_notes(ids: IntArray, families: IntArray, places: IntArray, num_parts: int, end_step: int) -> GridNotes:
    at = np.flatnonzero((families[:-1] == PITCH) & (families[1:] == DURATION))
    limits.check_count("notes", len(at), limits.MAX_NOTES, _WHERE)
    bar, onset, part = places[at].T
    if len(at) and not (bar.min() >= 0 and 0 <= part.min() <= part.max() < num_parts and onset.max() < end_step):
        raise UserError("a note stands outside a bar or a part", where=_WHERE)
    velocity = np.full(len(at), DEFAULT_VELOCITY)
    velocity_at = np.flatnonzero(families == VELOCITY)
    for number in range(num_parts):
        said, mine = velocity_at[places[velocity_at, 2] == number], part == number
        values = np.append(DEFAULT_VELOCITY, ids[said] - VELOCITY)
        velocity[mine] = values[np.searchsorted(said, at[mine])]
    return settled(GridNotes(onset, part, ids[at] - PITCH, ids[at + 1] - DURATION, velocity), end_step)


def _places(ids: IntArray) -> IntArray:
    families = FAMILY_V[ids]
    starts = _read_bars(ids, families).start_steps
    number = np.arange(len(ids))

    def last(family: int) -> IntArray:
        """For each token where the last one of a family stands, itself included; -1 = nowhere."""
        return np.maximum.accumulate(np.where(families == family, number, -1))

    bar = np.cumsum(families == BAR) - 1
    bar_at, position_at, part_at = last(BAR), last(POSITION), last(PART)
    position = np.where(position_at > bar_at, ids[position_at] - POSITION, 0)
    part = np.where((part_at > position_at) & (part_at > bar_at), ids[part_at] - PART, -1)
    in_header = families == PROGRAM
    part[in_header] = np.arange(np.count_nonzero(in_header))
    is_end = families == END
    part[is_end] = -1
    steps = np.where(is_end, starts[-1], starts[np.maximum(bar, 0)] + position)
    return np.stack([bar, steps, part], axis=1)
