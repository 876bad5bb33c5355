"""Heights and flatness from a depth image that is aligned with the camera's pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.extents import top_m
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.optics import Optics, placed

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Depth = npt.NDArray[Any]

MIN_VALID_RATIO = 0.5
"""Share of a spot's pixels that must have a depth."""

_SHARED = 4.0
"""Neighbouring depths share their error: so many count as one."""

_CELLS = 8
"""A field is judged in so many cells along its longer side: single pixels are noise."""

_MIN_CELL_PIXELS = 4


@dataclass(frozen=True)
class Measured:
    """A value with its standard deviation, m."""

    value_m: float
    sd_m: float


def height_over(
    depth_m: Depth, optics: Optics, part: Part, pose: Pose, spots: tuple[tuple[float, float], ...], radius_m: float
) -> Measured | None:
    """Mean height of round spots of a part over its frame, along its z axis; None where too little depth was measured."""
    found = []
    for spot in spots:
        heights = _field(depth_m, optics, part, pose, spot, (2.0 * radius_m, 2.0 * radius_m), round_=True)
        if heights is None:
            return None
        z = heights[:, 2]
        middle = float(np.median(z))
        spread = 1.4826 * float(np.median(np.abs(z - middle)))
        found.append((middle, 1.2533 * spread * math.sqrt(_SHARED / len(z))))
    mean = math.fsum(value for value, _ in found) / len(found)
    return Measured(mean, math.sqrt(math.fsum(sd * sd for _, sd in found)) / len(found))


def flatness(
    depth_m: Depth, optics: Optics, part: Part, pose: Pose, at_m: tuple[float, float], size_m: tuple[float, float]
) -> Measured | None:
    """Distance of the two planes, parallel to the field's mean plane, that hold its cells (ISO 12781, by least squares).

    The mean of each cell is taken, so that noise of single pixels counts little; what it still adds is in the deviation.
    """
    points = _field(depth_m, optics, part, pose, at_m, size_m, round_=False)
    if points is None:
        return None
    cells = _cells(points, max(size_m) / _CELLS)
    if cells is None:
        return None
    means, sds = cells
    plane = np.column_stack((means[:, :2], np.ones(len(means))))
    off = means[:, 2] - plane @ np.linalg.lstsq(plane, means[:, 2], rcond=None)[0]
    high, low = int(np.argmax(off)), int(np.argmin(off))
    return Measured(float(off[high] - off[low]), math.hypot(float(sds[high]), float(sds[low])))


def _cells(points: Floats, side_m: float) -> tuple[Floats, Floats] | None:
    """Mean points of square cells, and the deviation of their heights; None where there are fewer than four."""
    index = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / side_m).astype(np.int64)
    _, label, count = np.unique(index, axis=0, return_inverse=True, return_counts=True)
    label = label.ravel()
    means = np.stack([np.bincount(label, points[:, axis]) for axis in range(3)], axis=1) / count[:, None]
    slope = np.linalg.lstsq(np.column_stack((points[:, :2], np.ones(len(points)))), points[:, 2], rcond=None)[0]
    rest = points[:, 2] - points[:, :2] @ slope[:2]
    scatter = np.bincount(label, (rest - (np.bincount(label, rest) / count)[label]) ** 2)
    full = count >= max(_MIN_CELL_PIXELS, 0.5 * float(np.median(count)))
    if np.count_nonzero(full) < 4:
        return None
    sds = np.sqrt(scatter[full] / np.maximum(count[full] - 1, 1) * _SHARED / count[full])
    return means[full], sds


def _field(
    depth_m: Depth, optics: Optics, part: Part, pose: Pose,
    at_m: tuple[float, float], size_m: tuple[float, float], round_: bool,
) -> Floats | None:  # fmt: skip
    """(n, 3) measured points of a field of a part's top, in the part's frame; None where too few have a depth."""
    half = np.array(size_m) / 2.0
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * half + at_m
    outline = optics.project(placed(pose, np.column_stack((corners, np.full(4, top_m(part))))))
    if not np.all(np.isfinite(outline)):
        return None
    low = np.floor(outline.min(axis=0)).astype(int)
    high = np.ceil(outline.max(axis=0)).astype(int) + 1
    if np.any(low < 0) or high[0] > depth_m.shape[1] or high[1] > depth_m.shape[0]:
        return None
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round(outline - low).astype(np.int32), 1)
    v, u = np.nonzero(mask)
    points = placed(pose.inverse(), points_of(depth_m, optics, u + low[0], v + low[1]))
    wanted, points = len(points), points[np.isfinite(points).all(axis=1)]
    if len(points) < max(_MIN_CELL_PIXELS, MIN_VALID_RATIO * wanted):
        return None
    if round_:
        points = points[np.hypot(*(points[:, :2] - at_m).T) <= half[0]]
    return points if len(points) >= _MIN_CELL_PIXELS else None


def points_of(depth_m: Depth, optics: Optics, u: npt.NDArray[Any], v: npt.NDArray[Any]) -> Floats:
    """(n, 3) points in the cell frame of what (n,) pixels show; NaN where they have no depth."""
    rays = optics.undistort((np.stack((u, v), axis=1) - np.array(optics.centre_px)) / optics.focal_px)
    depth = np.asarray(depth_m[v, u], float)
    depth = np.where(depth > 0.0, depth, np.nan)
    return placed(optics.lens_in_cell, np.stack((rays[:, 0] * depth, -rays[:, 1] * depth, -depth), axis=1))


def cloud_of(depth_m: Depth, optics: Optics, stride: int = 1) -> Floats:
    """(n, 3) points in the cell frame of a depth image, each `stride`-th along both axes; those without depth left out."""
    v, u = (axis.ravel() for axis in np.mgrid[0 : depth_m.shape[0] : stride, 0 : depth_m.shape[1] : stride])
    points = points_of(depth_m, optics, u, v)
    return points[np.isfinite(points).all(axis=1)]
