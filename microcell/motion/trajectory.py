"""Joint trajectories in time: sampled and resampled.

Between its points a trajectory is a cubic Hermite curve, so constant acceleration needs two points and no
more. Planners put few points; `resample` makes as many as a controller wants.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from microcell.motion.limits import Joints

STRAIGHT_RAD = 1e-4
"""So near to a straight line (m for sliding joints) a trajectory goes along it."""


@dataclass(frozen=True, slots=True)
class JointTrajectory:
    """Points in time: `times_s` from 0 and rising, for each a row of joint positions and one of velocities.

    Positions in rad (m for a linear axis), velocities in rad/s (m/s).
    """

    times_s: tuple[float, ...]
    positions: tuple[Joints, ...]
    velocities: tuple[Joints, ...]

    @property
    def is_straight(self) -> bool:
        """Whether every point lies on the straight line between the ends, seen in joint space."""
        start, goal = self.positions[0], self.positions[-1]
        longest = max(range(len(start)), key=lambda joint: abs(goal[joint] - start[joint]))
        whole = goal[longest] - start[longest]
        parts = ((row[longest] - start[longest]) / whole if whole else 0.0 for row in self.positions)
        return all(
            abs(value - a - part * (b - a)) <= STRAIGHT_RAD
            for part, row in zip(parts, self.positions, strict=True)
            for value, a, b in zip(row, start, goal, strict=True)
        )

    @property
    def duration_s(self) -> float:
        return self.times_s[-1]


def sample(trajectory: JointTrajectory, time_s: float) -> tuple[Joints, Joints]:
    """Joint positions and velocities at a time from the trajectory's start; at its ends before and after."""
    times = trajectory.times_s
    if time_s >= times[-1]:
        return trajectory.positions[-1], trajectory.velocities[-1]
    if time_s <= 0.0:
        return trajectory.positions[0], trajectory.velocities[0]
    k = bisect_right(times, time_s) - 1
    span_s = times[k + 1] - times[k]
    rows, rates = trajectory.positions, trajectory.velocities
    return _hermite((time_s - times[k]) / span_s, span_s, rows[k], rows[k + 1], rates[k], rates[k + 1])


def resample(trajectory: JointTrajectory, period_s: float) -> JointTrajectory:
    """The same motion with a point each period (the last may come sooner), for simple controllers."""
    count = max(1, math.ceil(trajectory.duration_s / period_s - 1e-9))
    times = tuple(min(k * period_s, trajectory.duration_s) for k in range(count + 1))
    rows = [sample(trajectory, time_s) for time_s in times]
    return JointTrajectory(times, tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def _hermite(u: float, span: float, p0: Joints, p1: Joints, v0: Joints, v1: Joints) -> tuple[Joints, Joints]:
    """Cubic Hermite curve and its derivative at u in [0, 1] of an interval `span` long."""
    w = 1.0 - u
    h00, h10, h01, h11 = (1.0 + 2.0 * u) * w * w, u * w * w * span, u * u * (3.0 - 2.0 * u), -u * u * w * span
    d00, d10, d11 = -6.0 * u * w / span, w * (1.0 - 3.0 * u), u * (3.0 * u - 2.0)
    rows = list(zip(p0, p1, v0, v1, strict=True))
    return (
        tuple(h00 * a + h01 * b + h10 * c + h11 * d for a, b, c, d in rows),
        tuple(d00 * (a - b) + d10 * c + d11 * d for a, b, c, d in rows),
    )
