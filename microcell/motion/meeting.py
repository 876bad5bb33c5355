"""Whether two arms' motions could meet: a quick look with balls around everything, a fine one where that is not sure.

Imports Pinocchio: imported where it is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pinocchio as pin

from microcell.motion.checking import sampled
from microcell.motion.collision import Contact, arm_geometry, grid
from microcell.motion.trajectory import JointTrajectory
from microcell.motion.two_arms import Armed, Timed, TwoArms

CLEARANCE_M = 0.02
"""Arms that come nearer than this meet."""
SKEW_S = 0.05
"""An arm may be so much earlier or later than planned."""
FINE_S = 0.01
_PERIOD_S = 0.05
_LEAST_BALL_M = 0.03
_BETWEEN = 2.0  # of the longest way from look to look: between looks, and for starts that do not fall on them, and skew


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where balls around an arm are while it moves: middles (looks, balls, 3) in the cell, m, and the box around them all.

    `step_m` is how far a ball goes at most from one look to the next.
    """

    middles: Any
    radii: Any
    low: Any
    high: Any
    step_m: float


class Sweeper:
    """Balls around the solids of an arm and what it carries."""

    def __init__(self, armed: Armed) -> None:
        self._pin = armed.model.pin_model
        self._data = self._pin.createData()
        _, geometry = arm_geometry(armed.model, armed.carried)
        balls = [ball for body in geometry.geometryObjects for ball in _balls(body)]
        self._joints = [joint for joint, _, _ in balls]
        self._local = np.array([middle for _, middle, _ in balls])
        self._radii = np.array([radius for _, _, radius in balls])
        base = armed.base_in_cell
        self._base = pin.XYZQUATToSE3(np.array((*base.position, *base.orientation)))

    def sweep(self, trajectory: JointTrajectory) -> Sweep:
        """The balls' places during a trajectory, every 50 ms."""
        looks = math.ceil(trajectory.duration_s / _PERIOD_S) + 1
        rows, _ = sampled(trajectory, np.arange(looks) * _PERIOD_S)
        middles = np.array([self._middles(row) for row in rows])
        steps = np.linalg.norm(np.diff(middles, axis=0), axis=2)
        reach = self._radii[:, None]
        low, high = (middles - reach).min(axis=(0, 1)), (middles + reach).max(axis=(0, 1))
        return Sweep(middles, self._radii, low, high, float(steps.max()) if steps.size else 0.0)

    def _middles(self, joints: Any) -> Any:
        pin.forwardKinematics(self._pin, self._data, joints)
        placed = [self._base * placement for placement in self._data.oMi]
        turns = np.array([placement.rotation for placement in placed])[self._joints]
        origins = np.array([placement.translation for placement in placed])[self._joints]
        return origins + np.einsum("bij,bj->bi", turns, self._local)


def meeting(
    arms: TwoArms, sweeps: tuple[Sweep, Sweep], timed: tuple[Timed, Timed], skew_s: float = SKEW_S
) -> Contact | None:
    """The first moment at which two arms come nearer than the clearance that `arms` has, up to `skew_s` apart in time.

    `sweeps` are those of the two trajectories in `timed`, in the order of `arms`. What the balls show to be far apart is
    not looked at further.
    """
    first, second = timed
    for start_s, end_s in _near(sweeps, timed):
        for late_s in (0.0, -skew_s, skew_s):
            times = start_s + grid(end_s - start_s, FINE_S)
            rows_a = sampled(first.trajectory, times - first.start_s)[0]
            rows_b = sampled(second.trajectory, times - second.start_s - late_s)[0]
            for time_s, a, b in zip(times, rows_a, rows_b, strict=True):
                if not arms.free(a, b):
                    return Contact(float(time_s), tuple(arms.hits(a, b)))
    return None


def _near(sweeps: tuple[Sweep, Sweep], timed: tuple[Timed, Timed]) -> list[tuple[float, float]]:
    """Spans of time in which the balls come near each other."""
    a, b = sweeps
    reserve_m = CLEARANCE_M + _BETWEEN * (a.step_m + b.step_m)
    if (a.low - reserve_m > b.high).any() or (b.low - reserve_m > a.high).any():
        return []
    begin_s, end_s = min(t.start_s for t in timed), max(t.end_s for t in timed)
    times = begin_s + np.arange(math.ceil((end_s - begin_s) / _PERIOD_S) + 1) * _PERIOD_S
    look_a, look_b = (
        np.clip(np.rint((times - t.start_s) / _PERIOD_S).astype(int), 0, len(s.middles) - 1)
        for t, s in zip(timed, sweeps, strict=True)
    )
    reach = a.radii[:, None] + b.radii[None, :] + reserve_m
    near = [
        bool((np.linalg.norm(a.middles[i][:, None] - b.middles[j][None, :], axis=2) < reach).any())
        for i, j in zip(look_a, look_b, strict=True)
    ]
    return _spans(times, near)


def _spans(times: Any, near: list[bool]) -> list[tuple[float, float]]:
    """The spans of neighbouring times that are near, a look longer at both ends."""
    spans: list[tuple[float, float]] = []
    for time_s, is_near in zip(times.tolist(), near, strict=True):
        if not is_near:
            continue
        if spans and time_s - spans[-1][1] <= _PERIOD_S * 1.5:
            spans[-1] = (spans[-1][0], time_s + _PERIOD_S)
        else:
            spans.append((time_s - _PERIOD_S, time_s + _PERIOD_S))
    return spans


def _balls(body: pin.GeometryObject) -> list[tuple[int, Any, float]]:
    """Balls that cover a solid: joint, middle in the joint's frame, radius, m."""
    shape = body.geometry
    if hasattr(shape, "halfSide"):
        half = np.array(shape.halfSide)
    elif hasattr(shape, "halfLength"):
        half = np.array((shape.radius, shape.radius, shape.halfLength))
    elif hasattr(shape, "points"):
        shape.computeLocalAABB()
        half = np.maximum(shape.aabb_local.max_, -shape.aabb_local.min_)
    else:
        return [(int(body.parentJoint), body.placement.translation.copy(), float(shape.radius))]
    axis = int(half.argmax())
    across_m = float(half[0]) if hasattr(shape, "halfLength") and axis == 2 else float(np.linalg.norm(np.delete(half, axis)))
    count = max(1, math.ceil(half[axis] / max(across_m, _LEAST_BALL_M)))
    part_m, along = half[axis] / count, np.eye(3)[axis]
    middles = [body.placement.act(along * ((2 * k + 1) * part_m - half[axis])) for k in range(count)]
    return [(int(body.parentJoint), middle, math.hypot(across_m, part_m)) for middle in middles]
