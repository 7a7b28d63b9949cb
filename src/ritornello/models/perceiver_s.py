"""PerceiverS: a Perceiver AR that hears far and near, one after the other.

Who hears what: a cascade of cross-attentions. The first hears the whole context, the second asks
with what the first made of the position, and hears the last 1,024 positions alone; any list of
``scales`` will do. All hear the same tokens, so together a position hears as far as the longest
scale. Then the latents hear each other as in ``perceiver_ar.py``: with one scale that is None this is
Perceiver AR.

**Source**: arXiv 2411.08307, sections IV-B and V-B. No code of it is public. **Differs in** what
``perceiver_ar.py`` names, and in measuring a scale from every query, not from the end of the window:
so a position hears the same wherever a window ends. The paper's other half, effective segmentation,
is a way to cut pieces (``data/segmentation.py``): windows that end anywhere and begin, near the
beginning of the piece, at its beginning.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ritornello.models.perceiver_ar import PerceiverAr, PerceiverArConfig
from ritornello.modules.horizons import Window


class PerceiverSConfig(PerceiverArConfig):
    """Numbers of a PerceiverS."""

    scales: tuple[Annotated[int, Field(ge=1)] | None, ...] = Field(default=(None, 1024), min_length=1, max_length=64)
    """Positions that each cross-attention hears, the query's own included; none given = the whole context."""

    @property
    def horizons(self) -> tuple[Window, ...]:
        """Who hears what in the cross-attentions."""
        return tuple(Window(self.context if scale is None else scale) for scale in self.scales)

    @model_validator(mode="after")
    def _scales_fit(self) -> Self:
        longest = max(scale or 0 for scale in self.scales)
        if longest > self.context:
            raise ValueError(f"a scale of {longest} does not fit into a context of {self.context}")
        return self


class PerceiverS(PerceiverAr):
    """A model of events that hears far and near once each."""

    def __init__(self, config: PerceiverSConfig) -> None:
        super().__init__(config)
