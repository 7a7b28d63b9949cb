"""The analysis: finds the Plan in a Score.

Phrases first, then what the notes of each beat say, then keys and chords together, cadences from them,
and last what only whole phrases show: sections, motifs, arcs. The result is a complete plan in which
the piece fills its last bar, as a composed piece does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ritornello.errors import UserError
from ritornello.form.arcs import density_arc, register_arc
from ritornello.form.cadences import cadence_of
from ritornello.form.chord import Chord
from ritornello.form.chords import Slots, best_path, candidates_of, key_fits
from ritornello.form.evidence import chord_of_state, evidence_of
from ritornello.form.grid import FRAMES_PER_BEAT, Grid, Range, grid_of_score
from ritornello.form.keys import home_key, spell_key
from ritornello.form.motifs import motifs_of
from ritornello.form.phrases import PhraseSpan, phrase_spans
from ritornello.form.plan import MAX_BARS, MAX_PHRASE_BEATS, Cadence, Motif, Phrase, Plan, Section
from ritornello.form.sections import SectionSpan, section_spans
from ritornello.form.voices import REST, Frames, fermata_frames, frames_of
from ritornello.scores.score import Score

DEFAULT_TEMPO_BPM = 80.0


class PhraseHarmony(NamedTuple):
    """Keys (0-23) and chords of a phrase."""

    key: int
    """At the cadence; the chords are relative to it."""
    slot_keys: list[int]
    """Per beat slot."""
    slots: list[Range]
    chords: list[Chord]


class Analysis(NamedTuple):
    """What is found before it is written as a Plan; frames and grid are those of the piece as it is."""

    frames: Frames
    grid: Grid
    phrases: list[PhraseSpan]
    home: int
    harmony: list[PhraseHarmony]


def analyse(score: Score) -> Plan:
    """The plan of a score, with every field set.

    Raises:
        UserError: if the score has no notes, or is longer than a plan can be.
    """
    analysis = analyse_harmony(score)
    frames, grid, phrases, home, harmony = analysis
    cadences: list[Cadence] = [_cadence(frames, span, found) for span, found in zip(phrases, harmony, strict=True)]
    ranges = [(span.start, span.end) for span in phrases]
    motifs = motifs_of(frames, ranges)
    near = score.keys[0].fifths if score.keys else 0
    key = spell_key(home, near)
    made = [
        _phrase(span, found, cadence, motif, key.fifths)
        for span, found, cadence, motif in zip(phrases, harmony, cadences, motifs, strict=True)
    ]
    sections = [
        _section(frames, grid, span, ranges, made) for span in section_spans(frames, ranges, cadences, grid.bar_frames)
    ]
    metre = score.metres[0]
    return Plan(
        title=score.title,
        key=key,
        metre=str(metre),
        pickup_beats=grid.pickup_frames / FRAMES_PER_BEAT,
        tempo_bpm=_tempo(score),
        sections=tuple(sections),
    )


def analyse_harmony(score: Score) -> Analysis:
    """Phrases, keys and chords. Raises UserError as ``analyse`` does."""
    frames = frames_of(score)
    grid = grid_of_score(score)
    if not (frames.pitch != REST).any():
        raise UserError("there are no notes to analyse", where=score.title or "score")
    if grid.num_frames > MAX_BARS * grid.bar_frames:
        raise UserError("too long to analyse", where=score.title or "score", limit=f"{MAX_BARS} bars")
    frames, grid = _filled(frames, grid)
    phrases = phrase_spans(frames, grid, fermata_frames(score))
    slots = [grid.slots(span.start, span.end) for span in phrases]
    candidates = candidates_of(evidence_of(frames, [slot for own in slots for slot in own]))
    home = home_key(score, frames, key_fits(candidates))
    keys, states = best_path(candidates, _flags(grid, phrases, slots), home)
    harmony: list[PhraseHarmony] = []
    first = 0
    for span, own in zip(phrases, slots, strict=True):
        part = slice(first, first + len(own))
        key = int(keys[part][_cadence_slot(span, own)])
        chords = [chord_of_state(state, key % 12) for state in states[part].tolist()]
        harmony.append(PhraseHarmony(key, keys[part].tolist(), own, chords))
        first += len(own)
    return Analysis(frames, grid, phrases, home, harmony)


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


def _filled(frames: Frames, grid: Grid) -> tuple[Frames, Grid]:
    """Full bars of one metre, as every plan has them; the last chord sounds to the end of the last bar."""
    pickup, length = grid.pickup_frames, grid.bar_frames
    num_bars = max(1, -(-(len(frames.pitch) - pickup) // length))
    full = [(pickup + i * length, pickup + (i + 1) * length) for i in range(num_bars)]
    bars = ((0, pickup), *full) if pickup else tuple(full)
    missing = bars[-1][1] - len(frames.pitch)
    pitch = np.vstack([frames.pitch, np.repeat(frames.pitch[-1:], missing, axis=0)])
    struck = np.vstack([frames.struck, np.zeros((missing, 4), dtype=np.bool_)])
    return Frames(pitch, struck), replace(grid, bars=bars)


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


def _tempo(score: Score) -> float:
    tempo = score.tempos[0].beats_per_minute if score.tempos else DEFAULT_TEMPO_BPM
    return float(min(max(tempo, 20.0), 300.0))
