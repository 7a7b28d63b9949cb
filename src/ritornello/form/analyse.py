"""The analysis: finds the Plan in a Score.

Phrases first, then what the notes of each beat say, then keys and chords together, cadences from them,
and last what only whole phrases show: sections, motifs, arcs. The result is a complete plan in which
the piece fills its last bar, as a composed piece does.

A chorale's sections are groups of phrases that end at fermatas or cadences. In every other piece that is long enough
to have returns, passages are found by what returns (``songs.py``, and ``arias.py`` where a ritornello moves through
the keys); each is a section of one phrase.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ritornello.errors import UserError
from ritornello.form.accompaniment import is_tune_over_chords
from ritornello.form.arcs import density_arc, register_arc
from ritornello.form.arias import aria_passages
from ritornello.form.cadences import cadence_of
from ritornello.form.chord import Chord
from ritornello.form.chords import Slots, best_path, candidates_of, key_fits
from ritornello.form.closes import Close, closes
from ritornello.form.evidence import chord_of_state, evidence_of
from ritornello.form.grid import FRAMES_PER_BEAT, Grid, Range, grid_of_score
from ritornello.form.keys import home_key, home_key_of_long, spell_key
from ritornello.form.letters import CAPITALS, MAX_PRIMES, SMALL
from ritornello.form.local_keys import local_keys
from ritornello.form.motifs import motifs_of
from ritornello.form.phrases import PhraseSpan, phrase_spans, spans_to
from ritornello.form.plan import MAX_BARS, MAX_PHRASE_BEATS, Cadence, Motif, Phrase, Plan, Section
from ritornello.form.returns import Passage
from ritornello.form.sections import SectionSpan, section_spans
from ritornello.form.songs import is_chorale, motifs_of_passages, passages_in
from ritornello.form.style import Style
from ritornello.form.voices import REST, Frames, fermata_frames, frames_of
from ritornello.scores.score import IntArray, Metre, Score

DEFAULT_TEMPO_BPM = 80.0
MAX_PICKUP_BEATS = 16
CLOSING_BARS = 2
"""Bars at the end of a passage in which its cadence is."""
MAX_NUMERATOR, MAX_DENOMINATOR = 99, 16


class PhraseHarmony(NamedTuple):
    """Keys (0-23) and chords of a phrase."""

    key: int
    """At the cadence; the chords are relative to it."""
    slot_keys: list[int]
    """Per beat slot."""
    slots: list[Range]
    chords: list[Chord]


class Analysis(NamedTuple):
    """What is found before it is written as a Plan; frames and grid have full bars of one metre."""

    frames: Frames
    grid: Grid
    phrases: list[PhraseSpan]
    home: int
    harmony: list[PhraseHarmony]
    motifs: list[Motif]
    passages: list[Passage]
    """One for each phrase of a piece that is no chorale; none of a chorale."""
    closes: list[Close]
    """All cadences of a piece that is no chorale, inside its passages too; a chorale's are its phrases' ends."""


def analyse(score: Score) -> Plan:
    """The plan of a score, with every field set but ``notes_per_bar``, which is there to be asked for.

    Raises:
        UserError: if the score has no notes, is longer than a plan can be, or has a metre below 16ths.
    """
    analysis = analyse_harmony(score)
    frames, grid, phrases, home, harmony, motifs, passages, _ = analysis
    cadences: list[Cadence] = [_cadence(frames, span, found) for span, found in zip(phrases, harmony, strict=True)]
    ranges = [(span.start, span.end) for span in phrases]
    near = score.keys[0].fifths if score.keys else 0
    key = spell_key(home, near)
    made = [
        _phrase(span, found, cadence, motif, key.fifths)
        for span, found, cadence, motif in zip(phrases, harmony, cadences, motifs, strict=True)
    ]
    spans = [SectionSpan(passage.label, number, number + 1) for number, passage in enumerate(passages)]
    sections = with_own_lengths(
        _section(frames, grid, span, ranges, made)
        for span in spans or section_spans(frames, ranges, cadences, grid.bar_frames)
    )
    return Plan(
        style=_style(score, passages),
        title=score.title,
        key=key,
        metre=str(main_metre(score)),
        pickup_beats=grid.pickup_frames / FRAMES_PER_BEAT,
        tempo_bpm=_tempo(score),
        sections=sections,
    )


def analyse_harmony(score: Score) -> Analysis:
    """Phrases, keys and chords. Raises UserError as ``analyse`` does."""
    frames = frames_of(score)
    if not (frames.pitch != REST).any():
        raise UserError("there are no notes to analyse", where=score.title or "score")
    grid = _regular_grid(score, len(frames.pitch))
    frames = filled(frames, grid.num_frames)
    fermatas = fermata_frames(score)
    num_bars = len(grid.bars) - (grid.pickup_frames > 0)
    passages: list[Passage] = []
    if not is_chorale(score, num_bars, fermatas):
        passages = aria_passages(score, grid.bar_frames, num_bars) or passages_in(score, grid.bar_frames, num_bars)
    ends = [passage.bars[1] * grid.bar_frames for passage in passages[:-1]]
    phrases = spans_to(frames, [*ends, grid.num_frames]) if passages else phrase_spans(frames, grid, fermatas)
    slots = [grid.slots(span.start, span.end) for span in phrases]
    every = [slot for own in slots for slot in own]
    evidence, flags = evidence_of(frames, every), _flags(grid, phrases, slots)
    candidates = candidates_of(evidence)
    fits = key_fits(candidates)
    home = home_key_of_long(score, frames, fits, len(every)) if passages else home_key(score, frames, fits)
    known = local_keys(evidence, flags.on_barline, home) if passages else None
    keys, states = best_path(candidates, flags, home, known)
    found = closes(frames, grid, every, keys, _chords(states, keys)) if passages else []
    phrases = _closed(phrases, found, grid)
    harmony: list[PhraseHarmony] = []
    first = 0
    for span, own in zip(phrases, slots, strict=True):
        part = slice(first, first + len(own))
        key = int(keys[part][_cadence_slot(span, own)])
        chords = [chord_of_state(state, key % 12) for state in states[part].tolist()]
        harmony.append(PhraseHarmony(key, keys[part].tolist(), own, chords))
        first += len(own)
    ranges = [(span.start, span.end) for span in phrases]
    motifs = motifs_of_passages(frames, ranges, passages) if passages else motifs_of(frames, ranges)
    return Analysis(frames, grid, phrases, home, _returned(harmony, motifs), motifs, passages, found)


def _chords(states: IntArray, keys: IntArray) -> list[Chord]:
    """The chords of all slots, each in its own key."""
    return [chord_of_state(state, key % 12) for state, key in zip(states.tolist(), keys.tolist(), strict=True)]


def _closed(phrases: Sequence[PhraseSpan], found: Sequence[Close], grid: Grid) -> list[PhraseSpan]:
    """The same phrases with their last chords where a cadence is found in their last bars."""
    closed: list[PhraseSpan] = []
    for span in phrases:
        first = max(span.start, span.end - CLOSING_BARS * grid.bar_frames)
        own = [close.frame for close in found if first <= close.frame < span.end]
        closed.append(span._replace(fermata=own[-1]) if own else span)
    return closed


def filled(frames: Frames, num_frames: int) -> Frames:
    """Frames up to ``num_frames``, none of them silent at the end: the last chord sounds on."""
    missing = max(0, num_frames - len(frames.pitch))
    pitch = np.vstack([frames.pitch, np.repeat(frames.pitch[-1:], missing, axis=0)])
    struck = np.vstack([frames.struck, np.zeros((missing, 4), dtype=np.bool_)])
    return Frames(pitch, struck)


def main_metre(score: Score) -> Metre:
    """The metre that holds for most of the piece. Raises UserError for one that 16ths cannot count."""
    onsets = [metre.onset_ticks for metre in score.metres]
    times = dict.fromkeys(((metre.numerator, metre.denominator) for metre in score.metres), 0)
    for metre, end in zip(score.metres, [*onsets[1:], score.end_ticks], strict=True):
        times[metre.numerator, metre.denominator] += end - metre.onset_ticks
    numerator, denominator = max(times, key=lambda metre: times[metre])
    while denominator > MAX_DENOMINATOR and numerator % 2 == 0:
        numerator, denominator = numerator // 2, denominator // 2
    if denominator > MAX_DENOMINATOR or numerator > MAX_NUMERATOR:
        limit = f"{MAX_NUMERATOR} units no shorter than 1/{MAX_DENOMINATOR}"
        raise UserError(f"metre {numerator}/{denominator} is not covered", where=score.title or "score", limit=limit)
    return Metre(0, numerator, denominator)


def _regular_grid(score: Score, num_frames: int) -> Grid:
    """Full bars of the main metre to the end of the piece; a short first bar is a pickup."""
    where = score.title or "score"
    metre = main_metre(score)
    length = metre.numerator * 4 * FRAMES_PER_BEAT // metre.denominator
    grid = grid_of_score(score)
    pickup = grid.pickup_frames
    if len(grid.bars) > 1 and grid.bars[0][1] < length:
        pickup = grid.bars[0][1]
    if pickup >= MAX_PICKUP_BEATS * FRAMES_PER_BEAT:
        raise UserError("the pickup is too long", where=where, limit=f"{MAX_PICKUP_BEATS} beats")
    num_bars = max(1, -(-(num_frames - pickup) // length))
    if num_bars > MAX_BARS:
        raise UserError("too long to analyse", where=where, limit=f"{MAX_BARS} bars")
    full = [(pickup + i * length, pickup + (i + 1) * length) for i in range(num_bars)]
    return Grid(((0, pickup), *full) if pickup else tuple(full), pickup, length)


def _returned(harmony: Sequence[PhraseHarmony], motifs: Sequence[Motif]) -> list[PhraseHarmony]:
    """The same music has the same harmony, whatever stands around it."""
    found: list[PhraseHarmony] = []
    for own, motif in zip(harmony, motifs, strict=True):
        source = found[motif.source] if motif.relation == "exact" and motif.source is not None else None
        same = source is not None and len(source.slots) == len(own.slots)
        found.append(source._replace(slots=own.slots) if source is not None and same else own)
    return found


def _cadence_slot(span: PhraseSpan, slots: Sequence[Range]) -> int:
    """Index of the slot in which the phrase's last chord begins."""
    return sum(start <= span.fermata for start, _ in slots) - 1


def _flags(grid: Grid, phrases: Sequence[PhraseSpan], slots: Sequence[Sequence[Range]]) -> Slots:
    starts = [start for own in slots for start, _ in own]
    cadences = [own[_cadence_slot(span, own)][0] for span, own in zip(phrases, slots, strict=True)]
    return Slots(
        np.isin(starts, [start for start, _ in grid.bars]),
        np.isin(starts, [span.start for span in phrases]),
        np.isin(starts, cadences),
    )


def _cadence(frames: Frames, span: PhraseSpan, found: PhraseHarmony) -> Cadence:
    upto = _cadence_slot(span, found.slots) + 1
    soprano = int(frames.pitch[span.fermata, 0])
    degree = None if soprano == REST else (soprano - found.key) % 12
    return cadence_of(found.chords[:upto], "minor" if found.key >= 12 else "major", degree)


def _phrase(span: PhraseSpan, found: PhraseHarmony, cadence: Cadence, motif: Motif, near_fifths: int) -> Phrase:
    beats = (span.end - span.start) / FRAMES_PER_BEAT
    if beats > MAX_PHRASE_BEATS:
        raise UserError("a phrase is too long", limit=f"{MAX_PHRASE_BEATS} beats")
    return Phrase(
        beats=beats,
        key=spell_key(found.key, near_fifths),
        cadence=cadence,
        fermata_beats=(span.fermata - span.start) / FRAMES_PER_BEAT,
        harmony=tuple(found.chords),
        motif=motif,
    )


def _section(frames: Frames, grid: Grid, span: SectionSpan, ranges: Sequence[Range], made: Sequence[Phrase]) -> Section:
    start, end = ranges[span.first][0], ranges[span.stop - 1][1]
    last = end == grid.num_frames
    bars = max(1, round((end - start - (grid.pickup_frames if last else 0)) / grid.bar_frames))
    return Section(
        label=span.label,
        bars=bars,
        key=made[span.stop - 1].key,
        register_arc=register_arc(frames, (start, end)),
        density_arc=density_arc(frames, (start, end)),
        phrases=tuple(made[span.first : span.stop]),
    )


def _style(score: Score, passages: Sequence[Passage]) -> Style:
    """What is not read as a chorale is a song where it has chord symbols or a part of chords, and else Bach."""
    if not passages:
        return "chorale"
    return "song" if score.chords or is_tune_over_chords(score) else "bach"


def with_own_lengths(sections: Iterable[Section]) -> tuple[Section, ...]:
    """The same label is the same length: where a return is longer or shorter it gets a prime more, or a free letter.

    Borders go to barlines, and there are three primes only, so that this happens in 2 of 100 pieces.
    """
    found = list(sections)
    bars: dict[str, int] = {}
    used = {section.label for section in found}
    for index, section in enumerate(found):
        label = section.label
        if bars.setdefault(label, section.bars) != section.bars:
            primed = (section.letter + "'" * primes for primes in range(1, MAX_PRIMES + 1))
            label = next(label for label in (*primed, *CAPITALS, *SMALL) if label not in used)
            used.add(label)
            bars[label] = section.bars
            found[index] = section.model_copy(update={"label": label})
    return tuple(found)


def _tempo(score: Score) -> float:
    tempo = score.tempos[0].beats_per_minute if score.tempos else DEFAULT_TEMPO_BPM
    return float(min(max(tempo, 20.0), 300.0))
