"""Completes a plan from the top down: what is stated is kept, what is open is drawn from a model under rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from ritornello.form.keys import key_number
from ritornello.form.plan import Plan, Section
from ritornello.form.style import Style
from ritornello.generation import long_forms, long_phrases, plan_rules
from ritornello.generation.engine import Stream, new_stream
from ritornello.generation.sampling import draw, masked, min_p, scaled
from ritornello.models.base import LanguageModel
from ritornello.tokenizers.families import mask_of
from ritornello.tokenizers.phrase_cursor import PhraseCursor
from ritornello.tokenizers.phrases import plan_of, stated_phrase
from ritornello.tokenizers.structure import StructureCursor, stated_structure

STRUCTURE_TEMPERATURE, PHRASES_TEMPERATURE = 1.0, 0.9
LEAST_SHARE = 0.02
"""A token less likely than this share of the likeliest is not drawn."""


class Rules(NamedTuple):
    """What of the grammar a composed plan of one style uses: the tokens, at least one, that may come next."""

    structure: Callable[[Plan, StructureCursor], list[int]]
    phrases: Callable[[Plan, PhraseCursor], list[int]]


RULES: dict[Style, Rules] = {
    "chorale": Rules(plan_rules.structure_choices, plan_rules.phrase_choices),
    "song": Rules(long_forms.song_choices, long_phrases.phrase_choices),
    "bach": Rules(long_forms.bach_choices, long_phrases.phrase_choices),
}

_Cursor = TypeVar("_Cursor", StructureCursor, PhraseCursor)


def complete_structure(plan: Plan, model: LanguageModel, random: np.random.Generator) -> Plan:
    """The plan with its top level complete; whatever else it states stays. Raises UserError for what cannot be."""
    plan, rules = _with_keys_of_phrases(plan), RULES[plan.style]
    pen = _Pen(new_stream(model), StructureCursor(), random, STRUCTURE_TEMPERATURE)
    while pen.cursor.slot != "done":
        choices = rules.structure(plan, pen.cursor)
        stated = stated_structure(plan, pen.cursor)
        kept = stated is not None and not pen.cursor.returns  # what returns is as it was
        pen.write(stated if kept and stated is not None else pen.choose(choices))
    made = pen.cursor.plan()
    names = ("key", "metre", "pickup_beats", "sections")
    if plan.sections is None or made.sections is None:
        return plan.model_copy(update={name: getattr(made, name) for name in names})
    sections = tuple(_merged(asked, new) for asked, new in zip(plan.sections, made.sections, strict=True))
    update = {name: getattr(made, name) for name in names[:3]}
    return plan.model_copy(update={**update, "sections": sections})


def complete_phrases(plan: Plan, model: LanguageModel, random: np.random.Generator) -> Plan:
    """A plan whose top level is complete with all its phrases. Raises UserError where it contradicts itself."""
    rules = RULES[plan.style]
    pen = _Pen(new_stream(model), PhraseCursor(), random, PHRASES_TEMPERATURE)
    while pen.cursor.slot != "done":
        stated = None if pen.cursor.forced else stated_phrase(plan, pen.cursor)
        pen.write(pen.choose(rules.phrases(plan, pen.cursor)) if stated is None else stated)
    made = plan_of(pen.cursor)
    assert made.sections is not None
    assert plan.sections is not None
    sections = [
        asked.model_copy(update={"phrases": new.phrases})
        for asked, new in zip(plan.sections, made.sections, strict=True)
    ]
    return plan.model_copy(update={"sections": tuple(sections)})


def _with_keys_of_phrases(plan: Plan) -> Plan:
    """The plan whose sections end in the keys that their last phrases state."""
    if plan.sections is None:
        return plan
    sections = tuple(
        section.model_copy(update={"key": section.phrases[-1].key})
        if section.key is None and section.phrases
        else section
        for section in plan.sections
    )
    return plan.model_copy(update={"sections": sections})


def _merged(asked: Section, made: Section) -> Section:
    """The section as it was made, with the key as it was spelled and what else was asked."""
    same = asked.key is not None and made.key is not None and key_number(asked.key) == key_number(made.key)
    arcs = {"register_arc": made.register_arc, "density_arc": made.density_arc}
    return asked.model_copy(update={"key": asked.key if same else made.key, **arcs})


@dataclass(slots=True)
class _Pen(Generic[_Cursor]):
    """Writes one stream of tokens; the model reads what is written only when it is asked to choose."""

    stream: Stream
    cursor: _Cursor
    random: np.random.Generator
    temperature: float
    unread: list[int] = field(default_factory=list[int])
    rows: list[list[int]] = field(default_factory=list[list[int]])
    """The condition channels of the token after each unread one."""

    def write(self, token: int) -> None:
        self.cursor.feed(token)
        self.unread.append(token)
        self.rows.append(self.cursor.features())

    def choose(self, choices: Sequence[int]) -> int:
        if len(choices) == 1:
            return choices[0]
        self.stream = self.stream.feed(np.array([self.unread]), np.array([self.rows]))
        self.unread, self.rows = [], []
        assert self.stream.logits_BV is not None, "the stream has read a token"
        logits = self.stream.logits_BV[0]
        logits = scaled(masked(logits, mask_of(len(logits), choices)), self.temperature)
        return draw(min_p(logits, LEAST_SHARE), self.random.random())
