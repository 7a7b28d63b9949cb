"""Windows: a pure function of the step, fair to every token, the same from one process as from several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ritornello.data.augmentation import Augmentation
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import by_context
from ritornello.data.windows import WindowLoader
from ritornello.errors import UserError
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.performance import BOS, END, NOTE_OFF, PerformanceTokenizer


@pytest.fixture(scope="module")
def data(midi_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedLevel:
    out = tmp_path_factory.mktemp("windows") / "out"
    prepare(str(midi_folder), out)
    return PreparedLevel(out, "performance")


def _loader(data: PreparedLevel, **options: object) -> WindowLoader:
    drawn = {name: options.pop(name) for name in Augmentation._fields if name in options}
    values = {"seed": 1, "batch_tokens": 256, "window_tokens": 64, "augmentation": Augmentation(**drawn)}  # type: ignore[arg-type]
    return WindowLoader(data, **{**values, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("segmentation", ["random_start", "effective", "cropped"])
def test_the_step_alone_gives_the_batch(data: PreparedLevel, segmentation: str) -> None:
    one, other = (_loader(data, segmentation=segmentation) for _ in range(2))
    for step in (7, 0, 3, 7):
        assert torch.equal(one.batch(step).ids_BT, other.batch(step).ids_BT)
    assert not torch.equal(one.batch(0).ids_BT[:, :8], one.batch(1).ids_BT[:, :8])
    assert not torch.equal(one.batch(0).ids_BT[:, :8], _loader(data, seed=2).batch(0).ids_BT[:, :8])


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_one_batch(data: PreparedLevel, world: int) -> None:
    whole = _loader(data, batch_tokens=256 * world).batch(5)
    parts = [_loader(data).batch(5, rank, world) for rank in range(world)]
    for rank, part in enumerate(parts):
        length = part.ids_BT.shape[1]
        assert torch.equal(part.ids_BT, whole.ids_BT[rank::world, :length])
        assert torch.equal(part.scored_BT, whole.scored_BT[rank::world, :length])
        assert part.pieces == whole.pieces[rank::world]


def test_windows_are_passages_of_training_pieces(data: PreparedLevel) -> None:
    loader = _loader(data)
    train = set(data.of_split("train"))
    for step in range(20):
        batch = loader.batch(step)
        assert batch.ids_BT.shape[0] == 4
        assert batch.ids_BT.shape[1] <= 65
        for ids, scored, piece in zip(batch.ids_BT.numpy(), batch.scored_BT.numpy(), batch.pieces, strict=True):
            assert piece in train
            size = int(scored.sum()) + 1
            assert scored.tolist() == [0 < place < size for place in range(len(ids))]
            assert not ids[size:].any()
            whole = data.row(piece).ids
            starts = [s for s in range(len(whole) - size + 1) if np.array_equal(whole[s : s + size], ids[:size])]
            assert starts
            assert (ids[0] == BOS) == (0 in starts)
            assert (END in ids) == (len(whole) - size in starts)
            assert size == 65 or ids[0] == BOS or END in ids


@pytest.mark.parametrize("segmentation", ["random_start", "effective", "cropped"])
def test_context_stands_before_the_targets_as_far_as_there_is_any(data: PreparedLevel, segmentation: str) -> None:
    loader = _loader(data, context_tokens=100, segmentation=segmentation)
    shorter = 0
    for step in range(20):
        batch = loader.batch(step)
        for ids, scored, piece, context in zip(
            batch.ids_BT.numpy(), batch.scored_BT.numpy(), batch.pieces, batch.context_tokens, strict=True
        ):
            assert scored.tolist() == [context < place <= context + scored.sum() for place in range(len(ids))]
            whole, size = data.row(piece).ids, context + 1 + int(scored.sum())
            starts = [s for s in range(len(whole) - size + 1) if np.array_equal(whole[s : s + size], ids[:size])]
            assert starts
            assert context == 100 or starts == [0]
            shorter += context < 100
    assert (shorter > 0) == (segmentation != "cropped")


def test_a_window_keeps_its_targets_when_time_is_compressed(data: PreparedLevel) -> None:
    batch = _loader(data, context_tokens=100, segmentation="cropped", stretch=(0.5, 1.0), batch_tokens=64 * 100).batch(
        0
    )
    assert {int(n) for n in batch.scored_BT.sum(dim=1)} == {64}
    assert max(batch.context_tokens) == 100 > min(batch.context_tokens)


def test_rows_of_equal_context_stand_together(data: PreparedLevel) -> None:
    batch = _loader(data, context_tokens=100, segmentation="effective", batch_tokens=64 * 30).batch(3)
    found = [
        (piece, *map(tuple, (np.concatenate([context, ids])[: (size := len(context) + 1 + scored.sum())], [size])))
        for context_BT, rest in by_context(batch)
        for context, ids, scored, piece in zip(
            context_BT.numpy(), rest.ids_BT.numpy(), rest.scored_BT.numpy(), rest.pieces, strict=True
        )
    ]
    expected = [
        (piece, tuple(ids[: (size := context + 1 + scored.sum())]), (size,))
        for ids, scored, piece, context in zip(
            batch.ids_BT.numpy(), batch.scored_BT.numpy(), batch.pieces, batch.context_tokens, strict=True
        )
    ]
    assert sorted(found) == sorted(expected)
    contexts = [context_BT.shape[1] for context_BT, _ in by_context(batch)]
    assert contexts == sorted(set(batch.context_tokens))
    assert all(rest.scored_BT[:, -1].any() for _, rest in by_context(batch))


def test_every_token_is_as_often_a_target_as_any_other(data: PreparedLevel) -> None:
    loader = _loader(data, batch_tokens=64 * 50)
    drawn = np.zeros(len(data.entries))
    for step in range(40):
        batch = loader.batch(step)
        np.add.at(drawn, list(batch.pieces), batch.scored_BT.sum(dim=1).numpy())
    targets = np.array([entry.length - 1 for entry in data.entries])
    train = data.of_split("train")
    share = drawn[train] / targets[train]
    assert share.mean() == pytest.approx(40 * 50 * 64 / (targets + 63)[train].sum(), rel=0.1)
    assert share.std() / share.mean() < 0.25  # 62 windows a piece: 0.13 is expected


def test_changes_are_drawn_evenly_and_made_to_a_longer_crop_which_is_then_cut(
    data: PreparedLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[str, list[float]] = {"transposed": [], "stretched": [], "with_velocity": []}
    sizes: list[int] = []

    def _change(name: str) -> Callable[[np.ndarray, float], np.ndarray]:
        def changed(ids: np.ndarray, amount: float) -> np.ndarray:
            heard[name].append(amount)
            sizes.append(len(ids))
            return ids[::2] if name == "stretched" else ids

        return changed

    monkeypatch.setattr("ritornello.tokenizers.performance_changes.transposed", _change("transposed"))
    for name in ("stretched", "with_velocity"):
        monkeypatch.setattr(f"ritornello.data.augmentation.{name}", _change(name))
    batch = _loader(data, transpose=(-2, 3), stretch=(0.5, 1.0), velocity=1, batch_tokens=64 * 60).batch(0)
    assert {name: set(amounts) for name, amounts in heard.items()} == {
        "transposed": set(range(-2, 4)),
        "stretched": {0.5},
        "with_velocity": {-1, 1},
    }
    assert max(sizes) == 65 + 65 // 8
    assert batch.ids_BT.shape[1] == 65
    assert {int(n) for n in batch.scored_BT.sum(dim=1)} >= {36, 64}  # every second id of 73, and a full window


def test_a_transposition_that_leaves_the_keyboard_is_drawn_again(
    data: PreparedLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def moved(ids: np.ndarray, semitones: int) -> np.ndarray | None:
        heard.append(semitones)
        return ids if semitones == 0 else None

    monkeypatch.setattr("ritornello.tokenizers.performance_changes.transposed", moved)
    changed, plain = _loader(data, transpose=(-2, 3)).batch(0), _loader(data).batch(0)
    assert torch.equal(changed.ids_BT, plain.ids_BT)
    assert set(heard) == set(range(-2, 4))


def test_changed_windows_are_music_of_the_same_scheme(data: PreparedLevel) -> None:
    options = {"transpose": (-3, 3), "stretch": (0.9, 1.1), "velocity": 2}
    tokenizer = PerformanceTokenizer()
    changed, plain = _loader(data, **options), _loader(data)
    different = 0
    for step in range(6):
        batch, before = changed.batch(step), plain.batch(step)
        assert batch.pieces == before.pieces
        for ids, scored in zip(batch.ids_BT.numpy(), batch.scored_BT.numpy(), strict=True):
            window = ids[: int(scored.sum()) + 1]
            assert len(window) <= 65
            score = tokenizer.decode(Tokens(window, tokenizer.vocabulary.hash))
            assert score.num_notes <= (window < NOTE_OFF).sum()
        different += not torch.equal(batch.ids_BT, before.ids_BT)
    assert different == 6


def test_what_cannot_be_done_is_one_line(data: PreparedLevel) -> None:
    with pytest.raises(UserError, match="no such segmentation"):
        _loader(data, segmentation="backwards")
    data.name = "note_duration"
    try:
        with pytest.raises(UserError, match="cannot be changed"):
            _loader(data, velocity=1)
        _loader(data)
    finally:
        data.name = "performance"
