"""DataMatrix codes on labels."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.outline import reach_m
from microcell.vision.view import Region, View

REACH_RATIO = 1.5
"""A code is looked for so far around its label's place, of the label's half diagonal."""


def read_datamatrix(view: View, part: Part, pose: Pose) -> tuple[str, tuple[float, float] | None]:
    """Text of the DataMatrix on or near a label, and its middle in the image, px; "" and None where none can be read.

    Of several, it is the one that is nearest to the label's place.
    """
    import zxingcpp

    centre = view.on_top(part, pose, np.zeros((1, 2)))[0]
    region = view.region(centre, REACH_RATIO * reach_m(part) * view.scale_px_m(part, pose))
    if region is None:
        return "", None
    grey = cv2.cvtColor(region.pixels, cv2.COLOR_RGB2GRAY)
    codes = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.DataMatrix)
    found = [(_middle(code.position, region), str(code.text)) for code in codes if code.valid]
    if not found:
        return "", None
    middle, text = min(found, key=lambda place: math.dist(place[0], centre))
    return text, middle


def _middle(position: Any, region: Region) -> tuple[float, float]:
    """Where the diagonals of a code meet nearly: the mean of its corners, px of the image."""
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    x, y = (sum(getattr(corner, axis) for corner in corners) / 4 for axis in ("x", "y"))
    return region.corner_px[0] + x, region.corner_px[1] + y
