"""An independent look at a trajectory: sampled finely and differentiated by differences, whatever planner made it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microcell.motion.limits import Limits
from microcell.motion.trajectory import JointTrajectory

SLACK = 1e-3
"""Share by which a limit may be exceeded, for rounding; positions may by 1e-6 rad or m."""
REST = 1e-6
"""A velocity in rad/s or m/s below this is rest."""
_POSITION_SLACK = 1e-6
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Violation:
    """The worst place at which a joint (from 1) breaks one of its limits.

    `quantity` is position, velocity, acceleration, jerk or rest (velocity at an end); both numbers in rad and s (m and s).
    """

    joint: int
    quantity: str
    time_s: float
    value: float
    limit: float

    def __str__(self) -> str:
        return f"joint {self.joint}: {self.quantity} {self.value:.6g} at {self.time_s:.3f} s; allowed is {self.limit:.6g}"


def violations(limits: Limits, trajectory: JointTrajectory, period_s: float = 0.001) -> list[Violation]:
    """Each joint's worst excess of each kind, on a grid of `period_s`; none for a trajectory that keeps its limits.

    Velocities are those of the curve at the grid; accelerations and jerks are second and third differences of positions over
    the grid, which never exceed the curve's own. The arm stands before and after: a trajectory that starts or ends with a
    velocity or an acceleration has a jump there, and is found out by it.
    """
    grid = np.arange(-_MARGIN, math.ceil(trajectory.duration_s / period_s) + _MARGIN + 1) * period_s
    positions, velocities = sampled(trajectory, grid)
    found = _outside(limits, positions, grid)
    found += _over("velocity", velocities, grid, limits.velocity)
    for order, quantity, allowed in ((2, "acceleration", limits.acceleration), (3, "jerk", limits.jerk)):
        found += _over(quantity, np.diff(positions, order, axis=0) / period_s**order, grid + order * period_s / 2.0, allowed)
    for time_s, row in ((0.0, trajectory.velocities[0]), (trajectory.duration_s, trajectory.velocities[-1])):
        moving = (k for k, velocity in enumerate(row) if abs(velocity) > REST)
        found += [Violation(k + 1, "rest", time_s, row[k], 0.0) for k in moving]
    return found


def sampled(trajectory: JointTrajectory, times_s: Any) -> tuple[Any, Any]:
    """Positions and velocities (k, n) of the Hermite curve at times (k,); standing before its start and after its end."""
    times = np.asarray(times_s, dtype=float)
    knots, p, v = (np.asarray(a, dtype=float) for a in (trajectory.times_s, trajectory.positions, trajectory.velocities))
    before, after = times <= 0.0, times >= knots[-1]
    if len(knots) == 1:
        return np.repeat(p, len(times), axis=0), np.zeros((len(times), p.shape[1]))
    k = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    span = (knots[k + 1] - knots[k])[:, None]
    u = np.clip((times - knots[k])[:, None] / span, 0.0, 1.0)
    w = 1.0 - u
    rise = p[k + 1] - p[k]
    positions = p[k] + rise * u * u * (3.0 - 2.0 * u) + span * u * w * (w * v[k] - u * v[k + 1])
    velocities = 6.0 * u * w * rise / span + w * (1.0 - 3.0 * u) * v[k] + u * (3.0 * u - 2.0) * v[k + 1]
    velocities[before | after] = 0.0
    return positions, velocities


def _outside(limits: Limits, positions: Any, grid: Any) -> list[Violation]:
    found = []
    for joint, (lower, upper) in enumerate(zip(limits.lower, limits.upper, strict=True)):
        column = positions[:, joint]
        for index, limit, excess in (
            (int(column.argmin()), lower, lower - column.min()),
            (int(column.argmax()), upper, column.max() - upper),
        ):
            if excess > _POSITION_SLACK:
                found.append(Violation(joint + 1, "position", float(grid[index]), float(column[index]), limit))
    return found


def _over(quantity: str, values: Any, times_s: Any, allowed: Sequence[float]) -> list[Violation]:
    found = []
    worst = np.abs(values).argmax(axis=0)
    for joint, limit in enumerate(allowed):
        index = int(worst[joint])
        if abs(values[index, joint]) > limit * (1.0 + SLACK):
            found.append(Violation(joint + 1, quantity, float(times_s[index]), float(values[index, joint]), limit))
    return found
