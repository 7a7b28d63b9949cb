"""The figures of ``adherence.py`` as metrics, so that a report shows them as it shows all others."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ritornello.evaluation.metric import Metric

SAYS = {
    "key": "phrases whose local key is heard",
    "cadence": "phrases whose cadence is heard at its place, of the same kind",
    "cadence_family": "the same, authentic ones being one kind and half ones another",
    "harmony": "beats whose chord is heard, root and quality",
    "harmony_root": "beats whose chord's root is heard",
    "harmony_inversion": "beats whose chord is heard, with its inversion",
}
ENDINGS = {"_given": "; the analysis is told where phrases end", "_free": "; the analysis finds the phrases itself"}
OTHERS = {
    "sections_free": "sections whose both ends the analysis finds",
    "returns": "sections with an earlier one's label whose notes are the same",
}


def plan_metrics(names: AbstractSet[str]) -> list[Metric]:
    """Of these figures, the shares; by name."""
    return [
        Metric(name, "share", _says(name), keeps=frozenset(), high=1.0)
        for name in sorted(names)
        if not name.startswith("num_")
    ]


def _says(name: str) -> str:
    for ending, told in ENDINGS.items():
        if name.removesuffix(ending) in SAYS:
            return SAYS[name.removesuffix(ending)] + told
    return OTHERS.get(name, "phrase ends within half a beat of the plan's")
