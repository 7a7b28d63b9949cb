"""A checkpoint is whole or not there; damage is one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ritornello.errors import UserError
from ritornello.training.checkpoint import Checkpoint, checkpoints, load_checkpoint, save_checkpoint


def _checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, {"model.weight": torch.arange(6.0).reshape(2, 3) * step}, {"progress": {"step": step}})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, _checkpoint(7))
    found = load_checkpoint(folder)
    assert found.step == 7
    assert found.facts["progress"] == {"step": 7}
    assert torch.equal(found.tensors["model.weight"], _checkpoint(7).tensors["model.weight"])


def test_only_the_newest_stay_in_order_of_steps(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        save_checkpoint(tmp_path, _checkpoint(step), keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000010", "step-00000100"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_any_flipped_byte_of_the_tensors_is_noticed(tmp_path: Path) -> None:
    file = save_checkpoint(tmp_path, _checkpoint(1)) / "state.safetensors"
    content = file.read_bytes()
    for place in range(0, len(content), 7):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(UserError, match="damaged"):
            load_checkpoint(file.parent)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"format": 1}'])
def test_damaged_facts_are_one_line(tmp_path: Path, damage: str) -> None:
    folder = save_checkpoint(tmp_path, _checkpoint(1))
    (folder / "state.json").write_text(damage)
    with pytest.raises(UserError) as caught:
        load_checkpoint(folder)
    assert "\n" not in str(caught.value)


def test_another_format_is_refused(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, _checkpoint(1))
    facts = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**facts, "format": 99}))
    with pytest.raises(UserError, match="format 99"):
        load_checkpoint(folder)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_checkpoint(tmp_path / "step-00000001")
