"""From a Score to a WAV file: symusic's synthesizer, the shipped soundfont, a little room.

Parts stand side by side like a choir, the highest on the left. A choir is doubled softly by an
organ, as Bach's was (*colla parte*): the samples alone begin too slowly for moving eighths. All
piano parts are one piano, with its pedal (``piano.py``). A recorded performance is played as it is,
written music with its fermatas held (``performance.py``).
"""

from __future__ import annotations

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.audio.performance import performed
from ritornello.audio.piano import SAMPLE_RATE, Strikes, Wave, play_piano
from ritornello.errors import UserError
from ritornello.form.timing import is_performance
from ritornello.scores import Notes, Part, Score
from ritornello.scores.clock import Clock
from ritornello.scores.sustain import sustained
from ritornello.scores.writing import write_atomically

MAX_MINUTES = 45
"""Longest piece that is rendered, as long as MAESTRO's longest; ten minutes take about half a gigabyte."""
PEAK = 0.9
"""Highest sample of a file, of 1.0."""
_FONT = Path(__file__).parent / "soundfonts" / "chorale.sf3"
_FONT_SHA256 = "e6e576401d5f37227a888b25328cf676d7552a757d097e5de53c3b653b3b4b1c"
_PIANO, _HARPSICHORD, _ORGAN, _STRINGS, _CHOIR = 0, 6, 19, 48, 52
_ORGAN_SHARE = 0.4
"""Loudness of the organ that doubles a choir, of the choir's."""
_VELOCITIES_PER_STEP = 16
"""Velocities that are played equally loud."""
_VOICES = ("soprano", "alto", "tenor", "bass", "cantus", "choir")
_WIDTH = 0.4
"""Place of the outermost parts between the middle (0) and one side (1)."""
_MAX_PLACES = 5
_ROOM_SECONDS = 1.8
"""Time in which the room's echo falls by 60 dB."""
_ROOM_HERTZ, _ROOM_HIGHS = 2_000.0, 3.0
"""Above this frequency the echo falls so many times as fast."""
_ROOM_SHARE = 0.2
_TAIL_SECONDS = 1.0
_BLOCK = 2**19


def render_wav(score: Score, path: Path | str) -> None:
    """Writes the piece as 16-bit stereo WAV at 44.1 kHz; the same Score gives the same bytes.

    Raises:
        UserError: the piece has no notes or is too long, the soundfont is damaged, or the file
            cannot be written.
    """
    import soundfile  # pyright: ignore[reportMissingTypeStubs]

    wave = render(score, str(path))
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", SAMPLE_RATE, channels=2, format="WAV", subtype="PCM_16") as out:
        for start in range(0, wave.shape[1], _BLOCK):
            out.write(wave[:, start : start + _BLOCK].T)
    del wave
    write_atomically(Path(path), file.getvalue())


def render(score: Score, where: str = "the piece") -> Wave:
    """The sound as (2, samples) between -1 and 1; ``where`` is named in errors."""
    if score.num_notes == 0:
        raise UserError("there is nothing to hear: no notes", where=where)
    if not is_performance(score):
        score = performed(score)
    _check_length(score, where)
    places = _places(len(score.parts))
    mix = _piano(score)
    for place in sorted(set(places)):
        members = [
            part
            for part, its_place in zip(score.parts, places, strict=True)
            if its_place == place and not _at_piano(part)
        ]
        if members:
            mix = _added(mix, _synthesized(score, members), place)
    mix = _in_room(mix)
    mix *= np.float32(PEAK / max(float(mix.max()), -float(mix.min()), 1e-6))
    return mix


def _check_length(score: Score, where: str) -> None:
    minutes = float(Clock.of(score).seconds(np.array([score.end_ticks]))[0]) / 60
    if minutes > MAX_MINUTES:
        raise UserError(
            f"lasts {minutes:.0f} minutes", where=where, limit=f"{MAX_MINUTES} minutes", mend="render a part of it"
        )


def _piano(score: Score) -> Wave:
    """What the piano plays of a score."""
    clock = Clock.of(score)
    shares = [sustained(part) for part in score.parts if _at_piano(part)]
    if not shares:
        return np.zeros((2, 0), dtype=np.float32)
    onset, offset, pitch, velocity = (
        np.concatenate([getattr(notes, name) for notes in shares])
        for name in ("onset_ticks", "offset_ticks", "pitch", "velocity")
    )
    strikes = Strikes(clock.seconds(onset), clock.seconds(offset), pitch, velocity)
    import symusic

    synthesizer: Any = symusic.Synthesizer(str(_checked_font()), SAMPLE_RATE, 0)
    return play_piano(strikes, partial(_piano_key, synthesizer))


def _places(num_parts: int) -> list[float]:
    """Where each part stands, -1 left to 1 right, at no more than five places."""
    if num_parts == 1:
        return [0.0]
    steps = min(num_parts, _MAX_PLACES) - 1
    return [_WIDTH * (2 * round(index * steps / (num_parts - 1)) / steps - 1) for index in range(num_parts)]


def _synthesized(score: Score, parts: list[Part]) -> NDArray[np.float32]:
    """The parts' sound, mono.

    symusic's synthesizer plays every note equally loud, so notes of like velocity are played
    together and then given their loudness.
    """
    layers: dict[tuple[int, float], list[Notes]] = {}
    for part in parts:
        steps = (part.notes.velocity - 1) // _VELOCITIES_PER_STEP
        for step in np.unique(steps):
            loudness = ((step + 0.5) * _VELOCITIES_PER_STEP / 128) ** 2
            for program, share in _instruments(part):
                layers.setdefault((program, share * loudness), []).append(_chosen(part.notes, steps == step))
    mono = np.zeros(0, dtype=np.float32)
    for (program, loudness), voices in sorted(layers.items(), key=lambda layer: layer[0]):
        sound = np.float32(loudness) * _played(score, program, voices)
        longer, shorter = (mono, sound) if len(mono) >= len(sound) else (sound, mono)
        longer[: len(shorter)] += shorter
        mono = longer
    return mono


def _chosen(notes: Notes, mask: NDArray[np.bool_]) -> Notes:
    return Notes.columns(notes.onset_ticks[mask], notes.duration_ticks[mask], notes.pitch[mask], notes.velocity[mask])


def _played(score: Score, program: int, voices: list[Notes]) -> NDArray[np.float32]:
    """What one instrument of the font plays."""
    import symusic

    music: Any = symusic.Score(score.ticks_per_beat)
    for tempo in score.tempos:
        music.tempos.append(symusic.Tempo(tempo.onset_ticks, tempo.beats_per_minute))
    for notes in voices:
        track: Any = symusic.Track("", program)
        track.notes = symusic.Note.from_numpy(
            notes.onset_ticks.astype(np.int32),
            notes.duration_ticks.astype(np.int32),
            notes.pitch.astype(np.int8),
            notes.velocity.astype(np.int8),
        )
        music.tracks.append(track)
    synthesizer: Any = symusic.Synthesizer(str(_checked_font()), SAMPLE_RATE, 0)
    return np.array(synthesizer.render(music, stereo=False), dtype=np.float32)[0]


def _at_piano(part: Part) -> bool:
    return _instruments(part) == [(_PIANO, 1.0)]


def _piano_key(synthesizer: Any, pitch: int, seconds: float) -> NDArray[np.float32]:
    """One key of the font's piano, held so long, at the loudness that all its keys have."""
    import symusic

    music: Any = symusic.Score(1_000)
    music.tempos.append(symusic.Tempo(0, 60.0))
    track: Any = symusic.Track("", _PIANO)
    track.notes.append(symusic.Note(0, max(1, round(1_000 * seconds)), pitch, 90))
    music.tracks.append(track)
    return np.array(synthesizer.render(music, stereo=False), dtype=np.float32)[0]


def _instruments(part: Part) -> list[tuple[int, float]]:
    """(program of the font, share of loudness) of what plays a part; one that names only a voice is sung."""
    program = part.program
    if program == 0 and part.name.casefold().startswith(_VOICES):
        program = _CHOIR
    if 52 <= program <= 54:
        return [(_CHOIR, 1.0), (_ORGAN, _ORGAN_SHARE)]
    if 6 <= program <= 7:
        return [(_HARPSICHORD, 1.0)]
    if 16 <= program <= 23:
        return [(_ORGAN, 1.0)]
    return [(_PIANO if program < 40 or program > 95 else _STRINGS, 1.0)]


def _checked_font() -> Path:
    try:
        digest = hashlib.sha256(_FONT.read_bytes()).hexdigest()
    except OSError:
        digest = ""
    if digest != _FONT_SHA256:
        raise UserError("the soundfont is missing or damaged", where=_FONT.name, mend="install ritornello again")
    return _FONT


def _added(mix: Wave, mono: NDArray[np.float32], place: float) -> Wave:
    """The mix with a part at its place, at constant power."""
    angle = (place + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32)
    result = np.zeros((2, max(mix.shape[1], len(mono))), dtype=np.float32)
    result[:, : mix.shape[1]] = mix
    result[:, : len(mono)] += gains * mono
    return result


def _in_room(dry: Wave) -> Wave:
    """Adds the echo of a room, different in each ear, always the same."""
    spectrum = np.fft.rfft(_echo(), 2 * _BLOCK)
    length, tail = dry.shape[1], int(_TAIL_SECONDS * SAMPLE_RATE)
    wet = np.zeros((2, length + tail), dtype=np.float32)
    wet[:, :length] = dry
    for start in reversed(range(0, length, _BLOCK)):  # from the end, so that what is still to be read is dry
        block = np.fft.rfft(wet[:, start : min(start + _BLOCK, length)], 2 * _BLOCK)
        echo = np.fft.irfft(block * spectrum)[:, : wet.shape[1] - start]
        wet[:, start : start + echo.shape[1]] += _ROOM_SHARE * echo
    wet[:, -tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return wet


def _echo() -> Wave:
    """Decaying noise, whose high frequencies die away sooner, as walls and air swallow them."""
    length = int(_ROOM_SECONDS * SAMPLE_RATE)
    noise = np.random.default_rng(0).standard_normal((2, length))
    spectrum, frequencies = np.fft.rfft(noise), np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    low = np.fft.irfft(spectrum / (1 + (frequencies / _ROOM_HERTZ) ** 2), length)
    time = np.arange(length) / length
    echo = low * 10.0 ** (-3 * time) + (noise - low) * 10.0 ** (-3 * _ROOM_HIGHS * time)
    return (echo / np.sqrt(np.sum(echo**2, axis=1, keepdims=True))).astype(np.float32)
