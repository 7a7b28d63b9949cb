"""Fugues in which a typesetter has coloured the subject: 18 of the Well-Tempered Clavier I, 16 of the Art of Fugue.

**Source**: github.com/madrisan/open-scores, typeset by Davide Madrisan; the coloured spans were read from the
LilyPond source, voice by voice. They are not expert-verified, and some entries that stand in the notes bear no colour.
**Licence**: CC BY-NC-SA 4.0.
**Use**: measuring ``form/subjects.py``.

A short span that touches one of the same voice and kind is the rest of it. Motifs are left out, and so are crumbs:
spans shorter than a quarter of the fugue's first entry, such as a few coloured notes of an entry that breaks off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ritornello.data.corpora.archive import corpus_folder
from ritornello.errors import UserError
from ritornello.scores.midi import read_midi
from ritornello.scores.score import Score

NAME = "bach-fugues-annotated"
CRUMB = 0.25
_TOUCHING_BEATS = 0.25


class Span(NamedTuple):
    """A coloured entry, in quarter notes from the beginning."""

    start_beats: float
    end_beats: float
    voice: str
    kind: str
    """``Subject`` or ``SubjectFirst``, ``SubjectSecond``, ``SubjectThird``; inverted ones end in ``Inv``."""

    @property
    def is_first_subject(self) -> bool:
        """Whether it is the subject with which the fugue begins."""
        return self.kind.removesuffix("Inv") in {"Subject", "SubjectFirst"}


class AnnotatedFugue(NamedTuple):
    """A fugue with its coloured entries in order of time."""

    id: str
    score: Score
    entries: tuple[Span, ...]
    num_crumbs: int


def annotated_fugues(root: Path | None = None) -> Iterator[AnnotatedFugue]:
    """Yields the fugues that have coloured entries, in the order of their table.

    Raises:
        UserError: the corpus is absent or its table cannot be read.
    """
    folder = corpus_folder(root, NAME)
    path = folder / "annotations.json"
    try:
        table: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        rows = [(str(row["id"]), folder / str(row["midi"]), _spans(row["subject_entries"])) for row in table]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("the annotations cannot be read", where=str(path)) from error
    for name, midi, spans in rows:
        if spans:
            entries = without_crumbs(spans)
            yield AnnotatedFugue(name, read_midi(midi), entries, len(spans) - len(entries))


def without_crumbs(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """The spans that are long enough to be entries."""
    shortest = CRUMB * (spans[0].end_beats - spans[0].start_beats)
    return tuple(span for span in spans if span.end_beats - span.start_beats >= shortest)


def _spans(rows: list[dict[str, Any]]) -> tuple[Span, ...]:
    """The subject's spans in order of time, those that touch joined."""
    spans = [
        Span(float(row["start_quarter"]), float(row["end_quarter"]), str(row["voice"]), str(row["kind"]))
        for row in rows
        if str(row["kind"]).startswith("Subject")
    ]
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.voice, span.kind, span.start_beats)):
        if joined and _goes_on(joined[-1], span):
            joined[-1] = joined[-1]._replace(end_beats=span.end_beats)
        else:
            joined.append(span)
    return tuple(sorted(joined))


def _goes_on(before: Span, span: Span) -> bool:
    """Whether a span is the last notes of the one before it."""
    touches = before[2:] == span[2:] and 0 <= span.start_beats - before.end_beats < _TOUCHING_BEATS
    return touches and span.end_beats - span.start_beats < CRUMB * (before.end_beats - before.start_beats)
