"""Cubic splines over time: exactly what a `JointTrajectory` holds, so their extremes are known in closed form.

On each section the jerk is constant and the acceleration a straight line; the greatest velocity is at a section's end or
where the acceleration passes zero. Nothing has to be sampled to know that limits are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from microcell.motion.limits import Limits
from microcell.motion.trajectory import JointTrajectory

Rows: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""A table of floats, a row for each moment or place."""


@dataclass(frozen=True, slots=True)
class TimeSpline:
    """Times (k,), s, rising from 0; positions and velocities (k, n) at them; between them a cubic."""

    times_s: Rows
    positions: Rows
    velocities: Rows

    def stretched(self, factor: float) -> TimeSpline:
        """The same way, `factor` times as slow."""
        return TimeSpline(self.times_s * factor, self.positions, self.velocities / factor)

    def excess(self, limits: Limits, speed_ratio: float = 1.0) -> float:
        """By how much to stretch so that velocities, accelerations and jerks are just within limits; below 1: spare."""
        h = np.diff(self.times_s)[:, None]
        slope = np.diff(self.positions, axis=0) / h
        v0, v1 = self.velocities[:-1], self.velocities[1:]
        first, last = (6.0 * slope - 4.0 * v0 - 2.0 * v1) / h, (2.0 * v0 + 4.0 * v1 - 6.0 * slope) / h
        change = last - first
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = np.where(first * last < 0.0, -first / change, 0.0)
        peak = v0 + first * turn * h / 2.0
        velocity = np.maximum(np.abs(peak), np.abs(v1)).max(axis=0) / (np.array(limits.velocity) * speed_ratio)
        acceleration = np.maximum(np.abs(first), np.abs(last)).max(axis=0) / np.array(limits.acceleration)
        jerk = np.abs(change / h).max(axis=0) / np.array(limits.jerk)
        return max(float(velocity.max()), float(acceleration.max()) ** 0.5, float(jerk.max()) ** (1.0 / 3.0))

    def trajectory(self) -> JointTrajectory:
        return JointTrajectory(
            tuple(self.times_s.tolist()),
            tuple(tuple(row) for row in self.positions.tolist()),
            tuple(tuple(row) for row in self.velocities.tolist()),
        )


def through(times_s: Rows, positions: Rows) -> TimeSpline:
    """The spline with continuous acceleration through positions (k, n) at times (k,), k >= 4, at rest at both ends.

    Rest takes velocity and acceleration; to have both at both ends, the second and the last but one position are
    left to the spline.
    """
    h = np.diff(times_s)
    k = len(h)
    matrix, right = np.zeros((k + 3, k + 3)), np.zeros((k + 3, positions.shape[1]))
    known = positions.copy()
    known[1] = known[-2] = 0.0
    free = {1: k + 1, k - 1: k + 2}
    inner = np.arange(1, k)
    matrix[inner, inner - 1], matrix[inner, inner + 1] = h[1:], h[:-1]
    matrix[inner, inner] = 2.0 * (h[:-1] + h[1:])
    weights = np.zeros((k + 1, k + 1))
    before, after = 3.0 * h[1:] / h[:-1], 3.0 * h[:-1] / h[1:]
    weights[inner, inner - 1], weights[inner, inner], weights[inner, inner + 1] = -before, before - after, after
    matrix[0, 0] = matrix[k, k] = 1.0
    # the acceleration at an end at rest is 6 (p1 - p0) / h^2 - 2 v1 / h
    matrix[k + 1, 1], weights_first = 2.0 * h[0], (-6.0 * known[0])
    matrix[k + 1, k + 1] = -6.0
    matrix[k + 2, k - 1], weights_last = 2.0 * h[-1], (6.0 * known[-1])
    matrix[k + 2, k + 2] = 6.0
    for position, column in free.items():
        matrix[: k + 1, column] = -weights[:, position]
    right[: k + 1] = weights @ known
    right[k + 1], right[k + 2] = weights_first, weights_last
    solved = np.linalg.solve(matrix, right)
    known[1], known[-2] = solved[k + 1], solved[k + 2]
    return TimeSpline(times_s, known, solved[: k + 1])


def averaged(samples: Rows, period_s: float, window: int) -> TimeSpline:
    """The spline whose control points are running means over `window` of samples (k, n), a period apart.

    Before and after its samples the motion stands. Every velocity and acceleration of the spline is a mean of those
    of the samples, so that none grows; a step of the acceleration becomes a ramp of `window` periods.
    """
    rest = window + 1
    padded = np.concatenate([np.repeat(samples[:1], rest, axis=0), samples, np.repeat(samples[-1:], rest, axis=0)])
    sums = np.cumsum(np.concatenate([np.zeros((1, samples.shape[1])), padded - samples[0]]), axis=0)
    control = (sums[window:] - sums[:-window]) / window + samples[0]
    control[:3], control[-3:] = samples[0], samples[-1]
    positions = (control[:-2] + 4.0 * control[1:-1] + control[2:]) / 6.0
    velocities = (control[2:] - control[:-2]) / (2.0 * period_s)
    return TimeSpline(np.arange(len(positions)) * period_s, positions, velocities)
