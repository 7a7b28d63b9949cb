"""A score as sound."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ritornello.audio import render_wav, synthesis
from ritornello.audio.synthesis import PEAK, SAMPLE_RATE, render
from ritornello.errors import UserError
from ritornello.scores import Notes, Part, Score, Tempo
from tests.scores.files import small_score


def one_note(pitch: int, program: int, name: str = "") -> Score:
    return Score(480, (Part(name, Notes.of([(0, 1920, pitch, 80)]), program),), tempos=(Tempo(0, 120.0),))


def cents_sharp(wave: np.ndarray, pitch: int) -> float:
    """How far the note lies above the tempered pitch: the mean of its partials near it, by energy."""
    sound = wave[SAMPLE_RATE // 2 : 2 * SAMPLE_RATE]
    energy = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**20)) ** 2
    frequencies = np.fft.rfftfreq(2**20, 1 / SAMPLE_RATE)
    audible = (frequencies > 60) & (frequencies < 6_000)
    fundamental = 440 * 2 ** ((pitch - 69) / 12)
    cents = 1200 * np.log2(frequencies[audible] / fundamental)
    partial = np.round(2 ** (cents / 1200)).clip(1, 12)
    deviation = cents - 1200 * np.log2(partial)
    near = np.abs(deviation) < 60
    assert energy[audible][near].sum() > 0.8 * energy[audible].sum(), "the sound is another pitch"
    return float(np.average(deviation[near], weights=energy[audible][near]))


@pytest.mark.parametrize("program", [0, 6, 19, 48, 52])
@pytest.mark.parametrize("pitch", [43, 57, 69, 76])
def test_every_instrument_is_in_tune(program: int, pitch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "_in_room", lambda dry: dry)
    assert abs(cents_sharp(render(one_note(pitch, program))[0], pitch)) < 8


def test_a_voice_of_a_choir_is_sung_and_a_piano_is_not() -> None:
    sung, played = render(one_note(60, 0, "Soprano")), render(one_note(60, 0))
    assert np.array_equal(sung, render(one_note(60, 52)))
    assert not np.array_equal(sung, played[:, : sung.shape[1]])


def test_the_file(tmp_path: Path) -> None:
    render_wav(small_score(), tmp_path / "a.wav")
    render_wav(small_score(), tmp_path / "b.wav")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    wave, rate = soundfile.read(tmp_path / "a.wav")
    info = soundfile.info(tmp_path / "a.wav")
    assert (rate, info.subtype, info.channels) == (44_100, "PCM_16", 2)
    assert 0.8 < np.max(np.abs(wave)) <= PEAK + 1e-3  # loud, and never clipped
    assert np.max(np.abs(wave[-200:])) < 0.01  # it fades away
    assert not np.array_equal(wave[:, 0], wave[:, 1])
    seconds = 7 / 72 * 60  # seven beats, then what is held longer
    assert seconds < len(wave) / rate < seconds + 8


def test_a_fermata_is_heard() -> None:
    rows = [(n * 480, 480, 60 + n, 64) for n in range(8)]
    plain = Score(480, (Part("Alto", Notes.of(rows)),))
    held = Score(480, (Part("Alto", Notes.of(rows), fermatas_ticks=(960,)),))
    assert render(held).shape[1] - render(plain).shape[1] == pytest.approx(0.375 * SAMPLE_RATE, abs=500)


def test_a_minute_takes_less_than_three_seconds() -> None:
    chord = [Part(name, Notes.of([(n * 480, 480, pitch + n % 5, 64) for n in range(80)]), 52)
             for name, pitch in (("Soprano", 67), ("Alto", 62), ("Tenor", 55), ("Bass", 48))]  # fmt: skip
    score = Score(480, tuple(chord), tempos=(Tempo(0, 80.0),))
    start = time.process_time()
    wave = render(score)
    assert wave.shape[1] > 60 * SAMPLE_RATE
    assert time.process_time() - start < 6  # twice the promise, for a slow machine


def test_many_parts_share_five_places() -> None:
    parts = tuple(Part("", Notes.of([(0, 480, 50 + n, 64)]), 48) for n in range(30))
    assert render(Score(480, parts)).shape[0] == 2


def test_no_notes_and_too_much_music() -> None:
    with pytest.raises(UserError, match="no notes"):
        render(Score(480, ()))
    endless = Score(480, (Part("", Notes.of([(0, 480 * 3_000, 60, 64)])),), tempos=(Tempo(0, 60.0),))
    with pytest.raises(UserError, match="45 minutes"):
        render(endless)


def test_a_damaged_soundfont_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = tmp_path / "chorale.sf3"
    font.write_bytes(synthesis._FONT.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(synthesis, "_FONT", font)
    with pytest.raises(UserError, match="soundfont"):
        render_wav(one_note(60, 0), tmp_path / "x.wav")
    monkeypatch.setattr(synthesis, "_FONT", tmp_path / "none.sf3")
    with pytest.raises(UserError, match="soundfont"):
        render_wav(one_note(60, 0), tmp_path / "x.wav")
    assert not (tmp_path / "x.wav").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        render_wav(one_note(60, 0), tmp_path / "none" / "x.wav")


def test_the_soundfont_is_small_and_has_its_licence() -> None:
    folder = synthesis._FONT.parent
    assert synthesis._FONT.stat().st_size < 3_000_000
    assert "Permission is hereby granted" in (folder / "chorale.LICENSE.txt").read_text()


def test_velocity_is_loudness() -> None:
    rows = [(0, 960, 60, 40), (1920, 960, 60, 120)]
    wave = render(Score(480, (Part("", Notes.of(rows)),), tempos=(Tempo(0, 60.0),)))
    soft, loud = (float(np.sqrt(np.mean(wave[:, n * SAMPLE_RATE : (n + 1) * SAMPLE_RATE] ** 2))) for n in (0, 4))
    assert 6 < loud / soft < 12  # (120/40)^2
