"""Where a part's top has its outline, its own colour and its marks, in the part's frame."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from microcell.description.extents import half_extents
from microcell.description.product import Box, Cylinder, Mark, Part

if TYPE_CHECKING:
    from microcell.vision.optics import Floats

MARK_MARGIN_M = 0.0004
"""Distance from marks and edges within which a pixel may show both sides."""


RIM_INSETS = (0.12, 0.18, 0.24)
"""Lines inside the outline where a part must be seen: distances from it, of the part's smaller half size."""

NEAR_RATIO = 0.5
"""How far beside its place a part still counts as being there, of its smaller half size."""


def reach_m(part: Part) -> float:
    """Farthest distance of the outline from the part's axis, m."""
    a, b = half_extents(part)
    return math.hypot(a, b) if isinstance(part.shape, Box) else a


def area_m2(part: Part) -> float:
    """Area within the outline, with any bore, m2."""
    a, b = half_extents(part)
    return 4 * a * b if isinstance(part.shape, Box) else math.pi * a * a


def turns_rad(part: Part) -> float | None:
    """Smallest turn after which the bare outline looks the same; None where every turn does."""
    if not isinstance(part.shape, Box):
        return None
    return math.pi / 2 if math.isclose(part.shape.length_m, part.shape.width_m) else math.pi


@lru_cache(maxsize=256)
def contour(part: Part, count: int, inset_m: float = 0.0) -> tuple[Floats, Floats]:
    """Points along the outline, moved inwards by `inset_m`, and their normals outwards: (n, 2) m, (n, 2)."""
    a, b = (max(half - inset_m, 0.0) for half in half_extents(part))
    if not isinstance(part.shape, Box):
        angle = np.linspace(0.0, 2 * math.pi, count, endpoint=False)
        normals = np.stack((np.cos(angle), np.sin(angle)), axis=1)
        return a * normals, normals
    return _rectangle_contour(a, b, count)


def _rectangle_contour(a: float, b: float, count: int) -> tuple[Floats, Floats]:
    """Points on the four sides, a tenth of a side away from its corners."""
    along = np.linspace(-0.8, 0.8, max(count // 4, 2))
    one = np.ones_like(along)
    points = [
        np.stack(side, axis=1)
        for side in ((a * one, b * along), (-a * one, b * along), (a * along, b * one), (a * along, -b * one))
    ]
    normals = [np.tile(n, (len(along), 1)) for n in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))]
    return np.concatenate(points), np.concatenate(normals)


@lru_cache(maxsize=64)
def rim(part: Part) -> Floats:
    """Points close inside the outline and off every mark: what should be seen of the part, (n, 2) m."""
    smallest = min(half_extents(part))
    points = np.concatenate([contour(part, 72, smallest * inset)[0] for inset in RIM_INSETS])
    kept = points[~on_marks(part, points, MARK_MARGIN_M) & ~_in_bore(part, points)]
    return kept if len(kept) else points


@lru_cache(maxsize=64)
def face(part: Part) -> Floats:
    """Points spread over the top, off its marks, bore and edge, (n, 2) m."""
    a, b = half_extents(part)
    inset = min(MARK_MARGIN_M, 0.2 * min(a, b))
    grid = np.linspace(-1.0, 1.0, 25)
    x, y = (axis.ravel() for axis in np.meshgrid((a - inset) * grid, (b - inset) * grid))
    points = np.stack((x, y), axis=1)
    if not isinstance(part.shape, Box):
        points = points[np.hypot(x, y) <= a - inset]
    kept = points[~on_marks(part, points, MARK_MARGIN_M) & ~_in_bore(part, points)]
    return kept if len(kept) else points


def polygon(part: Part, growth_m: float = 0.0) -> Floats:
    """Corners of the outline, grown on all sides, (n, 2) m."""
    if isinstance(part.shape, Box):
        a, b = (half + growth_m for half in half_extents(part))
        return np.array(((-a, -b), (a, -b), (a, b), (-a, b)))
    return contour(part, 72, -growth_m)[0]


def hidden(part: Part, growth_m: float) -> list[Floats]:
    """Polygons on the top that are not the part's own surface: its bore and marks, grown on all sides, m."""
    polygons = [mark_polygon(mark, growth_m) for mark in part.marks]
    bore = bore_polygon(part, growth_m)
    return polygons if bore is None else [*polygons, bore]


def bore_polygon(part: Part, growth_m: float) -> Floats | None:
    """Corners of a part's bore, grown on all sides, (n, 2) m; None without one."""
    if not isinstance(part.shape, Cylinder) or part.shape.bore_m == 0:
        return None
    return _circle(0.0, 0.0, part.shape.bore_m / 2 + growth_m)


def mark_polygon(mark: Mark, growth_m: float = 0.0) -> Floats:
    """Corners of a mark, grown on all sides, (n, 2) m."""
    x, y = mark.at_m
    a = mark.length_m / 2 + growth_m
    if mark.width_m == 0:
        return _circle(x, y, a)
    b = mark.width_m / 2 + growth_m
    return np.array(((x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)))


def on_marks(part: Part, points_m: Floats, margin_m: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of (n, 2) points lie on a mark or within a margin of one."""
    found = np.zeros(len(points_m), bool)
    for mark in part.marks:
        x, y = np.abs(points_m - mark.at_m).T
        if mark.width_m == 0:
            found |= np.hypot(x, y) <= mark.length_m / 2 + margin_m
        else:
            found |= (x <= mark.length_m / 2 + margin_m) & (y <= mark.width_m / 2 + margin_m)
    return found


def _in_bore(part: Part, points_m: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not isinstance(part.shape, Cylinder) or part.shape.bore_m == 0:
        return np.zeros(len(points_m), bool)
    return np.hypot(points_m[:, 0], points_m[:, 1]) <= part.shape.bore_m / 2 + MARK_MARGIN_M


def _circle(x: float, y: float, radius_m: float) -> Floats:
    angle = np.linspace(0.0, 2 * math.pi, 48, endpoint=False)
    return np.stack((x + radius_m * np.cos(angle), y + radius_m * np.sin(angle)), axis=1)
