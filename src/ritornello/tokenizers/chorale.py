"""The chorale scheme: four voices on a grid of 16ths, five tokens a frame.

Frame 0 is the header: BOS, METRE, PICKUP (in 16ths), FIFTHS (key signature), MODE. Every later frame is one 16th:
MARK, soprano, alto, tenor, bass. MARK is NONE, FERMATA (at the onset of the fermata chord), METRE (a new metre, at a
barline) or END, which four PAD follow. A voice is HOLD (the note or rest goes on), REST, or PITCH (struck). So the
token at position p belongs to slot p % 5 of frame p // 5 - 1, in every piece.

What a Score loses here is what ``quantize`` takes away: ``decode(encode(score)) == quantize(score)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.plan import Plan
from ritornello.form.voices import REST as SILENCE
from ritornello.form.voices import fermata_frames, frames_of
from ritornello.scores.score import IntArray, KeySignature, Metre, Mode, Notes, Part, Score
from ritornello.tokenizers.base import Tokens, Vocabulary, check_vocabulary
from ritornello.tokenizers.chorale_conditions import (
    CHANNELS,
    MARK_END,
    frame_channels,
    frame_sources,
)
from ritornello.tokenizers.metres import (
    FIFTHS_TOKENS,
    METRE_TOKENS,
    METRES,
    MODE_TOKENS,
    PICKUP_TOKENS,
    bar_frames,
)

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
FRAME_TOKENS = 5
LOWEST_PITCH, HIGHEST_PITCH = 30, 90
TICKS_PER_BEAT = 480
MAX_FRAMES = 1 << 16
"""About 4,000 bars of 4/4; a Score that is longer is refused before anything is allocated."""

_Rows: TypeAlias = tuple[IntArray, IntArray, IntArray]
"""Onset frames, end frames and pitches of one voice, in order."""

_TICKS_PER_FRAME = TICKS_PER_BEAT // FRAMES_PER_BEAT
_VELOCITY = 80
_PROGRAM = 19  # church organ
_VOCABULARY = Vocabulary(
    (
        *("PAD", "BOS", "END", "NONE", "FERMATA"),
        *(METRE_TOKENS + PICKUP_TOKENS + FIFTHS_TOKENS + MODE_TOKENS),
        *("HOLD", "REST"),
        *(f"PITCH_{pitch}" for pitch in range(LOWEST_PITCH, HIGHEST_PITCH + 1)),
    )
)
PAD, BOS, END, NONE, FERMATA, HOLD, REST = (
    _VOCABULARY.ids[name] for name in ("PAD", "BOS", "END", "NONE", "FERMATA", "HOLD", "REST")
)
FIRST_PITCH = _VOCABULARY.ids[f"PITCH_{LOWEST_PITCH}"]
_FIRST_METRE, _FIRST_PICKUP, _FIRST_FIFTHS, _FIRST_MODE = (
    _VOCABULARY.ids[names[0]] for names in (METRE_TOKENS, PICKUP_TOKENS, FIFTHS_TOKENS, MODE_TOKENS)
)
_BAR_FRAMES = np.array([bar_frames(metre) for metre in METRES])


class ChoraleTokenizer:
    """Four-part Scores to frames of five tokens and back."""

    name = "chorale"
    vocabulary = _VOCABULARY
    condition_sizes = tuple(CHANNELS.values())

    def encode(self, music: Score) -> Tokens:
        """Score to tokens, quantized; raises UserError unless it has four monophonic parts within the limits."""
        return Tokens(_ids_of(quantize(music)), self.vocabulary.hash)

    def decode(self, tokens: Tokens) -> Score:
        """Tokens to a Score of four parts; an unfinished frame at the end is left out."""
        check_vocabulary(tokens, self.vocabulary, "chorale tokens")
        if len(tokens) < FRAME_TOKENS:
            return Score(TICKS_PER_BEAT, tuple(Part(name, Notes.of([]), _PROGRAM) for name in VOICES))
        return _score_of(tokens.ids)

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which ids (V,) may follow; costs one look at the marks of the prefix."""
        ids = prefix.ids
        frame, slot = divmod(len(ids), FRAME_TOKENS)
        if frame == 0:
            return _header_mask(ids, slot)
        if slot:
            ended = ids[frame * FRAME_TOKENS] == END
            return _PAD_MASK if ended else _FIRST_VOICE_MASK if frame == 1 else _VOICE_MASK
        return _mark_mask(ids, frame)

    def transposed(self, semitones: int) -> IntArray:
        """Id -> id (V,) after moving the music by ``semitones``; -1 where the pitch leaves the range.

        Key signatures move along and are respelled with at most six sharps or flats.
        """
        table = np.arange(len(self.vocabulary))
        pitches = table[FIRST_PITCH:] + semitones
        table[FIRST_PITCH:] = np.where((pitches >= FIRST_PITCH) & (pitches < len(table)), pitches, -1)
        if semitones:
            fifths = (np.arange(-7, 8) + 7 * semitones + 5) % 12 - 5
            table[_FIRST_FIFTHS : _FIRST_FIFTHS + 15] = _FIRST_FIFTHS + 7 + fifths
        return table

    def conditions(self, plan: Plan, num_frames: int | None = None) -> tuple[IntArray, IntArray]:
        """What the plan says of every token: channels (T, C) below ``condition_sizes``, and source (T,).

        Row t speaks of token t + 1; source is the position of the earlier token from which that one derives, in the
        same slot of its frame, or -1. The header is given, so nothing is said of it.

        Args:
            plan: its metre, pickup and sections must be set; what else is open is 0.
            num_frames: length of the piece where it is not the plan's, as in a real piece whose last bar is short.
        """
        channels, sources = frame_channels(plan), frame_sources(plan)
        num_frames = len(channels) if num_frames is None else num_frames
        channels = np.pad(channels[:num_frames], ((0, max(0, num_frames - len(channels))), (0, 0)), mode="edge")
        sources = np.pad(sources[:num_frames], (0, max(0, num_frames - len(sources))), constant_values=-1)
        table = np.zeros((num_frames + 2, FRAME_TOKENS, len(CHANNELS)), dtype=np.int64)
        table[1:-1] = channels[:, None]
        table[-1, 0, list(CHANNELS).index("mark")] = MARK_END
        places = np.full((num_frames + 2, FRAME_TOKENS), -1, dtype=np.int64)
        slots = (sources[:, None] + 1) * FRAME_TOKENS + np.arange(FRAME_TOKENS)
        places[1:-1] = np.where(sources[:, None] < 0, -1, slots)
        table, places = table.reshape(-1, len(CHANNELS)), places.reshape(-1)
        return np.vstack([table[1:], 0 * table[:1]]), np.append(places[1:], -1)


def quantize(score: Score) -> Score:
    """The Score on the grid of this scheme: what ``decode(encode(score))`` gives back.

    Onsets and ends go to the nearest 16th (ties downwards, at least one 16th long); of two notes of a voice at the
    same 16th the first stays. A new metre goes to the next barline. Fermatas become one place for all voices: the
    soprano's where it has one. Velocities, instruments, tempos, markers, title and names of parts are not kept.
    """
    _check_parts(score)
    frames = frames_of(score)
    rows = [_voice_rows(pitch, struck) for pitch, struck in zip(frames.pitch.T, frames.struck.T, strict=True)]
    metres = _grid_metres(score, len(frames.pitch))
    changes = {frame for frame, _ in metres[1:]}
    fermatas = set(fermata_frames(score)) - changes
    fermatas = fermatas.intersection(rows[0][0].tolist()) or fermatas  # the soprano's go before the others'
    key = score.keys[0] if score.keys else KeySignature(0, 0, None)
    key = KeySignature(0, key.fifths, key.mode or _mode_of(key.fifths, rows[-1][2]))
    return _assemble(rows, len(frames.pitch), metres, _pickup_frames(score), key, fermatas)


def _check_parts(score: Score) -> None:
    if len(score.parts) != len(VOICES):
        raise UserError(f"{len(score.parts)} parts", where="chorale scheme", limit="4 monophonic parts")
    if not score.num_notes:
        raise UserError("no notes", where="chorale scheme")
    if score.end_ticks > MAX_FRAMES * score.ticks_per_beat // FRAMES_PER_BEAT:
        raise UserError("the piece is too long", where="chorale scheme", limit=f"{MAX_FRAMES} sixteenths")
    for part in score.parts:
        notes = part.notes
        if len(notes) and (notes.pitch.min() < LOWEST_PITCH or notes.pitch.max() > HIGHEST_PITCH):
            limit = f"MIDI pitch {LOWEST_PITCH}-{HIGHEST_PITCH}"
            raise UserError(f"a note of {part.name or 'a part'} is out of range", where="chorale scheme", limit=limit)
        if np.any(notes.onset_ticks[1:] < notes.offset_ticks[:-1]):
            raise UserError(f"{part.name or 'a part'} has chords", where="chorale scheme", limit="4 monophonic parts")
    for metre in score.metres:
        if str(metre) not in METRES:
            raise UserError(f"metre {metre}", where="chorale scheme", limit="one of " + " ".join(METRES))


def _voice_rows(pitch: IntArray, struck: NDArray[np.bool_]) -> _Rows:
    """The notes of one voice: pitch per frame (-1 = rest), and whether it begins there."""
    onsets = np.flatnonzero(struck)
    events = np.flatnonzero(struck | (pitch == SILENCE))
    ends = np.append(events, len(pitch))[np.searchsorted(events, onsets, side="right")]
    return onsets, ends, pitch[onsets]


def _frame(ticks: int, ticks_per_beat: int) -> int:
    return -((ticks_per_beat - 2 * ticks * FRAMES_PER_BEAT) // (2 * ticks_per_beat))


def _pickup_frames(score: Score) -> int:
    return _frame(score.pickup_ticks, score.ticks_per_beat) % bar_frames(str(score.metres[0]))


def _grid_metres(score: Score, num_frames: int) -> list[tuple[int, str]]:
    """(frame, metre) of the first metre and of every change, each at a barline."""
    barline = _pickup_frames(score)
    metres = [(0, str(score.metres[0]))]
    for metre in score.metres[1:]:
        frame = _frame(metre.onset_ticks, score.ticks_per_beat)
        bar = bar_frames(metres[-1][1])
        barline += max(0, -(-(frame - barline) // bar)) * bar
        if barline == metres[-1][0]:
            metres[-1] = (barline, str(metre))
        elif barline < num_frames and str(metre) != metres[-1][1]:
            metres.append((barline, str(metre)))
    return [m for i, m in enumerate(metres) if i == 0 or m[1] != metres[i - 1][1]]


def _mode_of(fifths: int, bass_pitches: IntArray) -> Mode:
    """The mode of a signature that does not state it: major when the last bass note is its major tonic."""
    major_tonic = 7 * fifths % 12
    return "major" if not len(bass_pitches) or bass_pitches[-1] % 12 == major_tonic else "minor"


def _assemble(
    rows: list[_Rows],
    num_frames: int,
    metres: list[tuple[int, str]],
    pickup: int,
    key: KeySignature,
    fermatas: Iterable[int],
) -> Score:
    """A Score of this scheme from frames."""
    marks = np.array(sorted(fermatas), dtype=np.int64)
    parts: list[Part] = []
    for name, (onsets, ends, pitches) in zip(VOICES, rows, strict=True):
        velocity = np.full(len(onsets), _VELOCITY)
        notes = Notes.columns(onsets * _TICKS_PER_FRAME, (ends - onsets) * _TICKS_PER_FRAME, pitches, velocity)
        struck = np.intersect1d(marks, onsets) * _TICKS_PER_FRAME
        parts.append(Part(name, notes, _PROGRAM, tuple(struck.tolist())))
    last = max((int(ends[-1]) for _, ends, _ in rows if len(ends)), default=0)
    return Score(
        ticks_per_beat=TICKS_PER_BEAT,
        parts=tuple(parts),
        metres=tuple(Metre(frame * _TICKS_PER_FRAME, *map(int, metre.split("/"))) for frame, metre in metres),
        keys=(key,),
        pickup_ticks=pickup * _TICKS_PER_FRAME,
        closing_ticks=num_frames * _TICKS_PER_FRAME if num_frames > last else 0,
    )


def _ids_of(score: Score) -> IntArray:
    """Tokens of a Score that lies on the grid."""
    ids = _VOCABULARY.ids
    num_frames = score.end_ticks // _TICKS_PER_FRAME
    body = np.full((num_frames + 2, FRAME_TOKENS), HOLD)
    key, pickup = score.keys[0], score.pickup_ticks // _TICKS_PER_FRAME
    header = ("BOS", f"METRE_{score.metres[0]}", f"PICKUP_{pickup}", f"FIFTHS_{key.fifths}", f"MODE_{key.mode}")
    body[0] = [ids[name] for name in header]
    body[1:, 0] = NONE
    for voice, part in enumerate(score.parts, start=1):
        body[1, voice] = REST
        body[1 + part.notes.offset_ticks // _TICKS_PER_FRAME, voice] = REST
        body[1 + part.notes.onset_ticks // _TICKS_PER_FRAME, voice] = FIRST_PITCH + part.notes.pitch - LOWEST_PITCH
        body[[1 + tick // _TICKS_PER_FRAME for tick in part.fermatas_ticks], 0] = FERMATA
    for metre in score.metres[1:]:
        body[1 + metre.onset_ticks // _TICKS_PER_FRAME, 0] = ids[f"METRE_{metre}"]
    body[-1] = [END, PAD, PAD, PAD, PAD]
    return body.reshape(-1)


def _score_of(ids: IntArray) -> Score:
    """The Score of a header and any number of frames."""
    _, metre, pickup, fifths, mode = map(int, ids[:FRAME_TOKENS])
    body = ids[FRAME_TOKENS : len(ids) // FRAME_TOKENS * FRAME_TOKENS].reshape(-1, FRAME_TOKENS)
    ends = np.flatnonzero(body[:, 0] == END)
    body = body[: ends[0]] if len(ends) else body
    marks = body[:, 0]
    metres = [(0, METRES[metre - _FIRST_METRE])]
    changes = map(int, np.flatnonzero((marks >= _FIRST_METRE) & (marks < _FIRST_PICKUP)))
    metres += [(frame, METRES[int(marks[frame]) - _FIRST_METRE]) for frame in changes]
    key = KeySignature(0, fifths - _FIRST_FIFTHS - 7, "major" if mode == _FIRST_MODE else "minor")
    rows = [_token_rows(body[:, voice]) for voice in range(1, FRAME_TOKENS)]
    fermatas = np.flatnonzero(marks == FERMATA).tolist()
    return _assemble(rows, len(body), metres, pickup - _FIRST_PICKUP, key, fermatas)


def _token_rows(column: IntArray) -> _Rows:
    """The notes of one voice's tokens."""
    events = np.flatnonzero(column != HOLD)
    ends = np.append(events[1:], len(column))
    struck = column[events] >= FIRST_PITCH
    return events[struck], ends[struck], column[events][struck] - FIRST_PITCH + LOWEST_PITCH


def _mask(*spans: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(len(_VOCABULARY), dtype=bool)
    for start, stop in spans:
        mask[start:stop] = True
    mask.setflags(write=False)
    return mask


_PAD_MASK = _mask((PAD, PAD + 1))
_VOICE_MASK = _mask((HOLD, len(_VOCABULARY)))
_FIRST_VOICE_MASK = _mask((REST, len(_VOCABULARY)))  # there is nothing to hold yet


def _header_mask(ids: IntArray, slot: int) -> NDArray[np.bool_]:
    if slot == 2:  # a pickup is shorter than a bar
        return _mask((_FIRST_PICKUP, _FIRST_PICKUP + int(_BAR_FRAMES[ids[1] - _FIRST_METRE])))
    return {
        0: _mask((BOS, BOS + 1)),
        1: _mask((_FIRST_METRE, _FIRST_PICKUP)),
        3: _mask((_FIRST_FIFTHS, _FIRST_MODE)),
        4: _mask((_FIRST_MODE, HOLD)),
    }[slot]


def _mark_mask(ids: IntArray, frame: int) -> NDArray[np.bool_]:
    marks = ids[FRAME_TOKENS::FRAME_TOKENS]
    if len(marks) and marks[-1] in (END, PAD):
        return _PAD_MASK
    mask = _mask((NONE, FERMATA + 1)).copy()
    mask[END] = frame > 1
    changes = np.flatnonzero((marks >= _FIRST_METRE) & (marks < _FIRST_PICKUP))
    metre, barline = (marks[changes[-1]], changes[-1]) if len(changes) else (ids[1], ids[2] - _FIRST_PICKUP)
    distance = frame - 1 - barline
    if frame > 1 and distance >= 0 and distance % _BAR_FRAMES[metre - _FIRST_METRE] == 0:
        mask[_FIRST_METRE:_FIRST_PICKUP] = True
        mask[metre] = False
    return mask
