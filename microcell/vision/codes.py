"""DataMatrix codes on labels."""

from __future__ import annotations

import cv2
import numpy as np

from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.outline import reach_m
from microcell.vision.view import View


def read_datamatrix(view: View, part: Part, pose: Pose) -> str:
    """Text of the DataMatrix on or near a label; empty where none can be read."""
    import zxingcpp

    centre = view.on_top(part, pose, np.zeros((1, 2)))[0]
    region = view.region(centre, 1.3 * reach_m(part) * view.scale_px_m(part, pose))
    if region is None:
        return ""
    grey = cv2.cvtColor(region.pixels, cv2.COLOR_RGB2GRAY)
    codes = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.DataMatrix)
    return next((str(code.text) for code in codes if code.valid), "")
