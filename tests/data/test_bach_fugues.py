"""The coloured entries of fugues."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ritornello.data.corpora.bach_fugues import NAME, annotated_fugues
from ritornello.errors import UserError
from ritornello.scores.midi import write_midi
from tests.form.music import chorale


def write(root: Path, rows: list[tuple[float, float, str, str]]) -> None:
    folder = root / NAME
    folder.mkdir()
    write_midi(chorale(["c4 d4 e4 f4"]), folder / "one.mid")
    keys = ("start_quarter", "end_quarter", "voice", "kind")
    entries = [dict(zip(keys, row, strict=True)) for row in rows]
    table = [{"id": "one", "midi": "one.mid", "subject_entries": entries}]
    (folder / "annotations.json").write_text(json.dumps(table), encoding="utf-8")


def test_spans(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            (0.0, 8.0, "one", "SubjectFirst"),
            (8.0, 8.25, "one", "SubjectFirst"),  # the rest of the same
            (8.0, 16.0, "two", "SubjectFirstInv"),
            (20.0, 21.0, "one", "SubjectFirst"),  # a crumb
            (20.0, 24.0, "two", "SubjectSecond"),
            (24.0, 30.0, "two", "Motif"),
        ],
    )
    (fugue,) = annotated_fugues(tmp_path)
    assert [tuple(span) for span in fugue.entries] == [
        (0.0, 8.25, "one", "SubjectFirst"),
        (8.0, 16.0, "two", "SubjectFirstInv"),
        (20.0, 24.0, "two", "SubjectSecond"),
    ]
    assert [span.is_first_subject for span in fugue.entries] == [True, True, False]
    assert fugue.num_crumbs == 1
    assert fugue.score.num_notes == 4


def test_fugue_without_colours_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, [])
    assert list(annotated_fugues(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "{}", '[{"id": "one"}]', '[{"id": 1, "midi": "a", "subject_entries": [3]}]'])
def test_broken_table(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "annotations.json").write_text(text, encoding="utf-8")
    if text == "{}":
        assert list(annotated_fugues(tmp_path)) == []
        return
    with pytest.raises(UserError, match="annotations"):
        list(annotated_fugues(tmp_path))
