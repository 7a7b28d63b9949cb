"""Models: one published architecture per file. ``MODELS`` is the only table of them."""

from ritornello.models.hierarchical import NoteLevel, PlanLevel
from ritornello.models.lstm import Lstm
from ritornello.models.pianist import Pianist
from ritornello.models.transformer import Transformer

MODELS: dict[str, type[NoteLevel] | type[PlanLevel] | type[Lstm] | type[Transformer] | type[Pianist]] = {
    "notes": NoteLevel,
    "plan": PlanLevel,
    "lstm": Lstm,
    "transformer": Transformer,
    "pianist": Pianist,
}
