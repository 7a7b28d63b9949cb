"""Whether composed long pieces have the form they were asked for: beside pieces composed without a plan, and real ones.

    python -m benchmarks.long_pieces --songs DIR --plain-songs DIR --bach DIR --plain-bach DIR --write docs/results.md

Each folder is optional. --songs and --bach hold one folder per piece as ``ritornello compose`` writes them
(``plan.yaml`` and ``piece.mid``, or else ``piece.musicxml``); the plain ones hold music files, or such folders, whose
plans are not looked at. Real pieces are the test songs of ``pop909_cl`` (people's labels on the others taught the
analysis) and the validation and test pieces of ``bach_mutopia`` that have at least ``LEAST_BARS`` bars and one metre
(needs RITORNELLO_DATA). --check takes them as if they had been composed to their own analysis: what must be 100 % then
is.

**Found again from the notes alone.** Key signatures, titles, markers, chord symbols and fermatas are taken out first.
Compared are the plan's sections, by letter, with those that ``form.analyse`` finds and with those that a second
segmenter finds which shares no code with it (``evaluation/novelty.py``). Real songs have people's labels: how well both
find those is what can be expected, and stands beside the composed songs. For Bach nobody has written labels, so his own
analysis stands for the plan: how well the second segmenter finds it is a fair ceiling; the analysis would find itself
again at 100 %, so it is given the piece without a tenth of its notes, which says how firm it is, and is too kind a
ceiling. Both rows are printed for the songs too.

**Keys.** The plan's against those of the analysis, and against key profiles on the notes of the section (Aarden-Essen);
of real pieces, the home key against the one key signature that states a mode, section keys against the analysis.

**Returns.** Likeness of each return to the source that the plan names, note by note (``bar_likeness.py``), against the
mean over all earlier passages of that length which hold nothing of the same letter (*chance*). It is *found* if it is
more like its source than any of those. Real songs: people's labels, the source being the first statement. Real Bach:
the analysis, which chose its returns by their likeness.

**Structure** needs no plan, so that all can be compared; *shuffled* are the real pieces with their bars in another
order, which says what each figure is without form. *Nearer* names which of composed and plain is nearer to real where
they differ (the interval of their difference leaves 0 out). Means over pieces; intervals of 95 % over pieces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from benchmarks.long_piece_figures import (
    NAN,
    Figures,
    Form,
    agreement_of,
    analysed,
    form_of_labels,
    form_of_plan,
    form_of_sections,
    keys_of,
    num_full_bars,
    returns_of,
    structure_of,
    thinned,
)
from benchmarks.page import write_between_markers
from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.pop909_cl import shift_16ths
from ritornello.data.corpora.pop909_phrases import phrase_markers
from ritornello.data.corpora.pop909_structure import LABELLERS, read_song
from ritornello.errors import UserError
from ritornello.evaluation.novelty import full_barlines, sections_of
from ritornello.evaluation.side_by_side import Row
from ritornello.evaluation.statistics import Estimate, Tally, difference, quotient, rate
from ritornello.evaluation.timeline import Timeline
from ritornello.form.key import Key
from ritornello.form.keys import key_number
from ritornello.form.plan_yaml import read_plan
from ritornello.scores import Score, read_score
from ritornello.scores.score import Notes, Part

LEAST_BARS = 48
CORPUS = {"songs": "pop909_cl", "bach": "bach_mutopia"}
SPLITS = {"songs": ("test",), "bach": ("validation", "test")}
Style = Literal["songs", "bach"]

FOUND = (
    Row("length exact to the bar", "length"),
    Row("borders within a bar: F, the analysis", "borders_form"),
    Row("borders within a bar: F, the second segmenter", "borders_second"),
    Row("borders at the barline: F, the analysis", "same_form"),
    Row("borders at the barline: F, the second segmenter", "same_second"),
    Row("labels: pairwise F, the analysis", "pairs_form"),
    Row("labels: pairwise F, the second segmenter", "pairs_second"),
    Row("home key, the analysis", "home_key_form"),
    Row("home key, key profiles", "home_key_second"),
    Row("section keys, the analysis", "section_keys_form", "num_keys"),
    Row("section keys, key profiles", "section_keys_second", "num_keys"),
)
RETURNS = tuple(
    row
    for name, title in (("near", "up to 32 bars"), ("middle", "33 to 64 bars"), ("far", "over 64 bars"))
    for row in (
        Row(f"returns per piece, {title} back", f"num_{name}", percent=False),
        Row(f"found again, {title} back", f"found_{name}", f"num_found_{name}"),
        Row(f"likeness to the source, {title} back", f"like_{name}", f"num_{name}"),
        Row(f"the same by chance, {title} back", f"chance_{name}", f"num_found_{name}"),
    )
)
LIKENESS = tuple(
    Row(f"{what}: {title}", f"{column}{kind}", f"num_{column}{kind}")
    for kind, what in (("_exact", "same label"), ("_varied", "primed label"), ("", "all returns"))
    for column, title in (
        ("like", "likeness, all notes"),
        ("identical", "the same notes"),
        ("melody", "likeness, melody"),
        ("melody identical", "the same melody"),
        *((("melody low", "melody less than 30 % alike"),) if not kind else ()),
    )
)
HEART = (
    Row("bars in passages heard more than 16 bars before", "returned_after_16"),
    Row("bars in passages heard more than 32 bars before", "returned_after_32"),
    Row("bars in passages heard more than 64 bars before", "returned_after_64"),
    Row("self-similarity beyond 16 bars, notes", "similarity_beyond_16"),
    Row("self-similarity beyond 32 bars, notes", "similarity_beyond_32"),
    Row("self-similarity beyond 64 bars, notes", "similarity_beyond_64"),
    Row("self-similarity at 60-120 s, chroma", "similarity_60_120s"),
    Row("structureness, over 15 s", "structureness_long"),
    Row("notes last heard over 60 s before", "returned_60s"),
    Row("compression ratio", "compression_ratio"),
    Row("bars of returns up to 32 bars back, the analysis", "form_returns_near"),
    Row("bars of returns 33 to 64 bars back, the analysis", "form_returns_middle"),
    Row("bars of returns over 64 bars back, the analysis", "form_returns_far"),
)
MORE = (
    Row("bars", "bars", percent=False),
    Row("minutes", "minutes", percent=False),
    Row("notes per bar", "notes_per_bar", percent=False),
    Row("bars last heard more than 16 bars before", "nearest_after_16"),
    Row("bars last heard more than 32 bars before", "nearest_after_32"),
    Row("bars last heard more than 64 bars before", "nearest_after_64"),
    Row("self-similarity at 15-30 s, chroma", "similarity_15_30s"),
    Row("self-similarity at 30-60 s, chroma", "similarity_30_60s"),
    Row("self-similarity at 120-240 s, chroma", "similarity_120_240s"),
    Row("structureness, 3-8 s", "structureness_short"),
    Row("structureness, 8-15 s", "structureness_middle"),
    Row("notes last heard over 30 s before", "returned_30s"),
    Row("notes last heard over 120 s before", "returned_120s"),
    Row("notes last heard over 60 s before, same pitches", "returned_exactly_60s"),
    Row("seconds between returns, median", "seconds_between_returns", percent=False),
    Row("pitch, bits per note", "pitch_entropy_rate_bits", percent=False),
    Row("intervals, bits per note", "interval_entropy_rate_bits", percent=False),
    Row("rhythm, bits per note", "rhythm_entropy_rate_bits", percent=False),
    Row("pitch classes of four bars, bits", "local_pitch_class_entropy_bits", percent=False),
    Row("sections per 100 bars, the analysis", "sections_per_100_bars", percent=False),
    Row("materials per 100 bars, the analysis", "materials_per_100_bars", percent=False),
    Row("both segmenters' borders within a bar: F", "borders_both"),
    Row("both segmenters' labels: pairwise F", "pairs_both"),
)


class Piece(NamedTuple):
    """A piece and the forms that its notes should have: one, that of several people, or none."""

    name: str
    score: Score
    forms: tuple[Form, ...] = ()
    home: int | None = None


class Column(NamedTuple):
    """The figures of all pieces of a kind."""

    name: str
    pieces: list[Figures]


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for style in ("songs", "bach"):
        parser.add_argument(f"--{style}", type=Path, help="folder with a folder per composed piece")
        parser.add_argument(f"--plain-{style}", type=Path, help="folder of pieces composed without plan")
    parser.add_argument("--check", action="store_true", help="real pieces in place of those that are not given")
    parser.add_argument("--most", type=int, help="no more pieces of each kind than this")
    parser.add_argument("--write", type=Path, help="page with places for long-songs and long-bach")
    options = vars(parser.parse_args())
    styles: tuple[Style, ...] = ("songs", "bach")
    for style in styles:
        composed, plain = options[style], options[f"plain_{style}"]
        if composed or plain or options["check"]:
            text = report(style, *columns_of(style, composed, plain, options["most"]))
            print(text, flush=True)
            if options["write"]:
                write_between_markers(options["write"], f"long-{style}", text)


def columns_of(
    style: Style, composed_folder: Path | None, plain_folder: Path | None, most: int | None
) -> tuple[list[Column], list[Column]]:
    """The columns of the tables about plans (composed, real) and of that about notes alone (composed, plain, real)."""
    real = list(real_pieces(style))[:most]
    own = [again for piece in real for again in with_own_plan(piece)]
    composed = list(composed_pieces(composed_folder))[:most] if composed_folder else [] if plain_folder else own
    plain = list(plain_pieces(plain_folder))[:most] if plain_folder else []
    kinds = (("composed", composed), ("plain", plain), ("real", real), ("shuffled", [shuffled(own) for own in real]))
    notes = [Column(f"{name} ({len(pieces)})", measured(pieces, structure_figures, name)) for name, pieces in kinds]
    planned = [Column(f"composed ({len(composed)})", measured(composed, plan_figures, "plan"))]
    people = [piece for piece in real if piece.forms]
    if people:
        figures = measured(people, plan_figures, "people")
        planned.append(Column(f"real, people's labels ({len(people)})", figures))
    planned.append(Column(f"real, analysis as plan ({len(own)})", measured(own, heard_again, "real, analysis as plan")))
    return planned, notes


def composed_pieces(folder: Path) -> Iterator[Piece]:
    """Every piece with a plan below a folder, by name."""
    for path in sorted(folder.glob("*/plan.yaml")):
        plan = read_plan(path)
        music = path.with_name("piece.mid")
        score = read_score(music if music.exists() else path.with_name("piece.musicxml"))
        yield Piece(path.parent.name, score, (form_of_plan(plan),), _number(plan.key))


def plain_pieces(folder: Path) -> Iterator[Piece]:
    """Every music file in a folder, or in folders of pieces in it."""
    files = [*folder.glob("*.mid"), *folder.glob("*.musicxml"), *folder.glob("*/piece.mid")]
    for path in sorted(files):
        yield Piece(str(path.relative_to(folder)), read_score(path))


def real_pieces(style: Style) -> Iterator[Piece]:
    """Long enough validation and test pieces of one metre, with people's forms where there are any."""
    for piece in CORPORA[CORPUS[style]].pieces(None):
        if piece.split not in SPLITS[style]:
            continue
        score = piece.load()
        if num_full_bars(score) < LEAST_BARS or len({(m.numerator, m.denominator) for m in score.metres}) > 1:
            continue
        forms = people_forms(score, piece.id) if style == "songs" else ()
        stated = [Key.from_fifths(key.fifths, key.mode) for key in score.keys if key.mode]
        home = stated[0] if len(stated) == len(score.keys) == 1 else None
        yield Piece(piece.id, score, forms, _number(home))


def people_forms(score: Score, number: str) -> tuple[Form, ...]:
    """What both people heard in a song, on its full bars; none where melody or barlines are not the song's."""
    song = read_song(corpus_folder(None, "pop909-structure") / number)
    lines = full_barlines(score) * score.ticks_per_beat
    melody, written = score.parts[0].notes, song.score
    shift_ticks = shift_16ths(melody, score.ticks_per_beat, written.parts[0].notes, written.ticks_per_beat)[0]
    shift_ticks *= score.ticks_per_beat // 4
    if (shift_ticks - score.pickup_ticks) % score.metres[0].bar_ticks(score.ticks_per_beat):
        return ()
    forms: list[Form] = []
    for labeller in LABELLERS:
        markers = phrase_markers(score, song, labeller)
        bars = [int(np.argmin(np.abs(lines[:-1] - marker.onset_ticks))) for marker in markers]
        starts = dict(zip(bars, (marker.text.rstrip("0123456789") for marker in markers), strict=True))
        if markers and min(starts) > 0:
            starts = {0: "x"} | starts
        if starts:
            forms.append(form_of_labels((*starts, len(lines) - 1), list(starts.values())))
    return tuple(forms)


def with_own_plan(piece: Piece) -> list[Piece]:
    """The piece with its analysis as the form that its notes should have; none if it cannot be analysed."""
    try:
        plan, form = analysed(piece.score)
    except UserError:
        return []
    return (
        [piece._replace(forms=(form,), home=_number(plan.key))] if form.num_bars == num_full_bars(piece.score) else []
    )


def shuffled(piece: Piece) -> Piece:
    """The piece with its full bars in another order; what lasts over a barline is cut there."""
    score, random = piece.score, np.random.default_rng(0)
    lines = np.rint(full_barlines(score) * score.ticks_per_beat).astype(np.int64)
    order = random.permutation(len(lines) - 2)  # the last bar may be short
    start = np.append(lines[0] + np.concatenate([[0], np.cumsum(np.diff(lines)[:-1][order])])[:-1], lines[-2])
    moved_to = np.append(start[:-1][np.argsort(order)], start[-1])
    parts: list[Part] = []
    for part in score.parts:
        notes = part.notes
        bar = np.clip(np.searchsorted(lines, notes.onset_ticks, side="right") - 1, 0, len(lines) - 2)
        length = np.maximum(1, np.minimum(notes.offset_ticks, lines[bar + 1]) - notes.onset_ticks)
        onset = np.maximum(0, notes.onset_ticks - lines[bar] + moved_to[bar])
        parts.append(replace(part, notes=Notes.columns(onset, length, notes.pitch, notes.velocity)))
    return Piece(piece.name, replace(score, parts=tuple(parts)))


def measured(pieces: Sequence[Piece], figures: Callable[[Piece], Figures], name: str) -> list[Figures]:
    """The figures of all pieces; one that cannot be analysed is told and has those that can be had without."""
    found: list[Figures] = []
    for number, piece in enumerate(pieces, 1):
        if sys.stderr.isatty():
            print(f"\r{name}: {number} of {len(pieces)} ", end="", file=sys.stderr, flush=True)
        found.append(figures(piece))
    return found


def plan_figures(piece: Piece) -> Figures:
    """Whether the notes of a piece have its form."""
    return _against(piece, piece.score)


def heard_again(piece: Piece) -> Figures:
    """The same, the analysis hearing the piece without a tenth of its notes."""
    return _against(piece, thinned(piece.score))


def _against(piece: Piece, heard: Score) -> Figures:
    """Figures of the forms that a piece should have; of several, means of agreement and the first one's returns."""
    try:
        plan, found = analysed(heard)
    except UserError as error:
        print(f"{piece.name}: {error}", file=sys.stderr)
        plan, found = None, None
    second = form_of_sections(sections_of(Timeline.of(piece.score, written=True)))
    nothing = Form((0, piece.forms[0].num_bars), ("A",), (), (None,), (None,))
    rows = [agreement_of(form, found or nothing, "form") | agreement_of(form, second, "second") for form in piece.forms]
    figures = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    figures["length"] = float(piece.forms[0].num_bars == num_full_bars(piece.score))
    figures |= keys_of(piece.score, piece.forms[0], found, piece.home, _number(plan.key) if plan else None)
    return figures | returns_of(piece.score, piece.forms[0])


def structure_figures(piece: Piece) -> Figures:
    """What the notes say without a plan."""
    try:
        found = analysed(piece.score)[1]
    except UserError:
        found = None
    return structure_of(piece.score, found, form_of_sections(sections_of(Timeline.of(piece.score, written=True))))


def report(style: Style, planned: Sequence[Column], notes: Sequence[Column]) -> str:
    """The section of docs/results.md."""
    tables = [
        ("Found again from the notes alone", FOUND, planned, ((0, 1),)),
        ("Returns that were planned, by how far back their sources lie", RETURNS, planned, ((0, 1),)),
        ("Likeness of returns to their sources", LIKENESS, planned, ((0, 1),)),
        ("Structure, from notes alone", HEART, notes, ((0, 2), (1, 2))),
        ("More of the same", MORE, notes, ((0, 2), (1, 2))),
    ]
    head = f"Made by `python -m benchmarks.long_pieces`; {CORPUS[style]} of at least {LEAST_BARS} bars is real."
    lines = [head]
    for title, rows, columns, pairs in tables:
        lines += ["", f"**{title}**", "", table(rows, columns, pairs)]
    return "\n".join(lines)


def table(rows: Sequence[Row], columns: Sequence[Column], pairs: Sequence[tuple[int, int]]) -> str:
    """Markdown: a line per figure, a column per kind of piece, and the ratios of some of them."""
    kinds = [column.name.partition(" ")[0].strip(",") for column in columns]
    ratios = [f"{kinds[one]} / {kinds[other]}" for one, other in pairs]
    comparable = len(columns) == 4
    names = ["", *(column.name for column in columns), *ratios, *(["nearer"] if comparable else [])]
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for row in rows:
        tallies = [tally(row, column.pieces) for column in columns]
        cells = [cell(rate(own), percent=row.percent) for own in tallies]
        if all(own == "—" for own in cells):
            continue
        cells += [cell(quotient(tallies[one], tallies[other]), percent=False) for one, other in pairs]
        cells += [nearer(*tallies[:3])] if comparable else []
        lines.append("| " + " | ".join([row.title, *cells]) + " |")
    return "\n".join(lines)


def nearer(composed: Tally, plain: Tally, real: Tally) -> str:
    """Which of composed and plain pieces is nearer to real ones; a dash where they may be alike."""
    apart = difference(composed, plain)
    if not (apart.low > 0 or apart.high < 0):
        return "—"
    here, there, goal = (rate(own).value for own in (composed, plain, real))
    return "composed" if abs(here - goal) < abs(there - goal) else "plain"


def tally(row: Row, pieces: Sequence[Figures]) -> Tally:
    """A figure of all pieces; those that do not have it count for nothing."""
    return row.tally([{row.figure: NAN, row.per: NAN, **piece} for piece in pieces])


def cell(estimate: Estimate, *, percent: bool) -> str:
    """``83.1 % [80.2, 85.9]``; a dash where there is nothing to count."""
    if not np.isfinite(estimate.value):
        return "—"
    value, low, high = (100 * x if percent else x for x in estimate[:3])
    digits, unit = (1, " %") if percent else (2, "")
    return f"{value:.{digits}f}{unit} [{low:.{digits}f}, {high:.{digits}f}]"


def _number(key: Key | None) -> int | None:
    return None if key is None else key_number(key)


if __name__ == "__main__":
    main()
