"""Feed-forward layer."""

from __future__ import annotations

from torch import Tensor, nn

from ritornello.modules.dropout import Dropout


class FeedForward(nn.Module):
    """Widen, GELU, narrow: (..., D) to (..., D)."""

    def __init__(self, width: int, hidden_width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.widen = nn.Linear(width, hidden_width)
        self.narrow = nn.Linear(hidden_width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Each position for itself."""
        return self.narrow(self.dropout(nn.functional.gelu(self.widen(x))))
