"""Protocols over performances: each token once, streamed is the whole, figures worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ritornello.cli import main
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.performance import NOTE_OFF, NOTE_ON
from ritornello.training.build import build_model
from ritornello.training.evaluate import EvaluateOptions, evaluate
from ritornello.training.figures import Likelihood, groups_of
from ritornello.training.likelihood import likelihood, streamed, windowed
from ritornello.training.weights import save_weights

SMALL: dict[str, dict[str, Any]] = {
    "transformer": {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 32, "window": 24},
    "lstm": {"width": 12, "num_layers": 2},
}


class Clerk(nn.Module):
    """Every token costs one nat; notes down which places of the pieces it is asked to predict, and how often."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.size, self.unused = vocabulary_size, nn.Parameter(torch.zeros(1))

    def forward(self, ids_BT: Tensor, state: Any = None, _conditions: object = None) -> tuple[Tensor, Tensor]:
        logits = torch.zeros(*ids_BT.shape, self.size)
        read = torch.zeros(len(ids_BT), 1) if state is None else state
        return logits, read + ids_BT.shape[1]


def small(name: str, data: PreparedLevel) -> nn.Module:
    torch.manual_seed(5)
    return build_model(name, SMALL[name], vocabulary_size=data.vocabulary_size).eval()


def whole_nats(model: nn.Module, data: PreparedLevel, piece: int) -> float:
    """All of a piece in one forward pass, which is the definition."""
    ids = torch.from_numpy(data.ids(piece))[None]
    with torch.no_grad():
        logits, _ = model(ids[:, :-1])
    return nn.functional.cross_entropy(logits[0].double(), ids[0, 1:], reduction="sum").item()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("batch_tokens", "chunk_tokens"), [(1, 7), (300, 100), (4096, 1024)])
def test_streamed_is_the_whole(name: str, batch_tokens: int, chunk_tokens: int, performances: PreparedLevel) -> None:
    model, pieces = small(name, performances), performances.of_split("train")
    result = streamed(model, performances, pieces, batch_tokens=batch_tokens, chunk_tokens=chunk_tokens)
    expected = [whole_nats(model, performances, piece) for piece in pieces]
    np.testing.assert_allclose(result.nats.sum(axis=1), expected, rtol=1e-5)


@settings(deadline=None, max_examples=20)
@given(window=st.integers(1, 90), data=st.data())
def test_every_protocol_scores_every_token_once(window: int, data: st.DataObject, prepared_performances: Path) -> None:
    stride = data.draw(st.integers(max(1, window // 8), window))
    level = PreparedLevel(prepared_performances, "performance")
    pieces = level.of_split("validation")[:2]
    results = [
        streamed(Clerk(level.vocabulary_size), level, pieces, chunk_tokens=window),
        windowed(Clerk(level.vocabulary_size), level, pieces, window_tokens=window),
        windowed(Clerk(level.vocabulary_size), level, pieces, window_tokens=window, stride_tokens=stride),
    ]
    expected = [level.entries[piece].length - 1 for piece in pieces]
    for result in results:
        assert result.tokens.sum(axis=1).tolist() == expected
        np.testing.assert_allclose(
            result.nats.sum(axis=1), np.array(expected) * math.log(level.vocabulary_size), rtol=1e-5
        )


def test_windows_hear_nothing_before_them(performances: PreparedLevel) -> None:
    model, piece = small("lstm", performances), performances.of_split("validation")[0]
    ids = torch.from_numpy(performances.ids(piece))
    expected = 0.0
    with torch.no_grad():
        for start in range(0, len(ids) - 1, 50):
            window = ids[start : start + 51]
            logits, _ = model(window[None, :-1])
            expected += nn.functional.cross_entropy(logits[0], window[1:], reduction="sum").item()
    result = windowed(model, performances, [piece], window_tokens=50)
    assert result.protocol == "disjoint windows of 50"
    assert result.nats.sum() == pytest.approx(expected, rel=1e-5)


def test_a_sliding_window_of_stride_one_gives_each_token_its_window(performances: PreparedLevel) -> None:
    model, piece = small("lstm", performances), performances.of_split("train")[0]
    ids = torch.from_numpy(performances.ids(piece))
    result = windowed(model, performances, [piece], window_tokens=8, stride_tokens=1, batch_tokens=64)
    expected = 0.0
    with torch.no_grad():
        for target in range(1, len(ids)):
            past = ids[max(0, target - 8) : target]
            expected -= model(past[None])[0][0, -1].log_softmax(-1)[ids[target]].item()
    assert result.protocol == "sliding windows of 8, stride 1"
    assert result.nats.sum() == pytest.approx(expected, rel=1e-5)


def test_kinds_and_positions_add_up(performances: PreparedLevel) -> None:
    pieces = performances.of_split("train")
    result = likelihood(small("lstm", performances), performances, pieces)
    assert result.protocol == "streamed whole pieces"
    assert result.groups == ("END", "NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY")
    struck = [int(((ids >= NOTE_ON) & (ids < NOTE_OFF)).sum()) for ids in map(performances.ids, pieces)]
    assert result.tokens[:, result.groups.index("NOTE_ON")].tolist() == struck
    assert result.tokens[:, 0].tolist() == [1] * len(pieces)
    assert result.position_tokens.sum() == result.tokens.sum()
    assert result.position_nats.sum() == pytest.approx(result.nats.sum())
    lengths = np.array([performances.entries[piece].length for piece in pieces])
    assert result.position_tokens[0] == np.minimum(lengths - 1, 1023).sum()  # BOS is at 0
    assert list(result.by_position())[:2] == ["0-1,023", "1,024-2,047"]


def test_every_id_has_its_kind() -> None:
    names = TOKENIZERS["performance"].vocabulary.names
    assert all(name.startswith(groups_of("performance")) for name in names if name not in ("PAD", "BOS"))


def test_figures_by_hand() -> None:
    result = Likelihood(
        protocol="by hand",
        groups=("NOTE_ON", "TIME_SHIFT"),
        pieces=("a", "b"),
        nats=np.array([[6.0, 2], [3, 1]]),
        tokens=np.array([[2, 2], [1, 1]]),
        position_nats=np.array([9.0, 3]),
        position_tokens=np.array([3, 3]),
        notes=np.array([2, 1]),
        seconds=np.array([4.0, 2]),
    )
    assert result.headline == 2
    assert result.table() == {"NOTE_ON": 3, "TIME_SHIFT": 1}
    assert result.bits_per_note == pytest.approx(12 / math.log(2) / 3)
    assert result.bits_per_second == pytest.approx(12 / math.log(2) / 6)
    assert result.by_position() == {"0-1,023": 3, "1,024-2,047": 1}
    assert result.facts()["by_piece"] == {"a": 2, "b": 2}


def test_bf16_says_so_and_is_near(performances: PreparedLevel) -> None:
    model, pieces = small("transformer", performances), performances.of_split("validation")
    exact, rough = (likelihood(model, performances, pieces, bf16=bf16) for bf16 in (False, True))
    assert rough.protocol == "streamed whole pieces, bf16 autocast"
    assert rough.headline == pytest.approx(exact.headline, abs=0.01)
    assert rough.headline != exact.headline


@pytest.fixture
def saved(tmp_path: Path, performances: PreparedLevel) -> Path:
    save_weights(tmp_path / "weights", "lstm", small("lstm", performances), performances, {"step": 1})
    return tmp_path / "weights"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (EvaluateOptions(), "streamed whole pieces"),
        (EvaluateOptions("disjoint", 64), "disjoint windows of 64"),
        (EvaluateOptions("sliding", 64), "sliding windows of 64, stride 16"),
        (EvaluateOptions("sliding", 64, 32, bf16=True), "sliding windows of 64, stride 32, bf16 autocast"),
    ],
)
def test_the_table_names_its_protocol(
    options: EvaluateOptions, said: str, saved: Path, prepared_performances: Path, tmp_path: Path
) -> None:
    lines = evaluate(saved, prepared_performances, options, tmp_path / "figures.json").splitlines()
    assert sum(line.endswith(said) for line in lines) == 2  # validation and test
    first = json.loads((tmp_path / "figures.json").read_text())[0]
    assert first["protocol"] == said
    assert any(line.split() == ["nats", "per", "token", f"{first['nats_per_token']:.4f}"] for line in lines)
    assert any("bits per note" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (EvaluateOptions("loud"), "no such protocol"),
        (EvaluateOptions("disjoint", 0), "window: 0 tokens"),
        (EvaluateOptions("disjoint", 2**40), "window: "),
        (EvaluateOptions("sliding", 64, 65), "stride: 65 tokens"),
        (EvaluateOptions("sliding", 64, 0), "stride: 0 tokens"),
    ],
)
def test_impossible_windows_are_one_line(
    options: EvaluateOptions, said: str, saved: Path, prepared_performances: Path
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        evaluate(saved, prepared_performances, options)
    assert "\n" not in str(caught.value)


def test_the_command_line_takes_all_of_it(
    saved: Path, prepared_performances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ["--protocol", "sliding", "--window", "64", "--stride", "32", "--split", "test"]
    file = tmp_path / "figures.json"
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(saved), "--data", str(prepared_performances), *how, "--json", str(file)])
    assert stop.value.code == 0
    (result,) = json.loads(file.read_text())
    assert (result["split"], result["protocol"]) == ("test", "sliding windows of 64, stride 32")
    assert f"{result['bits_per_note']:.3f}" in capsys.readouterr().out


def test_the_command_line_measures_context_use(
    saved: Path, prepared_performances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of pieces that are shorter than the border, so that there is only something to say about returns."""
    file = tmp_path / "context.json"
    how = ["--context", "--pieces", "2", "--json", str(file)]
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(saved), "--data", str(prepared_performances), *how])
    assert stop.value.code == 0
    captured = capsys.readouterr()
    assert "2 longest of 3 pieces" in captured.out
    assert "no piece goes on behind token 8,192" in captured.out
    assert captured.err == "", "no bar where nobody looks"
    validation, test = json.loads(file.read_text())
    assert (validation["split"], validation["pieces"], test["pieces"]) == ("validation", 2, 1)
    assert validation["krcu_auc"] is None


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (["--context", "--protocol", "sliding"], "leave --protocol out"),
        (["--pieces", "2"], "--pieces goes with --context"),
        (["--context", "--pieces", "0"], "--pieces"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    how: list[str], said: str, saved: Path, prepared_performances: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(saved), "--data", str(prepared_performances), *how])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
