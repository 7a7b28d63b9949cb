"""Which plan, and which style, the options of ``compose`` ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ritornello.cli import main
from ritornello.cli.plan_options import PlanOptions, plan_of_options
from ritornello.errors import UserError
from ritornello.form.key import Key
from ritornello.scores.midi import write_midi
from ritornello.scores.score import Notes, Part, Score
from tests.form.song import CHORUS, VERSE, song


def piece(path: Path, *, num_bars: int, num_parts: int) -> Path:
    """A file of half notes that go up and down, in 4/4."""
    rows = [(960 * i, 960, 60 + (0, 4, 7, 5)[i % 4] + i % 3, 80) for i in range(2 * num_bars)]
    parts = tuple(Part(f"part {number}", Notes.of(rows)) for number in range(num_parts))
    write_midi(Score(480, parts), path)
    return path


def test_a_style_is_the_files_then_the_options_then_chorale(tmp_path: Path) -> None:
    (of_song, open_style) = (tmp_path / "song.yaml", tmp_path / "open.yaml")
    of_song.write_text("style: song\nkey: g minor\n")
    open_style.write_text("key: g minor\n")
    assert plan_of_options(PlanOptions()).style == "chorale"
    assert plan_of_options(PlanOptions(style="bach")).style == "bach"
    assert plan_of_options(PlanOptions(form="A4 B4", style="song")).style == "song"
    assert plan_of_options(PlanOptions(plan=of_song)).style == "song"
    assert plan_of_options(PlanOptions(plan=of_song, style="song")).style == "song"
    assert plan_of_options(PlanOptions(plan=open_style)).style == "chorale"
    assert plan_of_options(PlanOptions(plan=open_style, style="bach")).style == "bach"
    assert plan_of_options(PlanOptions(plan=open_style, style="bach")).key == Key.parse("g minor")
    with pytest.raises(UserError) as caught:
        plan_of_options(PlanOptions(plan=of_song, style="bach"))
    assert str(caught.value) == (
        "--style: the plan's style is song, --style says bach; leave it out, or change the plan"
    )


def test_a_piece_gives_its_plan_to_the_style_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is read as chorales are is one; voices are taken for Bach unless the options know better."""
    four = piece(tmp_path / "four.mid", num_bars=8, num_parts=4)
    long = piece(tmp_path / "long.mid", num_bars=40, num_parts=2)
    assert plan_of_options(PlanOptions(plan_from=four)).style == "chorale"
    capsys.readouterr()
    assert plan_of_options(PlanOptions(plan_from=long)).style == "bach"
    assert capsys.readouterr().err == f"{long}: taken for the style bach; --style says otherwise\n"
    other = plan_of_options(PlanOptions(plan_from=long, style="song"))
    assert other.style == "song"
    assert not capsys.readouterr().err
    assert sum(section.bars for section in other.sections or ()) == 40


def test_a_file_of_a_song_gives_the_plan_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "song.mid"
    write_midi(song(VERSE, CHORUS, VERSE, CHORUS), file)
    assert plan_of_options(PlanOptions(plan_from=file)).style == "song"
    assert "the style song" in capsys.readouterr().err


PHRASES = """\
style: bach
key: C major
metre: 4/4
pickup_beats: 1
sections:
  - label: A
    bars: 2
    key: C major
    phrases:
      - beats: 4
        motif: {relation: new}
      - beats: 4
        key: C major
        motif: {relation: new}
  - label: B
    bars: 1
    phrases:
      - {beats: 5, motif: {relation: varied, source: 0}}
"""

EARLIER = "(limit: below 2; phrases count from 0 over the whole piece)"
AS_MANY = "(limit: 4, as many as that one); or call the motif varied"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            *("source: 0", "source: 2"),
            f"line 18, section 2, phrase 1: its motif comes from phrase 2, which is not before it {EARLIER}",
        ),
        (
            *("bars: 2", "bars: 3"),
            "line 9, section 1: its phrases last 8 beats (limit: 12, the beats of 3 bars)",
        ),
        (
            *("beats: 5", "beats: 6"),
            "line 17, section 2: its phrases last 6 beats (limit: 4, the beats of 1 bars)",
        ),
        (
            *("label: B", "label: A"),
            "line 16, section 2: A has 1 bars, but had 2 before; write A' for a variation",
        ),
        (
            *("{beats: 5, motif: {relation: varied, source: 0}}", "{beats: 5, motif: {relation: exact, source: 0}}"),
            "",
        ),
        (
            "bars: 1\n    phrases:\n      - {beats: 5, motif: {relation: varied, source: 0}}",
            "bars: 4\n    phrases:\n      - {beats: 17, motif: {relation: exact, source: 0}}",
            f"line 18, section 2, phrase 1: it is exactly phrase 0 again, but lasts 17 beats {AS_MANY}",
        ),
        (
            *("    key: C major\n    phrases", "    key: G major\n    phrases"),
            "line 8, section 1: it ends in G major, its last phrase in C major; leave one of them out",
        ),
        (
            *("        key: C major\n", "        key: C major\n        fermata_beats: 4\n"),
            "line 14, section 1, phrase 2: its fermata is on beat 4 (limit: less than 4, the beats of the phrase)",
        ),
        (
            *("        key: C major\n", "        key: C major\n        harmony: [I, V]\n"),
            "line 14, section 1, phrase 2: 2 chords (limit: 4, one per beat slot)",
        ),
        (
            *("pickup_beats: 1", "pickup_beats: 4"),
            "line 4: a pickup of 4 beats (limit: less than a bar of 4/4)",
        ),
        (
            *("bars: 1", "bars: 511"),
            "line 5: the piece is too long (limit: 512 bars)",
        ),
        (
            *("key: C major", "key: H major"),
            "line 2, key: key: no such key: 'H major'; write for example 'g minor' or 'E- major'",
        ),
        (*("label: B", "lable: B"), "line 15: unknown key 'lable'; did you mean 'label'?"),
    ],
)
def test_a_contradiction_is_refused_with_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(PHRASES.replace(old, new, 1))
    if not says:
        assert plan_of_options(PlanOptions(plan=file)).style == "bach"
        return
    with pytest.raises(UserError) as caught:
        plan_of_options(PlanOptions(plan=file))
    assert str(caught.value) == f"{file}: {says}"


def test_what_is_unusual_is_said_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.yaml"
    sections = "".join(
        f"  - {{label: {a}, bars: {n}, key: {k}}}\n"
        for a, n, k in [("A", 8, "C major"), ("B", 70, "F# major"), ("C", 8, "F# major"), ("D", 8, "C major")]
    )
    file.write_text(f"style: bach\nkey: C major\ntempo_bpm: 280\nsections:\n{sections}")
    assert len(plan_of_options(PlanOptions(plan=file)).sections or ()) == 4
    two, four = f"unusual: {file}: line 6, section 2: ", f"unusual: {file}: line 8, section 4: "
    assert capsys.readouterr().err.splitlines() == [
        f"unusual: {file}: line 3: 98 of 100 bach pieces have a tempo of 26.6 to 212.7, not 280",
        two + "the longest of 3,260 bach sections has 63 bars, not 70",
        two + "0 of 3,260 bach sections end in F# major with a home in C major, or as far from another",
        two + "0 of 2,822 bach sections end in F# major after one in C major, or as far from another",
        four + "0 of 2,822 bach sections end in C major after one in F# major, or as far from another",
    ]
    plan_of_options(PlanOptions(form="A8 B70", style="bach"))
    says = "unusual: section 2: the longest of 3,260 bach sections has 63 bars, not 70"
    assert capsys.readouterr().err.splitlines() == [says]
    plan_of_options(PlanOptions(form="A8 B8 A8", style="bach", key="E- major"))
    assert not capsys.readouterr().err


def test_levels_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine" / "structure").mkdir(parents=True)
    arguments = ["compose", "--style", "song", "--weights", str(tmp_path / "mine"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    mend = "train the levels of song and name their folder with --weights"
    assert capsys.readouterr().err == f"ritornello: {tmp_path / 'mine'}: has no folder phrases; {mend}\n"
    assert not (tmp_path / "out").exists()


def test_how_many_notes_a_bar_has(tmp_path: Path) -> None:
    """Asked of the whole piece, whatever its sections say of their own; not of a chorale."""
    stated = tmp_path / "stated.yaml"
    stated.write_text("style: song\nnotes_per_bar: 12\nsections: [{label: A, bars: 4, notes_per_bar: 20}]\n")
    of_chorale = tmp_path / "chorale.yaml"
    of_chorale.write_text("sections:\n  - label: A\n    bars: 4\n    notes_per_bar: 20\n")
    assert plan_of_options(PlanOptions(style="song", notes_per_bar=20)).notes_per_bar == 20
    of_sections = tmp_path / "of_sections.yaml"
    of_sections.write_text("style: song\nsections: [{label: A, bars: 4, notes_per_bar: 20}]\n")
    asked = plan_of_options(PlanOptions(plan=of_sections, notes_per_bar=12))
    assert [section.notes_per_bar for section in asked.sections or ()] == [12]
    assert plan_of_options(PlanOptions(plan=stated, notes_per_bar=12)) == plan_of_options(PlanOptions(plan=stated))
    with pytest.raises(UserError, match=r"--notes-per-bar: the plan has 12 notes in a bar, --notes-per-bar says 9"):
        plan_of_options(PlanOptions(plan=stated, notes_per_bar=9))
    for number in (0.0, -1.0, 65.0, float("nan")):
        with pytest.raises(UserError, match=r"--notes-per-bar: .*limit: more than 0, at most 64"):
            plan_of_options(PlanOptions(style="bach", notes_per_bar=number))
    with pytest.raises(UserError, match=r"--notes-per-bar: .*cannot be asked of a chorale"):
        plan_of_options(PlanOptions(notes_per_bar=9))
    with pytest.raises(UserError, match=r"chorale.yaml: line 4, section 1: .*cannot be asked of a chorale"):
        plan_of_options(PlanOptions(plan=of_chorale))
