"""Composing rules for plans: what of the grammar a new piece uses.

The grammar of the token schemes takes any plan that analysis finds; here stands what is asked of a plan that is
composed. It is stricter where Bach is free: a piece ends at home with its tonic triad in root position, every phrase
has a fermata, a cadence is what its name says, and the harmony rests after it. A section that varies an earlier one
of the same length keeps its key, and of each phrase the length, the key, and the harmony of the first half: so much of
a theme is needed to be heard again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ritornello.form.chord import QUALITIES
from ritornello.form.plan import Cadence, Plan
from ritornello.scores.score import Mode
from ritornello.tokenizers.metres import bar_frames
from ritornello.tokenizers.phrase_cursor import (
    BEATS,
    CADENCE,
    CHORD,
    FERMATA,
    HOLD_CHORD,
    INVERSION,
    RELATION,
    SHIFT,
    SIXTEENTHS,
    SOURCE,
    PhraseCursor,
    PhraseHead,
    chord_ids,
)
from ritornello.tokenizers.structure import (
    BARS,
    DEGREE,
    END,
    FIFTHS,
    LOCAL,
    METRE,
    PICKUP,
    Head,
    StructureCursor,
    capitals,
)

METRES = ("4/4", "3/4", "3/2")
"""What a chorale whose metre is open may be in."""
MAX_FIFTHS = 4
MAX_SECTIONS, ENOUGH_BARS, FEWEST_BARS = 6, 18, 8
"""A free form closes as soon as it can after so many sections or bars, and not before so few bars."""
SECTION_BARS = range(2, 13)
LAST_CHORD_FRAMES = 16
"""The longest last chord of a phrase; the pickup comes on top at the end of the piece."""
FINAL_CADENCES: tuple[Cadence, ...] = ("perfect authentic", "imperfect authentic", "plagal")
_DOMINANT = ("major", "dominant7")
_LEADING = ("diminished", "half-diminished7", "diminished7")


class PhraseRules(NamedTuple):
    """What one style chooses the fields of a phrase from: tokens, of which the grammar may still forbid some."""

    lengths: Callable[[Plan, PhraseCursor], list[int]]
    cadences: Callable[[PhraseCursor], list[int]]
    fermatas: Callable[[Plan, PhraseCursor], list[int]]
    motifs: Callable[[Plan, PhraseCursor], list[int]]
    chords: Callable[[Plan, PhraseCursor], list[int]]
    """Chords and inversions."""


class Approach(NamedTuple):
    """A cadence as chords: what may be last, in root position, and what may stand on the beat before it."""

    last: frozenset[tuple[int, str]]
    before: frozenset[tuple[int, str, int]] | None
    """(root, quality, inversion); None = anything."""


def structure_choices(plan: Plan, cursor: StructureCursor) -> list[int]:
    """The tokens, at least one, that may come next in a structure; the plan is what was asked for."""
    allowed = cursor.allowed_ids()
    match cursor.slot:
        case "metre":
            chosen = [METRE.id(metre) for metre in METRES]
        case "fifths":
            chosen = [FIFTHS.id(fifths) for fifths in range(-MAX_FIFTHS, MAX_FIFTHS + 1)]
        case "pickup":
            chosen = [PICKUP.id(frames) for frames in range(0, bar_frames(cursor.metre or ""), 4)]
        case "letter":
            chosen = _letters(cursor, allowed)
        case "bars":
            chosen = [BARS.id(bars) for bars in SECTION_BARS]
        case "degree" if _ends_at_home(plan, cursor):
            chosen = [DEGREE.id(0)]
        case "local" if _ends_at_home(plan, cursor):
            chosen = [LOCAL.id(cursor.mode)]
        case "degree" | "local" if (varied := _varied_head(cursor)) is not None:
            chosen = [DEGREE.id(varied.degree) if cursor.slot == "degree" else LOCAL.id(varied.local)]
        case _:
            chosen = allowed
    return sorted(set(chosen) & set(allowed)) or allowed


def phrase_choices(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The tokens, at least one, that may come next in a chorale's phrases; the plan's structure is complete."""
    return choices_by(PhraseRules(_lengths, _cadences, _fermatas, _motifs, _chords), plan, cursor)


def choices_by(rules: PhraseRules, plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The tokens, at least one, that may come next in a phrase stream; the plan's structure is complete."""
    allowed = cursor.allowed_ids()
    if cursor.forced or cursor.grid is None or len(allowed) == 1:
        return allowed
    match cursor.slot:
        case "beats" | "sixteenths":
            chosen = rules.lengths(plan, cursor)
        case "key" | "key_mode":
            chosen = key_choices(plan, cursor)
        case "cadence":
            chosen = rules.cadences(cursor)
        case "fermata":
            chosen = rules.fermatas(plan, cursor)
        case "relation" | "source" | "shift":
            chosen = rules.motifs(plan, cursor)
        case _:
            chosen = rules.chords(plan, cursor)
    return sorted(set(chosen) & set(allowed)) or allowed


def approach_of(cadence: Cadence, mode: Mode, *, final: bool) -> Approach:
    """The chords that make a cadence in a key of this mode, as ``form.cadences`` names them."""
    tonic = "major" if mode == "major" else "minor"
    home = frozenset({(0, tonic)} if final or mode == "major" else {(0, "minor"), (0, "major")})
    anything = frozenset((root, quality) for root in range(12) for quality in QUALITIES)
    dominant, subdominant = _stacked((7,), _DOMINANT), _stacked((5,), (tonic, "minor"))
    table: dict[Cadence, Approach] = {
        "perfect authentic": Approach(home, _stacked((7,), _DOMINANT, (0,))),
        "imperfect authentic": Approach(home, dominant | _stacked((11,), _LEADING)),
        "plagal": Approach(home, subdominant | _stacked((2,), ("minor", "minor7", "half-diminished7"))),
        "deceptive": Approach(frozenset({(9, "minor") if mode == "major" else (8, "major")}), dominant),
        "phrygian": Approach(frozenset({(7, "major")}), _stacked((5,), ("minor",), (1,))),
        "half": Approach(frozenset({(7, "major")}), None),
        "none": Approach(home if final else anything, None),
    }
    return table[cadence]


def is_final(cursor: PhraseCursor) -> bool:
    """Whether the last phrase, whose length is said, closes the piece, or a section that will close it again."""
    labels = [head.label for head in cursor.structure.heads]
    return cursor.left_frames <= 0 and labels[cursor.section] == labels[-1]


def _stacked(
    roots: tuple[int, ...], qualities: tuple[str, ...], inversions: tuple[int, ...] = (0, 1, 2, 3)
) -> frozenset[tuple[int, str, int]]:
    return frozenset((r, q, i) for r in roots for q in qualities for i in inversions if i < len(QUALITIES[q]))


def _letters(cursor: StructureCursor, allowed: list[int]) -> list[int]:
    bars, last = sum(head.bars for head in cursor.heads), cursor.heads[-1] if cursor.heads else None
    at_home, letters = last is not None and (last.degree, last.local) == (0, cursor.mode), capitals(allowed)
    if _enough(cursor):
        return [END] if at_home else letters[-1:]  # one more section, new, which will end at home
    return [END, *letters] if at_home and bars >= FEWEST_BARS else letters


def _enough(cursor: StructureCursor) -> bool:
    finished = cursor.finished_heads
    return len(finished) >= MAX_SECTIONS or sum(head.bars for head in finished) >= ENOUGH_BARS


def _ends_at_home(plan: Plan, cursor: StructureCursor) -> bool:
    if plan.sections is None:
        return _enough(cursor)
    return plan.sections[len(cursor.heads) - 1].label == plan.sections[-1].label


def _varied_head(cursor: StructureCursor) -> Head | None:
    """The first section with the letter of the one that is being written, if that varies it."""
    head = cursor.heads[-1]
    return next((other for other in cursor.heads[:-1] if other.letter == head.letter), None) if head.primes else None


def _lengths(plan: Plan, cursor: PhraseCursor) -> list[int]:
    assert cursor.grid is not None
    said = cursor.phrases[-1].frames if cursor.in_phrase else 0
    lengths = [length - said for length in phrase_lengths(plan, cursor, cursor.left_frames + said) if length >= said]
    if cursor.slot == "sixteenths":
        return [SIXTEENTHS.id(length) for length in lengths if length < 4]
    return [BEATS.id(length // 4) for length in lengths if length // 4 < len(BEATS.values)]


def phrase_lengths(plan: Plan, cursor: PhraseCursor, left: int) -> list[int]:
    """Frames that a phrase may last where ``left`` frames of the section are without one.

    A section that varies an earlier one of the same length has phrases of the same lengths. Otherwise phrases are whole
    beats (whole bars, if a bar is not), not shorter than a bar, and leave room for another such phrase or none.
    """
    assert cursor.grid is not None
    model = model_phrase(plan, cursor)
    if model is not None:
        last = model is phrases_of(cursor, model.section)[-1]
        return [left if last or model.frames > left else model.frames]
    bar = cursor.grid.bar_frames
    step, shortest = bar if bar % 4 else 4, max(bar, 12)
    longest = max(64, 2 * bar)
    lengths = [n for n in range(step, min(left, longest) + 1, step) if n >= shortest and left - n >= shortest]
    return [*lengths, left] if left <= longest or not lengths else lengths


def phrases_of(cursor: PhraseCursor, section: int) -> list[PhraseHead]:
    """The phrases of a section so far."""
    return [phrase for phrase in cursor.phrases if phrase.section == section]


def model_phrase(plan: Plan, cursor: PhraseCursor) -> PhraseHead | None:
    """The phrase whose length and fermata the current one takes over, if its section varies an earlier one."""
    source = plan.source_section(cursor.section)
    if source is None or plan.sections is None or plan.sections[source].bars != plan.sections[cursor.section].bars:
        return None
    models = phrases_of(cursor, source)
    number = len(phrases_of(cursor, cursor.section)) - cursor.in_phrase
    return models[number] if number < len(models) else None


def key_choices(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The last phrase of a section is in the section's key, those of a varied section are in their models'."""
    head, model = cursor.structure.heads[cursor.section], model_phrase(plan, cursor)
    if cursor.left_frames > 0:
        if model is not None:
            return [DEGREE.id(model.degree) if cursor.slot == "key" else LOCAL.id(model.mode)]
        return list(DEGREE.all if cursor.slot == "key" else LOCAL.all)
    return [DEGREE.id(head.degree) if cursor.slot == "key" else LOCAL.id(head.local)]


def _cadences(cursor: PhraseCursor) -> list[int]:
    phrase = cursor.phrases[-1]
    if is_final(cursor):
        return final_cadences()
    if len(phrase.slots) == 1:
        return [CADENCE.id("none")]
    phrygian = ("phrygian",) if phrase.mode == "minor" else ()
    known = ("perfect authentic", "imperfect authentic", "half", "plagal", "deceptive", *phrygian)
    return [CADENCE.id(cadence) for cadence in known]


def final_cadences() -> list[int]:
    """The tokens of the cadences that a piece may end with."""
    return [CADENCE.id(cadence) for cadence in FINAL_CADENCES]


def _fermatas(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """On a beat near the end, with two chords before it if there is room."""
    assert cursor.grid is not None
    phrase = cursor.phrases[-1]
    extra = cursor.grid.pickup_frames if phrase.end == cursor.grid.num_frames else 0
    model = model_phrase(plan, cursor)
    if model is not None and model.fermata:
        return [FERMATA.first + min(phrase.frames, model.fermata + phrase.frames - model.frames)]
    places = [phrase.end - start for start, _ in phrase.slots]
    near = [place for place in places[2:] if place <= LAST_CHORD_FRAMES + extra] or places[-1:]
    return [FERMATA.first + place for place in near]


def _motifs(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """A varied section takes its phrases from the one that it varies; nothing else is exactly the same by chance."""
    source = plan.source_section(cursor.section)
    if source is None or not (models := phrases_of(cursor, source)):
        return [token for token in cursor.allowed_ids() if token != RELATION.id("exact")]
    if cursor.slot in ("relation", "shift"):
        return [RELATION.id("varied") if cursor.slot == "relation" else SHIFT.id(0)]
    return source_choices(cursor, models)


def source_choices(cursor: PhraseCursor, models: list[PhraseHead]) -> list[int]:
    """The token towards the one of these phrases that stands where the current one does in its section."""
    place = min(len(phrases_of(cursor, cursor.section)) - 1, len(models) - 1)
    back = len(cursor.phrases) - 1 - cursor.phrases.index(models[place]) - cursor.phrases[-1].back
    return [SOURCE.id(back)] if back <= len(SOURCE.values) else [SOURCE.first - 1]  # MORE_SOURCE


def _chords(plan: Plan, cursor: PhraseCursor) -> list[int]:
    return _kept(plan, cursor) or chord_choices(cursor)


def _kept(plan: Plan, cursor: PhraseCursor) -> list[int]:
    """The chord that a varied section takes over in the first half of a phrase, short of its cadence; or nothing."""
    phrase, model = cursor.phrases[-1], model_phrase(plan, cursor)
    if model is None or (model.degree, model.mode) != (phrase.degree, phrase.mode):
        return []
    return kept_choices(cursor, model, upto=-(-len(phrase.slots) // 2))


def kept_choices(cursor: PhraseCursor, model: PhraseHead, upto: int) -> list[int]:
    """The chord of ``model`` at the current slot, if that is before slot ``upto`` and the cadence; or nothing."""
    phrase = cursor.phrases[-1]
    number = len(phrase.chords) - (cursor.slot == "inversion")
    if number >= min(upto, len(model.chords), cadence_slot(phrase) - 1):
        return []
    chord = model.chords[number]
    if cursor.slot == "inversion":
        return [INVERSION.id(chord.inversion)]
    return chord_ids(chord, phrase.chords[-1] if phrase.chords else None)[:1]


def chord_choices(cursor: PhraseCursor) -> list[int]:
    """The chords, or inversions, that make the phrase's cadence what it is called, and rest after it."""
    phrase = cursor.phrases[-1]
    assert phrase.cadence is not None, "the cadence comes before the chords"
    assert phrase.mode is not None, "the key comes before the chords"
    approach = approach_of(phrase.cadence, phrase.mode, final=is_final(cursor))
    if cursor.slot == "inversion":
        return _inversions(phrase, approach)
    number, last = len(phrase.chords), cadence_slot(phrase)
    if number > last:
        return [HOLD_CHORD]
    if number == last:
        return _named(approach.last)
    if number < last - 1 or approach.before is None:
        return [HOLD_CHORD, *CHORD.all]
    held = phrase.chords[-1] if phrase.chords else None
    holds = held is not None and (held.root, held.quality, held.inversion) in approach.before
    return [*([HOLD_CHORD] if holds else []), *_named({(r, q) for r, q, _ in approach.before})]


def _inversions(phrase: PhraseHead, approach: Approach) -> list[int]:
    number, last, chord = len(phrase.chords) - 1, cadence_slot(phrase), phrase.chords[-1]
    if number == last:
        return [INVERSION.id(0)]
    if number == last - 1 and approach.before is not None:
        return [INVERSION.id(i) for r, q, i in approach.before if (r, q) == (chord.root, chord.quality)]
    return list(INVERSION.all)


def cadence_slot(phrase: PhraseHead) -> int:
    """The number of the beat slot with the phrase's last chord."""
    place = phrase.end - (phrase.fermata or 4)
    return max((i for i, (start, _) in enumerate(phrase.slots) if start <= place), default=0)


def _named(chords: frozenset[tuple[int, str]] | set[tuple[int, str]]) -> list[int]:
    return [CHORD.id(f"{root}_{quality}") for root, quality in chords]
