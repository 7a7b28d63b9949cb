"""Where a plan contradicts itself, before anything is composed.

What is open is not looked at. Only lengths can contradict a label that returns: what else is said of the return gives
way to the first statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ritornello.form.grid import FRAMES_PER_BEAT, phrase_slots, to_frames
from ritornello.form.keys import key_number
from ritornello.form.letters import MAX_PRIMES
from ritornello.form.plan import Place, Plan
from ritornello.tokenizers.metres import METRES, bar_frames

MAX_TOTAL_BARS = 512


class Fault(NamedTuple):
    """A contradiction."""

    place: Place
    what: str
    limit: str = ""
    mend: str = ""


def faults_of(plan: Plan) -> Iterator[Fault]:
    """Yields the contradictions; each is looked for when it is asked for, and may rest on there being none before."""
    if plan.metre is not None and plan.metre not in METRES:
        yield Fault(("metre",), f"metre {plan.metre}", "one of " + " ".join(METRES))
        return
    pickup = plan.pickup_beats
    if plan.metre is not None and pickup is not None and to_frames(pickup) >= bar_frames(plan.metre):
        yield Fault(("pickup_beats",), f"a pickup of {pickup:g} beats", f"less than a bar of {plan.metre}")
        return
    sections = plan.sections or ()
    if sum(section.bars for section in sections) > MAX_TOTAL_BARS:
        yield Fault(("sections",), "the piece is too long", f"{MAX_TOTAL_BARS} bars")
    yield from _density_faults(plan)
    number = 0
    for index, section in enumerate(sections):
        yield from _section_faults(plan, index)
        for place in range(len(section.phrases or ())):
            yield from _phrase_faults(plan, ("sections", index, "phrases", place), number)
            number += 1
    yield from _harmony_faults(plan)


def place_in_words(place: Place) -> str:
    """``section 2, phrase 1``, counted from one; ``plan`` for what belongs to neither."""
    pairs = zip(place[::2], place[1::2], strict=False)
    return ", ".join(f"{str(name)[:-1]} {int(index) + 1}" for name, index in pairs if isinstance(index, int)) or "plan"


def _density_faults(plan: Plan) -> Iterator[Fault]:
    """Nothing can be asked of a chorale, whose voices sing on every beat."""
    places: list[Place] = [("notes_per_bar",)] * (plan.notes_per_bar is not None)
    numbers = (n for n, section in enumerate(plan.sections or ()) if section.notes_per_bar is not None)
    places += [("sections", n, "notes_per_bar") for n in numbers]
    if plan.style == "chorale" and places:
        what, mend = "how many notes a bar has cannot be asked of a chorale", "leave it out, or choose another style"
        yield Fault(places[0], what, mend=mend)


def _section_faults(plan: Plan, index: int) -> Iterator[Fault]:
    assert plan.sections is not None
    place, section = ("sections", index), plan.sections[index]
    first = next(other for other in plan.sections if other.label == section.label)
    if first.bars != section.bars:
        what = f"{section.label} has {section.bars} bars, but had {first.bars} before"
        mend = f"write {section.label}' for a variation" if section.primes < MAX_PRIMES else "choose another letter"
        yield Fault((*place, "bars"), what, mend=mend)
    if not section.phrases:
        return
    yield from _length_faults(plan, index)
    last = section.phrases[-1].key
    if section.key is not None and last is not None and key_number(section.key) != key_number(last):
        what = f"it ends in {section.key}, its last phrase in {last}"
        yield Fault((*place, "key"), what, mend="leave one of them out")


def _length_faults(plan: Plan, index: int) -> Iterator[Fault]:
    """Phrases fill their section; the last section is the pickup longer, which counts if it is stated or not."""
    assert plan.sections is not None
    section = plan.sections[index]
    if plan.metre is None or section.phrases is None:
        return
    bar = bar_frames(plan.metre)
    frames, wanted = sum(to_frames(phrase.beats) for phrase in section.phrases), section.bars * bar
    allowed: Sequence[int] = (wanted,)
    if index + 1 == len(plan.sections):
        pickup = plan.pickup_beats
        allowed = range(wanted, wanted + bar) if pickup is None else (wanted, wanted + to_frames(pickup))
    if frames not in allowed:
        limit = f"{wanted / FRAMES_PER_BEAT:g}, the beats of {section.bars} bars"
        what = f"its phrases last {frames / FRAMES_PER_BEAT:g} beats"
        yield Fault(("sections", index, "phrases"), what, limit)


def _phrase_faults(plan: Plan, place: Place, number: int) -> Iterator[Fault]:
    phrase = plan.phrases[number]
    if phrase.fermata_beats is not None and phrase.fermata_beats >= phrase.beats:
        what = f"its fermata is on beat {phrase.fermata_beats:g}"
        yield Fault((*place, "fermata_beats"), what, f"less than {phrase.beats:g}, the beats of the phrase")
    source = None if phrase.motif is None else phrase.motif.source
    if phrase.motif is None or source is None:
        return
    if source >= number:
        what = f"its motif comes from phrase {source}, which is not before it"
        yield Fault((*place, "motif", "source"), what, f"below {number}; phrases count from 0 over the whole piece")
    elif phrase.motif.relation == "exact" and plan.metre is not None:
        beats = plan.phrases[source].beats
        if abs(beats - phrase.beats) >= plan.bar_beats:  # a pickup may be missing or come on top
            what = f"it is exactly phrase {source} again, but lasts {phrase.beats:g} beats"
            yield Fault((*place, "beats"), what, f"{beats:g}, as many as that one", "or call the motif varied")


def _harmony_faults(plan: Plan) -> Iterator[Fault]:
    """One chord a beat slot; the last phrase may have fewer. The bars must be right."""
    if plan.metre is None or plan.pickup_beats is None or plan.sections is None:
        return
    slots, number = phrase_slots(plan), 0
    for index, section in enumerate(plan.sections):
        for at, phrase in enumerate(section.phrases or ()):
            chords, wanted = len(phrase.harmony or ()), len(slots[number])
            number += 1
            if phrase.harmony is None or chords == wanted or (number == len(slots) and chords < wanted):
                continue
            place = ("sections", index, "phrases", at, "harmony")
            yield Fault(place, f"{chords} chords", f"{wanted}, one per beat slot")
