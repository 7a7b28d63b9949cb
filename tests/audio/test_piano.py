"""A piano note by note: loudness, colour, decay, dampers, place, tuning over the whole keyboard."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.audio import synthesis
from ritornello.audio.piano import SAMPLE_RATE, Strikes, dying, play_piano
from ritornello.audio.synthesis import render
from ritornello.scores import Notes, Part, Score, Tempo
from ritornello.scores.score import Pedal


def ringing(pitch: int, seconds: float) -> np.ndarray:
    """A key that never dies away: its pitch and the first overtones."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    return (sum(np.sin(2 * np.pi * hertz * k * time) for k in range(1, 8)) / 8).astype(np.float32)


def played(*rows: tuple[float, float, int, int]) -> np.ndarray:
    onset, end, pitch, velocity = (np.array(column) for column in zip(*rows, strict=True))
    return play_piano(Strikes(onset.astype(float), end.astype(float), pitch, velocity), ringing)


def level(wave: np.ndarray, start: float, stop: float) -> float:
    """In decibels."""
    return float(10 * np.log10(np.mean(wave[..., round(start * SAMPLE_RATE) : round(stop * SAMPLE_RATE)] ** 2) + 1e-20))


def brightness(wave: np.ndarray, hertz: float) -> float:
    """Share of the energy above a frequency."""
    energy = np.abs(np.fft.rfft(wave)) ** 2
    return float(energy[np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE) > hertz].sum() / energy.sum())


def test_a_note_sounds_where_it_stands_and_ends_when_its_damper_falls() -> None:
    wave = played((1.0, 2.0, 60, 80))
    assert level(wave, 0, 1) == -200
    assert level(wave, 1, 1.9) > -40
    assert level(wave, 2.12, 2.15) < level(wave, 1.9, 2) - 15
    assert wave.shape[1] / SAMPLE_RATE == pytest.approx(2.18, abs=0.01)
    assert abs(wave[:, -1]).max() < 1e-3


def test_velocity_is_loudness_and_colour() -> None:
    soft, loud = played((0, 1, 60, 32))[0, :SAMPLE_RATE], played((0, 1, 60, 127))[0, :SAMPLE_RATE]
    assert level(loud, 0, 0.5) - level(soft, 0, 0.5) == pytest.approx(40 * np.log10(127 / 32), abs=1)
    assert brightness(soft, 600) < 0.7 * brightness(loud, 600)


def test_every_string_dies_and_high_ones_sooner() -> None:
    falls = []
    for pitch in (21, 60, 84, 108):
        wave = dying(ringing(pitch, 12), pitch)
        falls.append((level(wave, 1.0, 1.2) - level(wave, 3.0, 3.2)) / 2)
        assert level(wave, 11, 12) < level(wave, 0, 1) - 30
    assert falls == sorted(falls)
    assert falls[0] == pytest.approx(60 / 18, abs=0.7)


def test_a_tone_that_dies_by_itself_is_left_as_it_is() -> None:
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    dead = (ringing(60, 4) * 10 ** (-time)).astype(np.float32)
    np.testing.assert_allclose(dying(dead, 60), dead, atol=2e-3)
    assert len(dying(dead[:100], 60)) == 100


def test_low_keys_are_on_the_left() -> None:
    for pitch, ear in ((21, 0), (108, 1)):
        wave = played((0, 1, pitch, 80))
        assert level(wave[ear], 0, 1) > level(wave[1 - ear], 0, 1) + 3
    middle = played((0, 1, 65, 80))
    np.testing.assert_allclose(middle[0], middle[1], atol=1e-6)


def test_notes_are_added() -> None:
    both = played((0, 1, 60, 80), (0.5, 1.5, 67, 50))
    alone = played((0, 1, 60, 80))
    np.testing.assert_allclose(both[:, : SAMPLE_RATE // 2], alone[:, : SAMPLE_RATE // 2], atol=1e-6)
    assert both.shape[1] > alone.shape[1]


def test_no_notes_are_silence() -> None:
    nothing = np.zeros(0)
    whole = nothing.astype(np.int64)
    assert abs(play_piano(Strikes(nothing, nothing, whole, whole), ringing)).max() == 0


@pytest.mark.parametrize("pitch", [21, 28, 33, 40, 48, 55, 60, 64, 72, 79, 88, 96, 103, 108])
def test_the_shipped_piano_is_in_tune(pitch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "_in_room", lambda dry: dry)
    wave = render(Score(480, (Part("", Notes.of([(0, 1920, pitch, 90)])),), tempos=(Tempo(0, 120.0),)))[0]
    sound = wave[SAMPLE_RATE // 50 : SAMPLE_RATE]
    energy = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**20)) ** 2
    frequencies = np.fft.rfftfreq(2**20, 1 / SAMPLE_RATE)
    fundamental = 440 * 2 ** ((pitch - 69) / 12)
    cents = []
    for partial in (1, 2, 3):
        near = np.abs(1200 * np.log2(np.maximum(frequencies, 1) / (partial * fundamental))) < 70
        if energy[near].max() > 0.02 * energy.max():
            cents.append(1200 * np.log2(frequencies[near][energy[near].argmax()] / (partial * fundamental)))
    assert cents
    assert abs(np.mean(cents)) < 12


def test_the_pedal_is_heard() -> None:
    notes = Notes.of([(0, 240, 48, 80), (1920, 240, 60, 80)])
    tempos = (Tempo(0, 120.0),)
    dry = Score(480, (Part("", notes),), tempos=tempos)
    pedal = Pedal.columns(np.array([0, 1800]), np.array([127, 0]))
    held = Score(480, (Part("", notes, pedal=pedal),), tempos=tempos)
    assert level(render(held), 1.0, 1.5) > level(render(dry), 1.0, 1.5) + 15
