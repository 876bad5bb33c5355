"""What a camera's picture shows, by the description alone: which points checks look at, and where they are seen."""

from __future__ import annotations

import math
from collections.abc import Iterable

from microcell.description.cell import CameraSpec
from microcell.description.checks import AlongLine, Diameter, Flatness, Height, MeasuredCheck, Patch, Text
from microcell.description.extents import half_extents, top_m
from microcell.description.product import Box, Part
from microcell.geometry import Pose

Point = tuple[float, float]

_ROUND = 16
"""Points that stand for a circle."""

_FARTHEST_RATIO = 1.25
"""Of a nominal diameter: as far, its edge is looked for (vision/calipers.py)."""


def outline(part: Part, growth_m: float = 0.0) -> tuple[Point, ...]:
    """Points that go around a part's top, x and y in its frame, m; grown to all sides."""
    a, b = (half + growth_m for half in half_extents(part))
    return _corners((0.0, 0.0), a, b) if isinstance(part.shape, Box) else _circle((0.0, 0.0), a)


def looked_at(part: Part, check: MeasuredCheck | None) -> tuple[Point, ...]:
    """Points around all that a check needs of a part's top, x and y in its frame, m; without options, its outline."""
    if isinstance(check, AlongLine):
        return check.from_m, check.to_m
    if isinstance(check, Diameter):
        return _circle(check.at_m, _FARTHEST_RATIO * check.nominal_m / 2.0)
    if isinstance(check, Patch):
        return _circle(check.at_m, check.radius_m)
    if isinstance(check, Height):
        return tuple(point for spot in (check.at_m, *check.over_m) for point in _circle(spot, check.radius_m))
    if isinstance(check, Text | Flatness):
        return _corners(check.at_m, check.size_m[0] / 2.0, check.size_m[1] / 2.0)
    return outline(part)


def seen_at(camera: CameraSpec, part: Part, part_in_cell: Pose, points_m: Iterable[Point]) -> list[Point | None]:
    """Pixels of points on a part's top, x and y in its frame; None for one that the lens does not show at all."""
    height = top_m(part)
    return [pixel(camera, part_in_cell.apply((x, y, height))) for x, y in points_m]


def across_px(camera: CameraSpec, part: Part, part_in_cell: Pose) -> float | None:
    """How wide the narrower side of a part's top is seen, px; None where the lens does not show it."""
    a, b = half_extents(part)
    ends = seen_at(camera, part, part_in_cell, ((-a, 0.0), (a, 0.0), (0.0, -b), (0.0, b)))
    sides = [(one, other) for one, other in (ends[:2], ends[2:]) if one is not None and other is not None]
    return min(math.dist(one, other) for one, other in sides) if len(sides) == 2 else None


def pixel(camera: CameraSpec, point_in_cell: tuple[float, float, float]) -> Point | None:
    """Where a point is seen, px from the first pixel's centre, in the picture or beside it.

    None behind the lens, and so far out that the lens's distortion (plumb_bob) would fold it back.
    """
    right, up, ahead = camera.lens_in_cell.pose.inverse().apply(point_in_cell)
    if ahead >= 0.0:
        return None
    x, y = right / -ahead, up / ahead
    k1, k2, p1, p2, k3 = camera.distortion_ratios
    r2 = x * x + y * y
    if 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + r2 * 7.0 * k3)) <= 0.0:
        return None
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    across = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)
    down = p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y
    cx, cy = camera.axis_px
    return cx + camera.focal_px * (x * radial + across), cy + camera.focal_px * (y * radial + down)


def outside_px(camera: CameraSpec, seen: Point | None) -> float:
    """How far a pixel lies outside of the picture; 0 within, infinite where nothing is seen."""
    if seen is None:
        return math.inf
    u, v = seen
    return max(0.0, -u, -v, u - (camera.width_px - 1), v - (camera.height_px - 1))


def _corners(middle: Point, a: float, b: float) -> tuple[Point, ...]:
    x, y = middle
    return (x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)


def _circle(middle: Point, radius: float) -> tuple[Point, ...]:
    turns = (2.0 * math.pi * n / _ROUND for n in range(_ROUND))
    return tuple((middle[0] + radius * math.cos(turn), middle[1] + radius * math.sin(turn)) for turn in turns)
