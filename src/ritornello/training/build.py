"""From a name and numbers to a model: the one place where training looks into the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, ValidationError
from torch import nn

from ritornello.errors import UserError
from ritornello.models import MODELS


def build_model(name: str, values: Mapping[str, Any], **derived: Any) -> nn.Module:
    """A freshly initialised model.

    Args:
        name: a key of ``MODELS``.
        values: the model's configuration as written in a recipe or a weights folder.
        derived: what follows from the data (vocabulary size, condition sizes); used where the
            configuration has such a field and ``values`` does not set it.

    Raises:
        UserError: no such model, or its configuration refuses the values.
    """
    if name not in MODELS:
        raise UserError(f"no such model: {name!r}", where="model.name", mend=f"one of {', '.join(sorted(MODELS))}")
    architecture: Any = MODELS[name]
    schema: type[BaseModel] = get_type_hints(architecture.__init__)["config"]
    fitting = {key: value for key, value in derived.items() if key in schema.model_fields}
    try:
        config = schema.model_validate({**fitting, **values})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["model.config", *map(str, first["loc"])])
        raise UserError(first["msg"].removeprefix("Value error, "), where=where) from error
    return architecture(config)
