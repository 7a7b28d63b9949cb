"""The report: its three files say the same, hold nothing that could harm, and go on whatever the sets are."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.evaluation import aspects
from ritornello.evaluation.metric import Aspect, Metric
from ritornello.evaluation.report.gathering import Gathered
from ritornello.evaluation.report.making import Options, Report, report
from ritornello.evaluation.report.summary import summary_of
from ritornello.evaluation.timeline import Timeline
from ritornello.form.analyse import analyse
from ritornello.form.plan_yaml import write_plan
from ritornello.scores import Metre, Notes, Part, Score, write_midi

VOID = {"meta", "img", "circle", "line", "rect"}


def performance(seed: int, num_notes: int = 120) -> Score:
    """Notes at random places of no grid."""
    random = np.random.default_rng(seed)
    onsets = np.cumsum(random.integers(37, 401, num_notes))
    rows = [(int(t), int(random.integers(50, 700)), int(random.integers(40, 85)), int(random.integers(30, 100)))
            for t in onsets]  # fmt: skip
    return Score(480, (Part("", Notes.of(rows)),))


def written(seed: int) -> Score:
    """Quarter notes in 3/4."""
    random = np.random.default_rng(seed)
    rows = [(480 * n, 480, int(random.integers(55, 80)), 64) for n in range(48)]
    return Score(480, (Part("", Notes.of(rows)),), metres=(Metre(0, 3, 4),))


def folder(path: Path, scores: Mapping[str, Score]) -> Path:
    path.mkdir()
    for name, score in scores.items():
        write_midi(score, path / name)
    return path


def performances(path: Path, count: int, first: int = 0) -> Path:
    return folder(path, {f"p{n}.mid": performance(n + first) for n in range(count)})


def careful(made: Report) -> str:
    return "\n".join(made.page.careful)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Four performances beside five."""
    place = tmp_path_factory.mktemp("sets")
    ours, theirs = performances(place / "ours", 4), performances(place / "theirs", 5, 100)
    (ours / "broken.mid").write_bytes(b"no MIDI")
    return report(ours, theirs, Options(command="ritornello evaluate ours --reference theirs"))


def test_the_page_is_one_sound_file_without_script_or_network(made: Report) -> None:
    page = made.files()["report.html"].decode()
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "link", "iframe", "object"}
            assert not any(name.startswith("on") for name, _ in attrs)
            source = dict(attrs).get("src")
            assert source is None or source.startswith("data:image/png;base64,")
            if tag not in VOID:
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in VOID:
                assert open_tags.pop() == tag

    Checker().feed(page)
    assert not open_tags
    assert not re.search(r"""(?:href|src|url)\s*[=(]\s*["']?http""", page)
    assert page.count("<img") == len(made.page.pictures)


def test_every_picture_is_a_file_beside_the_markdown(made: Report) -> None:
    files = made.files()
    named = re.findall(r"!\[[^]]*\]\(([^)]+)\)", files["report.md"].decode())
    assert sorted(named) == sorted(name for name in files if name.endswith(".png"))
    assert all(files[name].startswith(b"\x89PNG") for name in named)
    kinds = {name.partition("_")[0] for name in named}
    assert kinds == {"distributions.png", "similarity", "tension", "roll"}


def test_the_three_say_the_same(made: Report) -> None:
    files = made.files()
    page, text, figures = files["report.html"].decode(), files["report.md"].decode(), json.loads(files["report.json"])
    assert len(figures["features"]) == 13
    assert [piece["name"] for piece in figures["generated"]["pieces"]] == ["p0.mid", "p1.mid", "p2.mid", "p3.mid"]
    for metric in figures["metrics"]:
        name = metric["name"].replace("_", " ")
        assert name in page
        assert name in text.replace("\\", "")
        known = [
            piece["values"][metric["name"]]
            for piece in figures["generated"]["pieces"]
            if piece["values"].get(metric["name"]) is not None
        ]
        mean = metric["generated"]["value"]
        assert (mean is None) == (not known)
        assert not known or mean == pytest.approx(np.mean(known), rel=1e-5, abs=1e-9)
    for sentence in figures["careful"]:
        assert sentence.replace("'", "&#x27;") in page
    assert "ritornello evaluate ours --reference theirs" in page
    assert figures["command"] in text
    assert "NaN" not in files["report.json"].decode()


def test_the_same_bytes_again_and_from_two_workers(made: Report) -> None:
    ours, theirs = (
        Path(of_set.source) for of_set in (made.findings.gathered.generated, made.findings.gathered.reference)
    )
    again = report(ours, theirs, Options(workers=2, command=made.findings.command))
    assert again.files() == made.files()


def test_what_was_left_out_and_drawn_is_said(made: Report) -> None:
    ours, theirs = made.findings.gathered.generated, made.findings.gathered.reference
    assert [left.name for left in ours.left_out] == ["broken.mid"]
    assert len(ours.pieces) == len(theirs.pieces) == 4
    assert len(theirs.not_drawn) == 1
    assert "broken.mid" in careful(made)
    assert "4 of the 5 readable pieces of the reference set were drawn at random with seed 0" in careful(made)
    assert "only 4 pieces" in careful(made)
    assert theirs.not_drawn[0] in made.files()["report.md"].decode()


def test_the_summary_names_what_differs_most(made: Report) -> None:
    text = summary_of(made.findings, made.page)
    known = [line for line in made.findings.lines if not math.isnan(line.deviations.value)]
    furthest = max(known, key=lambda line: abs(line.deviations.value))
    assert furthest.metric.name.replace("_", " ") in text
    assert all(sentence in text for sentence in made.page.careful)


def test_a_set_of_one_piece(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", {"only.mid": performance(1)}) / "only.mid"
    made = report(one, performances(tmp_path / "theirs", 5, 50), Options())
    assert "The generated set is a single piece" in careful(made)
    assert len(made.findings.gathered.reference.pieces) == 5
    assert all(math.isnan(line.generated.low) and math.isnan(line.difference.low) for line in made.findings.lines)
    assert all(math.isnan(feature.compared.area.value) for feature in made.findings.features)
    assert made.findings.by_typicality[0].piece.name == "only.mid"
    both_single = report(one, one, Options())
    assert "stands in the reference too, byte for byte" in careful(both_single)
    assert both_single.files()["report.html"]


def test_mixed_sets_are_measured_in_seconds(tmp_path: Path) -> None:
    ours, theirs = (
        performances(tmp_path / "ours", 2),
        folder(tmp_path / "theirs", {f"w{n}.mid": written(n) for n in (1, 2)}),
    )
    made = report(ours, theirs, Options())
    assert not made.findings.gathered.written
    assert "Performances: p0.mid, p1.mid" in careful(made)
    assert not {line.aspect for line in made.findings.lines} & {
        a.name for a in aspects.ASPECTS.values() if a.needs_bars
    }


def test_written_music_is_measured_by_its_bars_and_its_plans(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    for n in (1, 2):
        folder_ = ours / f"{n}"
        folder_.mkdir(parents=True)
        write_midi(written(n), folder_ / "piece.mid")
        write_plan(analyse(written(n)), folder_ / "plan.yaml")
    made = report(ours, folder(tmp_path / "theirs", {f"w{n}.mid": written(n) for n in (3, 4)}), Options())
    assert made.findings.gathered.written
    planned = [line for line in made.findings.lines if line.aspect == "plans"]
    assert planned
    assert all(line.reference.num_pieces == 0 for line in planned)
    assert any(section.title == "Plans" for section in made.page.sections)


def test_an_aspect_that_fails_is_named_and_the_rest_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(notes: Timeline) -> dict[str, float]:
        if len(notes) > 120:
            raise ZeroDivisionError("a fault | of a *measure*")
        return {"faulty": 1.0}

    faulty = Aspect("faulty", fails, (Metric("faulty", "count", "fails"),))
    monkeypatch.setitem(aspects.ASPECTS, "faulty", faulty)
    ours = folder(tmp_path / "ours", {"good.mid": performance(1), "long.mid": performance(2, 121)})
    made = report(ours, performances(tmp_path / "theirs", 2, 9), Options())
    assert "long.mid (faulty)" in careful(made)
    assert "ZeroDivisionError: a fault | of a *measure*" in made.files()["report.html"].decode()
    assert "a fault \\| of a \\*measure\\*" in made.files()["report.md"].decode()
    pieces = json.loads(made.files()["report.json"])["generated"]["pieces"]
    assert pieces[1]["values"]["pitches_used"] is not None
    assert "faulty" not in pieces[1]["values"]


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>&|`$x^$.mid"
    ours = folder(tmp_path / "<b>ours", {name: performance(1), "b.mid": performance(2)})
    made = report(ours, performances(tmp_path / "theirs", 2, 9), Options())
    page, text = made.files()["report.html"].decode(), made.files()["report.md"].decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;|`$x^$.mid" in page
    assert not re.search(r"(?<!\\)<", text.partition("## How this was made")[0])


def test_a_piece_too_long_to_be_drawn_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ritornello.evaluation.report.pictures.MOST_ENGRAVED", 47)
    sets = (
        folder(tmp_path / name, {f"{n}.mid": written(seed + n) for n in range(3)})
        for name, seed in (("a", 1), ("b", 5))
    )
    made = report(*sets, Options())
    assert "roll_most_like.png (48 notes are too many for one picture of them all)" in careful(made)
    assert "similarity_most_like.png" in made.files()
    assert "roll_most_like.png" not in made.files()


def test_folders_may_have_names_that_are_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a line break: escaped in all three files."""
    ours = performances(tmp_path / os.fsdecode(b"\xff\n"), 2)
    made = report(ours, performances(tmp_path / "theirs", 2, 9), Options(command=f"evaluate {ours}"))
    assert "\\udcff\\n beside theirs" in made.files()["report.html"].decode()
    assert json.loads(made.files()["report.json"])["command"].endswith("\\udcff\\n")
    assert made.files()["report.md"]


def test_chance_is_counted_only_where_intervals_hold_what_they_say(made: Report) -> None:
    """Twenty pieces and more: one in twenty. Of four and four more of them, how many nobody knows."""
    findings = made.findings
    assert math.isnan(findings.num_by_chance)
    assert "by chance alone: of two and two pieces, three in ten" in careful(made)
    assert any("of so few pieces many do by chance alone" in headline.meaning for headline in made.page.headlines)
    sets = findings.gathered.generated, findings.gathered.reference
    many = (replace(of_set, pieces=of_set.pieces * 5) for of_set in sets)
    enough = replace(findings, gathered=Gathered(*many, written=False, shared=0))
    known = sum(not math.isnan(line.difference.low) for line in findings.own_lines)
    assert enough.num_by_chance == pytest.approx(known / 20)


def test_music_without_dynamics_is_said(tmp_path: Path) -> None:
    ours, theirs = folder(tmp_path / "ours", {"w.mid": written(1), "p.mid": performance(1)}), tmp_path / "theirs"
    made = report(ours, performances(theirs, 2, 9), Options())
    assert "In 1 of the 2 measured pieces of the generated set all notes are equally loud" in careful(made)
    assert "pieces of the reference set all notes" not in careful(made)


def test_what_few_pieces_of_either_set_have_is_said(tmp_path: Path) -> None:
    """Of three pieces one lasts long enough for something to return after 30 seconds."""
    ours, theirs = (
        folder(tmp_path / name, {f"{n}.mid": performance(seed + n, length) for n, length in enumerate((33, 33, 200))})
        for name, seed in (("ours", 1), ("theirs", 9))
    )
    made = report(ours, theirs, Options())
    for which in ("generated pieces", "pieces of the reference"):
        (rare,) = (sentence for sentence in made.page.careful if f"less than half of the {which}" in sentence)
        assert "returned 30s (1)" in rare


def test_a_set_without_a_sound_file_is_a_mistake(tmp_path: Path) -> None:
    ours = performances(tmp_path / "ours", 2)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.mid").write_bytes(b"no MIDI")
    with pytest.raises(UserError, match="its only file of music cannot be read: not a MIDI file"):
        report(ours, bad, Options())
    with pytest.raises(UserError, match=r"a\.mid: cannot be read: not a MIDI file"):
        report(ours, bad / "a.mid", Options())
    (bad / "b.mid").write_bytes(b"no MIDI")
    with pytest.raises(UserError, match="none of its 2 files can be read"):
        report(bad, ours, Options())
    with pytest.raises(UserError, match="no such"):
        report(tmp_path / "missing", ours, Options())


def test_copies_of_a_training_corpus_are_found(tmp_path: Path) -> None:
    ours, theirs = performances(tmp_path / "ours", 2), performances(tmp_path / "theirs", 2, 9)
    training = folder(tmp_path / "training", {"heard.mid": performance(0)})
    made = report(ours, theirs, Options(training=training))
    copied = {line.metric.name: line for line in made.findings.lines if line.aspect == "copying"}
    assert copied["copied_notes_share"].generated.value == pytest.approx(0.5, abs=0.05)
    assert copied["copied_notes_share"].reference.value == pytest.approx(0.0, abs=0.05)
    pieces = json.loads(made.files()["report.json"])["generated"]["pieces"]
    assert "heard" in pieces[0]["longest_copy"]["training_piece"]
    assert pieces[1]["longest_copy"] is None
