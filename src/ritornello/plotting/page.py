"""The sheet that every picture is drawn on: an empty figure, its axes in inches, and its bytes as PNG.

Nothing here reads or changes matplotlib's global state, and a PNG names no program and no date: the same figure gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from ritornello.plotting import palette
from ritornello.scores.writing import write_atomically

DOTS_PER_INCH = 160
"""Of pictures that are read like a page; those whose cells are pixels have their own."""
LINE: Mapping[str, Any] = {
    "linestyle": "-",
    "solid_capstyle": "butt",
    "dash_capstyle": "butt",
    "solid_joinstyle": "round",
    "dash_joinstyle": "round",
    "antialiased": True,
}
"""What all lines have in common, whatever style the user has set."""
Box = tuple[float, float, float, float]
"""Left, bottom, width and height in inches, from the lower left corner of the figure."""


def empty_figure(width_inches: float, height_inches: float, dots_per_inch: int = DOTS_PER_INCH) -> Any:
    """A white matplotlib figure with an Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width_inches, height_inches), dpi=dots_per_inch, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Any, box: Box, **settings: Any) -> Any:
    """Axes in a box of the figure, with settings such as ``xlim``."""
    width, height = figure.get_size_inches()
    left, bottom, across, tall = box
    return figure.add_axes((left / width, bottom / height, across / width, tall / height), **settings)


def plain_axes(figure: Any, box: Box, **settings: Any) -> Any:
    """White axes without a frame, with small grey names at their ticks, whatever style the user has set."""
    axes = axes_at(figure, box, facecolor="white", **settings)
    axes.set_axisbelow(True)
    axes.grid(visible=False)
    axes.spines[:].set(visible=False, color=palette.FAINT, linewidth=0.8)
    axes.minorticks_off()
    axes.tick_params(direction="out", length=0, width=0.6, pad=2.5, color=palette.FAINT, labelsize=6.5,
                     labelcolor=palette.GREY, labelfontfamily=palette.FONT)  # fmt: skip
    axes.tick_params(bottom=True, labelbottom=True, left=True, labelleft=True, top=False, right=False)
    return axes


def words(size: float, colour: str = palette.INK, *, weight: str = "normal") -> Mapping[str, Any]:
    """How a text looks, in points; a dollar sign in it is a dollar sign, not the beginning of a formula."""
    return {"size": size, "color": colour, "family": palette.FONT, "weight": weight, "parse_math": False}


def text_inches(text: str, size: float) -> float:
    """How long a text of so many points is."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=palette.FONT, size=size, weight="normal")
    renderer: Any = RendererAgg(1, 1, DOTS_PER_INCH)
    width, _, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / DOTS_PER_INCH


def write_at(figure: Any, left_inches: float, bottom_inches: float, text: str, **style: Any) -> Any:
    """Puts a text at a place of the figure; in the middle of its height unless ``va`` says otherwise."""
    width, height = figure.get_size_inches()
    return figure.text(left_inches / width, bottom_inches / height, text, **{"va": "center", **style})


def png_bytes(figure: Any) -> bytes:
    """The picture as PNG."""
    file = BytesIO()
    figure.canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


def write_png(figure: Any, path: Path) -> None:
    """Writes the picture as PNG, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    write_atomically(Path(path), png_bytes(figure))
