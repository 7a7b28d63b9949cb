"""Plan: what a piece is to be, before a note is written.

Three levels: the piece and its sections (structure), the phrases inside them (phrases, cadences,
harmony, motifs), and, through both, every note. Whatever is None is open: ``generation/compose``
asks the models to fill it in. A plan comes from a person, from the structure model, or from another
piece (``form.analyse``); all three are this type.

Times are in beats (quarter notes). Within a section, harmony has one chord per *beat slot*: each bar
is cut into quarter notes from its barline (the last slot of a bar, and the first of a pickup, may be
shorter).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self, TypeAlias, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from ritornello.form.chord import Chord
from ritornello.form.key import Key, KeyField
from ritornello.form.letters import PRIMES_PATTERN
from ritornello.form.numerals import chord_name, parse_chord
from ritornello.form.style import Style

Cadence: TypeAlias = Literal[
    "perfect authentic", "imperfect authentic", "half", "plagal", "deceptive", "phrygian", "none"
]
Relation: TypeAlias = Literal["new", "exact", "transposed", "varied"]
Direction: TypeAlias = Literal["rising", "level", "falling"]
Place: TypeAlias = tuple[str | int, ...]
"""A field of a plan: ``("sections", 1, "bars")``."""

MAX_SECTIONS = 64
MAX_BARS = 512
MAX_PHRASE_BEATS = 256
MAX_NOTES_PER_BAR = 64


class PlanModel(BaseModel):
    """Frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Motif(PlanModel):
    """Where a phrase's material comes from."""

    relation: Relation = "new"
    """What is done to the source: nothing (exact), moved to another pitch, or varied."""
    source: int | None = Field(default=None, ge=0)
    """Index of an earlier phrase, counted from 0 over the whole piece."""
    semitones: int = Field(default=0, ge=-11, le=11)
    """Transposition against the source, for ``transposed`` (and ``varied``)."""

    @model_validator(mode="after")
    def _source_fits_relation(self) -> Self:
        if (self.relation == "new") != (self.source is None):
            raise ValueError("a motif has a source unless its relation is 'new'")
        return self


class Phrase(PlanModel):
    """One phrase, from after the last cadence to the end of this one."""

    beats: float = Field(gt=0, le=MAX_PHRASE_BEATS, multiple_of=0.25)
    """Length in quarter notes, a multiple of a 16th."""
    key: KeyField | None = None
    """Local key at the phrase's cadence."""
    cadence: Cadence | None = None
    """How the phrase ends."""
    fermata_beats: float | None = Field(default=None, ge=0, le=MAX_PHRASE_BEATS, multiple_of=0.25)
    """Onset of the fermata chord in quarter notes from the phrase's start; None = open."""
    harmony: tuple[Chord, ...] | None = None
    """One chord per beat slot, in ``key``, which must then be set; Roman numerals when written."""
    motif: Motif | None = None
    """What the phrase does with earlier material."""

    @field_validator("harmony", mode="before")
    @classmethod
    def _read_numerals(cls, value: object, info: ValidationInfo) -> object:
        """Numerals mean different chords in major and minor, so they are read with the phrase's key."""
        key = cast("Key | None", info.data.get("key"))
        if value is None or "key" not in info.data:  # a wrong key is already reported
            return None
        if key is None:
            raise ValueError("harmony needs the key of its phrase")
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError("harmony is a list of Roman numerals")  # noqa: TRY004, pydantic collects ValueErrors
        items = cast("Iterable[object]", value)
        return tuple(item if isinstance(item, Chord) else parse_chord(str(item), key.mode) for item in items)

    @field_serializer("harmony")
    def _write_numerals(self, harmony: tuple[Chord, ...] | None) -> list[str] | None:
        if harmony is None or self.key is None:
            return None
        return [chord_name(chord, self.key.mode) for chord in harmony]


class Section(PlanModel):
    """One section. The same label is the same music; a prime is the same material, varied."""

    label: str = Field(pattern=rf"^[A-Za-z]{PRIMES_PATTERN}$")
    """Letter with primes: ``A``, ``B``, ``A'``."""
    bars: int = Field(ge=1, le=MAX_BARS)
    """Length in full bars."""
    key: KeyField | None = None
    """Key in which the section ends."""
    register_arc: Direction | None = None
    """Whether the soprano's register rises or falls through the section."""
    density_arc: Direction | None = None
    """Whether the notes grow denser or sparser through the section."""
    notes_per_bar: float | None = Field(default=None, gt=0, le=MAX_NOTES_PER_BAR)
    """How many notes begin in a bar of it on average, all parts together; for pieces beyond the chorale."""
    phrases: tuple[Phrase, ...] | None = None

    @property
    def letter(self) -> str:
        """The material: the label without its primes."""
        return self.label[0]

    @property
    def primes(self) -> int:
        """0 for an unvaried statement."""
        return len(self.label) - 1


class Plan(PlanModel):
    """A piece from the top: structure first."""

    style: Style = "chorale"
    """What kind of piece it is, which says whose models compose it."""
    title: str = ""
    key: KeyField | None = None
    """Home key: the last chord is its tonic triad."""
    metre: str | None = Field(default=None, pattern=r"^[1-9][0-9]?/(1|2|4|8|16)$")
    """Time signature, such as ``4/4``."""
    pickup_beats: float | None = Field(default=None, ge=0, lt=16, multiple_of=0.25)
    """Length of the pickup in quarter notes; every section begins this much before a barline."""
    tempo_bpm: float | None = Field(default=None, ge=20, le=300)
    """Quarter notes per minute."""
    notes_per_bar: float | None = Field(default=None, gt=0, le=MAX_NOTES_PER_BAR)
    """The same of the whole piece, up to any bar of a section that does not say its own."""
    sections: tuple[Section, ...] | None = Field(default=None, min_length=1, max_length=MAX_SECTIONS)

    @property
    def bar_beats(self) -> float:
        """Length of a bar in quarter notes. The metre must be set."""
        assert self.metre is not None, "metre is open"
        numerator, denominator = map(int, self.metre.split("/"))
        return numerator * 4 / denominator

    def source_section(self, index: int) -> int | None:
        """The earlier section that section ``index`` comes from: same label first, else same letter."""
        sections = self.sections or ()
        same_label = [i for i in range(index) if sections[i].label == sections[index].label]
        same_letter = [i for i in range(index) if sections[i].letter == sections[index].letter]
        return next(iter(same_label + same_letter), None)

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """All phrases in order; the index of a phrase here is what ``Motif.source`` names."""
        return tuple(p for s in self.sections or () for p in s.phrases or ())
