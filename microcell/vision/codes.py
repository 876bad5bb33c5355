"""Codes on labels and parts, 1-D and 2-D."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from microcell.description.code_kinds import CodeKind
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.code_reader import read_codes
from microcell.vision.outline import reach_m
from microcell.vision.view import View

REACH_RATIO = 1.5
"""A code is looked for so far around its label's place, of the label's half diagonal."""

SeenCode = tuple[str, tuple[float, float] | None]
"""A code's text, and its middle in the image, px; "" and None where none can be read."""


def read_code(view: View, part: Part, pose: Pose, kinds: Sequence[CodeKind] = ("data_matrix",)) -> SeenCode:
    """The code on or near a label; of several, the one that is nearest to the label's place."""
    centre = view.on_top(part, pose, np.zeros((1, 2)))[0]
    region = view.region(centre, REACH_RATIO * reach_m(part) * view.scale_px_m(part, pose))
    if region is None:
        return "", None
    middle = centre - np.array(region.corner_px)
    codes = read_codes(region.pixels, kinds)
    if not codes:
        return "", None
    nearest = min(codes, key=lambda code: math.dist(code.centre_px, middle))
    x, y = nearest.centre_px
    return nearest.text, (region.corner_px[0] + x, region.corner_px[1] + y)
