"""Joint trajectories in time: planned to and along a straight line, sampled, resampled.

Between its points a trajectory is a cubic Hermite curve, so constant acceleration needs two points and no
more. Planners put few points; `resample` makes as many as a controller wants.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from microcell.description.cell import JointLimit
from microcell.faults import FaultError
from microcell.geometry import Pose, Quaternion, angle_between, distance
from microcell.motion.kinematics import ArmModel, Joints

SPACING_M = 0.03
SPACING_RAD = 0.2
LARGEST_STEP_RAD = 1.0  # between neighbouring points of a straight line; more is a flip to another branch
_STILL = 1e-12


@dataclass(frozen=True, slots=True)
class JointTrajectory:
    """Points in time: `times_s` from 0 and rising, for each a row of joint positions and one of velocities.

    Positions in rad (m for a linear axis), velocities in rad/s (m/s).
    """

    times_s: tuple[float, ...]
    positions: tuple[Joints, ...]
    velocities: tuple[Joints, ...]

    @property
    def duration_s(self) -> float:
        return self.times_s[-1]


@dataclass(frozen=True, slots=True)
class _Profile:
    """Path parameter from 0 to 1 in time: constant acceleration, constant speed, the same deceleration.

    Speed in 1/s, acceleration in 1/s^2.
    """

    speed: float
    acceleration: float
    ramp_s: float
    duration_s: float

    @classmethod
    def within(cls, speed: float, acceleration: float) -> _Profile:
        """The fastest one within a speed and an acceleration; a triangle where the way is too short."""
        speed = min(speed, math.sqrt(acceleration))
        ramp_s = speed / acceleration
        return cls(speed, acceleration, ramp_s, ramp_s + 1.0 / speed)

    @property
    def ramp(self) -> float:
        """Path parameter at the end of the acceleration."""
        return self.speed * self.ramp_s / 2.0

    def time_and_speed(self, s: float) -> tuple[float, float]:
        """When a path parameter is reached, s, and how fast it changes then, 1/s."""
        if s > 0.5:
            time_s, speed = self.time_and_speed(max(0.0, 1.0 - s))
            return self.duration_s - time_s, speed
        if s < self.ramp:
            return math.sqrt(2.0 * s / self.acceleration), math.sqrt(2.0 * s * self.acceleration)
        return self.ramp_s + (s - self.ramp) / self.speed, self.speed


def plan_joint_move(limits: Sequence[JointLimit], start: Joints, goal: Joints, speed_ratio: float = 1.0) -> JointTrajectory:
    """Move all joints together from rest to rest, on a trapezoidal profile within their limits.

    `speed_ratio` in (0, 1] scales the velocity limits. Raises ARM_LIMIT when the goal is out of a position's.
    """
    _check_goal(limits, goal)
    way = tuple(g - s for s, g in zip(start, goal, strict=True))
    if max(map(abs, way)) < _STILL:
        return _standing(start)
    profile = _Profile.within(
        min(speed_ratio * limit.velocity_rad_s / abs(d) for limit, d in zip(limits, way, strict=True) if d),
        min(limit.acceleration_rad_s2 / abs(d) for limit, d in zip(limits, way, strict=True) if d),
    )
    stops = (0.0, profile.ramp, 1.0 - profile.ramp, 1.0)
    rows = (tuple(a + d * s for a, d in zip(start, way, strict=True)) for s in stops)
    return _timed(profile, [(s, row, way) for s, row in zip(stops, rows, strict=True)])


def plan_straight_move(
    model: ArmModel, start_joints: Joints, goal_flange_in_base: Pose, speed_m_s: float
) -> JointTrajectory:
    """Move the flange on a straight line (and evenly turning) from rest to rest at up to `speed_m_s`.

    The speed is lowered where a joint could not follow within its velocity and acceleration. The line is
    exact at points every 30 mm or 0.2 rad and within 0.05 mm between them. Raises ARM_UNREACHABLE
    when a pose on the line is out of reach or when the arm would have to turn over on the way.
    """
    start = model.forward(start_joints)
    length_m, angle = distance(start, goal_flange_in_base), angle_between(start, goal_flange_in_base)
    if length_m < 1e-9 and angle < 1e-7:
        return _standing(start_joints)
    steps = max(2, math.ceil(length_m / SPACING_M), math.ceil(angle / SPACING_RAD))
    path = _straight_path(model, start_joints, start, goal_flange_in_base, steps)
    slopes = _slopes(path)
    profile = _path_profile(model.limits, path, slopes, speed_m_s / length_m if length_m > 0.0 else math.inf)
    points = [(k / steps, path[k], slopes[k]) for k in range(steps + 1)]
    for s in (profile.ramp, 1.0 - profile.ramp):
        k = min(int(s * steps), steps - 1)
        within = _hermite(s * steps - k, 1.0 / steps, path[k], path[k + 1], slopes[k], slopes[k + 1])
        points.append((s, *within))
    return _timed(profile, sorted(points))


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


def _check_goal(limits: Sequence[JointLimit], goal: Joints) -> None:
    for number, (limit, angle) in enumerate(zip(limits, goal, strict=True), 1):
        if not limit.lower_rad - 1e-6 <= angle <= limit.upper_rad + 1e-6:
            allowed = f"[{limit.lower_rad:.3f}, {limit.upper_rad:.3f}]"
            detail = f"joint {number} would go to {angle:.3f} rad; allowed is {allowed}"
            raise FaultError("ARM_LIMIT", "arm", detail)


def _standing(joints: Joints) -> JointTrajectory:
    return JointTrajectory((0.0,), (joints,), ((0.0,) * len(joints),))


def _timed(profile: _Profile, points: Sequence[tuple[float, Joints, Joints]]) -> JointTrajectory:
    """Put (path parameter, joints, their slope over it) points in time; coinciding ones count once."""
    times: list[float] = []
    positions: list[Joints] = []
    velocities: list[Joints] = []
    for s, joints, slope in points:
        time_s, speed = profile.time_and_speed(s)
        if times and time_s - times[-1] < 1e-9:
            continue
        times.append(time_s)
        positions.append(joints)
        velocities.append(tuple(rate * speed for rate in slope))
    return JointTrajectory(tuple(times), tuple(positions), tuple(velocities))


def _straight_path(model: ArmModel, joints: Joints, start: Pose, goal: Pose, steps: int) -> list[Joints]:
    """Joints at even steps on the line."""
    path = [joints]
    for k in range(1, steps + 1):
        joints = model.inverse(_between(start, goal, k / steps), joints)
        step = max(abs(a - b) for a, b in zip(joints, path[-1], strict=True))
        if step > LARGEST_STEP_RAD:
            detail = f"a joint would turn over by {step:.2f} rad on a straight line"
            raise FaultError("ARM_UNREACHABLE", model.name, detail)
        path.append(joints)
    return path


def _slopes(path: Sequence[Joints]) -> list[Joints]:
    """Joints' change over the path parameter at each point, by second-order differences."""
    last, half = len(path) - 1, (len(path) - 1) / 2.0
    inner = [tuple((b - a) * half for a, b in zip(path[k - 1], path[k + 1], strict=True)) for k in range(1, last)]
    first = tuple((4.0 * b - 3.0 * a - c) * half for a, b, c in zip(*path[:3], strict=True))
    end = tuple((3.0 * c - 4.0 * b + a) * half for a, b, c in zip(*path[-3:], strict=True))
    return [first, *inner, end]


def _path_profile(limits: Sequence[JointLimit], path: Sequence[Joints], slopes: Sequence[Joints], speed: float) -> _Profile:
    """The fastest profile that no joint hinders.

    Half of each joint's acceleration is kept for the path's bends, half for the ramps.
    """
    acceleration, steps = math.inf, len(path) - 1
    for joint, limit in enumerate(limits):
        steepest = max(abs(slope[joint]) for slope in slopes)
        bend = max(abs(b[joint] - a[joint]) for a, b in pairwise(slopes)) * steps
        if steepest > _STILL:
            speed = min(speed, limit.velocity_rad_s / steepest)
            acceleration = min(acceleration, limit.acceleration_rad_s2 / (2.0 * steepest))
        if bend > _STILL:
            speed = min(speed, math.sqrt(limit.acceleration_rad_s2 / (2.0 * bend)))
    return _Profile.within(speed, acceleration)


def _between(a: Pose, b: Pose, ratio: float) -> Pose:
    """The pose on the straight way from one to another, turning evenly."""
    (ax, ay, az), (bx, by, bz) = a.position, b.position
    position = (ax + (bx - ax) * ratio, ay + (by - ay) * ratio, az + (bz - az) * ratio)
    return Pose(position, _slerp(a.orientation, b.orientation, ratio))


def _slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    angle = math.acos(min(1.0, abs(dot)))
    if angle < 1e-7:
        return b
    sine = math.sin(angle)
    u, v = math.sin((1.0 - ratio) * angle) / sine, math.copysign(math.sin(ratio * angle) / sine, dot)
    x, y, z, w = (u * p + v * q for p, q in zip(a, b, strict=True))
    return (x, y, z, w)


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
