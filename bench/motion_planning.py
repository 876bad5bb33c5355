"""Planning of joint moves among obstacles, measured: how often a way is found, how fast, how good, and whether it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import toppra  # noqa: F401  # its half second of loading is not planning
from motion_scenes import independent_check, obstacles, scene_of

from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.motion.checking import sampled, violations
from microcell.motion.collision import CollisionChecker
from microcell.motion.limits import Joints, Limits
from microcell.motion.planning import plan_path, time_way
from microcell.motion.robot import RobotModel
from microcell.motion.trajectory import JointTrajectory

GOALS_A_SCENE = 20
CLEARANCE_M = 0.005
"""The planner keeps obstacles so far off; the independent check takes them as they are."""
PERIOD_S = 0.001
HALF_TURN = np.pi


@dataclass
class PlanningFigures:
    """Of random free joint goals among obstacles, each reached from the one before."""

    goals: int = 0
    failures: int = 0
    times_s: list[float] = field(default_factory=list)
    straight_ratios: list[float] = field(default_factory=list)
    """Duration over the least possible for the straight joint path, where that is free."""
    around_ratios: list[float] = field(default_factory=list)
    """The same where it is not: what the obstacles cost."""
    around_times_s: list[float] = field(default_factory=list)
    over_limits: int = 0
    """Trajectories with a violation of position, velocity, acceleration or jerk."""
    collisions: int = 0
    """Trajectories that touch something at any millisecond."""

    @property
    def success(self) -> float:
        return 1.0 - self.failures / self.goals


def planning_figures(model: RobotModel, ready: Joints, count: int, seed: int) -> PlanningFigures:
    """Plan to `count` goals, twenty in each scene; planning includes the timing.

    Goals are drawn within the limits and half a turn of `ready`: joints beyond that are the same posture wound up once
    more, with the bench between the two.
    """
    figures = PlanningFigures()
    for number in range(-(-count // GOALS_A_SCENE)):
        _in_one_scene(model, ready, min(GOALS_A_SCENE, count - figures.goals), seed * 1000 + number, figures)
    return figures


def _in_one_scene(model: RobotModel, ready: Joints, count: int, seed: int, figures: PlanningFigures) -> None:
    random = np.random.default_rng(seed)
    around = obstacles(model, ready, seed)
    checker = CollisionChecker(model, Pose(), scene_of(around), clearance_m=CLEARANCE_M)
    truth = independent_check(model, around)
    start = ready
    for number in range(count):
        goal = _goal(model.limits, ready, checker, random)
        figures.goals += 1
        begun = time.perf_counter()
        try:
            way = plan_path(model.limits, start, goal, checker.free, seed=number)
            trajectory = time_way(model.limits, way, checker.free)
        except FaultError:
            figures.failures += 1
            continue
        spent = time.perf_counter() - begun
        _note(figures, spent, trajectory.duration_s / least_duration_s(model.limits, start, goal), len(way) == 2)
        figures.over_limits += bool(violations(model.limits, trajectory, PERIOD_S))
        figures.collisions += not _is_free(trajectory, truth)
        start = goal


def _note(figures: PlanningFigures, spent_s: float, ratio: float, straight: bool) -> None:
    figures.times_s.append(spent_s)
    if straight:
        figures.straight_ratios.append(ratio)
    else:
        figures.around_ratios.append(ratio)
        figures.around_times_s.append(spent_s)


def _goal(limits: Limits, ready: Joints, checker: CollisionChecker, random: np.random.Generator) -> Joints:
    lower = np.maximum(limits.lower, np.subtract(ready, HALF_TURN))
    upper = np.minimum(limits.upper, np.add(ready, HALF_TURN))
    while True:
        joints = tuple(random.uniform(lower, upper).tolist())
        if checker.free(joints):
            return joints


def _is_free(trajectory: JointTrajectory, truth: Callable[[Joints], bool]) -> bool:
    rows, _ = sampled(trajectory, np.append(np.arange(0.0, trajectory.duration_s, PERIOD_S), trajectory.duration_s))
    return all(truth(row) for row in rows)


def least_duration_s(limits: Limits, start: Joints, goal: Joints) -> float:
    """The least time for the straight joint path from rest to rest, in closed form.

    A profile of seven sections with velocity, acceleration and jerk at their limits (Biagiotti and Melchiorri, Trajectory
    Planning for Automatic Machines and Robots, 2008, section 3.4).
    """
    way = np.abs(np.subtract(goal, start))
    moving = way > 0.0
    given = (limits.velocity, limits.acceleration, limits.jerk)
    v, a, j = (float((np.array(values)[moving] / way[moving]).min()) for values in given)
    if v * j < a * a:
        a = (v * j) ** 0.5
    if v * (v / a + a / j) <= 1.0:
        return 1.0 / v + v / a + a / j
    if 2.0 * a**3 / j**2 >= 1.0:
        return 4.0 * (1.0 / (2.0 * j)) ** (1.0 / 3.0)
    return a / j + ((a / j) ** 2 + 4.0 / a) ** 0.5
