"""POP909-CL: the songs of POP909 with corrected metre and key, and their chords (Yao et al., ICASSP 2026).

**Source**: github.com/AndyWeasley2004/POP909-CL-Dataset, folder ``POP909_processed``, below the data folder as
``pop909-cl``; and POP909 itself (``pop909.py``), because the corrected files hold all notes in one track and a tempo
that is not the song's. Read is a song in three parts, Melody, Bridge, Piano, on the corrected bars, with POP909's
tempo and chord symbols.
**Licence**: MIT (the data set; the songs are their owners').
**Split**: as ``pop909``: 801-909 for test, of the others every tenth for validation, the rest for training.

*Parts.* The notes of each pitch come in the same order, with the same velocities, in both files; a note takes the part
of the one that it is aligned with by velocities, else of the unaligned one of its pitch that is nearest in time. Songs
of which less than four fifths are aligned are refused: two of them are not the same music (553, 658).
*Lengths.* Where two parts strike or hold one pitch, the one track of the corrected files gives both wrong ends: 4 % of
all notes. A length that differs by more than a 16th from the played one, carried over by the onsets around it, is
replaced by that, rounded to a 24th of a quarter note.
*Notation.* Onsets and lengths, which are as played on the corrected bars, are set to the beat
(``scores/quantization.py``).
*Chords.* A chord of the chord track becomes the symbol with the most of its pitch classes and the fewest others, its
lowest note as the root where two fit alike.
*Bars.* Many corrected files begin on a beat that puts their barlines between the changes of harmony. The barlines are
moved, by whole 16ths, to where most chords change, if that is more than 5 % of the changes more than as they are; the
first bar is then a pickup. ``shift_16ths`` finds a song in the bars of ``pop909-structure``: of the 761 songs whose
melodies agree, 56 % have its barlines before this and 87 % after it.
*Tempo.* One for the song: the slope of POP909's seconds over the corrected beats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import SCORE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.files import hash_of_file
from ritornello.data.corpora.pop909 import NUM_SONGS, split_of
from ritornello.errors import UserError
from ritornello.form.chord import SYMBOL_QUALITIES
from ritornello.scores.clock import Clock
from ritornello.scores.quantization import set_to_beats
from ritornello.scores.reading import read_score
from ritornello.scores.score import ChordSymbol, IntArray, Notes, Part, Score, Tempo

PARTS = ("Melody", "Bridge", "Piano")
MIN_ALIGNED = 0.8
"""Share of the notes that must be found again in POP909."""
MIN_GAIN = 0.05
"""Share of the changes of chord by which other barlines must be better to be taken."""
_ABSENT = -1
_OTHER_VELOCITY_TICKS = 120
"""A partner with another velocity is taken where none with the same is nearer than so much more."""


def pieces(root: Path | None = None) -> Iterator[Piece]:
    """Yields the songs by number, ids ``001`` to ``909``; songs that are not in both data sets are left out."""
    songs = _songs(root)
    if not songs:
        raise UserError("holds no song", where="pop909-cl", mend="copy pop909-cl and pop909 again")
    for number, (path, played) in songs.items():
        sha256 = hashlib.sha256(f"{hash_of_file(path)} {hash_of_file(played)}".encode()).hexdigest()
        name = f"{number:03d}"
        yield Piece(name, name, split_of(number), sha256, partial(read_song, path, played))


def num_absent(root: Path | None = None) -> int:
    """How many of the 909 songs are not there."""
    return NUM_SONGS - len(_songs(root))


def read_song(path: Path, played_path: Path) -> Score:
    """A song in three parts with its chords; raises UserError where the two files are not the same song."""
    score, played = read_score(path), read_score(played_path)
    if len(played.parts) != len(PARTS):
        raise UserError(f"{len(played.parts)} parts", where=str(played_path), limit=f"{len(PARTS)} parts")
    notes, source = score.parts[0].notes, _Played.of(played)
    partner = _partners(notes, source)
    found = partner != _ABSENT
    if found.mean() < MIN_ALIGNED:
        raise UserError("is not the same music as in POP909", where=str(path))
    part = _parts(notes, source, partner)
    notes = replace(notes, duration_ticks=_durations(notes, source, partner, score.ticks_per_beat))
    seconds = Clock.of(played).seconds(source.onset_ticks[partner[found]])
    beats = notes.onset_ticks[found] / score.ticks_per_beat
    chords = _chords(score.parts[1].notes, score.ticks_per_beat) if len(score.parts) > 1 else ()
    song = replace(
        score,
        parts=tuple(Part(name, _chosen(notes, part == number)) for number, name in enumerate(PARTS)),
        tempos=(Tempo(0, _beats_per_minute(beats, seconds)),),
        chords=chords,
        pickup_ticks=_pickup_ticks(score, chords),
    )
    return set_to_beats(song)


def symbol(pitches: IntArray) -> tuple[int, str]:
    """Root and quality of the chord symbol that fits the pitches (N,) best."""
    sounding, bass = {int(pitch) % 12 for pitch in pitches}, int(pitches.min()) % 12

    def misfit(name: tuple[int, str]) -> tuple[int, bool]:
        chord = {(name[0] + interval) % 12 for interval in SYMBOL_QUALITIES[name[1]]}
        return len(chord ^ sounding), name[0] != bass

    return min(((root, quality) for root in range(12) for quality in SYMBOL_QUALITIES), key=misfit)


def shift_16ths(melody: Notes, ticks_per_beat: int, other: Notes, other_ticks_per_beat: int) -> tuple[int, float]:
    """By how many 16ths a melody lies behind another typesetting of it, and the share of the other's notes found there.

    Octaves do not count; (0, 0.0) where one has no notes.
    """
    mine, theirs = (
        (np.rint(notes.onset_ticks * 4 / ticks).astype(np.int64), notes.pitch % 12)
        for notes, ticks in ((melody, ticks_per_beat), (other, other_ticks_per_beat))
    )
    if not (len(melody) and len(other)):
        return 0, 0.0
    apart = np.subtract.outer(mine[0], theirs[0])[np.equal.outer(mine[1], theirs[1])]
    shifts, counts = np.unique(apart, return_counts=True)
    if not len(shifts):
        return 0, 0.0
    best = int(counts.argmax())
    return int(shifts[best]), min(1.0, float(counts[best]) / len(other))


def _songs(root: Path | None) -> dict[int, tuple[Path, Path]]:
    """The songs that are in both data sets: number -> the corrected file, and the played one."""
    folder, played = corpus_folder(root, "pop909-cl") / "POP909_processed", corpus_folder(root, "pop909", "POP909")
    found = {
        number: (folder / f"{number:03d}.mid", played / f"{number:03d}" / f"{number:03d}.mid")
        for number in range(1, NUM_SONGS + 1)
    }
    return {number: paths for number, paths in found.items() if all(path.is_file() for path in paths)}


class _Played(NamedTuple):
    """The notes of POP909's parts in order of onset, as columns (M,)."""

    onset_ticks: IntArray
    offset_ticks: IntArray
    pitch: IntArray
    velocity: IntArray
    part: IntArray

    @classmethod
    def of(cls, score: Score) -> _Played:
        notes = [part.notes for part in score.parts]
        part = np.repeat(np.arange(len(notes)), [len(n) for n in notes])
        onset_ticks = np.concatenate([n.onset_ticks for n in notes])
        order = np.argsort(onset_ticks, kind="stable")
        pitch, velocity = (np.concatenate(c)[order] for c in ([n.pitch for n in notes], [n.velocity for n in notes]))
        offset_ticks = np.concatenate([n.offset_ticks for n in notes])
        return cls(onset_ticks[order], offset_ticks[order], pitch, velocity, part[order])


def _partners(notes: Notes, source: _Played) -> IntArray:
    """For each note (N,) the played note with which it is aligned, or -1: the longest common runs of velocities."""
    partner = np.full(len(notes), _ABSENT)
    for pitch in np.unique(notes.pitch).tolist():
        mine, theirs = np.flatnonzero(notes.pitch == pitch), np.flatnonzero(source.pitch == pitch)
        velocities = notes.velocity[mine].tolist(), source.velocity[theirs].tolist()
        for start, other, size in SequenceMatcher(None, *velocities, autojunk=False).get_matching_blocks():
            partner[mine[start : start + size]] = theirs[other : other + size]
    return partner


def _parts(notes: Notes, source: _Played, partner: IntArray) -> IntArray:
    """The part of each note (N,): that of its partner, else of the nearest played note of its pitch without one."""
    found = partner != _ABSENT
    part = source.part[partner]
    expected_ticks = np.interp(notes.onset_ticks, notes.onset_ticks[found], source.onset_ticks[partner[found]])
    is_free = np.ones(len(source.pitch), dtype=np.bool_)
    is_free[partner[found]] = False
    for note in np.flatnonzero(~found).tolist():
        free = np.flatnonzero(is_free & (source.pitch == notes.pitch[note]))
        if not len(free):
            part[note] = PARTS.index("Piano")
            continue
        late_ticks = np.abs(source.onset_ticks[free] - expected_ticks[note])
        is_other = source.velocity[free] != notes.velocity[note]
        chosen = free[np.argmin(late_ticks + _OTHER_VELOCITY_TICKS * is_other)]
        part[note], is_free[chosen] = source.part[chosen], False
    return part


def _durations(notes: Notes, source: _Played, partner: IntArray, ticks_per_beat: int) -> IntArray:
    """The lengths of the notes (N,), mended by those played."""
    found = partner != _ABSENT
    played, first = np.unique(source.onset_ticks[partner[found]], return_index=True)
    corrected = np.maximum.accumulate(notes.onset_ticks[found][first])
    ratio = (corrected[-1] - corrected[0]) / max(1, played[-1] - played[0])

    def carried(ticks: IntArray) -> NDArray[np.float64]:
        return np.interp(ticks, played, corrected) + ratio * np.maximum(0, ticks - played[-1])

    expected = carried(source.offset_ticks[partner]) - carried(source.onset_ticks[partner])
    step = max(1, ticks_per_beat // 24)
    rounded = step * np.maximum(1, np.rint(expected / step)).astype(np.int64)
    is_wrong = found & (np.abs(expected - notes.duration_ticks) > ticks_per_beat / 4)
    return np.where(is_wrong, rounded, notes.duration_ticks)


def _pickup_ticks(score: Score, chords: Sequence[ChordSymbol]) -> int:
    """How long the first bar is when the barlines stand where most chords change; 0 where they do already."""
    metre, *others = score.metres
    if others or not chords:
        return score.pickup_ticks
    length = metre.bar_ticks(score.ticks_per_beat) * 4 // score.ticks_per_beat
    names = [(chord.root, chord.quality) for chord in chords]
    changes = [chord.onset_ticks for i, chord in enumerate(chords) if not i or names[i] != names[i - 1]]
    places = np.rint(np.array(changes) * 4 / score.ticks_per_beat).astype(np.int64) % length
    shares = np.bincount(places, minlength=length) / len(changes)
    best = int(shares.argmax())
    return best * score.ticks_per_beat // 4 if shares[best] > shares[0] + MIN_GAIN else 0


def _chosen(notes: Notes, chosen: NDArray[np.bool_]) -> Notes:
    return Notes.columns(
        notes.onset_ticks[chosen], notes.duration_ticks[chosen], notes.pitch[chosen], notes.velocity[chosen]
    )


def _beats_per_minute(beats: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """The tempo at which the beats come at these seconds, by least squares."""
    late = beats - beats.mean()
    return round(60 * float(late @ late) / float(late @ seconds), 3)


def _chords(notes: Notes, ticks_per_beat: int) -> tuple[ChordSymbol, ...]:
    """The chord track as symbols; a rest of half a beat and more is no chord."""
    symbols: list[ChordSymbol] = []
    onsets, first = np.unique(notes.onset_ticks, return_index=True)
    spans = pairwise([*first.tolist(), len(notes)])
    for onset, (start, stop) in zip(onsets.tolist(), spans, strict=True):
        end = int(notes.offset_ticks[start:stop].max())
        if symbols and symbols[-1].root is None and onset - symbols[-1].onset_ticks < ticks_per_beat / 2:
            symbols.pop()
        symbols += [ChordSymbol(onset, *symbol(notes.pitch[start:stop])), ChordSymbol(end, None)]
    return tuple(symbols[:-1])


POP909_CL = Corpus(
    "pop909_cl",
    "MIT (data set; the songs are their owners')",
    pieces,
    SCORE_SCHEMES,
    "https://github.com/AndyWeasley2004/POP909-CL-Dataset",
    num_absent=num_absent,
)
