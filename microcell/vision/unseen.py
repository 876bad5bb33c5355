"""What an image does not show of a surface: what its light drowns, and colours where the camera is a mono one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.colours import Rgb
from microcell.description.ground import LEAST_DELTA_E
from microcell.vision.colour import lab_of
from microcell.vision.exposure import FULL_SCALE
from microcell.vision.requests import COLOURLESS, OVEREXPOSED
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

_NEARLY_WHITE = 240
"""A channel that is described so bright may be at full scale in the right light too."""

_BRIGHTEST = 1.2
"""Light and exposure of the right ones, up to which it may: a white surface hides some 10 levels there, less than a flaw."""


def overexposed(view: View, raw: npt.NDArray[Any], rgb: Rgb) -> npt.NDArray[np.bool_]:
    """Which pixels as the camera gave them, (..., 3), are at full scale where a described colour is not: (...)."""
    white = (np.array(rgb) >= _NEARLY_WHITE) & (view.gains >= 1.0 / _BRIGHTEST)
    found: npt.NDArray[np.bool_] = np.any((raw >= FULL_SCALE) & ~white, axis=-1)
    return found


def colour_doubt(view: View, raw: npt.NDArray[Any], rgb: Rgb) -> str:
    """Why the median of (n, 3) pixels as the camera gave them tells nothing of a described colour; "" where it does.

    Full scale in less than half of the pixels does not move their median.
    """
    if unseen_colour(view, rgb):
        return COLOURLESS
    return OVEREXPOSED if overexposed(view, np.median(raw, axis=0), rgb) else ""


def unseen_colour(view: View, rgb: Rgb) -> bool:
    """Whether a described colour is none that an image without colour can show: farther from grey than readings may err."""
    return view.colourless and math.hypot(*lab_of(rgb)[1:]) >= LEAST_DELTA_E
