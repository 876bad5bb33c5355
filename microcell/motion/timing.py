"""Joint trajectories in time, as fast as velocity, acceleration and jerk limits allow, from rest to rest.

A straight line in joint space has an exact answer (ruckig); a path through waypoints is timed within velocities and
accelerations (toppra) and smoothed until its jerk is within limits too; a straight line in space, of which joints at even
steps are known, takes an S-shaped profile. All results are cubic splines with continuous acceleration, whose extremes
are computed, not sampled; `checking.violations` looks at them once more, independently.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from microcell.faults import FaultError
from microcell.motion.corners import RoundedPath, distinct, rounded
from microcell.motion.limits import Joints, Limits
from microcell.motion.splines import Rows, TimeSpline, averaged, through
from microcell.motion.trajectory import JointTrajectory

_STILL = 1e-9
_POSITION_SLACK = 1e-6
_WINDOWS = (0.5, 0.7, 0.85, 1.0, 1.25, 1.6, 2.0)
"""Lengths of the running mean that are tried, as multiples of acceleration / jerk."""
_LEAST_PERIOD_S = 0.002
_SPARE = 1.0 + 1e-9


def time_joint_move(limits: Limits, start: Joints, goal: Joints, speed_ratio: float = 1.0) -> JointTrajectory:
    """Move all joints together on a straight joint line, from rest to rest, in the least time.

    `speed_ratio` in (0, 1] scales the velocity limits. The points are the ends of the sections of constant jerk, so that the
    result is exact. Raises ARM_LIMIT when the goal is out of a position limit.
    """
    check_positions(limits, goal)
    way = np.subtract(goal, start)
    size = np.abs(way)
    if size.max() < _STILL:
        return _standing(start)
    moving = size > 1e-12
    ways = size[moving] / size.max()
    bounds = [
        float((np.array(values)[moving] / ways).min()) for values in (limits.velocity, limits.acceleration, limits.jerk)
    ]
    times, sizes, speeds = _profile(float(size.max()), bounds[0] * speed_ratio, bounds[1], bounds[2])
    unit = way / size.max()
    positions = np.asarray(start) + sizes[:, None] * unit
    positions[-1] = goal
    return TimeSpline(times, positions, speeds[:, None] * unit).trajectory()


def time_path(
    limits: Limits, waypoints: Sequence[Joints], speed_ratio: float = 1.0, deviation: float = 0.05
) -> JointTrajectory:
    """Move from the first waypoint to the last, rounding the corners at those between without a stop, from rest to rest.

    The way stays within `deviation` (Euclidean, in rad and m) of each corner's rounding parabola, plus what the smoothing
    against jerk cuts off: at most acceleration^3 / (12 jerk^2), some milliradians. Two waypoints make a `time_joint_move`.
    Raises ARM_LIMIT when a waypoint is out of a position limit.
    """
    for waypoint in waypoints:
        check_positions(limits, waypoint)
    points = distinct(waypoints)
    if len(points) < 3:
        return time_joint_move(limits, tuple(waypoints[0]), tuple(waypoints[-1]), speed_ratio)
    path = rounded(points, deviation)
    grid = path.grid(5, path.length / 40.0)
    window_s = max(a / j for a, j in zip(limits.acceleration, limits.jerk, strict=True))
    times, speeds = _fastest(path, grid, limits, speed_ratio)
    tried = (_smoothed(path, grid, times, speeds, factor * window_s) for factor in _WINDOWS)
    fitted = (spline.stretched(spline.excess(limits, speed_ratio) * _SPARE) for spline in tried)
    best = min(fitted, key=lambda spline: float(spline.times_s[-1]))
    return best.trajectory()


def time_line(
    limits: Limits, rows: Sequence[Joints], length_m: float, speed_m_s: float, speed_ratio: float = 1.0
) -> JointTrajectory:
    """Move along a straight line in space, from rest to rest, at up to `speed_m_s`.

    `rows` (k, n) are the joints at even steps of the line, k >= 2; between them the joints follow a cubic spline over the
    line. `length_m` is 0 for a pure turn, which only the joints limit then. Raises ARM_LIMIT when a row is out of a
    position limit.
    """
    table = np.asarray(rows, dtype=float)
    _check_rows(limits, table)
    if np.abs(table - table[0]).max() < _STILL:
        return _standing(tuple(rows[0]))
    line = _LineSpline(table)
    cap = speed_m_s / length_m if length_m > _STILL else math.inf
    speed, acceleration, jerk = line.bounds(limits, speed_ratio)
    spline = line.timed(min(speed, cap), acceleration, jerk)
    excess = spline.excess(limits, speed_ratio)
    return (spline.stretched(excess * _SPARE) if excess > 1.0 else spline).trajectory()


def halfway(rows: Sequence[Joints]) -> list[Joints]:
    """The joints halfway between rows at even steps of a line, as `time_line` goes through them."""
    line, steps = _LineSpline(np.asarray(rows, dtype=float)), len(rows) - 1
    return [tuple(row) for row in line.at((np.arange(steps) + 0.5) / steps).tolist()]


def check_positions(limits: Limits, joints: Joints) -> None:
    """Raise ARM_LIMIT when a joint is out of its position limits."""
    for number, (value, lower, upper) in enumerate(zip(joints, limits.lower, limits.upper, strict=True), 1):
        if not lower - _POSITION_SLACK <= value <= upper + _POSITION_SLACK:
            unit = "m" if limits.sliding[number - 1] else "rad"
            detail = f"joint {number} would go to {value:.3f} {unit}; allowed is [{lower:.3f}, {upper:.3f}]"
            raise FaultError("ARM_LIMIT", "arm", detail)


def _check_rows(limits: Limits, table: Rows) -> None:
    outside = (table < np.array(limits.lower) - _POSITION_SLACK) | (table > np.array(limits.upper) + _POSITION_SLACK)
    if outside.any():
        check_positions(limits, tuple(table[int(outside.any(axis=1).argmax())].tolist()))


def _standing(joints: Joints) -> JointTrajectory:
    return JointTrajectory((0.0,), (tuple(joints),), ((0.0,) * len(joints),))


def _profile(way: float, speed: float, acceleration: float, jerk: float) -> tuple[Rows, Rows, Rows]:
    """The fastest rest-to-rest motion over a way: times, positions and speeds at the ends of its constant-jerk sections."""
    from ruckig import InputParameter, Result, Ruckig, Trajectory

    # in units in which way and jerk are 1, so that no number is extreme
    unit_s = (way / jerk) ** (1.0 / 3.0)
    wanted, found = InputParameter(1), Trajectory(1)
    wanted.current_position, wanted.target_position = [0.0], [1.0]
    wanted.max_velocity = [min(speed * unit_s / way, 1e3)]
    wanted.max_acceleration = [min(acceleration * unit_s**2 / way, 1e3)]
    wanted.max_jerk = [1.0]
    result = Ruckig(1).calculate(wanted, found)
    if result not in (Result.Working, Result.Finished):
        detail = f"no profile keeps speed {speed:g}, acceleration {acceleration:g} and jerk {jerk:g}"
        raise FaultError("ARM_LIMIT", "arm", detail)
    profile = found.profiles[0][0]
    spans = np.array(profile.t)
    kept = np.concatenate([[True], spans > 1e-9])
    times = np.concatenate([[0.0], np.cumsum(spans)])[kept]
    positions, speeds = np.array(profile.p)[kept], np.array(profile.v)[kept]
    positions[-1], speeds[0], speeds[-1] = 1.0, 0.0, 0.0
    return times * unit_s, positions * way, speeds * (way / unit_s)


# --- paths through waypoints -----------------------------------------------------------------------------------------------


def _fastest(path: RoundedPath, grid: Rows, limits: Limits, speed_ratio: float) -> tuple[Rows, Rows]:
    """Times and path speeds at the grid for the fastest motion within velocities and accelerations."""
    from toppra import algorithm, constraint

    velocity = np.array(limits.velocity) * speed_ratio
    acceleration = np.array(limits.acceleration)
    collocation = constraint.DiscretizationType.Collocation
    bounds = [
        constraint.JointVelocityConstraint(np.column_stack([-velocity, velocity])),
        constraint.JointAccelerationConstraint(np.column_stack([-acceleration, acceleration]), collocation),
    ]
    solver = algorithm.TOPPRA(bounds, _toppra_path(path), gridpoints=grid, solver_wrapper="seidel")
    _, speeds, _ = solver.compute_parameterization(0.0, 0.0)
    if speeds is None or not np.isfinite(speeds).all():
        raise FaultError("ARM_LIMIT", "arm", "no timing of the path keeps velocities and accelerations")
    steps = 2.0 * np.diff(grid) / (speeds[1:] + speeds[:-1])
    return np.concatenate([[0.0], np.cumsum(steps)]), speeds


def _toppra_path(path: RoundedPath) -> Any:
    from toppra.interpolator import AbstractGeometricPath

    class Path(AbstractGeometricPath):
        dof = path.starts.shape[1]
        path_interval = np.array([0.0, path.length])
        waypoints = None

        def __call__(self, parameter: Any, order: int = 0) -> Rows:
            found = path.at(np.atleast_1d(np.asarray(parameter, dtype=float)), order)
            return found[0] if np.ndim(parameter) == 0 else found

    return Path()


def _smoothed(path: RoundedPath, grid: Rows, times: Rows, speeds: Rows, window_s: float) -> TimeSpline:
    """The motion as a spline whose acceleration changes over `window_s` where that of the fastest motion steps."""
    count = max(8, math.ceil(times[-1] / max(window_s / 10.0, _LEAST_PERIOD_S)))
    period_s = times[-1] / count
    at = np.arange(count + 1) * period_s
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    into = at - times[k]
    acceleration = (speeds[k + 1] - speeds[k]) / (times[k + 1] - times[k])
    parameter = grid[k] + into * (speeds[k] + into * acceleration / 2.0)
    parameter[-1] = grid[-1]
    return averaged(path.at(parameter), period_s, max(1, round(window_s / period_s)))


# --- straight lines in space ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _bending(count: int) -> Rows:
    """The matrix that gives a spline's second derivatives at `count` points, one apart, from its values there.

    The third derivative does not change at the last but one point of either end ("not a knot"); 2 points make a line, 3 a
    parabola.
    """
    matrix, right = np.zeros((count, count)), np.zeros((count, count))
    if count < 3:
        return matrix
    for k in range(1, count - 1):
        matrix[k, k - 1 : k + 2] = 1.0, 4.0, 1.0
        right[k, k - 1 : k + 2] = 6.0, -12.0, 6.0
    ends = (1.0, -1.0, 0.0) if count == 3 else (1.0, -2.0, 1.0)
    matrix[0, :3], matrix[-1, -3:] = ends, ends[::-1]
    return np.linalg.solve(matrix, right)


class _LineSpline:
    """Joints over the share of a line, from 0 to 1: a cubic spline through rows (k, n) at even steps."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._steps = rows, len(rows) - 1
        self._second = _bending(len(rows)) @ rows
        self._third = np.diff(self._second, axis=0)
        chord = np.diff(rows, axis=0)
        self._slope = chord - self._second[:-1] / 2.0 - self._third / 6.0
        self._last = self._slope[-1] + self._second[-2] + self._third[-1] / 2.0

    def at(self, share: Rows) -> Rows:
        k = np.minimum((share * self._steps).astype(int), self._steps - 1)
        u = (share * self._steps - k)[:, None]
        return self._rows[k] + u * (self._slope[k] + u * (self._second[k] / 2.0 + u * self._third[k] / 6.0))

    def bounds(self, limits: Limits, speed_ratio: float) -> tuple[float, float, float]:
        """Speed, acceleration and jerk of the share that the steepest place allows; the bends limit the speed."""
        n = float(self._steps)
        steep = np.maximum(np.abs(self._slope).max(axis=0), np.abs(self._last)) * n + 1e-12
        bend, twist = np.abs(self._second).max(axis=0) * n**2 + 1e-12, np.abs(self._third).max(axis=0) * n**3 + 1e-12
        velocity, acceleration, jerk = (np.array(v) for v in (limits.velocity, limits.acceleration, limits.jerk))
        bent = min((acceleration / bend).min() ** 0.5, (jerk / twist).min() ** (1.0 / 3.0))
        speed = float(min(bent, (velocity * speed_ratio / steep).min()))
        return speed, float((acceleration / steep).min()), float((jerk / steep).min())

    def timed(self, speed: float, acceleration: float, jerk: float) -> TimeSpline:
        times, shares, speeds = _profile(1.0, speed, acceleration, jerk)
        knots = [times[:1]]
        parameters = [shares[:1]]
        for k in range(len(times) - 1):
            ends = k in (0, len(times) - 2)
            count = max(2 if ends else 1, math.ceil((shares[k + 1] - shares[k]) * self._steps))
            span = times[k + 1] - times[k]
            into = np.arange(1, count + 1) * (span / count)
            a0, a1 = _accelerations(span, shares[k : k + 2], speeds[k : k + 2])
            part = shares[k] + into * (speeds[k] + into * (a0 / 2.0 + into * (a1 - a0) / (6.0 * span)))
            part[-1] = shares[k + 1]
            knots.append(times[k] + into)
            parameters.append(part)
        return through(np.concatenate(knots), self.at(np.clip(np.concatenate(parameters), 0.0, 1.0)))


def _accelerations(span: float, p: Rows, v: Rows) -> tuple[float, float]:
    """Accelerations at the ends of a cubic section from its positions and speeds there."""
    slope = (p[1] - p[0]) / span
    return float((6.0 * slope - 4.0 * v[0] - 2.0 * v[1]) / span), float((2.0 * v[0] + 4.0 * v[1] - 6.0 * slope) / span)
