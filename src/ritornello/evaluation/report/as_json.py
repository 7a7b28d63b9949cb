"""A report's figures as JSON: everything by piece and in total, null where nothing can be said.

Numbers have seven significant digits; keys stand in a settled order, so that the same findings give the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np

from ritornello.evaluation.distributions import Ceiling
from ritornello.evaluation.report.comparing import Line
from ritornello.evaluation.report.features import Feature, mean_area, mean_at_half, mean_ceiling
from ritornello.evaluation.report.findings import Findings
from ritornello.evaluation.report.gathering import MeasuredSet
from ritornello.evaluation.report.measuring import Measured
from ritornello.evaluation.report.page import Page
from ritornello.evaluation.report.typicality import Typicality
from ritornello.evaluation.statistics import Estimate

FORMAT = 1


def json_of(findings: Findings, page: Page) -> str:
    """The whole file; a line for each piece, metric and feature."""
    gathered = findings.gathered
    head = {
        "format": FORMAT,
        "kind": "ritornello evaluation",
        "command": findings.command,
        "versions": dict(findings.versions),
        "seed": findings.seed,
        "measured_as": "written music" if gathered.written else "performances",
        "careful": list(page.careful),
        "shared_files": gathered.shared,
    }
    parts = [f"{json.dumps(name)}: {_text(value)}" for name, value in head.items()]
    parts += [
        f'"features": {_rows([_feature(feature) for feature in findings.features])}',
        f'"mean_overlapping_area": {_text(_means(findings.features))}',
        f'"metrics": {_rows([_line(line) for line in findings.lines])}',
        f'"generated": {_set(gathered.generated, findings.typicality)}',
        f'"reference": {_set(gathered.reference, findings.typicality_reference)}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _feature(feature: Feature) -> dict[str, Any]:
    compared = feature.compared
    return {
        "name": feature.metric.name,
        "unit": feature.metric.unit,
        "says": feature.metric.says,
        "degenerate": feature.degenerate,
        "notes": feature.notes,
        "num_generated": compared.num_generated,
        "num_reference": compared.num_reference,
        "overlapping_area": _estimate(compared.area),
        "divergence_nats": _estimate(compared.divergence_nats),
        "within_generated": compared.spread._asdict(),
        "usual_form": compared.usual._asdict(),
        "with_one_half": _halves(feature.half),
        "real_with_real": _halves(feature.real),
    }


def _halves(ceiling: Ceiling) -> dict[str, Any]:
    return {
        "num_pieces": ceiling.num_pieces,
        "num_halvings": ceiling.num_halvings,
        "overlapping_area": ceiling.area._asdict(),
        "divergence_nats": ceiling.divergence_nats._asdict(),
        "usual_overlapping_area": ceiling.usual_area._asdict(),
        "usual_divergence_nats": ceiling.usual_divergence_nats._asdict(),
    }


def _means(features: Sequence[Feature]) -> dict[str, float]:
    return {
        "all_features": mean_area(features, degenerate=True),
        "without_degenerate_ones": mean_area(features, degenerate=False),
        "with_one_half": mean_at_half(features),
        "real_with_real": mean_ceiling(features),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.metric.name,
        "aspect": line.aspect,
        "unit": line.metric.unit,
        "says": line.metric.says,
        "generated": _estimate(line.generated),
        "reference": _estimate(line.reference),
        "difference": _estimate(line.difference),
        "ratio": _estimate(line.ratio),
        "difference_in_deviations": _estimate(line.deviations),
    }


def _set(of_set: MeasuredSet, typicality: Sequence[Typicality]) -> str:
    facts = {
        "source": of_set.source,
        "num_readable": of_set.num_readable,
        "num_measured": len(of_set.pieces),
        "repeated_files": of_set.repeated,
        "performances": list(of_set.performances),
        "not_drawn": list(of_set.not_drawn),
        "left_out": [left._asdict() for left in of_set.left_out],
        "twins": of_set.twins,
    }
    pieces = [_piece(p, t) for p, t in zip(of_set.pieces, typicality, strict=True)]
    return (
        "{\n"
        + ",\n".join(f"{json.dumps(k)}: {_text(v)}" for k, v in facts.items())
        + f',\n"pieces": {_rows(pieces)}'
        + "}"
    )


def _piece(measured: Measured, typicality: Typicality) -> dict[str, Any]:
    return {
        "name": measured.piece.name,
        "num_notes": measured.num_notes,
        "seconds": measured.seconds,
        "distance": typicality.distance,
        "values": measured.values,
        "adherence": measured.adherence,
        "longest_copy": None if measured.copy is None else asdict(measured.copy),
        "faults": measured.faults,
        "deviations": typicality.z,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "num_pieces": estimate.num_pieces}


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    return "[\n" + ",\n".join(map(_text, rows)) + "\n]"


def _text(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    """What JSON knows: arrays as lists, nan and infinities as null, numbers rounded."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, np.ndarray):
        return _plain(cast("list[object]", value.tolist()))
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, (float, np.floating)):
        number = float(cast("float", value))
        return float(f"{number:.7g}") if math.isfinite(number) else None
    return int(cast("int", value)) if isinstance(value, np.integer) else value
