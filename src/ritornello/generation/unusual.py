"""What is only unusual in a plan, and so worth a word before it is composed: the models have hardly heard such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ritornello.form.key import Key
from ritornello.form.plan import Place, Plan
from ritornello.form.usual import RARE, key_step, share_of, usual_of


class Remark(NamedTuple):
    """What is unusual, and where."""

    place: Place
    text: str


def remarks_on(plan: Plan) -> Iterator[Remark]:
    """Yields what analysis has hardly found in pieces of the plan's style: a tempo, lengths and keys of sections."""
    usual = usual_of(plan.style)
    if plan.tempo_bpm is not None and usual.tempo_bpm is not None:
        least, _, most = usual.tempo_bpm
        if not least <= plan.tempo_bpm <= most:
            text = f"98 of 100 {plan.style} pieces have a tempo of {least:g} to {most:g}, not {plan.tempo_bpm:g}"
            yield Remark(("tempo_bpm",), text)
    before: Key | None = None
    for index, section in enumerate(plan.sections or ()):
        place = ("sections", index)
        if section.bars > usual.longest_bars:
            text = f"the longest of {usual.sections:,} {plan.style} sections has {usual.longest_bars} bars"
            yield Remark((*place, "bars"), f"{text}, not {section.bars}")
        if section.key is not None:
            where = (*place, "key")
            if plan.key is not None:
                yield from _rare(where, usual.keys, plan, plan.key, section.key, "sections end in {} with a home in {}")
            if before is not None:
                yield from _rare(where, usual.steps, plan, before, section.key, "sections end in {} after one in {}")
        before = section.key


def _rare(place: Place, counts: Mapping[str, int], plan: Plan, one: Key, other: Key, says: str) -> Iterator[Remark]:
    """A remark if fewer than ``RARE`` of the counted go from one key to the other, or as far elsewhere."""
    step = key_step(one, other)
    if share_of(counts, step) < RARE:
        few = f"{counts.get(step, 0)} of {sum(counts.values()):,} {plan.style}"
        yield Remark(place, f"{few} {says.format(other, one)}, or as far from another")
