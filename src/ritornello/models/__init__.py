"""Models: one published architecture per file. ``MODELS`` is the only table of them."""

from ritornello.models.dsmr import Dsmr
from ritornello.models.events import EventModel
from ritornello.models.form import Form
from ritornello.models.hierarchical import NoteLevel, PlanLevel
from ritornello.models.lstm import Lstm
from ritornello.models.museformer import Museformer
from ritornello.models.perceiver_ar import PerceiverAr
from ritornello.models.perceiver_s import PerceiverS
from ritornello.models.transformer import Transformer
from ritornello.models.transformer_xl import TransformerXl

MODELS: dict[str, type[NoteLevel] | type[PlanLevel] | type[Form] | type[EventModel]] = {
    "notes": NoteLevel,
    "plan": PlanLevel,
    "form": Form,
    "lstm": Lstm,
    "transformer": Transformer,
    "dsmr": Dsmr,
    "transformer_xl": TransformerXl,
    "museformer": Museformer,
    "perceiver_ar": PerceiverAr,
    "perceiver_s": PerceiverS,
}
