"""Codes on labels."""

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


def read_code(view: View, part: Part, pose: Pose, kinds: Sequence[CodeKind] = ("data_matrix",)) -> str:
    """Text of the code on or near a label, the nearest to its middle; empty where none can be read."""
    centre = view.on_top(part, pose, np.zeros((1, 2)))[0]
    region = view.region(centre, 1.3 * reach_m(part) * view.scale_px_m(part, pose))
    if region is None:
        return ""
    middle = centre - np.array(region.corner_px)
    codes = read_codes(region.pixels, kinds)
    return min(codes, key=lambda code: math.dist(code.centre_px, middle)).text if codes else ""
