"""Models: one published architecture per file. ``MODELS`` is the only table of them."""

from ritornello.models.events import EventModel
from ritornello.models.hierarchical import NoteLevel, PlanLevel
from ritornello.models.lstm import Lstm
from ritornello.models.transformer import Transformer
from ritornello.models.transformer_xl import TransformerXl

MODELS: dict[str, type[NoteLevel] | type[PlanLevel] | type[EventModel]] = {
    "notes": NoteLevel,
    "plan": PlanLevel,
    "lstm": Lstm,
    "transformer": Transformer,
    "transformer_xl": TransformerXl,
}
