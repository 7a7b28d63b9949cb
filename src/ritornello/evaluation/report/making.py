"""The report on a set of generated pieces beside a set of real ones: everything that is measured, in three files.

``report`` gathers and compares; ``Report.files`` are ``report.html`` (one file that needs no other), ``report.md`` with
its pictures, and ``report.json`` with every figure of every piece. The same command over the same files gives the same
bytes, whatever the number of worker processes.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ritornello import __version__
from ritornello.evaluation.copying.corpus import open_or_build
from ritornello.evaluation.report.as_html import html_of
from ritornello.evaluation.report.as_json import json_of
from ritornello.evaluation.report.as_markdown import markdown_of
from ritornello.evaluation.report.comparing import copying_lines, lines, plan_lines, singles
from ritornello.evaluation.report.features import Feature, answer, questions, unanswered
from ritornello.evaluation.report.findings import Findings
from ritornello.evaluation.report.gathering import Gathered, Progress, Stage, gather
from ritornello.evaluation.report.measuring import over_workers
from ritornello.evaluation.report.page import Page, Picture
from ritornello.evaluation.report.pictures import Drawing, Kind, draw, not_drawn
from ritornello.evaluation.report.sections import page_of
from ritornello.evaluation.report.sets import printable
from ritornello.evaluation.report.typicality import typicalities
from ritornello.evaluation.report.written_numbers import number, words
from ritornello.plotting.distributions import Panel, figure_of_distributions
from ritornello.plotting.page import png_bytes

_PACKAGES = ("numpy", "scipy", "symusic", "matplotlib")


@dataclass(frozen=True, slots=True)
class Options:
    """What a report depends on besides the two sets."""

    seed: int = 0
    training: Path | None = None
    """A corpus that copies are looked for in: prepared data or a folder of music."""
    workers: int = 1
    """Processes; the report does not depend on it."""
    command: str = ""
    """That makes this report again; stands in it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and the page that says it."""

    findings: Findings
    page: Page

    def files(self) -> dict[str, bytes]:
        """The files of the report by their names; the page last, so that what it names is there before."""
        return {
            **{picture.name: picture.png for picture in self.page.pictures},
            "report.json": json_of(self.findings, self.page).encode(),
            "report.md": markdown_of(self.page).encode(),
            "report.html": html_of(self.page).encode(),
        }


def silent(stage: str) -> AbstractContextManager[Progress]:
    """Shows nothing of a stage of the work."""
    del stage
    return nullcontext(lambda _done, _total: None)


def report(generated: Path, reference: Path, options: Options, stage: Stage = silent) -> Report:
    """Measures both sets and compares them.

    Args:
        generated: a file, or a folder that is searched with all folders below it.
        reference: the same, of real music.
        options: seed, training corpus, workers.
        stage: begins to show each stage of the work (``gathering.Stage``).

    Raises:
        UserError: a set holds no piece that can be read, or the training corpus is none.
    """
    with _index_folder(options.training, stage) as index:
        gathered = gather(generated, reference, options.seed, options.workers, stage, index=index)
    findings = _compared(gathered, options, stage)
    drawings = _drawings(findings)
    with stage("pictures drawn") as show:
        drawn = {d.drawing: d for d in over_workers(draw, drawings, options.workers, not_drawn, show)}
        distributions = _distributions(findings.features)
    return Report(findings, page_of(findings, distributions, [drawn[drawing] for drawing in drawings]))


@contextmanager
def _index_folder(training: Path | None, stage: Stage) -> Generator[Path | None]:
    """A folder with the index of the training corpus, for as long as it is needed."""
    if training is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ritornello-index-") as folder:
        index = Path(folder) / "index"
        with stage("training pieces indexed") as show:
            open_or_build(training, index, on_progress=show)
        yield index


def _compared(gathered: Gathered, options: Options, stage: Stage) -> Findings:
    ours, theirs = gathered.generated.pieces, gathered.reference.pieces
    asked = questions(ours, theirs, options.seed)
    with stage("features compared") as show:
        answers = {f.metric.name: f for f in over_workers(answer, asked, options.workers, unanswered, show)}
    values, values_reference = singles(ours), singles(theirs)
    all_lines = (
        *lines(values, values_reference, written=gathered.written, seed=options.seed),
        *copying_lines(values, values_reference, options.seed),
        *plan_lines(ours, theirs, options.seed),
    )
    return Findings(
        command=printable(options.command),
        seed=options.seed,
        versions=_versions(),
        gathered=gathered,
        features=tuple(answers[question.metric.name] for question in asked),
        lines=all_lines,
        typicality=typicalities(values, values_reference),
        typicality_reference=typicalities(values_reference, values_reference),
        training=printable(str(options.training or "")),
    )


def _drawings(findings: Findings) -> list[Drawing]:
    """Of the pieces most and least like the reference, of one between them, and of the most usual real one."""
    ranked, usual = findings.by_typicality, findings.reference_by_typicality[:1]
    chosen = {
        "most_like": ("Most like the reference", ranked[:1]),
        "middle": ("In the middle", ranked[len(ranked) // 2 : len(ranked) // 2 + 1] if len(ranked) > 2 else []),
        "least_like": ("Least like the reference", ranked[1:][-1:]),
        "reference": ("The most usual piece of the reference", usual),
    }
    kinds: dict[Kind, tuple[str, ...]] = {
        "similarity": ("most_like", "middle", "least_like", "reference"),
        "tension": ("most_like", "least_like", "reference"),
        "roll": ("most_like", "least_like"),
    }
    return [
        Drawing(kind, role, f"{chosen[role][0]}: {measured.piece.name}", measured.piece, findings.gathered.written)
        for kind, roles in kinds.items()
        for role in roles
        for measured in chosen[role][1]
    ]


def _distributions(features: Sequence[Feature]) -> Picture | None:
    """The densities of all features that have any."""
    panels = [
        Panel(words(f.metric.name), f.metric.unit, f.curves, f"overlap {number(f.compared.area.value)}")
        for f in features
        if f.curves
    ]
    if not panels:
        return None
    title = "Distances between pieces, by feature: the darker the ground, the more the two sets have in common"
    return Picture("distributions.png", title, png_bytes(figure_of_distributions(panels)))


def _versions() -> dict[str, str]:
    return {
        "ritornello": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
