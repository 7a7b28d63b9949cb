"""What a Plan says of every token of a piece in bars (scheme ``bars_even``), and which earlier token it derives from.

Two things are known when token t + 1 is to be written: the *place* that token t has reached (bar, position, part), and
what the plan says of that place. Row t of the channels says both. The plan speaks of sixteenths (*frames*) as it does
to chorales; beside its channels stand those of long forms: how far the section has come, which statement of its
material it is, how many sections are left, how far back its source lies.

**Source token**: the plan names for every frame the earlier frame from which it derives. What comes after token t is
then likely what comes, in the source, after the same place: the first token there that stands behind token t in the
order of time and grammar (step, part, pitch), the pitch moved by the plan's transposition. It is always an earlier
token, and copying it over and over writes the source again, token by token; where the music goes its own way the
pointer goes on with the time.

Shapes: T tokens, F frames, C channels.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from ritornello.form.grid import FRAMES_PER_BEAT, grid_of_plan, section_ranges, to_frames
from ritornello.form.letters import CAPITALS, INTRODUCTION, OUTRO
from ritornello.form.plan import MAX_SECTIONS, Plan
from ritornello.scores.score import IntArray
from ritornello.tokenizers import chorale_conditions
from ritornello.tokenizers.bars_cursor import BarsCursor
from ritornello.tokenizers.bars_grid import MAX_STEPS
from ritornello.tokenizers.bars_order import place_in_order
from ritornello.tokenizers.bars_words import BAR, BAR_STEPS, DURATION, END, FAMILY_V, MAX_PARTS, PITCH, STEPS_PER_BEAT

STEPS_PER_FRAME = STEPS_PER_BEAT // FRAMES_PER_BEAT
NO_SOURCE = -1
_NOWHERE = MAX_STEPS + 1
"""The step from which music derives that has no source: behind all that can be written."""
_FARTHEST_BAR, _MOST_STATEMENTS, _MOST_SECTIONS_LEFT = 31, 4, 7

PLACE_CHANNELS = {
    "sixteenth": 1 + 48,  # since the barline
    "step": 1 + STEPS_PER_FRAME,  # within it
    "part": 1 + 1 + MAX_PARTS,  # none yet at this position, then the parts
}
"""What is known without a plan. Name -> number of values, 0 where nothing is known."""
_OF_CHORALES = {name: size for name, size in chorale_conditions.CHANNELS.items() if name != "bar_position"}
_OF_SECTIONS = {
    "section_number": 1 + MAX_SECTIONS,
    "bar": 1 + _FARTHEST_BAR + 1,  # of the section, from 0
    "bars_left": 1 + _FARTHEST_BAR + 1,  # after this one
    "statement": 1 + _MOST_STATEMENTS + 1,  # how many sections of this letter came before
    "letter_kind": 1 + 4,  # introduction, with melody, without, end
    "sections_left": 1 + _MOST_SECTIONS_LEFT + 1,
    "source_distance": 1 + 8,  # bars back to the source, doubling
}
CHANNELS = PLACE_CHANNELS | _OF_CHORALES | _OF_SECTIONS
"""All channels, those of the place first."""
CONDITION_SIZES = tuple(CHANNELS.values())
SECTION_CHANNEL = list(CHANNELS).index("section_number")
SHIFT_CHANNEL = list(CHANNELS).index("shift")


class Place(NamedTuple):
    """Of what tokens (T,) speak, or one token."""

    bar: IntArray | int
    """-1 in the header."""
    steps: IntArray | int
    """From the beginning of the piece."""
    position_steps: IntArray | int
    """From the barline."""
    part: IntArray | int
    """-1 where it speaks of none."""


class Guide:
    """A plan, frame by frame, as the tokens of its piece are told of it. Metre, pickup and sections must be set."""

    def __init__(self, plan: Plan) -> None:
        self.channels_FC: IntArray = np.hstack([chorale_conditions.frame_channels(plan)[:, 1:], _of_sections(plan)])
        source_F: IntArray = chorale_conditions.frame_sources(plan)
        self.source_steps_F: IntArray = np.where(source_F < 0, _NOWHERE, STEPS_PER_FRAME * source_F)
        shift_F = self.channels_FC[:, SHIFT_CHANNEL - len(PLACE_CHANNELS)]
        self.semitones_F: IntArray = np.where(shift_F > 0, shift_F - chorale_conditions.SHIFT_ZERO, 0)
        bars_F = (np.arange(len(source_F)) - source_F) / to_frames(plan.bar_beats)
        column = list(CHANNELS).index("source_distance") - len(PLACE_CHANNELS)
        doublings_F: IntArray = np.log2(np.maximum(bars_F, 1)).astype(np.int64)
        self.channels_FC[:, column] = np.where(source_F < 0, 0, 1 + np.clip(doublings_F, 0, 7))

    def conditions(self, ids: IntArray, places: IntArray) -> tuple[IntArray, IntArray]:
        """Channels (T, C) and source (T,) of a whole piece; row t speaks of token t + 1.

        Args:
            ids: (T,) from BOS to END.
            places: (T, 3) of them, see ``BarsTokenizer.places``. What lies behind the plan's end is as its last frame.
        """
        bar, steps, part = places.T
        barline_steps = np.append(0, steps[FAMILY_V[ids] == BAR])[bar + 1]
        place = Place(bar, steps, steps - barline_steps, part)
        channels, own, wanted = self.said(ids, np.append(0, ids[:-1]), place)
        source: IntArray = np.searchsorted(own, wanted, side="right")
        source[source > np.arange(len(ids))] = NO_SOURCE
        channels[ids == END], source[ids == END] = 0, NO_SOURCE
        return channels, source

    def said(self, tokens: IntArray | int, before: IntArray | int, place: Place) -> tuple[IntArray, IntArray, IntArray]:
        """What is known behind each token (T,), or behind one.

        Args:
            tokens: (T,), or one.
            before: the token before each.
            place: of what each speaks.

        Returns:
            The channels (T, C) of the next token; where the token stands in the order of time and grammar (T,), -1 in
            the header; and where it stands in its source (T,), behind all that can be written if it has none.
        """
        bar, steps, position_steps, part = place
        pitch = tokens + (tokens >= DURATION) * (before - tokens) - PITCH
        is_music = bar >= 0
        frames = np.minimum(steps // STEPS_PER_FRAME, len(self.source_steps_F) - 1)
        reached = _PLACE_CHANNELS[(part + 2) * is_music, position_steps]
        channels = np.concatenate([reached, self.channels_FC[frames]], axis=-1)
        own = (place_in_order(tokens, steps, part, pitch) + 1) * is_music - 1
        source_steps = self.source_steps_F[frames] + steps % STEPS_PER_FRAME
        return channels, own, place_in_order(tokens, source_steps, part, pitch - self.semitones_F[frames])


def silent_guide(plan: Plan) -> Guide:
    """One that says nothing of the plan: for models that were trained without."""
    guide = Guide(plan)
    guide.channels_FC = np.zeros_like(guide.channels_FC)
    guide.source_steps_F = np.full_like(guide.source_steps_F, _NOWHERE)
    return guide


class Row(NamedTuple):
    """What is said of the token to come."""

    channels_C: IntArray
    source: int


class Follower:
    """The same token by token, for composing: ``feed`` what was written, then ask for the row of what is to come."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self._keys: list[int] = []
        self._last = 0

    def copy(self) -> Follower:
        """One that can go another way."""
        other = Follower(self.guide)
        other._keys, other._last = self._keys.copy(), self._last
        return other

    def feed(self, token: int, cursor: BarsCursor) -> Row:
        """Takes a token that ``cursor`` has taken already; what is said of the next one."""
        place = Place(cursor.bar, cursor.now_steps, max(0, cursor.position_steps), cursor.part)
        channels, own, wanted = self.guide.said(token, self._last, place)
        self._last = token
        self._keys.append(int(own))
        source = bisect_right(self._keys, int(wanted))
        return Row(channels, source if source < len(self._keys) else NO_SOURCE)


def _of_sections(plan: Plan) -> IntArray:
    """The channels of ``_OF_SECTIONS`` (F, C), the distance of the source left open."""
    grid, sections = grid_of_plan(plan), plan.sections or ()
    table = np.zeros((grid.num_frames, len(_OF_SECTIONS)), dtype=np.int64)
    seen: dict[str, int] = {}
    for number, (section, span) in enumerate(zip(sections, section_ranges(plan), strict=True)):
        frames = np.arange(*span)
        bars = (frames - span[0]) // grid.bar_frames
        statement = seen.get(section.letter, 0)
        seen[section.letter] = statement + 1
        left = len(sections) - 1 - number
        table[span[0] : span[1], 0] = 1 + min(number, MAX_SECTIONS - 1)
        table[span[0] : span[1], 1] = 1 + np.minimum(bars, _FARTHEST_BAR)
        table[span[0] : span[1], 2] = 1 + np.clip(section.bars - 1 - bars, 0, _FARTHEST_BAR)
        table[span[0] : span[1], 3] = 1 + min(statement, _MOST_STATEMENTS)
        table[span[0] : span[1], 4] = _letter_kind(section.letter)
        table[span[0] : span[1], 5] = 1 + min(left, _MOST_SECTIONS_LEFT)
    return table


def _letter_kind(letter: str) -> int:
    """1 an introduction, 2 with melody, 3 without, 4 an end without."""
    if letter in (INTRODUCTION, OUTRO):
        return 1 if letter == INTRODUCTION else 4
    return 2 if letter in CAPITALS else 3


def _place_channels() -> IntArray:
    """The channels of a place (2 + parts, steps of a bar, 3): nothing is known, no part yet, part 0, ..."""
    steps = np.arange(int(BAR_STEPS.max()) + 1)
    table = np.zeros((PLACE_CHANNELS["part"], len(steps), len(PLACE_CHANNELS)), dtype=np.int64)
    table[1:, :, 0] = 1 + np.minimum(steps // STEPS_PER_FRAME, PLACE_CHANNELS["sixteenth"] - 2)
    table[1:, :, 1] = 1 + steps % STEPS_PER_FRAME
    table[1:, :, 2] = np.arange(1, len(table))[:, None]
    return table


_PLACE_CHANNELS = _place_channels()
