"""Composed chorales beside Bach's: one table, printed and written into docs/results.md.

    python -m benchmarks.chorales PIECES --seeds 1-100 --write docs/results.md

PIECES is a folder with one folder per piece (``piece.mid``, ``piece.musicxml``, ``plan.yaml``); with --seeds
the missing ones are composed first, each under the name of its seed, so that an interrupted run goes on.
Bach's are the chorales 320-370 of ``bach_370`` (needs RITORNELLO_DATA), which no training saw, with the plan
that ``form.analyse`` finds in them. The training set is the ``train`` split of --trained-on.

"Found again" is about the plan that the notes were composed to; Bach's own notes have none but the analysis
itself, so his column says only how far the analysis agrees with itself: trivially when it is told the phrase
ends, and to what extent fermatas matter when it is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from benchmarks.page import write_between_markers
from ritornello.data.corpora import CORPORA
from ritornello.evaluation import adherence, completeness, counterpoint, keys, texture
from ritornello.evaluation.copying import chorales as copying
from ritornello.evaluation.copying.chorales import Index
from ritornello.evaluation.side_by_side import Figures, Goal, Row, table
from ritornello.evaluation.timeline import Timeline
from ritornello.form.analyse import analyse
from ritornello.form.plan import Plan
from ritornello.form.plan_yaml import read_plan, write_plan
from ritornello.form.voices import VOICES
from ritornello.scores import Score, read_score

UNSEEN = range(320, 371)

KEYS = (
    Row("key, phrases", "judged_key_phrases", "num_phrases", goal=Goal(0.9, ratio=True)),
    Row("key, sections", "judged_key_sections", "num_sections"),
    Row("key, whole piece", "judged_key_piece"),
)
FOUND = (
    Row("cadence", "cadence_given", "num_phrases", goal=Goal(0.85)),
    Row("cadence, family only", "cadence_family_given", "num_phrases"),
    Row("harmony: root and quality", "harmony_given", "num_slots", goal=Goal(0.75)),
    Row("harmony: root only", "harmony_root_given", "num_slots"),
    Row("harmony: with inversion", "harmony_inversion_given", "num_slots"),
    Row("local key", "key_given", "num_phrases"),
    Row("cadence, phrase ends not told", "cadence_free", "num_phrases"),
    Row("harmony, phrase ends not told", "harmony_free", "num_slots"),
    Row("local key, phrase ends not told", "key_free", "num_phrases"),
    Row("phrase ends: F", "boundaries_f", "num_phrases"),
    Row("sections", "sections_free", "num_sections"),
    Row("exact returns", "returns"),
    Row("sections whose register rises or falls as planned", "register_arcs", "num_sections"),
    Row("sections whose density rises or falls as planned", "density_arcs", "num_sections"),
    Row("authentic cadences at which tension falls", "tension_falls"),
)
AT_MOST_BACH = Goal(1.5, ratio=True, at_most=True)
COUNTERPOINT = (
    Row("parallel fifths and octaves together", "parallels", "beats", percent=False, goal=AT_MOST_BACH),
    Row("parallel fifths", "parallel_fifths", "beats", percent=False),
    Row("parallel octaves", "parallel_octaves", "beats", percent=False),
    Row("the same across a fermata", "parallels_across_fermatas", "beats", percent=False),
    Row("consecutives in contrary motion", "contraries", "beats", percent=False),
    Row("voice crossings", "crossings", "beats", percent=False, goal=AT_MOST_BACH),
    Row("notes out of range", "out_of_range", "beats", percent=False, goal=AT_MOST_BACH),
    Row("overlaps", "overlaps", "beats", percent=False),
    Row("leaps above a fifth", "leaps", "beats", percent=False),
)
TEXTURE = (
    *(Row(f"{voice} notes per 100 beats", f"{voice}_notes", "beats", percent=False) for voice in VOICES),
    Row("notes off the beat", "off_beat", "num_notes"),
    Row("notes on odd 16ths", "sixteenths", "num_notes"),
    Row("melodic moves: repeated notes", "repeated", "num_moves"),
    Row("melodic moves: steps", "steps", "num_moves"),
    Row("new notes struck by all voices together", "together"),
    Row("beats that are no consonant triad", "dissonant"),
    Row("compass of the soprano, semitones", "ambitus", percent=False),
)
COPYING = (
    Row("bars verbatim in the training set", "copied_share", "bars", goal=Goal(1.0, ratio=True, at_most=True)),
    Row("bars verbatim, in any key", "copied_share_transposed", "bars"),
    Row("longest match, beats", "longest_match_beats", percent=False),
    Row("longest match in any key, beats", "longest_match_beats_transposed", percent=False),
)
COMPLETE = {
    "four_voices": "four voices, each with notes",
    "bars_full": "every bar full",
    "form_obeyed": "the bars that the plan asks for",
    "ends_home": "last chord the tonic triad of the plan's key",
    "midi_again": "MIDI read by mido: the same notes",
    "musicxml_again": "MusicXML read by music21: the same notes, in four parts",
}


def main() -> None:
    """Composes what is missing, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pieces", type=Path, help="folder with a folder per piece")
    parser.add_argument("--seeds", help="compose what is missing of these, such as 1-100")
    parser.add_argument("--weights", type=Path, help="folder of trained levels instead of the shipped ones")
    parser.add_argument(
        "--trained-on", default="music21_bach", choices=CORPORA, help="corpus the notes were learnt from"
    )
    parser.add_argument("--write", type=Path, help="page with a place for the table")
    options = parser.parse_args()
    if options.seeds:
        compose_missing(options.pieces, options.seeds, options.weights)
    index = Index(training_set(options.trained_on))
    composed = [
        measure(score, plan, index) | rereads(folder, score) for folder, score, plan in read_pieces(options.pieces)
    ]
    bach = [measure(score, analyse(score), index) for score in unseen_bach()]
    text = report(composed, bach, f"{index.num_pieces} pieces of `{options.trained_on}`")
    print(text)
    if options.write:
        write_between_markers(options.write, "chorales", text)


def compose_missing(folder: Path, seeds: str, weights: Path | None) -> None:
    """Composes a piece for every seed of ``first-last`` that has no plan.yaml in its folder yet."""
    from ritornello.generation.compose import compose
    from ritornello.generation.levels import load_levels
    from ritornello.scores import write_midi, write_musicxml

    first, last = (int(seed) for seed in seeds.split("-"))
    missing = [seed for seed in range(first, last + 1) if not (folder / f"{seed:04d}" / "plan.yaml").exists()]
    levels = load_levels(weights) if missing else None
    for seed in missing:
        began = time.monotonic()
        composition = compose(Plan(), levels, seed=seed)
        target = folder / f"{seed:04d}"
        target.mkdir(parents=True, exist_ok=True)
        write_midi(composition.score, target / "piece.mid")
        write_musicxml(composition.score, target / "piece.musicxml")
        write_plan(composition.plan, target / "plan.yaml")  # last: it says that the piece is whole
        print(f"seed {seed}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)


def read_pieces(folder: Path) -> Iterator[tuple[Path, Score, Plan]]:
    """Every piece below a folder, by name."""
    for plan in sorted(folder.glob("*/plan.yaml")):
        yield plan.parent, read_score(plan.parent / "piece.musicxml"), read_plan(plan)


def training_set(corpus: str) -> Iterator[Score]:
    """The pieces that the note level was trained on."""
    return (piece.load() for piece in CORPORA[corpus].pieces(None) if piece.split == "train")


def unseen_bach() -> Iterator[Score]:
    """The chorales 320-370."""
    names = {f"chor{number:03d}" for number in UNSEEN}
    return (piece.load() for piece in CORPORA["bach_370"].pieces(None) if piece.id in names)


def measure(score: Score, plan: Plan, index: Index) -> dict[str, float]:
    """All figures of one piece."""
    figures = {"num_sections": float(len(plan.sections or ()))}
    planned = (adherence, keys, completeness)
    parts = [*(aspect.evaluate(score, plan) for aspect in planned), copying.evaluate(score, index)]
    for part in (*parts, counterpoint.evaluate(Timeline.of(score, written=True)), texture.evaluate(score)):
        figures |= part
    for name, ending in (("parallels", ""), ("parallels_across_fermatas", "_across_fermatas")):
        figures[name] = figures[f"parallel_fifths{ending}"] + figures[f"parallel_octaves{ending}"]
    return figures | {"contraries": figures["contrary_fifths"] + figures["contrary_octaves"]}


def rereads(folder: Path, score: Score) -> dict[str, float]:
    """Whether two readers that the project does not use find the same notes in the files."""
    wanted = [sorted((row[0] / score.ticks_per_beat, row[2]) for row in part.notes.rows()) for part in score.parts]
    by_mido, by_music21 = notes_by_mido(folder / "piece.mid"), notes_by_music21(folder / "piece.musicxml")
    return {
        "midi_again": float(sorted(chain(*by_mido)) == sorted(chain(*wanted))),
        "musicxml_again": float(by_music21 == wanted),
    }


def notes_by_mido(path: Path) -> list[list[tuple[float, int]]]:
    """(onset in beats, pitch) of each track with notes."""
    import mido

    file = mido.MidiFile(path)
    tracks: list[list[tuple[float, int]]] = []
    for track in file.tracks:
        ticks, notes = 0, []
        for message in track:
            ticks += message.time
            if message.type == "note_on" and message.velocity:
                notes.append((ticks / file.ticks_per_beat, message.note))
        tracks += [sorted(notes)] if notes else []
    return tracks


def notes_by_music21(path: Path) -> list[list[tuple[float, int]]]:
    """(onset in beats, pitch) of each part."""
    from music21 import converter

    return [
        sorted((float(note.offset), pitch.midi) for note in part.stripTies().flatten().notes for pitch in note.pitches)
        for part in converter.parse(path, format="musicxml").parts
    ]


def report(composed: Sequence[Figures], bach: Sequence[Figures], training: str) -> str:
    """The section of docs/results.md."""
    names = (f"composed ({len(composed)})", f"Bach 320-370 ({len(bach)})")
    head = (
        f"{len(composed)} composed pieces beside {len(bach)} chorales by Bach that no training saw (the reference). In "
        f"brackets 95 % intervals, drawn over pieces. Training set: {training}. Made by `benchmarks/chorales.py`."
    )
    lines = [
        head,
        "",
        *(f"* {title}: {sum(p[name] for p in composed):.0f} of {len(composed)}" for name, title in COMPLETE.items()),
    ]
    for title, rows in (
        ("Keys: music21's own analysis agrees with the plan", KEYS),
        ("Found again by `form/`, which knows where phrases end, and then does not", FOUND),
        ("Events per 100 beats", COUNTERPOINT),
        ("Texture (no goal but to be like the reference)", TEXTURE),
        ("Copying", COPYING),
    ):
        lines += ["", f"**{title}**", "", table(rows, composed, bach, names)]
    note = (
        "Bach's plan is the one that `form/` finds, so his figures under *found again* say only how far the analysis "
        "agrees with itself; his figures under *keys* say how far music21 agrees with it. Composing itself avoids "
        "what *events* counts and chooses between drafts by `form/`: these rows show that it succeeds, while *keys*, "
        "*texture* and *copying* are about what it does not look at."
    )
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    main()
