"""The structure scheme: the top level of a Plan, and the grammar of form.

    BOS MODE FIFTHS METRE PICKUP (LETTER PRIMES [MORE_BARS]* BARS DEGREE LOCAL REGISTER DENSITY)+ END

The home key is FIFTHS and MODE; a section's key is DEGREE (semitones above the home tonic) and LOCAL. Letters stand in
order of appearance, capitals (with melody) and small ones (without) apart, so ``V C V`` becomes ``A B A``; ``i`` and
``o``, an introduction and an end, stay what they are. A label that returns (same letter, same primes) is the same
music, so all that is said of it is forced; primes need an unvaried statement before. Where a piece ends is left to
composing, since every eighth chorale of Bach's ends elsewhere than in its home key.
Title, tempo and phrases are not part of this level: ``decode(encode(plan)) == top_level(plan)``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.form.grid import FRAMES_PER_BEAT, to_frames
from ritornello.form.key import Key
from ritornello.form.letters import CAPITALS, INTRODUCTION, LETTERS, MAX_PRIMES, OUTRO, SMALL, letters_like
from ritornello.form.plan import MAX_BARS, MAX_SECTIONS, Direction, Plan, Section
from ritornello.scores.score import IntArray, Mode
from ritornello.tokenizers.base import Tokens, Vocabulary, check_vocabulary
from ritornello.tokenizers.families import Family, mask_of
from ritornello.tokenizers.metres import FIFTHS_TOKENS, METRE_TOKENS, METRES, MODE_TOKENS, PICKUP_TOKENS, bar_frames

BARS_PER_TOKEN = 64
HEADER_SLOTS = ("bos", "mode", "fifths", "metre", "pickup")
SECTION_SLOTS = ("letter", "primes", "bars", "degree", "local", "register", "density")
SLOTS = (*HEADER_SLOTS, *SECTION_SLOTS)
STRUCTURE_NAMES = (
    *("PAD", "BOS", "END"),
    *(MODE_TOKENS + FIFTHS_TOKENS + METRE_TOKENS + PICKUP_TOKENS),
    *(f"LETTER_{letter}" for letter in LETTERS),
    *(f"PRIMES_{primes}" for primes in range(MAX_PRIMES + 1)),
    "MORE_BARS",
    *(f"BARS_{bars}" for bars in range(1, BARS_PER_TOKEN + 1)),
    *(f"DEGREE_{semitones}" for semitones in range(12)),
    *("LOCAL_major", "LOCAL_minor"),
    *(f"REGISTER_{direction}" for direction in get_args(Direction)),
    *(f"DENSITY_{direction}" for direction in get_args(Direction)),
)
_VOCABULARY = Vocabulary(STRUCTURE_NAMES)
BOS, END, MORE_BARS = (_VOCABULARY.ids[name] for name in ("BOS", "END", "MORE_BARS"))
MODE, FIFTHS, METRE, PICKUP, LETTER, PRIMES, BARS, DEGREE, LOCAL, REGISTER, DENSITY = (
    Family.of(_VOCABULARY, prefix)
    for prefix in ("MODE", "FIFTHS", "METRE", "PICKUP", *(slot.upper() for slot in SECTION_SLOTS))
)
_FAMILIES = (MODE, FIFTHS, METRE, PICKUP, LETTER, PRIMES, BARS, DEGREE, LOCAL, REGISTER, DENSITY)
_FAMILY: dict[str, Family] = dict(zip(SLOTS[1:], _FAMILIES, strict=True))


@dataclass(frozen=True, slots=True)
class Head:
    """What is said of one section; fields that are not said yet are None. ``bars`` counts while they are added."""

    letter: str
    primes: int | None = None
    bars: int = 0
    degree: int | None = None
    local: Mode | None = None
    register: Direction | None = None
    density: Direction | None = None
    ids: tuple[int, ...] = ()
    """Its tokens."""

    @property
    def label(self) -> str:
        """Letter and primes."""
        return self.letter + "'" * (self.primes or 0)


@dataclass(slots=True)
class StructureCursor:
    """Where a stream of tokens stands in the grammar. ``slot`` is the kind of the next token, or ``done``."""

    slot: str = "bos"
    mode: Mode | None = None
    fifths: int | None = None
    metre: str | None = None
    pickup_frames: int | None = None
    heads: list[Head] = field(default_factory=list[Head])
    """Sections; unless ``slot`` is letter or done, the last one is unfinished."""

    def feed(self, token: int) -> None:
        """Takes the next token, which must belong to the family of ``slot``."""
        match self.slot:
            case "bos":
                self.slot = "mode"
            case "mode":
                self.mode, self.slot = cast("Mode", MODE.value(token)), "fifths"
            case "fifths":
                self.fifths, self.slot = FIFTHS.number(token), "metre"
            case "metre":
                self.metre, self.slot = METRE.value(token), "pickup"
            case "pickup":
                self.pickup_frames, self.slot = PICKUP.number(token), "letter"
            case "letter" if token == END:
                self.slot = "done"
            case "letter":
                self.heads.append(Head(LETTER.value(token), ids=(token,)))
                self.slot = "primes"
            case _:
                self._feed_section(token)

    def allowed_ids(self) -> list[int]:
        """What may come next; nothing once it is done."""
        match self.slot:
            case "bos":
                return [BOS]
            case "pickup":
                assert self.metre is not None, "the metre comes before the pickup"
                return list(PICKUP.all)[: bar_frames(self.metre)]
            case "letter":
                return self._letters()
            case "primes":
                return self._primes()
            case "done":
                return []
            case _:
                return self._values()

    @property
    def finished_heads(self) -> list[Head]:
        """The sections of which everything is said."""
        return self.heads if self.slot in ("letter", "done") else self.heads[:-1]

    @property
    def home(self) -> Key | None:
        """The home key."""
        return None if self.fifths is None or self.mode is None else Key.from_fifths(self.fifths, self.mode)

    @property
    def returns(self) -> bool:
        """Whether the next token belongs to a section whose label was stated before, and so is forced."""
        return self.slot in SECTION_SLOTS[2:] and self._same_label() is not None

    def plan(self) -> Plan:
        """The finished sections as a Plan."""
        home = self.home
        sections = tuple(_section(head, home) for head in self.finished_heads if home is not None)
        pickup = None if self.pickup_frames is None else self.pickup_frames / FRAMES_PER_BEAT
        return Plan(key=home, metre=self.metre, pickup_beats=pickup, sections=sections or None)

    def features(self) -> list[int]:
        """The condition channels of the next token: its kind, the section's number, how many letters there are."""
        if self.slot == "done":
            return [0, 0, 0]
        number = len(self.finished_heads) if self.slot in SECTION_SLOTS else -1
        return [1 + SLOTS.index(self.slot), 1 + min(number, 15), 1 + min(len({head.letter for head in self.heads}), 8)]

    def _feed_section(self, token: int) -> None:
        head, slot = self.heads[-1], self.slot
        if token == MORE_BARS:
            self.heads[-1] = replace(head, bars=head.bars + BARS_PER_TOKEN, ids=(*head.ids, token))
            return
        value: object = _FAMILY[slot].value(token)
        if slot in ("primes", "bars", "degree"):
            value = int(_FAMILY[slot].value(token)) + (head.bars if slot == "bars" else 0)
        self.heads[-1] = replace(head, **{slot: value}, ids=(*head.ids, token))
        place = SECTION_SLOTS.index(slot) + 1
        self.slot = SECTION_SLOTS[place] if place < len(SECTION_SLOTS) else "letter"

    def _letters(self) -> list[int]:
        used = {head.letter for head in self.heads}
        known = {*used, INTRODUCTION, OUTRO, *(letter for kind in (CAPITALS, SMALL) for letter in _next(kind, used))}
        letters = [] if len(self.heads) == MAX_SECTIONS else sorted(LETTER.id(letter) for letter in known)
        return [END, *letters] if self.heads else letters

    def _primes(self) -> list[int]:
        letter = self.heads[-1].letter
        stated = [head.primes or 0 for head in self.heads[:-1] if head.letter == letter]
        return list(PRIMES.all)[: max(stated, default=-1) + 2]

    def _values(self) -> list[int]:
        slot = self.slot
        earlier = self._same_label() if slot in SECTION_SLOTS else None
        if slot == "bars":
            bars = self.heads[-1].bars
            if earlier is not None:
                left = earlier.bars - bars
                return [MORE_BARS] if left > BARS_PER_TOKEN else [BARS.id(max(1, left))]
            return [*([MORE_BARS] if bars + BARS_PER_TOKEN < MAX_BARS else []), *BARS.all]
        return list(_FAMILY[slot].all) if earlier is None else [_FAMILY[slot].id(getattr(earlier, slot))]

    def _same_label(self) -> Head | None:
        """The earlier section that the last one returns to."""
        return next((head for head in self.heads[:-1] if head.label == self.heads[-1].label), None)


class StructureTokenizer:
    """Plans, as far as their sections go, to tokens and back."""

    name = "structure"
    vocabulary = _VOCABULARY
    condition_sizes = (1 + len(SLOTS), 1 + 16, 1 + 9)

    def encode(self, music: Plan) -> Tokens:
        """Plan to tokens; raises UserError when its top level leaves something open."""
        cursor, ids = StructureCursor(), list[int]()
        while cursor.slot != "done":
            token = stated_structure(music, cursor)
            if token is None:
                raise open_field(cursor.slot, len(cursor.heads))
            ids.append(token)
            cursor.feed(token)
        return Tokens(np.array(ids, dtype=np.int64), self.vocabulary.hash)

    def decode(self, tokens: Tokens) -> Plan:
        """Tokens to a Plan without phrases; an unfinished section at the end is left out."""
        return self.walk(tokens).plan()

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which ids (V,) may follow."""
        return mask_of(len(self.vocabulary), self.walk(prefix).allowed_ids())

    def conditions(self, ids: IntArray) -> IntArray:
        """Channels (T, C) below ``condition_sizes``; row t describes the place of token t + 1."""
        cursor, rows = StructureCursor(), list[list[int]]()
        for token in ids.tolist():
            cursor.feed(token)
            rows.append(cursor.features())
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.condition_sizes))

    def walk(self, tokens: Tokens) -> StructureCursor:
        """Where the stream stands after these tokens."""
        check_vocabulary(tokens, self.vocabulary, "structure tokens")
        cursor = StructureCursor()
        for token in tokens.ids.tolist():
            cursor.feed(token)
        return cursor


def top_level(plan: Plan) -> Plan:
    """The part of a complete Plan that this scheme writes, its letters in order, its keys spelled near home."""
    assert plan.key is not None, "the key is open"
    sections = tuple(
        Section(
            label=letter + "'" * section.primes,
            bars=section.bars,
            key=None if section.key is None else near_home(section.key, plan.key),
            register_arc=section.register_arc,
            density_arc=section.density_arc,
        )
        for section, letter in zip(plan.sections or (), ordered_letters(plan), strict=True)
    )
    return Plan(key=plan.key, metre=plan.metre, pickup_beats=plan.pickup_beats, sections=sections)


def stated_structure(plan: Plan, cursor: StructureCursor) -> int | None:
    """The token that the plan states for the cursor's next slot; None where the plan is open."""
    if cursor.slot == "bos":
        return BOS
    if cursor.slot == "letter":
        return _next_letter(plan, len(cursor.heads))
    if cursor.slot in SECTION_SLOTS:
        return None if plan.sections is None else _section_token(plan.sections[len(cursor.heads) - 1], cursor)
    value = _header_value(plan, cursor)
    return None if value is None else _FAMILY[cursor.slot].id(value)


def near_home(key: Key, home: Key) -> Key:
    """The same key, spelled with the signature nearest to the home key's."""
    return Key.from_pitch_class(key.tonic_pitch_class, key.mode, home.fifths)


def ordered_letters(plan: Plan) -> list[str]:
    """For every section its letter renamed in order of appearance: A, B, ... with melody, a, b, ... without."""
    names = {INTRODUCTION: INTRODUCTION, OUTRO: OUTRO}
    for section in plan.sections or ():
        names.setdefault(section.letter, _next(letters_like(section.letter), names.values()))
    return [names[section.letter] for section in plan.sections or ()]


def capitals(ids: Iterable[int]) -> list[int]:
    """Those of the ids that are letters of sections with melody."""
    return [token for token in ids if LETTER.first <= token < LETTER.first + len(CAPITALS)]


def _next(kind: str, used: Container[str]) -> str:
    """The first letter of a kind that is not used, as a string of one letter, or of none."""
    return next((letter for letter in kind if letter not in used), "")


def open_field(slot: str, number: int) -> UserError:
    """The error for a plan that is to be written but leaves ``slot`` open."""
    where = f"section {number}" if slot in SECTION_SLOTS and number else "plan"
    return UserError(f"{slot} is open", where=where, mend="let 'ritornello compose' complete the plan")


def _header_value(plan: Plan, cursor: StructureCursor) -> object:
    """What the plan states of key, metre or pickup."""
    if cursor.slot in ("mode", "fifths"):
        return None if plan.key is None else getattr(plan.key, cursor.slot)
    if cursor.slot == "metre":
        if plan.metre is not None and plan.metre not in METRES:
            raise UserError(f"metre {plan.metre}", where="plan", limit="one of " + " ".join(METRES))
        return plan.metre
    if plan.pickup_beats is None:
        return None
    metre = cursor.metre or ""
    if to_frames(plan.pickup_beats) >= bar_frames(metre):
        raise UserError(f"a pickup of {plan.pickup_beats:g} beats", where="plan", limit=f"less than a bar of {metre}")
    return to_frames(plan.pickup_beats)


def _next_letter(plan: Plan, number: int) -> int | None:
    if plan.sections is None:
        return None
    return END if number == len(plan.sections) else LETTER.id(ordered_letters(plan)[number])


def _section_token(section: Section, cursor: StructureCursor) -> int | None:
    assert cursor.home is not None, "the home key comes first"
    if cursor.slot == "bars":
        left = section.bars - cursor.heads[-1].bars
        return MORE_BARS if left > BARS_PER_TOKEN else BARS.id(left)
    key, home = section.key, cursor.home.tonic_pitch_class
    values: dict[str, object] = {
        "primes": section.primes,
        "degree": None if key is None else (key.tonic_pitch_class - home) % 12,
        "local": None if key is None else key.mode,
        "register": section.register_arc,
        "density": section.density_arc,
    }
    value = values[cursor.slot]
    return None if value is None else _FAMILY[cursor.slot].id(value)


def _section(head: Head, home: Key) -> Section:
    assert head.degree is not None
    assert head.local is not None
    key = Key.from_pitch_class(home.tonic_pitch_class + head.degree, head.local, home.fifths)
    return Section(label=head.label, bars=head.bars, key=key, register_arc=head.register, density_arc=head.density)
