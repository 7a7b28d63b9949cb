"""The k-th disk operation fails while a folder is prepared, k = 1, 2, ...: one line, nothing that looks finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.scores.midi import write_midi
from ritornello.scores.score import Notes, Part, Score

FILES_WRITTEN = 4  # the column and the facts of one shard, table, index


def _music(folder: Path) -> Path:
    folder.mkdir()
    for number in range(2):
        notes = Notes.of([(240 * place, 200, 60 + number + place % 7, 80) for place in range(40)])
        write_midi(Score(480, (Part("Piano", notes),)), folder / f"{number}.mid")
    return folder


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_full_disk_is_one_line_and_is_gone_on_from(
    tmp_path: Path, failing_disk: Any, *, forever: bool, replaced: bool
) -> None:
    music, out = _music(tmp_path / "music"), tmp_path / "out"
    if replaced:
        prepare(str(music), out)
    failing_disk.forever = forever
    failures = 0
    for k in range(1, 100):
        failing_disk.calls, failing_disk.fail_at, line = 0, k, None
        try:
            prepare(str(music), out)
            passed = failing_disk.calls < k
        except UserError as error:
            line, failures, passed = str(error), failures + 1, False
        failing_disk.fail_at = None
        assert line is None or ("No space left on device" in line and "\n" not in line)
        if out.exists():
            assert len(PreparedLevel(out, "performance").entries) == 2
        if passed:
            break
    assert passed, "a prepare never passed untouched"
    assert failures >= 2 * FILES_WRITTEN, "the faults did not reach the writing"
    assert {path.name for path in tmp_path.iterdir()} == {"music", "out"}
