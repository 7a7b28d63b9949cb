"""The phrase scheme: the whole structure, then section by section its phrases with their harmony.

    structure stream, and per section: its tokens again, and per phrase:
    [MORE_BEATS]* BEATS SIXTEENTHS DEGREE LOCAL CADENCE FERMATA
    RELATION [[MORE_SOURCE]* SOURCE [SHIFT]] (HOLD_CHORD | CHORD INVERSION)+
    END_PHRASES at the end

A phrase lasts BEATS quarter notes and SIXTEENTHS; its key is DEGREE and LOCAL against the home key; FERMATA counts
16ths from the fermata chord to the phrase's end; SOURCE counts phrases back. There is one chord per beat slot,
relative to the phrase's key, and HOLD_CHORD is the chord of the slot before. The phrases of a section fill it exactly,
and a section that returns (same label) has its source's phrases. ``decode(encode(plan)) == on_grid(plan)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.form.chord import Chord
from ritornello.form.grid import FRAMES_PER_BEAT, Range, phrase_ranges, phrase_slots, to_frames
from ritornello.form.key import Key
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.scores.score import IntArray
from ritornello.tokenizers.base import Tokens, check_vocabulary
from ritornello.tokenizers.chorale_conditions import phrase_motifs
from ritornello.tokenizers.families import mask_of
from ritornello.tokenizers.phrase_cursor import (
    BEATS,
    BEATS_PER_TOKEN,
    CADENCE,
    CONDITION_SIZES,
    END_PHRASES,
    FERMATA,
    MAX_FERMATA_FRAMES,
    MORE_BEATS,
    MORE_SOURCE,
    PHRASES_PER_TOKEN,
    RELATION,
    SHIFT,
    SIXTEENTHS,
    SOURCE,
    VOCABULARY,
    PhraseCursor,
    PhraseHead,
    chord_ids,
)
from ritornello.tokenizers.structure import DEGREE, LOCAL, near_home, stated_structure, top_level


class PhraseTokenizer:
    """Complete Plans to tokens and back."""

    name = "phrases"
    vocabulary = VOCABULARY
    condition_sizes = tuple(CONDITION_SIZES.values())

    def encode(self, music: Plan) -> Tokens:
        """Plan to tokens; raises UserError when it leaves something open or contradicts itself."""
        music = _with_motifs(music)
        cursor, ids = PhraseCursor(), list[int]()
        while cursor.slot != "done":
            token = stated_phrase(music, cursor)
            if token is None and cursor.slot == "fermata":
                token = FERMATA.first
            if token is None:
                where = f"phrase {len(cursor.phrases)}" if cursor.grid is not None else "plan"
                raise UserError(
                    f"{cursor.slot} is open", where=where, mend="let 'ritornello compose' complete the plan"
                )
            ids.append(token)
            cursor.feed(token)
        return Tokens(np.array(ids, dtype=np.int64), self.vocabulary.hash)

    def decode(self, tokens: Tokens) -> Plan:
        """Tokens to a Plan; an unfinished phrase at the end is left out."""
        return plan_of(self.walk(tokens))

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which ids (V,) may follow."""
        return mask_of(len(self.vocabulary), self.walk(prefix).allowed_ids())

    def conditions(self, ids: IntArray) -> IntArray:
        """Channels (T, C) below ``condition_sizes``; row t describes the place of token t + 1."""
        cursor, rows = PhraseCursor(), list[list[int]]()
        for token in ids.tolist():
            cursor.feed(token)
            rows.append(cursor.features())
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.condition_sizes))

    def walk(self, tokens: Tokens) -> PhraseCursor:
        """Where the stream stands after these tokens."""
        check_vocabulary(tokens, self.vocabulary, "phrase tokens")
        cursor = PhraseCursor()
        for token in tokens.ids.tolist():
            cursor.feed(token)
        return cursor


def on_grid(plan: Plan) -> Plan:
    """A complete Plan as this scheme writes it.

    Beyond ``top_level``: a section's last phrase ends with the section (in the last section that includes the pickup);
    its harmony then holds the last chord; a fermata stands at most 16 beats before the end; missing motifs are derived.
    """
    plan = _with_motifs(plan)
    structure = top_level(plan)
    assert structure.key is not None, "top_level has a key"
    assert structure.sections is not None, "top_level has sections"
    places = zip(phrase_ranges(plan), phrase_slots(plan), strict=True)
    sections: list[Section] = []
    for section, written in zip(plan.sections or (), structure.sections, strict=True):
        if section.phrases is not None:
            pairs = zip(section.phrases, places, strict=False)
            phrases = tuple(_on_grid(phrase, span, len(slots), structure.key) for phrase, (span, slots) in pairs)
            sections.append(written.model_copy(update={"phrases": phrases}))
    return structure.model_copy(update={"sections": tuple(sections)})


def stated_phrase(plan: Plan, cursor: PhraseCursor) -> int | None:
    """The token that the plan states for the cursor's next slot; None where the plan is open."""
    if cursor.grid is None:
        return stated_structure(plan, cursor.structure)
    if cursor.slot in ("inline", "end"):
        return END_PHRASES if cursor.slot == "end" else cursor.forced[0]
    assert plan.sections is not None, "the structure comes first"
    phrases = plan.sections[cursor.section].phrases
    if phrases is None:
        return None
    number = sum(phrase.section == cursor.section for phrase in cursor.finished_phrases)
    phrase = phrases[number]
    if cursor.slot in ("beats", "sixteenths"):
        return _length_token(phrase, cursor, is_last=number + 1 == len(phrases))
    motif, chord = ("relation", "source", "shift"), ("chord", "inversion")
    stated = _motif_token if cursor.slot in motif else _chord_token if cursor.slot in chord else _head_token
    return stated(phrase, cursor)


def plan_of(cursor: PhraseCursor) -> Plan:
    """The finished part of a stream as a Plan."""
    plan = cursor.structure.plan()
    if plan.key is None or plan.sections is None or cursor.grid is None:
        return plan
    phrases: list[list[Phrase]] = [[] for _ in plan.sections]
    for number, head in enumerate(cursor.finished_phrases):
        phrases[head.section].append(_phrase(head, number, plan.key))
    sections = [s.model_copy(update={"phrases": tuple(p) or None}) for s, p in zip(plan.sections, phrases, strict=True)]
    return plan.model_copy(update={"sections": tuple(sections)})


def _with_motifs(plan: Plan) -> Plan:
    """The plan with every motif stated: where none is, it comes from the sections' labels, or is new."""
    motifs = iter(phrase_motifs(plan))
    sections = [
        section.model_copy(
            update={"phrases": tuple(p.model_copy(update={"motif": next(motifs) or Motif()}) for p in section.phrases)}
        )
        if section.phrases
        else section
        for section in plan.sections or ()
    ]
    return plan.model_copy(update={"sections": tuple(sections)}) if sections else plan


def _on_grid(phrase: Phrase, place: Range, num_slots: int, home: Key) -> Phrase:
    assert phrase.key is not None, "the plan is complete"
    assert phrase.harmony is not None, "the plan is complete"
    assert phrase.motif is not None, "motifs are derived"
    frames = place[1] - place[0]
    fermata = phrase.fermata_beats
    if fermata is not None:
        fermata = (frames - _fermata_frames(phrase, frames)) / FRAMES_PER_BEAT
    exact = phrase.motif.relation == "exact"
    return Phrase(
        beats=frames / FRAMES_PER_BEAT,
        key=near_home(phrase.key, home),
        cadence=phrase.cadence,
        fermata_beats=fermata,
        harmony=(*phrase.harmony, *phrase.harmony[-1:] * num_slots)[:num_slots],
        motif=phrase.motif.model_copy(update={"semitones": 0}) if exact else phrase.motif,
    )


def _fermata_frames(phrase: Phrase, frames: int) -> int:
    """Frames from the fermata chord to the end of a phrase that lasts ``frames``."""
    assert phrase.fermata_beats is not None
    return max(1, min(frames - to_frames(phrase.fermata_beats), frames, MAX_FERMATA_FRAMES))


def _length_token(phrase: Phrase, cursor: PhraseCursor, *, is_last: bool) -> int:
    said = cursor.phrases[-1].frames if cursor.in_phrase else 0
    left = cursor.left_frames if is_last else to_frames(phrase.beats) - said
    if not 0 <= left <= cursor.left_frames or (left == 0 and said == 0 and cursor.slot == "beats"):
        where = f"section {cursor.section + 1}"
        raise UserError("its phrases are longer than the section", where=where, mend="make them fit or leave them out")
    if cursor.slot == "sixteenths":
        return SIXTEENTHS.id(left % FRAMES_PER_BEAT)
    beats = left // FRAMES_PER_BEAT
    return MORE_BEATS if beats >= BEATS_PER_TOKEN else BEATS.id(beats)


def _head_token(phrase: Phrase, cursor: PhraseCursor) -> int | None:
    home, head = cursor.structure.home, cursor.phrases[-1]
    assert home is not None, "the structure comes first"
    if cursor.slot == "key":
        key = phrase.key
        return None if key is None else DEGREE.id((key.tonic_pitch_class - home.tonic_pitch_class) % 12)
    if cursor.slot == "key_mode":
        return None if phrase.key is None else LOCAL.id(phrase.key.mode)
    if cursor.slot == "cadence":
        return None if phrase.cadence is None else CADENCE.id(phrase.cadence)
    return None if phrase.fermata_beats is None else FERMATA.first + _fermata_frames(phrase, head.frames)


def _motif_token(phrase: Phrase, cursor: PhraseCursor) -> int | None:
    motif, number = phrase.motif, len(cursor.phrases) - 1
    if motif is None:
        return None
    if cursor.slot == "relation":
        return RELATION.id(motif.relation)
    if cursor.slot == "shift":
        return SHIFT.id(motif.semitones)
    if motif.source is None or motif.source >= number:
        raise UserError("its motif must name an earlier phrase", where=f"phrase {number + 1}", limit=f"below {number}")
    back = number - motif.source - cursor.phrases[-1].back
    return MORE_SOURCE if back > PHRASES_PER_TOKEN else SOURCE.id(back)


def _chord_token(phrase: Phrase, cursor: PhraseCursor) -> int | None:
    head = cursor.phrases[-1]
    if phrase.harmony is None:
        return None
    chords, num_slots = phrase.harmony, len(head.slots)
    ends_piece = cursor.left_frames == 0 and cursor.section + 1 == len(cursor.spans)
    if len(chords) != num_slots and not (ends_piece and len(chords) < num_slots):
        where = f"phrase {len(cursor.phrases)}"
        raise UserError(f"{len(chords)} chords", where=where, limit=f"{num_slots}, one per beat slot")
    number = len(head.chords) - (cursor.slot == "inversion")
    chord: Chord = chords[min(number, len(chords) - 1)]
    if cursor.slot == "inversion":
        return chord_ids(chord, None)[1]
    return chord_ids(chord, head.chords[-1] if head.chords else None)[0]


def _phrase(head: PhraseHead, number: int, home: Key) -> Phrase:
    assert head.degree is not None
    assert head.mode is not None
    assert head.relation is not None
    new = head.relation == "new"
    return Phrase(
        beats=head.frames / FRAMES_PER_BEAT,
        key=Key.from_pitch_class(home.tonic_pitch_class + head.degree, head.mode, home.fifths),
        cadence=head.cadence,
        fermata_beats=(head.frames - head.fermata) / FRAMES_PER_BEAT if head.fermata else None,
        harmony=head.chords,
        motif=Motif(relation=head.relation, source=None if new else number - head.back, semitones=head.shift),
    )
