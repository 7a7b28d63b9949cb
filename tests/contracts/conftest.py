"""What all contracts of models share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ritornello.modules import fused, recurrent_attention, relative


@pytest.fixture(autouse=True, scope="module")
def _small_tiles() -> Iterator[None]:
    """So that a short sequence has many, and their borders lie anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "TILE", 4)
        patch.setattr(relative, "TILE", 4)
        patch.setattr(recurrent_attention, "TILE", 3)
        patch.setattr(recurrent_attention, "MOST_LOGITS", 60)
        patch.setattr(relative, "GROUP_NUMBERS", 50)
        yield
