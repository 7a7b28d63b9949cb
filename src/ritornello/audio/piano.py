"""A piano: every note its own loudness, colour, length and place.

symusic's synthesizer plays all notes equally loud and lets long ones sound for ever, since the shipped samples end in
loops. So each key is played once, alone, and long; that tone is made to die away as a string does, and is then mixed in
for every note of the key: softer notes also darker, keys from left to right as a player hears them, dampers that fall
when a note ends. What remains is one pass over the samples that sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ritornello.scores.score import IntArray

Wave: TypeAlias = NDArray[np.float32]
"""(channels, samples) or (samples,)."""
Seconds: TypeAlias = NDArray[np.float64]
PlayKey: TypeAlias = Callable[[int, float], Wave]
"""A key alone, (samples,), from its pitch and how many seconds it is held."""

SAMPLE_RATE = 44_100
LONGEST_SECONDS = 20.0
"""After which any string is silent."""
_WIDTH = 0.35
"""Place of the outermost keys between the middle (0) and one side (1)."""
_SECONDS_TO_SILENCE = ((21, 18.0), (60, 11.0), (84, 4.0), (108, 1.0))
"""MIDI pitch, and the time in which its tone falls by 60 dB at the slowest."""
_RELEASE_SECONDS = ((21, 0.22), (60, 0.12), (88, 0.08))
"""MIDI pitch, and the time in which a damper lowers its tone by 20 dB."""
_UNDAMPED_PITCH = 90
"""From here on strings have no dampers and ring on for a while."""
_UNDAMPED_SECONDS = 0.6
_SOFTEST, _BRIGHTEST = 20, 100
"""Velocities between which a tone goes from dark to bright."""
_DARK_PARTIALS, _DARK_HERTZ = 1.5, 500.0
"""A dark tone is damped above this multiple of its own pitch, or this frequency if that is higher."""
_WINDOW = 4096
_FADE = 64


@dataclass(frozen=True, slots=True)
class Strikes:
    """Notes (N,) by the clock; ``end_seconds`` is when the damper falls, ``velocity`` 1-127."""

    onset_seconds: Seconds
    end_seconds: Seconds
    pitch: IntArray
    velocity: IntArray


def play_piano(strikes: Strikes, play_key: PlayKey) -> Wave:
    """The sound of the notes as (2, samples)."""
    long = np.clip(strikes.end_seconds - strikes.onset_seconds, 0.0, LONGEST_SECONDS)
    tails = np.array([_release_seconds(int(pitch)) for pitch in range(128)])[strikes.pitch]
    last = float(np.max(strikes.onset_seconds + long + tails, initial=0.0))
    mix = np.zeros((2, round(last * SAMPLE_RATE) + 1), dtype=np.float32)
    for pitch in np.unique(strikes.pitch).tolist():
        chosen = np.flatnonzero(strikes.pitch == pitch)
        bright = dying(play_key(pitch, float(long[chosen].max()) + _release_seconds(pitch)), pitch)
        dark = _darkened(bright, pitch)
        gains = _gains(pitch)
        for note in chosen.tolist():
            start = round(float(strikes.onset_seconds[note]) * SAMPLE_RATE)
            tone = _struck(bright, dark, int(strikes.velocity[note]), pitch, round(float(long[note]) * SAMPLE_RATE))
            stop = min(start + len(tone), mix.shape[1])
            for ear in (0, 1):
                mix[ear, start:stop] += gains[ear] * tone[: stop - start]
    return mix


def dying(tone: Wave, pitch: int) -> Wave:
    """A tone that is made to fall at least as fast as a string's, wherever its sample does not."""
    count = len(tone) // _WINDOW
    if count < 2:
        return tone
    power = np.mean(tone[: count * _WINDOW].reshape(count, _WINDOW).astype(np.float64) ** 2, axis=1)
    level = 10 * np.log10(power + 1e-12)
    fall = 60 / _between(_SECONDS_TO_SILENCE, pitch) * _WINDOW / SAMPLE_RATE  # dB in a window
    peak = int(level[: max(1, SAMPLE_RATE // (2 * _WINDOW))].argmax())  # of the attack
    slope = fall * np.arange(count)
    allowed = np.minimum.accumulate((level + slope)[peak:]) - slope[peak:]
    gain: NDArray[np.float64] = np.append(np.zeros(peak), allowed - level[peak:]) * (np.log(10) / 20)
    centres = (np.arange(count) + 0.5) * _WINDOW
    dead: Wave = np.exp(np.interp(np.arange(len(tone)), centres, gain).astype(np.float32))
    dead *= tone
    return dead


def _darkened(tone: Wave, pitch: int) -> Wave:
    """The tone with weaker overtones, as loud at its beginning as the tone itself."""
    edge = max(_DARK_PARTIALS * 440 * 2 ** ((pitch - 69) / 12), _DARK_HERTZ)
    size = 2 ** int(np.ceil(np.log2(len(tone) + 1)))
    spectrum = np.fft.rfft(tone, size)
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    dark: Wave = np.fft.irfft(spectrum / (1 + (frequencies / edge) ** 2), size)[: len(tone)].astype(np.float32)
    first = slice(0, SAMPLE_RATE // 2)
    dark *= np.sqrt(np.sum(tone[first] ** 2) / max(float(np.sum(dark[first] ** 2)), 1e-9))
    return dark


def _struck(bright: Wave, dark: Wave, velocity: int, pitch: int, held: int) -> Wave:
    """One note: its loudness and colour, and the damper after so many samples."""
    share = np.float32(np.clip((velocity - _SOFTEST) / (_BRIGHTEST - _SOFTEST), 0, 1))
    release = round(_release_seconds(pitch) * SAMPLE_RATE)
    stop = min(held + release, len(bright))
    loudness = np.float32((velocity / 127) ** 2)
    tone = (bright[:stop] * (loudness * share) + dark[:stop] * (loudness * (1 - share))).astype(np.float32, copy=False)
    if stop > held:
        tone[held:] *= np.exp(np.linspace(0, -3 * np.log(10) / 2, stop - held, dtype=np.float32))
        fade = min(_FADE, len(tone))
        tone[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return tone


def _release_seconds(pitch: int) -> float:
    """How long a note is heard after its damper fell, or should have: until it is 30 dB lower."""
    return 1.5 * (_UNDAMPED_SECONDS if pitch >= _UNDAMPED_PITCH else _between(_RELEASE_SECONDS, pitch))


def _gains(pitch: int) -> NDArray[np.float32]:
    """Loudness in the left and the right ear, at constant power; middle F is in the middle."""
    angle = (1 + _WIDTH * np.clip((pitch - 65) / 44, -1, 1)) * np.pi / 4
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def _between(table: tuple[tuple[int, float], ...], pitch: int) -> float:
    pitches, values = zip(*table, strict=True)
    return float(np.exp(np.interp(pitch, pitches, np.log(values))))
