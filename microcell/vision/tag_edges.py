"""Corners of a black quadrangle on white, to a fraction of a pixel: where straight lines through its edges meet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Grey = npt.NDArray[np.float32]

PASSES_PX = (2.5, 1.75, 1.5)
"""How far around each side its edge is looked for, one pass after the other."""

MAX_MOVE_PX = 3.0
"""Corners that come to lie farther away were on other edges."""

_STEP_PX = 0.25
_SLOPE_PX = 0.75
"""Half the distance over which the slope of the brightness is taken."""

_CORRELATION = 2.5
"""Neighbouring points of an edge share pixels, so that their scatter tells too little (bench/vision_marks.py)."""

_INSET_RATIO = 0.08
"""Of a side at either end: there the other side's edge is near."""


def on_edges(values: Grey, corners: Floats) -> tuple[Floats, float] | None:
    """Move (4, 2) corners, clockwise, onto the edges; with one standard deviation of a corner, px.

    None where a side has no edge that falls from white outside to black inside.
    """
    moved, sd_px = corners, math.inf
    shortest = float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).min())
    for window_px in PASSES_PX:
        sides = [_side(values, moved, k, min(window_px, 0.15 * shortest)) for k in range(4)]
        lines = [side for side in sides if side is not None]
        if len(lines) < 4:
            return None
        crossed = [_crossing(lines[k - 1][0], lines[k][0]) for k in range(4)]
        met = [point for point in crossed if point is not None]
        if len(met) < 4:
            return None
        moved, sd_px = np.array(met), math.hypot(*(line[1] for line in lines)) / 2.0
    return None if np.abs(moved - corners).max() > MAX_MOVE_PX else (moved, sd_px)


def _side(values: Grey, corners: Floats, index: int, window_px: float) -> tuple[Floats, float] | None:
    """The line through one side's edge as (nx, ny, d) with n x = d, and the deviation at its ends, px."""
    a, b = corners[index], corners[(index + 1) % 4]
    length = float(np.linalg.norm(b - a))
    along = (b - a) / max(length, 1e-9)
    outwards = np.array([along[1], -along[0]])
    share = np.linspace(_INSET_RATIO, 1.0 - _INSET_RATIO, max(12, int(length)))
    foot = a + share[:, None] * (b - a)
    offsets = np.arange(-window_px, window_px + _STEP_PX / 2, _STEP_PX)
    points = foot[:, None] + offsets[None, :, None] * outwards
    rise = _at(values, points + _SLOPE_PX * outwards) - _at(values, points - _SLOPE_PX * outwards)
    weight = np.clip(np.nan_to_num(rise), 0.0, None) ** 2
    total = weight.sum(axis=1)
    seen = total > 1.0
    if np.count_nonzero(seen) < 6:
        return None
    offset = (weight @ offsets)[seen] / total[seen]
    return _line(foot[seen] + offset[:, None] * outwards, along)


def _line(points: Floats, along: Floats) -> tuple[Floats, float]:
    """A straight line through points, of which those far from it count little."""
    weight = np.ones(len(points))
    normal, distance, rest = np.array([-along[1], along[0]]), 0.0, np.zeros(len(points))
    for _ in range(5):
        middle = weight @ points / weight.sum()
        _, _, axes = np.linalg.svd((points - middle) * np.sqrt(weight)[:, None], full_matrices=False)
        normal = np.array([-axes[0][1], axes[0][0]])
        distance, rest = float(normal @ middle), (points - middle) @ normal
        spread = 1.4826 * float(np.median(np.abs(rest))) + 0.01
        weight = 1.0 / (1.0 + (rest / (2.0 * spread)) ** 2)
    # At its end a line is twice as uncertain as in its middle.
    sd_px = 2.0 * _CORRELATION * math.sqrt(float(weight @ rest**2) / weight.sum() / max(1.0, weight.sum() - 2.0))
    return np.array([*normal, distance]), sd_px


def _crossing(line: Floats, other: Floats) -> Floats | None:
    normals = np.stack((line[:2], other[:2]))
    if abs(np.linalg.det(normals)) < 0.05:
        return None
    point: Floats = np.linalg.solve(normals, np.array([line[2], other[2]]))
    return point


def _at(values: Grey, points: Floats) -> Floats:
    """Interpolated brightness; NaN outside of the image."""
    x, y = points[..., 0].astype(np.float32), points[..., 1].astype(np.float32)
    sampled = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan"))
    return sampled.astype(np.float64)
