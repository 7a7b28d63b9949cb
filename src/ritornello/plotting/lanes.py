"""The three plan lanes as labelled spans of time: sections, phrases, harmony.

What is open in the plan is left out. Each span offers its text in several lengths, the longest first; the
picture takes the first that fits.

* sections: label, key, and arrows for the arcs of register and density;
* phrases: number from 1, local key, cadence, and what the phrase does with an earlier one: ``= 1`` the same,
  ``~ 1`` varied, ``1 +5`` five semitones up;
* harmony: a Roman numeral wherever the chord or the phrase changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from ritornello.form.grid import phrase_ranges, phrase_slots, section_ranges
from ritornello.form.numerals import chord_name
from ritornello.form.plan import Direction, Motif, Phrase, Plan, Section
from ritornello.plotting.numeral import typeset

_ARROWS: dict[Direction, str] = {"rising": "↗", "level": "→", "falling": "↘"}
CADENCES = {
    "perfect authentic": "PAC",
    "imperfect authentic": "IAC",
    "half": "HC",
    "plagal": "PC",
    "deceptive": "DC",
    "phrygian": "Phr",
    "none": "—",
}
"""Short names of cadences."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a lane: start to end, texts from long to short, and the letter that colours it.

    Time is in frames above a piano roll, in seconds where there are no bars (``landmarks.py``).
    """

    start: float
    end: float
    texts: tuple[str, ...]
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The three lanes of a plan, from the top; empty ones where the plan is open."""

    sections: tuple[Span, ...] = ()
    phrases: tuple[Span, ...] = ()
    harmony: tuple[Span, ...] = ()

    @classmethod
    def of(cls, plan: Plan) -> Lanes:
        """Lanes of a plan. Without metre, pickup or sections nothing has a place in time."""
        if plan.metre is None or plan.pickup_beats is None or plan.sections is None:
            return cls()
        return cls(tuple(_sections(plan.sections, plan)), tuple(_phrases(plan.sections, plan)), tuple(_harmony(plan)))


def _sections(sections: Sequence[Section], plan: Plan) -> Iterator[Span]:
    for section, (start, end) in zip(sections, section_ranges(plan), strict=True):
        yield Span(start, end, _section_texts(section), section.letter)


def _phrases(sections: Sequence[Section], plan: Plan) -> Iterator[Span]:
    letters = [section.letter for section in sections for _ in section.phrases or ()]
    rows = zip(plan.phrases, phrase_ranges(plan), letters, strict=True)
    for number, (phrase, (start, end), letter) in enumerate(rows, start=1):
        yield Span(start, end, _phrase_texts(number, phrase), letter)


def _section_texts(section: Section) -> tuple[str, ...]:
    key = f"   {section.key}" if section.key else ""
    register = f"register {_ARROWS[section.register_arc]}" if section.register_arc else ""
    density = f"density {_ARROWS[section.density_arc]}" if section.density_arc else ""
    words = "   ".join(arc for arc in (register, density) if arc)
    arrows = " ".join(arc[-1] for arc in (register, density) if arc)
    texts = (
        f"{section.label}{key}   {words}",
        f"{section.label}{key}   {arrows}",
        f"{section.label}{key}",
        section.label,
    )
    return tuple(text.rstrip() for text in texts)


def _phrase_texts(number: int, phrase: Phrase) -> tuple[str, ...]:
    key = str(phrase.key) if phrase.key else ""
    cadence = phrase.cadence or ""
    short = CADENCES[phrase.cadence] if phrase.cadence else ""
    relation = _relation(phrase.motif)
    choices = (
        (key, cadence, relation),
        (key, short, relation),
        (_short_key(phrase), short, relation),
        (short, relation),
    )
    texts = [f"{number}   " + " · ".join(word for word in words if word) for words in choices]
    return tuple(text.rstrip() for text in [*texts, str(number)])


def _short_key(phrase: Phrase) -> str:
    """``G`` or ``g``."""
    return str(phrase.key).split()[0] if phrase.key else ""


def _relation(motif: Motif | None) -> str:
    if motif is None or motif.source is None:
        return ""
    sign = {"exact": "= ", "varied": "~ "}.get(motif.relation, "")
    moved = f" {motif.semitones:+d}" if motif.semitones else ""
    return f"{sign}{motif.source + 1}{moved}"


def _harmony(plan: Plan) -> Iterator[Span]:
    for phrase, slots in zip(plan.phrases, phrase_slots(plan), strict=True):
        if phrase.key is None or phrase.harmony is None:
            continue
        names = [chord_name(chord, phrase.key.mode) for chord in phrase.harmony]
        for name, run in groupby(zip(names, slots, strict=False), key=itemgetter(0)):
            ranges = [slot for _, slot in run]
            yield Span(ranges[0][0], ranges[-1][1], (typeset(name),))
