"""Inverse kinematics of one arm, measured: how often it succeeds, how fast, how exact."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.motion.inverse import InverseKinematics
from microcell.motion.limits import Joints
from microcell.motion.robot import RobotModel

SUCCESS, MEDIAN_MS = 0.999, 0.3
"""What every arm has to reach."""

PATH_POSES = 12
TOLERANCE = 1e-6  # m and rad


@dataclass(frozen=True)
class InverseFigures:
    """Of random poses that the arm reaches, each asked for from another random posture."""

    success: float
    median_ms: float
    p99_ms: float
    worst_ms: float
    worst_m: float
    worst_rad: float
    nearer_ratio: float
    """How often the answer is at least as near as the posture that the pose was made from."""
    beside_median_ms: float
    """From a posture beside it: 0.05 rad or m off in each joint."""


def inverse_figures(model: RobotModel, count: int = 1000, seed: int = 1) -> InverseFigures:
    """Solve for the poses of `count` random postures within the limits; the first solution builds the tables."""
    random = np.random.default_rng(seed)
    inverse = InverseKinematics(model)
    lower, upper = np.array(model.limits.lower), np.array(model.limits.upper)
    postures = [tuple(row) for row in random.uniform(lower, upper, (count, model.n)).tolist()]
    starts = [tuple(row) for row in random.uniform(lower, upper, (count, model.n)).tolist()]
    inverse.solutions(model.forward(postures[0]), starts[0])
    solved = [_solved(inverse, model.forward(q), near) for q, near in zip(postures, starts, strict=True)]
    errors = [_errors(model, found, model.forward(q)) for q, (found, _) in zip(postures, solved, strict=True) if found]
    exact = [shift < TOLERANCE and turn < TOLERANCE for shift, turn in errors]
    within = [model.limits.contain(found) for found, _ in solved if found]
    nearer = [
        math.dist(found, near) <= math.dist(q, near) + 1e-6
        for q, near, (found, _) in zip(postures, starts, solved, strict=True)
        if found
    ]
    beside = np.clip(np.array(postures) + random.uniform(-0.05, 0.05, (count, model.n)), lower, upper).tolist()
    quick = [_solved(inverse, model.forward(q), tuple(near))[1] for q, near in zip(postures, beside, strict=True)]
    times = np.array([spent for _, spent in solved])
    return InverseFigures(
        success=sum(a and b for a, b in zip(exact, within, strict=True)) / count,
        median_ms=float(np.median(times)),
        p99_ms=float(np.quantile(times, 0.99)),
        worst_ms=float(times.max()),
        worst_m=max(shift for shift, _ in errors),
        worst_rad=max(turn for _, turn in errors),
        nearer_ratio=sum(nearer) / count,
        beside_median_ms=float(np.median(quick)),
    )


def _solved(inverse: InverseKinematics, pose: Pose, near: Joints) -> tuple[Joints | None, float]:
    """The joints, None without, and the time in ms."""
    began = time.perf_counter()
    try:
        found: Joints | None = inverse.solve(pose, near)
    except FaultError:
        found = None
    return found, 1000.0 * (time.perf_counter() - began)


def _errors(model: RobotModel, joints: Joints, pose: Pose) -> tuple[float, float]:
    """Distance, m, and angle, rad, of where the joints bring the tip; by sine, which small angles need."""
    off = pose.inverse() @ model.forward(joints)
    return math.hypot(*off.position), 2.0 * math.asin(min(1.0, math.hypot(*off.orientation[:3])))
