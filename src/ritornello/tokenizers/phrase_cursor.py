"""The grammar of phrases: where a stream of the phrase scheme stands, and what may come next.

The words are in ``phrases.py``. A cursor takes one token at a time, so that composing a long plan stays linear; it
also knows what the conditions of the next token are.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from ritornello.form.chord import QUALITIES, Chord
from ritornello.form.grid import Grid, Range, grid_of_plan, section_ranges
from ritornello.form.letters import LETTERS
from ritornello.form.plan import MAX_PHRASE_BEATS, Cadence, Relation
from ritornello.scores.score import Mode
from ritornello.tokenizers.base import Vocabulary
from ritornello.tokenizers.families import Family
from ritornello.tokenizers.structure import DEGREE, LOCAL, STRUCTURE_NAMES, StructureCursor
from ritornello.tokenizers.structure import SLOTS as STRUCTURE_SLOTS

PHRASE_SLOTS = (
    *("beats", "sixteenths", "key", "key_mode", "cadence", "fermata"),
    *("relation", "source", "shift", "chord", "inversion", "end"),
)
SLOTS = (*STRUCTURE_SLOTS, "inline", *PHRASE_SLOTS)
BEATS_PER_TOKEN = 32
PHRASES_PER_TOKEN = 32
MAX_FERMATA_FRAMES = 64
"""A fermata chord begins at most this many 16ths before the end of its phrase."""

VOCABULARY = Vocabulary(
    (
        *STRUCTURE_NAMES,
        "END_PHRASES",
        "MORE_BEATS",
        *(f"BEATS_{beats}" for beats in range(BEATS_PER_TOKEN)),
        *(f"SIXTEENTHS_{frames}" for frames in range(4)),
        *(f"CADENCE_{cadence}" for cadence in get_args(Cadence)),
        "FERMATA_none",
        *(f"FERMATA_{frames}" for frames in range(1, MAX_FERMATA_FRAMES + 1)),
        *(f"RELATION_{relation}" for relation in get_args(Relation)),
        "MORE_SOURCE",
        *(f"SOURCE_{back}" for back in range(1, PHRASES_PER_TOKEN + 1)),
        *(f"SHIFT_{semitones}" for semitones in range(-11, 12)),
        "HOLD_CHORD",
        *(f"CHORD_{root}_{quality}" for root in range(12) for quality in QUALITIES),
        *(f"INVERSION_{inversion}" for inversion in range(4)),
    )
)
END_PHRASES, MORE_BEATS, MORE_SOURCE, HOLD_CHORD = (
    VOCABULARY.ids[name] for name in ("END_PHRASES", "MORE_BEATS", "MORE_SOURCE", "HOLD_CHORD")
)
BEATS, SIXTEENTHS, CADENCE, FERMATA, RELATION, SOURCE, SHIFT, CHORD, INVERSION = (
    Family.of(VOCABULARY, prefix)
    for prefix in ("BEATS", "SIXTEENTHS", "CADENCE", "FERMATA", "RELATION", "SOURCE", "SHIFT", "CHORD", "INVERSION")
)
CONDITION_SIZES = {
    "slot": 1 + len(SLOTS),
    "section": 1 + 8,  # letters in order of appearance
    "home_mode": 1 + 2,
    "bars_left": 1 + 64,  # in the section, this phrase included
    "phrase": 1 + 16,  # number within the section
    "last_section": 1 + 2,
    "degree": 1 + 12,  # local key against the home key
    "mode": 1 + 2,
    "cadence": 1 + len(get_args(Cadence)),
    "relation": 1 + len(get_args(Relation)),
    "ends_section": 1 + 2,
    "bar_position": 1 + 48,  # of the chord's beat slot
    "beats_left": 1 + 64,  # in the phrase, this slot included
    "beats_to_fermata": 1 + 33,
    "source_root": 1 + 12,  # the chord at this place of the phrase from which this one derives
    "source_quality": 1 + len(QUALITIES),
}
"""Name -> number of values of each condition channel; 0 = unknown or not yet said."""
_QUALITIES = list(QUALITIES)


@dataclass(frozen=True, slots=True)
class PhraseHead:
    """What is said of one phrase; None = not yet. Numbers that are added up start at 0."""

    section: int
    start: int
    """First frame."""
    frames: int = 0
    degree: int | None = None
    mode: Mode | None = None
    cadence: Cadence | None = None
    fermata: int | None = None
    """Frames from the fermata chord to the phrase's end; 0 = no fermata."""
    relation: Relation | None = None
    back: int = 0
    """How many phrases back its source lies."""
    shift: int = 0
    chords: tuple[Chord, ...] = ()
    slots: tuple[Range, ...] = ()

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.start + self.frames


@dataclass(slots=True)
class PhraseCursor:
    """Where a stream stands. ``slot`` is the kind of the next token, or ``done``."""

    structure: StructureCursor = field(default_factory=StructureCursor)
    slot: str = "bos"
    phrases: list[PhraseHead] = field(default_factory=list[PhraseHead])
    """All phrases so far; the last one is unfinished while ``slot`` is one of its slots after ``beats``."""
    section: int = 0
    grid: Grid | None = None
    spans: list[Range] = field(default_factory=list[Range])
    forced: list[int] = field(default_factory=list[int])
    """What must come next, if anything: the section's tokens again, or a return of a section."""

    def copy(self) -> PhraseCursor:
        """A cursor that can go another way."""
        return replace(
            self,
            structure=copy.deepcopy(self.structure) if self.grid is None else self.structure,
            phrases=list(self.phrases),
            forced=list(self.forced),
        )

    def feed(self, token: int) -> None:
        """Takes the next token, which must belong to the family of ``slot``."""
        if self.grid is None:
            self._feed_structure(token)
            return
        self.forced = self.forced[1:] if self.forced[:1] == [token] else []
        if self.slot == "inline":
            if not self.forced:
                self._begin_phrases()
        elif self.slot == "end":
            self.slot = "done"
        elif self.slot == "beats":
            self._feed_beats(token)
        elif self.slot in ("chord", "inversion"):
            self._feed_chord(token)
        else:
            self._feed_head(token)

    def allowed_ids(self) -> list[int]:
        """What may come next; nothing once it is done."""
        if self.forced:
            return self.forced[:1]
        if self.grid is None:
            return self.structure.allowed_ids()
        family = _FAMILY.get(self.slot)
        if family is not None:
            return list(family.all)
        if self.slot in ("chord", "inversion"):
            return self._chords()
        if self.slot in ("end", "done"):
            return [END_PHRASES] if self.slot == "end" else []
        return self._lengths_and_places()

    @property
    def left_frames(self) -> int:
        """Frames of the section that have no phrase yet; the unfinished phrase counts as far as its length is said."""
        end = self.spans[self.section][1]
        return end - (self.phrases[-1].end if self.phrases else 0)

    @property
    def in_phrase(self) -> bool:
        """Whether the last phrase is unfinished."""
        return self.slot in PHRASE_SLOTS[1:-1] or (self.slot == "beats" and self._length_begun())

    @property
    def finished_phrases(self) -> list[PhraseHead]:
        """The phrases of which everything is said."""
        return self.phrases[:-1] if self.in_phrase else self.phrases

    def source_of(self, number: int) -> PhraseHead | None:
        """The phrase from which phrase ``number`` derives."""
        back = self.phrases[number].back
        return self.phrases[number - back] if 0 < back <= number else None

    def features(self) -> list[int]:
        """The condition channels of the next token, in the order of CONDITION_SIZES."""
        if self.slot == "done":
            return [0] * len(CONDITION_SIZES)
        values = dict.fromkeys(CONDITION_SIZES, 0)
        values["slot"] = 1 + SLOTS.index(self.slot)
        values["home_mode"] = 0 if self.structure.mode is None else 1 + (self.structure.mode == "minor")
        if self.grid is not None and self.slot not in ("inline", "end"):
            self._section_features(values)
            if self.in_phrase:
                self._phrase_features(values)
        return list(values.values())

    def _feed_structure(self, token: int) -> None:
        self.structure.feed(token)
        self.slot = self.structure.slot
        if self.slot == "done":
            plan = self.structure.plan()
            self.grid, self.spans = grid_of_plan(plan), section_ranges(plan)
            self._begin_section()

    def _begin_section(self) -> None:
        if self.section == len(self.spans):
            self.slot = "end"
            return
        self.slot, self.forced = "inline", list(self.structure.heads[self.section].ids)

    def _begin_phrases(self) -> None:
        self.slot = "beats"
        heads = self.structure.heads
        labels = [head.label for head in heads]
        earlier = labels.index(labels[self.section])
        if earlier < self.section:
            self.forced = self._return_of(earlier)

    def _return_of(self, earlier: int) -> list[int]:
        """The tokens of a section that is the section ``earlier`` again, as long as its span asks."""
        assert self.grid is not None
        sources = [phrase for phrase in self.phrases if phrase.section == earlier]
        start, end = self.spans[self.section]
        ids: list[int] = []
        for number, source in enumerate(sources):
            stop = end if number + 1 == len(sources) else min(end, start + source.frames)
            more = stop - start - source.frames
            slots = self.grid.slots(start, stop)
            back = len(self.phrases) + number - self.phrases.index(source)
            phrase = replace(
                source,
                frames=stop - start,
                fermata=0 if not source.fermata else source.fermata + more,
                relation="exact",
                back=back,
                chords=(*source.chords, *source.chords[-1:] * len(slots))[: len(slots)],
            )
            ids += phrase_ids(phrase)
            start = stop
        return ids

    def _length_begun(self) -> bool:
        """Whether MORE_BEATS has been said of a phrase whose BEATS are still to come."""
        return bool(self.phrases) and self.phrases[-1].degree is None

    def _feed_beats(self, token: int) -> None:
        if not self._length_begun():
            start = self.phrases[-1].end if self.phrases else 0
            self.phrases.append(PhraseHead(self.section, start))
        phrase = self.phrases[-1]
        if token == MORE_BEATS:
            self.phrases[-1] = replace(phrase, frames=phrase.frames + 4 * BEATS_PER_TOKEN)
        else:
            self.phrases[-1] = replace(phrase, frames=phrase.frames + 4 * BEATS.number(token))
            self.slot = "sixteenths"

    def _feed_head(self, token: int) -> None:
        phrase, slot = self.phrases[-1], self.slot
        if slot == "sixteenths":
            phrase = replace(phrase, frames=phrase.frames + SIXTEENTHS.number(token))
            assert self.grid is not None
            phrase = replace(phrase, slots=tuple(self.grid.slots(phrase.start, phrase.end)))
        elif slot == "key":
            phrase = replace(phrase, degree=DEGREE.number(token))
        elif slot == "key_mode":
            phrase = replace(phrase, mode=cast("Mode", LOCAL.value(token)))
        elif slot == "cadence":
            phrase = replace(phrase, cadence=cast("Cadence", CADENCE.value(token)))
        elif slot == "fermata":
            phrase = replace(phrase, fermata=token - FERMATA.first)
        elif slot == "relation":
            phrase = replace(phrase, relation=cast("Relation", RELATION.value(token)))
        elif slot == "shift":
            phrase = replace(phrase, shift=SHIFT.number(token))
        else:
            back = PHRASES_PER_TOKEN if token == MORE_SOURCE else SOURCE.number(token)
            phrase = replace(phrase, back=phrase.back + back)
        self.phrases[-1] = phrase
        self.slot = self._next_head_slot(token)

    def _next_head_slot(self, token: int) -> str:
        relation = self.phrases[-1].relation
        if self.slot == "relation":
            return "chord" if relation == "new" else "source"
        if self.slot == "source":
            return "source" if token == MORE_SOURCE else "chord" if relation == "exact" else "shift"
        return PHRASE_SLOTS[PHRASE_SLOTS.index(self.slot) + 1]

    def _feed_chord(self, token: int) -> None:
        phrase = self.phrases[-1]
        if self.slot == "inversion":
            chord = replace(phrase.chords[-1], inversion=INVERSION.number(token))
            self.phrases[-1] = replace(phrase, chords=(*phrase.chords[:-1], chord))
            self.slot = "chord"
        elif token == HOLD_CHORD:
            self.phrases[-1] = replace(phrase, chords=(*phrase.chords, *phrase.chords[-1:]))
        else:
            root, quality = CHORD.value(token).split("_")
            self.phrases[-1] = replace(phrase, chords=(*phrase.chords, Chord(int(root), quality)))
            self.slot = "inversion"
        if self.slot == "chord" and len(self.phrases[-1].chords) >= len(phrase.slots):
            self._finish_phrase()

    def _finish_phrase(self) -> None:
        self.slot = "beats"
        if self.left_frames <= 0:
            self.section += 1
            self._begin_section()

    def _lengths_and_places(self) -> list[int]:
        phrase = self.phrases[-1] if self.in_phrase else None
        if phrase is not None and self.slot == "fermata":
            return [FERMATA.first, *list(FERMATA.all)[1 : 1 + phrase.frames]]
        if phrase is not None and self.slot == "relation":
            return list(RELATION.all) if len(self.phrases) > 1 else [RELATION.id("new")]
        if phrase is not None and self.slot == "source":
            left = len(self.phrases) - 1 - phrase.back
            return [*([MORE_SOURCE] if left > PHRASES_PER_TOKEN else []), *list(SOURCE.all)[:left]]
        said = 0 if phrase is None else phrase.frames
        room = min(self.left_frames, 4 * MAX_PHRASE_BEATS - said)
        if self.slot == "sixteenths":
            return list(SIXTEENTHS.all)[0 if said else 1 : min(room, 3) + 1]
        return [*([MORE_BEATS] if room >= 4 * BEATS_PER_TOKEN else []), *list(BEATS.all)[: room // 4 + 1]]

    def _chords(self) -> list[int]:
        chords = self.phrases[-1].chords
        if self.slot == "inversion":
            return list(INVERSION.all)[: len(chords[-1].intervals)]
        return [*([HOLD_CHORD] if chords else []), *CHORD.all]

    def _section_features(self, values: dict[str, int]) -> None:
        assert self.grid is not None
        head = self.structure.heads[self.section]
        phrases = [phrase for phrase in self.phrases if phrase.section == self.section]
        start = phrases[-1].start if self.in_phrase else phrases[-1].end if phrases else self.spans[self.section][0]
        bars = -(-(self.spans[self.section][1] - start) // self.grid.bar_frames)
        values["section"] = 1 + min(LETTERS.index(head.letter), 7)
        values["bars_left"] = 1 + min(bars, 63)
        values["phrase"] = 1 + min(len(phrases) - self.in_phrase, 15)
        values["last_section"] = 1 + (self.section + 1 == len(self.spans))

    def _phrase_features(self, values: dict[str, int]) -> None:
        phrase = self.phrases[-1]
        values["degree"] = 0 if phrase.degree is None else 1 + phrase.degree
        values["mode"] = 0 if phrase.mode is None else 1 + (phrase.mode == "minor")
        values["cadence"] = 0 if phrase.cadence is None else 1 + get_args(Cadence).index(phrase.cadence)
        values["relation"] = 0 if phrase.relation is None else 1 + get_args(Relation).index(phrase.relation)
        values["ends_section"] = 1 + (self.left_frames <= 0)
        if self.slot in ("chord", "inversion"):
            self._slot_features(values, len(phrase.chords) - (self.slot == "inversion"))

    def _slot_features(self, values: dict[str, int], number: int) -> None:
        assert self.grid is not None
        phrase = self.phrases[-1]
        start = phrase.slots[min(number, len(phrase.slots) - 1)][0]
        values["bar_position"] = 1 + min((start - self.grid.pickup_frames) % self.grid.bar_frames, 47)
        values["beats_left"] = 1 + min(-(-(phrase.end - start) // 4), 63)
        if phrase.fermata:
            values["beats_to_fermata"] = 1 + max(0, min(-(-(phrase.end - phrase.fermata - start) // 4), 32))
        source = self.source_of(len(self.phrases) - 1)
        if source is not None and source.chords:
            aligned = number if 2 * number < len(phrase.slots) else number - len(phrase.slots) + len(source.chords)
            chord = source.chords[max(0, min(aligned, len(source.chords) - 1))]
            values["source_root"], values["source_quality"] = 1 + chord.root, 1 + _QUALITIES.index(chord.quality)


_FAMILY = {"key": DEGREE, "key_mode": LOCAL, "cadence": CADENCE, "shift": SHIFT}


def phrase_ids(phrase: PhraseHead) -> list[int]:
    """The tokens of a phrase of which everything is said."""
    more, frames = divmod(phrase.frames, 4 * BEATS_PER_TOKEN)
    ids = [*[MORE_BEATS] * more, BEATS.id(frames // 4), SIXTEENTHS.id(frames % 4), DEGREE.id(phrase.degree)]
    ids += [LOCAL.id(phrase.mode), CADENCE.id(phrase.cadence)]
    ids += [FERMATA.first + min(phrase.fermata or 0, MAX_FERMATA_FRAMES), RELATION.id(phrase.relation)]
    if phrase.relation != "new":
        more, back = divmod(phrase.back - 1, PHRASES_PER_TOKEN)
        ids += [*[MORE_SOURCE] * more, SOURCE.id(back + 1)]
        ids += [] if phrase.relation == "exact" else [SHIFT.id(phrase.shift)]
    for number, chord in enumerate(phrase.chords):
        ids += chord_ids(chord, phrase.chords[number - 1] if number else None)
    return ids


def chord_ids(chord: Chord, before: Chord | None) -> list[int]:
    """The tokens of one beat slot, given the slot before it in the phrase."""
    if chord == before:
        return [HOLD_CHORD]
    return [CHORD.id(f"{chord.root}_{chord.quality}"), INVERSION.id(chord.inversion)]
