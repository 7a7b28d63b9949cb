"""Plans as YAML: what is written is read again, and every mistake is one line that names its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.errors import UserError
from ritornello.form.chord import Chord
from ritornello.form.key import Key
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.form.plan_yaml import format_plan, parse_plan, read_plan, write_plan

PLAN = Plan(
    title="Nun: \"x\" 'ø'",
    key=Key("G", "minor"),
    metre="3/4",
    pickup_beats=1,
    tempo_bpm=76.5,
    sections=(
        Section(
            label="A'",
            bars=4,
            key=Key("E-", "major"),
            register_arc="falling",
            phrases=(
                Phrase(
                    beats=6,
                    key=Key("G", "minor"),
                    cadence="half",
                    fermata_beats=4.5,
                    harmony=(Chord(0, "minor"), Chord(2, "half-diminished7", 1), Chord(7, "major")),
                    motif=Motif(),
                ),
                Phrase(beats=6.25, cadence="none", motif=Motif(relation="transposed", source=0, semitones=-2)),
            ),
        ),
        Section(label="B", bars=12),
    ),
)

TEXT = """\
style: chorale
title: 'Nun: "x" ''ø'''
key: g minor
metre: 3/4
pickup_beats: 1
tempo_bpm: 76.5
sections:
  - label: A'
    bars: 4
    key: E- major
    register_arc: falling
    phrases:
      - beats: 6
        key: g minor
        cadence: half
        fermata_beats: 4.5
        harmony: [i, iiø65, V]
        motif:
          relation: new
          semitones: 0
      - beats: 6.25
        cadence: none
        motif:
          relation: transposed
          source: 0
          semitones: -2
  - label: B
    bars: 12
"""


def test_written_as_expected_and_read_again(tmp_path: Path) -> None:
    assert format_plan(PLAN) == TEXT
    write_plan(PLAN, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == PLAN
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yaml"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sectoins: []", "unknown key 'sectoins'; did you mean 'sections'\\?"),
        ("zzz: 1", "unknown key 'zzz'; known keys are style, title"),
        ("sections:\n  - {label: A, bras: 4}", "unknown key 'bras'; did you mean 'bars'"),
        ("sections:\n  - {label: A, bars: 0}", "sections\\[0\\].bars: "),
        ("sections:\n  - {label: A, bars: 4, phrases: [{beats: 4, motif: {sauce: 1}}]}", "did you mean 'source'"),
        ("key: h minor", "key: .*no such key: 'h minor'"),
        ("key: [1", "not YAML: .* in line 1"),
        ("- 1", "mapping"),
        ("", "mapping"),
        ("title: x\ntitle: y", "'title' stands twice"),
        ("title: &a x\nkey: *a", "aliases"),
        ("sections:\n  - {label: A, bars: 4, phrases: [{beats: 4, harmony: [I]}]}", "harmony needs the key"),
        ("sections:\n  - {label: A, bars: 4, phrases: [{beats: 4, key: c, harmony: [H]}]}", "no such chord: 'H'"),
        ("sections:\n  - {label: A, bars: 4, phrases: [{beats: 4, key: c, harmony: I}]}", "list of Roman numerals"),
        ("[" * 5000, "YAML|nested"),
        ("sections: !!python/object/apply:os.system [ls]", "not YAML"),
    ],
)
def test_mistakes_are_one_line(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        parse_plan(text, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(UserError, match="too large"):
        read_plan(tmp_path / "big.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="UTF-8"):
        read_plan(tmp_path / "binary.yaml")
    with pytest.raises(UserError, match=r"none/plan\.yaml"):
        write_plan(PLAN, tmp_path / "none" / "plan.yaml")
