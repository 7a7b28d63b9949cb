"""The plan of a piece of which a passage is composed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ritornello.form.grid import Range, phrase_ranges, section_ranges, to_frames
from ritornello.form.letters import MAX_PRIMES, letters_like
from ritornello.form.plan import Motif, Phrase, Plan, Section


def recomposed(plan: Plan, span: Range) -> Plan:
    """The plan with what lies in ``span`` no longer the same music as anything else.

    A section with notes in the span whose label stands elsewhere too becomes a variation of it: the next prime that is
    free. One that is composed again as a whole, but for a pickup at most, and from which others derived, gets a letter
    of its own: what returns later is not heard when it is composed. Phrases that were exact or transposed become
    varied; what derived from a phrase that is composed again derives from the next statement after it, which is new
    now. Lengths, keys, harmony and cadences stay.

    Args:
        plan: its metre, pickup and sections are set.
        span: first frame and the frame after the last.
    """
    assert plan.sections is not None, "sections are open"
    sections = list(plan.sections)
    for number in _touched(plan, section_ranges(plan), span):
        sections[number] = sections[number].model_copy(update={"label": _label(plan, sections, number, span)})
    motifs = _motifs(plan, span)
    given = iter(motifs)
    made = [_with_motifs(section, [next(given) for _ in section.phrases or ()]) for section in sections]
    return plan.model_copy(update={"sections": tuple(made)})


def _touched(plan: Plan, ranges: Sequence[Range], span: Range) -> list[int]:
    """Which passages share more with the span than a pickup; if none does, all that share anything."""
    shared = [min(end, span[1]) - max(start, span[0]) for start, end in ranges]
    pickup = to_frames(plan.pickup_beats or 0)
    return [i for i, frames in enumerate(shared) if frames > pickup] or [i for i, n in enumerate(shared) if n > 0]


def _label(plan: Plan, sections: list[Section], number: int, span: Range) -> str:
    """The label of a section that is composed again, in whole or in part."""
    label, used = sections[number].label, {section.label for section in sections}
    if [section.label for section in sections].count(label) == 1:
        return label
    (start, end), pickup = section_ranges(plan)[number], to_frames(plan.pickup_beats or 0)
    whole = span[0] <= start + pickup and end - pickup <= span[1]
    is_first = all(section.letter != label[0] for section in sections[:number])
    unused = [letter for letter in letters_like(label[0]) if all(other[0] != letter for other in used)]
    if is_first and whole and unused:
        return unused[0]
    free = [label[0] + "'" * primes for primes in range(1, MAX_PRIMES + 1)]
    return next((other for other in [*free, *unused] if other not in used), label)


def _motifs(plan: Plan, span: Range) -> list[Motif | None]:
    """Where the phrases come from when those in the span are other ones."""
    again = set(_touched(plan, phrase_ranges(plan), span))
    motifs: list[Motif | None] = []
    heirs: dict[int, tuple[int, Motif]] = {}
    for number, phrase in enumerate(plan.phrases):
        motif = phrase.motif
        source = None if motif is None else motif.source
        if motif is not None and source is not None:
            if number in again:
                motif = motif.model_copy(update={"relation": "varied"})
            elif source in again:
                heir, as_it_was = heirs.setdefault(source, (number, motif))
                motif = Motif() if heir == number else _against(heir, as_it_was, motif)
        motifs.append(motif)
    return motifs


def _against(number: int, heir: Motif, motif: Motif) -> Motif:
    """The motif of a phrase whose source is gone, against phrase ``number``, the first that had the same source."""
    semitones = motif.semitones - heir.semitones
    semitones -= 12 * (abs(semitones) > 11) * (1 if semitones > 0 else -1)
    if "varied" in (motif.relation, heir.relation):
        return Motif(relation="varied", source=number, semitones=semitones)
    return Motif(relation="transposed" if semitones else "exact", source=number, semitones=semitones)


def _with_motifs(section: Section, motifs: Iterable[Motif | None]) -> Section:
    if section.phrases is None:
        return section
    phrases: tuple[Phrase, ...] = tuple(
        phrase.model_copy(update={"motif": motif}) for phrase, motif in zip(section.phrases, motifs, strict=True)
    )
    return section.model_copy(update={"phrases": phrases})
