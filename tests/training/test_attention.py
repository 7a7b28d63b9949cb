"""What a trained model hears of a piece: tokens to notes by hand, shares and distances, and every model of notes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ritornello.data.schemes import SCHEMES
from ritornello.errors import UserError
from ritornello.scores.score import Metre, Notes, Part, Score, Tempo
from ritornello.tokenizers.bars_conditions import CONDITION_SIZES, SECTION_CHANNEL
from ritornello.tokenizers.chorale import ChoraleTokenizer
from ritornello.training import attention as attention_module
from ritornello.training.attention import Listener, read_bars, read_chorale, read_performance
from ritornello.training.build import build_model
from ritornello.training.weights import save_weights
from tests.form.song import CHORUS, VERSE, song

SMALL: dict[str, Any] = {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 16}
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"width": 16, "num_layers": 2},
    "transformer": {**SMALL, "window": 16, "keyboard": True, "recall": True},
    "dsmr": {**SMALL, "segment": 16, "budget": 32},
    "transformer_xl": {**SMALL, "segment": 16, "memory": 16},
    "museformer": {**SMALL, "fine_spans": (1, 2), "span_steps": 100},
    "perceiver_ar": {**SMALL, "context": 64, "latents": 16},
    "perceiver_s": {**SMALL, "context": 64, "latents": 16, "scales": (None, 24)},
}


def performance(*rows: tuple[int, int, int, int]) -> Score:
    """Onset, duration, pitch, velocity; a tick is 10 ms."""
    return Score(50, (Part("", Notes.of(list(rows))),), tempos=(Tempo(0, 120.0),))


TWO_NOTES = performance((0, 150, 60, 64), (100, 30, 67, 64))
SCALE = performance(*((25 * n, 20, 48 + n % 24, 40 + 4 * (n % 8)) for n in range(60)))


def chorale() -> Score:
    """Two bars: a half, two quarters, a whole in the soprano; wholes in the other voices."""
    rows = [(0, 960, 72), (960, 480, 74), (1440, 480, 76), (1920, 1920, 72)]
    parts = [Part("Soprano", Notes.of([(*row, 80) for row in rows]))]
    for name, pitch in (("Alto", 67), ("Tenor", 60), ("Bass", 48)):
        parts.append(Part(name, Notes.of([(0, 1920, pitch, 80), (1920, 1920, pitch, 80)])))
    return Score(480, tuple(parts))


def untrained(name: str, level: str = "performance", **values: Any) -> Listener:
    torch.manual_seed(0)
    sizes = SCHEMES[level].facts()[level]["vocabulary_size"]
    model: nn.Module = build_model(name, {**MODELS[name], **values}, vocabulary_size=sizes)
    for parameter in model.parameters():  # heads begin at zero: then nothing would have influence
        parameter.data += 0.05 * torch.randn_like(parameter)
    return Listener(model.eval(), level)


def test_tokens_of_a_performance_belong_to_notes() -> None:
    # BOS VELOCITY ON60 SHIFT100 ON67 SHIFT30 OFF67 SHIFT20 OFF60 END
    piece = read_performance("performance", SCHEMES["performance"].encode(TWO_NOTES)["performance"])
    assert piece.note_T.tolist() == [-1, 0, 0, -1, 1, -1, 1, -1, 0, -1]
    assert piece.begins_N.tolist() == [2, 4]
    assert piece.pitch.tolist() == [60, 67]
    np.testing.assert_allclose(piece.start_seconds, [0, 1])
    np.testing.assert_allclose(piece.end_seconds, [1.5, 1.3])
    np.testing.assert_allclose(piece.seconds_T, [0, 0, 0, 1, 1, 1.3, 1.3, 1.5, 1.5, 1.5])


def test_tokens_of_notes_with_durations_belong_to_notes() -> None:
    # BOS VELOCITY NOTE60 SECONDS1 DURATION50 SHIFT100 NOTE67 DURATION30 END
    piece = read_performance("note_duration", SCHEMES["note_duration"].encode(TWO_NOTES)["note_duration"])
    assert piece.note_T.tolist() == [-1, 0, 0, 0, 0, -1, 1, 1, -1]
    assert piece.pitch.tolist() == [60, 67]
    np.testing.assert_allclose(piece.end_seconds, [1.5, 1.3])


def test_tokens_of_music_in_bars_belong_to_notes() -> None:
    # BOS PROGRAM BAR POSITION TEMPO PART PITCH60 DURATION POSITION PART VELOCITY PITCH67 DURATION END
    notes = Notes.of([(0, 240, 60, 90), (240, 960, 67, 100)])
    score = Score(480, (Part("", notes),), (Metre(0, 3, 4),), tempos=(Tempo(0, 60.0),))
    piece = read_bars(SCHEMES["bars"].encode(score)["bars"])
    assert piece.note_T.tolist() == [-1, -1, -1, -1, -1, -1, 0, 0, -1, -1, 1, 1, 1, -1]
    assert piece.begins_N.tolist() == [6, 11]
    assert piece.pitch.tolist() == [60, 67]
    np.testing.assert_allclose(piece.start_seconds, [0, 0.5])
    np.testing.assert_allclose(piece.end_seconds, [0.5, 2.5])
    np.testing.assert_allclose(piece.seconds_T, [0.0] * 8 + [0.5] * 5 + [3])
    listener = untrained("transformer", "bars", keyboard=False, recall=False)
    heard = listener.heard_by_note(listener.read(score), 1)
    assert heard.influence_N[0] > 0


def test_tokens_of_a_chorale_belong_to_the_note_that_sounds() -> None:
    piece = read_chorale(SCHEMES["chorale_notes"].encode(chorale())["notes"])
    frames = piece.note_T.reshape(-1, 5)
    assert (frames[0] == -1).all()
    assert (frames[:, 0] == -1).all()
    # struck at once: soprano 0, alto 1, tenor 2, bass 3; then soprano 4 and 5; then all four
    assert frames[1:, 1].tolist()[:32] == [0] * 8 + [4] * 4 + [5] * 4 + [6] * 16
    assert frames[1:, 4].tolist()[:32] == [3] * 16 + [9] * 16
    assert piece.pitch.tolist() == [72, 67, 60, 48, 74, 76, 72, 67, 60, 48]
    np.testing.assert_allclose(piece.start_seconds, [0, 0, 0, 0, 2, 3, 4, 4, 4, 4])
    np.testing.assert_allclose((piece.end_seconds - piece.start_seconds)[[0, 1, 4, 6]], [2, 4, 1, 4])
    assert (piece.ids_T[piece.begins_N] >= 0).all()
    assert len(piece.ids_T) == len(ChoraleTokenizer().encode(chorale()).ids)


def test_chords_stand_from_low_to_high() -> None:
    piece = untrained("lstm").read(performance((0, 9, 64, 64), (2, 9, 60, 64), (9, 9, 50, 64)))
    assert piece.chord_order.tolist() == [1, 0, 2]


@pytest.mark.parametrize("level", ["performance", "note_duration"])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_performances_says_what_a_note_heard(name: str, level: str) -> None:
    values = {"keyboard": False, "recall": False} if (name, level) == ("transformer", "note_duration") else {}
    if (name, level) == ("museformer", "note_duration"):
        values = {"first_shift": 241}
    listener = untrained(name, level, **values)
    piece = listener.read(SCALE)
    assert piece.num_notes == 60
    heard = listener.heard_by_note(piece, 40)
    assert heard.sees_all
    for shares_HN in (*heard.layers.values(), heard.influence_N[None]):
        assert shares_HN.shape[1] == 60
        assert (shares_HN.sum(axis=1) <= 1 + 1e-6).all()
        assert not shares_HN[:, 41:].any()
        assert shares_HN.any()
    distances = listener.mean_distances(piece)
    assert [row.layer for row in distances] == list(heard.layers)
    assert bool(distances) == (name != "lstm")
    for row in distances:
        assert (row.tokens > 0).all()
        assert (row.seconds <= row.tokens).all()


def test_distances_are_those_of_even_weights() -> None:
    """All queries zero: of a window of 16 each position is heard alike, 7.5 tokens back in the mean."""
    listener = untrained("transformer", keyboard=False, recall=False)
    model: Any = listener.model
    for layer in model.stack.layers:
        layer.attention.project_in.weight.data.zero_()
    piece = listener.read(SCALE)
    asked = piece.begins_N - 1
    expected = np.mean(np.minimum(asked, 15) / 2)
    clock = np.mean([piece.seconds_T[a] - piece.seconds_T[max(0, a - 15) : a + 1].mean() for a in asked])
    begun = np.cumsum(np.isin(np.arange(len(piece.ids_T)), piece.begins_N))
    notes = np.mean([begun[a] - begun[max(0, a - 15) : a + 1].mean() for a in asked])
    for row in listener.mean_distances(piece):
        np.testing.assert_allclose(row.tokens, expected)
        np.testing.assert_allclose(row.seconds, clock)
        np.testing.assert_allclose(row.notes, notes)


def test_the_note_level_that_ships_hears_its_source() -> None:
    listener = Listener.load(Path(attention_module.__file__).parents[1] / "weights" / "chorale" / "notes")
    assert listener.with_plan
    piece = listener.read(chorale())
    heard = listener.heard_by_note(piece, piece.num_notes - 1)
    assert list(heard.layers)[2] == "source"
    assert heard.influence_N.sum() <= 1 + 1e-6
    assert all((row.tokens > 0).all() for row in listener.mean_distances(piece) if row.layer != "source")


def small_form(condition_sizes: tuple[int, ...]) -> Listener:
    torch.manual_seed(0)
    config: dict[str, Any] = {**SMALL, "source_width": 8, "num_summaries": 2, "window": 32}
    model: nn.Module = build_model("form", config, vocabulary_size=941, condition_sizes=condition_sizes)
    return Listener(model.eval(), "bars_plan", with_plan=bool(condition_sizes))


def test_a_long_piece_under_its_plan_hears_what_the_plan_names() -> None:
    """A verse that returns: a note of the last hears, of its source, notes of earlier verses, and earlier sections."""
    listener, score = small_form(CONDITION_SIZES), song(VERSE, CHORUS, VERSE, CHORUS)
    piece = listener.read(score)
    assert piece.num_notes == score.num_notes
    assert piece.conditions is not None
    plan_T = piece.conditions.channels_BTC[0, :, SECTION_CHANNEL].numpy()
    asking = int(np.searchsorted(piece.start_seconds, 0.8 * piece.start_seconds[-1]))
    heard = listener.heard_by_note(piece, asking)
    assert list(heard.layers) == ["layer 1", "sections", "source", "layer 2"]
    here = plan_T[piece.begins_N[asking] - 1]
    earlier = plan_T[piece.begins_N - 1] < here
    assert here > 1
    for layer in ("sections", "source"):
        shares_N = heard.layers[layer].sum(axis=0)
        assert shares_N[earlier].any()
        assert not shares_N[asking + 1 :].any()
    assert not heard.layers["sections"][:, ~earlier].any()
    source = int(piece.conditions.source_BT[0, piece.begins_N[asking] - 1])
    assert source >= 0
    assert abs(int(heard.layers["source"][0].argmax()) - int(np.searchsorted(piece.begins_N, source))) <= 4
    assert heard.influence_N[: asking + 1].any()
    assert {row.layer for row in listener.mean_distances(piece)} == set(heard.layers)


def test_a_form_that_was_told_no_plan_is_told_none() -> None:
    listener = small_form(())
    piece = listener.read(song(VERSE, CHORUS, VERSE, CHORUS))
    assert piece.conditions is None
    assert list(listener.heard_by_note(piece, 60).layers) == ["layer 1", "layer 2"]


def test_the_notes_of_songs_and_of_bach_that_ship_can_be_heard() -> None:
    for style in ("song", "bach"):
        listener = Listener.load(Path(attention_module.__file__).parents[1] / "weights" / style / "notes")
        assert (listener.level, listener.with_plan) == ("bars_plan", True)


def test_weights_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    data: Any = SimpleNamespace(name="performance", vocabulary_hash="another")
    save_weights(tmp_path / "weights", "lstm", untrained("lstm").model, data, {})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="vocabulary another"):
        Listener.load(tmp_path)


def test_what_cannot_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no notes"):
        Listener.load(Path(attention_module.__file__).parents[1] / "weights" / "chorale" / "structure")
    listener = untrained("lstm")
    with pytest.raises(UserError, match="no notes"):
        listener.read(performance())
    monkeypatch.setattr(attention_module, "MOST_TOKENS", 9)
    with pytest.raises(UserError, match="10 tokens"):
        listener.read(TWO_NOTES)


def test_beyond_its_reach_influence_is_not_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = untrained("lstm")
    piece = listener.read(SCALE)
    monkeypatch.setattr(attention_module, "MOST_INFLUENCE_TOKENS", 30)
    heard = listener.heard_by_note(piece, 40)
    assert not heard.sees_all
    assert not heard.influence_N[:30].any()
    assert heard.influence_N.any()
