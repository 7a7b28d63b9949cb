"""Composing rules for the phrases of songs and of Bach beyond the chorale.

They are those of chorales (``plan_rules.py``) but for what analysis finds otherwise in long pieces:

- A section is one phrase, or as few equal ones in whole bars as a phrase's limit allows.
- It may end without a cadence; a cadence is in its last two bars, and only that of the piece is rested on.
- A section that varies an earlier one in another key is that one moved there. If they are of the same length and mode,
  the moved one has its harmony up to the cadence; one that stays has the first half of it, as in chorales.
"""

from __future__ import annotations

from ritornello.form.plan import MAX_PHRASE_BEATS, Plan
from ritornello.generation.plan_rules import (
    PhraseRules,
    cadence_slot,
    choices_by,
    chord_choices,
    final_cadences,
    is_final,
    kept_choices,
    model_phrase,
    phrases_of,
    source_choices,
)
from ritornello.tokenizers.phrase_cursor import (
    BEATS,
    BEATS_PER_TOKEN,
    CADENCE,
    CHORD,
    FERMATA,
    HOLD_CHORD,
    MAX_FERMATA_FRAMES,
    MORE_BEATS,
    RELATION,
    SHIFT,
    SIXTEENTHS,
    PhraseCursor,
)

CLOSING_BARS = 2
"""The bars at the end of a section in which its cadence is; the piece's is in its last bar."""
_MAX_PHRASE_FRAMES = 4 * MAX_PHRASE_BEATS


def phrase_choices(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The tokens, at least one, that may come next in the phrases; the plan's structure is complete."""
    return choices_by(PhraseRules(_lengths, _cadences, _fermatas, _motifs, _chords), plan, cursor)


def _lengths(_plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The token that makes the phrase as long as its section, or as a whole part of it."""
    assert cursor.grid is not None
    said = cursor.phrases[-1].frames if cursor.in_phrase else 0
    left, bar = cursor.left_frames + said, cursor.grid.bar_frames
    parts = -(-left // _MAX_PHRASE_FRAMES)
    rest = (left if parts == 1 else -(-left // (parts * bar)) * bar) - said
    if cursor.slot == "sixteenths":
        return [SIXTEENTHS.id(rest % 4)]
    return [MORE_BEATS if rest // 4 >= BEATS_PER_TOKEN else BEATS.id(rest // 4)]


def _cadences(cursor: PhraseCursor) -> list[int]:
    if is_final(cursor):
        return final_cadences()
    return list(CADENCE.all) if len(cursor.phrases[-1].slots) > 1 else [CADENCE.id("none")]


def _fermatas(_plan: Plan, cursor: PhraseCursor) -> list[int]:
    """On a beat of the last bars, with two chords before it if there is room."""
    assert cursor.grid is not None
    phrase, final = cursor.phrases[-1], is_final(cursor)
    extra = cursor.grid.pickup_frames if phrase.end == cursor.grid.num_frames else 0
    reach = min(MAX_FERMATA_FRAMES, (1 if final else CLOSING_BARS) * cursor.grid.bar_frames + extra)
    places = [phrase.end - start for start, _ in phrase.slots]
    return [FERMATA.first + place for place in [place for place in places[2:] if place <= reach] or places[-1:]]


def _motifs(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """A section with a new letter is new, any other comes from the section that it varies."""
    source = plan.source_section(cursor.section)
    if source is None or not (models := phrases_of(cursor, source)):
        return [RELATION.id("new")]
    shift = _shift(cursor, source)
    if cursor.slot == "relation":
        return [RELATION.id("transposed" if shift else "varied")]
    return [SHIFT.id(shift)] if cursor.slot == "shift" else source_choices(cursor, models)


def _shift(cursor: PhraseCursor, source: int) -> int:
    """Semitones from the source's key to the section's, -5 to 6; 0 between modes."""
    own, other = (cursor.structure.heads[section] for section in (cursor.section, source))
    assert own.degree is not None
    assert other.degree is not None
    return 0 if own.local != other.local else (own.degree - other.degree + 5) % 12 - 5


def _chords(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """As in chorales, but behind the cadence of a section, if it is not the piece's, the harmony may go on."""
    kept = _kept(plan, cursor)
    if kept:
        return kept
    phrase = cursor.phrases[-1]
    goes_on = cursor.slot == "chord" and len(phrase.chords) > cadence_slot(phrase) and not is_final(cursor)
    return [HOLD_CHORD, *CHORD.all] if goes_on else chord_choices(cursor)


def _kept(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The chord that the phrase takes over from the one that it varies; or nothing."""
    phrase, model = cursor.phrases[-1], model_phrase(plan, cursor)
    if model is None or (model.frames, model.mode) != (phrase.frames, phrase.mode):
        return []
    whole = len(phrase.slots)
    return kept_choices(cursor, model, upto=whole if phrase.relation == "transposed" else -(-whole // 2))
