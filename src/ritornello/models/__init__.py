"""Models: one published architecture per file. ``MODELS`` is the only table of them."""

from ritornello.models.hierarchical import NoteLevel, PlanLevel

MODELS: dict[str, type[NoteLevel] | type[PlanLevel]] = {"notes": NoteLevel, "plan": PlanLevel}
