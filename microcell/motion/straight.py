"""Joints along a straight line of the tip, so fine that the tip stays on it between them, too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from microcell.faults import FaultError
from microcell.geometry import Pose, Vector, angle_between, between, distance
from microcell.motion.limits import Joints

if TYPE_CHECKING:
    from microcell.motion.inverse import InverseKinematics

LINE_STEP_M, LINE_STEP_RAD = 0.01, 0.15
"""Steps of a straight line at which the joints are worked out; shorter ones where that is not enough."""

STRAIGHT_M = 0.00003
"""So near to its line the tip is halfway between two steps."""

_HALVINGS = 3


def line_rows(inverse: InverseKinematics, start: Joints, goal_in_base: Pose) -> tuple[Joints, ...]:
    """The joints at even steps of the straight line from where the tip is at `start`, both ends included.

    Near a singularity joints turn so unevenly that the curve through coarse steps bulges by millimetres; there the steps
    are halved until it does not. Raises ARM_SINGULAR and ARM_UNREACHABLE.
    """
    from microcell.motion.timing import halfway

    forward = inverse.model.forward
    here = forward(start)
    length_m, angle_rad = distance(here, goal_in_base), angle_between(here, goal_in_base)
    steps = max(2, math.ceil(length_m / LINE_STEP_M), math.ceil(angle_rad / LINE_STEP_RAD))
    for finer in range(_HALVINGS + 1):
        count = steps << finer
        rows = (start, *inverse.along([between(here, goal_in_base, k / count) for k in range(1, count + 1)], start))
        off_m = max(_off_m(forward(row).position, here.position, goal_in_base.position) for row in halfway(rows))
        if off_m <= STRAIGHT_M:
            return rows
    detail = f"at steps of {1000.0 * length_m / count:.2f} mm it leaves its straight line by {1000.0 * off_m:.2f} mm"
    raise FaultError("ARM_SINGULAR", inverse.model.name, detail)


def _off_m(point: Vector, a: Vector, b: Vector) -> float:
    """Distance of a point from the line through a and b, or from a where they are one."""
    way = tuple(q - p for p, q in zip(a, b, strict=True))
    out = tuple(q - p for p, q in zip(a, point, strict=True))
    square = sum(value * value for value in way)
    share = sum(p * q for p, q in zip(way, out, strict=True)) / square if square > 1e-18 else 0.0
    return math.dist(out, [share * value for value in way])
