"""Shades from light to dark that the eye takes for even steps, for quantities rather than names.

**Source**: Ottosson, "A perceptual color space for image processing" (2020): in OKLab equal distances look about
equally large, so a path of constant speed through it makes no border where the quantity has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.plotting import palette

LIGHT_TO_DARK = ("#FFFFFF", palette.VOICES[1], "#06141F")
"""White, the palette's blue, near black."""
NUM_SHADES = 256
_LINEAR_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_CONES_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
Colours = NDArray[np.float64]
"""(N, 3), red, green and blue from 0 to 1."""


def even_shades(colours: tuple[str, ...] = LIGHT_TO_DARK, count: int = NUM_SHADES) -> Colours:
    """Shades (count, 3) through the colours in turn, equally far apart."""
    from matplotlib.colors import to_rgb

    corners = _lab(np.array([to_rgb(colour) for colour in colours]))
    lengths: Colours = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    places: Colours = np.concatenate([np.zeros(1), np.cumsum(lengths)])
    wanted = np.linspace(0.0, float(places[-1]), count)
    return _rgb(np.stack([np.interp(wanted, places, corners[:, axis]) for axis in range(3)], axis=1))


def _lab(rgb: Colours) -> Colours:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _LINEAR_TO_CONES.T) @ _CONES_TO_LAB.T


def _rgb(lab: Colours) -> Colours:
    linear = np.linalg.solve(_LINEAR_TO_CONES, np.linalg.solve(_CONES_TO_LAB, lab.T) ** 3).T.clip(0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
