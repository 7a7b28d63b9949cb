"""MIDI files in and out, by symusic.

A file is measured by ``midi_scan`` before symusic parses it. A pickup is written as a shorter first
time signature (1/4, then 4/4 at the first barline) and recovered from it.

**What a MIDI file cannot carry**: fermatas (there is no such event, and a marker would pass for a
section's name), the title, rests after the last note, and a key signature that leaves the mode
open (it is written as major). Percussion is left out: its numbers are not pitches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.midi_scan import scan_midi
from ritornello.scores.score import NO_PEDAL, KeySignature, Marker, Metre, Notes, Part, Pedal, Score, Tempo
from ritornello.scores.writing import write_atomically

_SUSTAIN = 64
"""Number of the controller that is the sustain pedal."""


def read_midi(path: Path | str) -> Score:
    """Reads a MIDI file; one Part per track and channel that has notes.

    Raises:
        UserError: it cannot be read, is not MIDI, is cut off, or asks for too much music.
    """
    return parse_midi(limits.read_bytes(Path(path), limits.MAX_MIDI_BYTES), str(path))


def parse_midi(data: bytes, where: str = "MIDI data") -> Score:
    """The same for bytes in memory; ``where`` is named in errors."""
    import symusic

    size = scan_midi(data, where)
    try:
        source: Any = symusic.Score.from_midi(data)
        parts = tuple(_part(track) for track in source.tracks if len(track.notes) and not track.is_drum)
        metres, pickup_ticks = _metres(source, size.ticks_per_beat)
        keys = tuple(KeySignature(k.time, k.key, "minor" if k.tonality else "major") for k in source.key_signatures)
        tempos = tuple(Tempo(t.time, _beats_per_minute(t.mspq)) for t in source.tempos)
        markers = tuple(Marker(m.time, m.text) for m in source.markers)
    except (RuntimeError, ValueError, OverflowError, TypeError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else "unreadable"
        raise UserError(f"not a sound MIDI file: {reason}", where=where, mend="export the piece again") from None
    if not parts:
        raise UserError("the MIDI file has no notes", where=where, mend="choose a file that holds music")
    limits.check_count("tracks", len(parts), limits.MAX_TRACKS, where)
    keys = tuple(key for key in keys if abs(key.fifths) <= 7)
    return Score(size.ticks_per_beat, parts, metres, keys, tempos, markers, pickup_ticks)


def write_midi(score: Score, path: Path | str) -> None:
    """Writes one track per part; the same Score gives the same bytes.

    Raises:
        UserError: the file cannot be written, or the score does not fit a MIDI file.
    """
    write_atomically(Path(path), format_midi(score, str(path)))


def format_midi(score: Score, where: str = "MIDI data") -> bytes:
    """The bytes of a MIDI file; ``where`` is named in errors."""
    import symusic

    if score.ticks_per_beat > limits.MAX_TICKS_PER_BEAT or score.end_ticks >= 2**28:
        limit = f"{limits.MAX_TICKS_PER_BEAT} ticks per quarter note, 2^28 ticks"
        raise UserError("the piece does not fit a MIDI file", where=where, limit=limit)
    target: Any = symusic.Score(score.ticks_per_beat)
    for part in score.parts:
        track: Any = symusic.Track(part.name, part.program)
        track.notes = symusic.Note.from_numpy(
            part.notes.onset_ticks.astype(np.int32),
            part.notes.duration_ticks.astype(np.int32),
            part.notes.pitch.astype(np.int8),
            part.notes.velocity.astype(np.int8),
        )
        if len(part.pedal):
            onset_ticks, value = part.pedal.onset_ticks.astype(np.int32), part.pedal.value.astype(np.uint8)
            track.controls = symusic.ControlChange.from_numpy(onset_ticks, np.full_like(value, _SUSTAIN), value)
        target.tracks.append(track)
    for onset, numerator, denominator in _signatures(score):
        target.time_signatures.append(symusic.TimeSignature(onset, numerator, denominator))
    for key in score.keys:
        target.key_signatures.append(symusic.KeySignature(key.onset_ticks, key.fifths, int(key.mode == "minor")))
    for tempo in score.tempos:
        target.tempos.append(_tempo(tempo))
    for marker in score.markers:
        target.markers.append(symusic.TextMeta(marker.onset_ticks, marker.text))
    return target.dumps_midi()


def _part(track: Any) -> Part:
    columns = {name: column.astype(np.int64) for name, column in track.notes.numpy().items()}
    duration_ticks = np.maximum(columns["duration"], 1)
    velocity = np.clip(columns["velocity"], 1, 127)
    notes = Notes.columns(columns["time"], duration_ticks, columns["pitch"], velocity)
    return Part(track.name, notes, track.program, pedal=_pedal(track.controls) if len(track.controls) else NO_PEDAL)


def _pedal(controls: Any) -> Pedal:
    columns = controls.numpy()
    places = np.flatnonzero(columns["number"] == _SUSTAIN)
    return Pedal.columns(columns["time"].take(places), columns["value"].take(places)) if len(places) else NO_PEDAL


def _beats_per_minute(microseconds: int) -> float:
    """A tempo to three decimals where that names the same number of microseconds, else exactly."""
    exact = 60e6 / microseconds
    rounded = round(exact, 3)
    return rounded if round(60e6 / rounded) == microseconds else exact


def _tempo(tempo: Tempo) -> Any:
    import symusic

    target: Any = symusic.Tempo(tempo.onset_ticks, tempo.beats_per_minute)
    target.mspq = round(60e6 / tempo.beats_per_minute)  # symusic cuts the fraction off
    return target


def _metres(source: Any, ticks_per_beat: int) -> tuple[tuple[Metre, ...], int]:
    """The metres, and the length of the pickup in ticks.

    A first metre shorter than the second that holds for exactly one bar is a pickup.
    """
    by_onset = {0: Metre(0, 4, 4)} | {t.time: Metre(t.time, t.numerator, t.denominator) for t in source.time_signatures}
    metres = [by_onset[onset] for onset in sorted(by_onset)]
    pickup_ticks = 0
    if len(metres) > 1 and 0 in {t.time for t in source.time_signatures}:
        first, second = metres[0].bar_ticks(ticks_per_beat), metres[1].bar_ticks(ticks_per_beat)
        if first == metres[1].onset_ticks and first < second:
            pickup_ticks = first
            metres = [Metre(0, metres[1].numerator, metres[1].denominator), *metres[2:]]
    return tuple(metres), pickup_ticks


def _signatures(score: Score) -> list[tuple[int, int, int]]:
    """(onset, numerator, denominator) of the time signatures that stand in the file."""
    signatures = [(m.onset_ticks, m.numerator, m.denominator) for m in score.metres]
    pickup = _pickup_metre(score)
    if pickup is None:
        return signatures
    first = max((s for s in signatures if s[0] <= score.pickup_ticks), key=lambda s: s[0])
    later = [s for s in signatures if s[0] > score.pickup_ticks]
    return [(0, *pickup), (score.pickup_ticks, *first[1:]), *later]


def _pickup_metre(score: Score) -> tuple[int, int] | None:
    """The pickup as a time signature, in quarters if it can be; None if there is none that fits."""
    for denominator in (4, 8, 16, 32, 64):
        numerator, rest = divmod(score.pickup_ticks * denominator, 4 * score.ticks_per_beat)
        if rest == 0 and 0 < numerator <= limits.MAX_NUMERATOR:
            return numerator, denominator
    return None
