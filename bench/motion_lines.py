"""The planner of the shipped lines, measured as skills ask it: inverse, joint moves and straight moves, and asked again."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from common import Figure
from motion_arms import Arm

from microcell.description.cell import JointLimit, LinearJointLimit
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.motion.checking import violations
from microcell.motion.inverse import InverseKinematics
from microcell.motion.limits import Joints, Limits
from microcell.motion.planner import Load, MotionPlanner

LINES = ("valve", "valve_twin")
DOWN = from_rpy(math.pi, 0.0, 0.0)
NEAREST_M, FARTHEST_M, LOW_M, HIGH_M = 0.34, 0.56, 0.32, 0.42
LINE_M, SPEED_M_S = 0.06, 0.25


def line_figures(others: Sequence[Arm], count: int, seed: int) -> dict[str, list[Figure]]:
    """For each arm of the shipped lines: random places in front of it, one after the other, and straight down.

    The others stand, one after the other, where the arm of the first line stands.
    """
    lines = [load_line(name) for name in LINES]
    arms = {f"{line.name}/{arm}": (line, arm) for line in lines for arm in line.cell_description.of_kind("arm")}
    first, arm = next(iter(arms.values()))
    arms |= {f"with {other.name}": (_with_arm(first, arm, other), arm) for other in others}
    return {name: _figures(line, arm, count, seed) for name, (line, arm) in arms.items()}


def _with_arm(line: Line, name: str, arm: Arm) -> Line:
    """A line with another arm in one's place, with moderate limits, whose flange points down at home."""
    model, cell = arm.model(), line.cell_description
    joints = tuple(
        (LinearJointLimit.model_construct if slides else JointLimit.model_construct)(**dict(zip(keys, values, strict=True)))
        for values, slides in zip(zip(*_rows(model.limits), strict=True), model.limits.sliding, strict=True)
        for keys in [(LinearJointLimit if slides else JointLimit).model_fields]
    )
    above = Pose((0.5 * (NEAREST_M + FARTHEST_M), 0.0, HIGH_M), DOWN)
    home = InverseKinematics(model).solve(above, arm.ready)
    changes = {"robot": str(arm.path), "base_link": "", "tip_link": arm.tip_link, "joints": joints, "home_rad": home}
    devices = {**cell.devices, name: cell.devices[name].model_copy(update=changes)}
    return line.model_copy(update={"cell_description": cell.model_copy(update={"devices": devices})})


def _rows(limits: Limits) -> tuple[Joints, ...]:
    return limits.lower, limits.upper, limits.velocity, limits.acceleration, limits.jerk


def _figures(line: Line, arm: str, count: int, seed: int) -> list[Figure]:
    planner, load = MotionPlanner(line, arm), Load(_tool(line, arm))
    random, times = np.random.default_rng(seed), {"inverse": [0.0], "joint": [0.0], "line": [0.0], "again": [0.0]}
    here, failed, over = tuple(planner.spec.home_rad), 0, 0
    planner.joint_move(here, here, 1.0, load)  # libraries load, checkers are made
    for _ in range(count):
        try:
            goal, place = _goal(planner, random, load, times)
            move = _timed(times["joint"], planner.joint_move, here, goal, 1.0, load)
            down = (goal, place.shifted(dz=-LINE_M), SPEED_M_S, load, frozenset[str]())
            line_down = _timed(times["line"], planner.straight_move, *down)
            _timed(times["again"], planner.straight_move, *down)
        except FaultError as error:
            print(f"{line.name}/{arm}: {error}", file=sys.stderr)
            failed += 1
            continue
        over += sum(bool(violations(planner.limits, found)) for found in (move, line_down))
        here = goal
    ms = {name: median(found[1:] or [0.0]) * 1e3 for name, found in times.items()}
    worst_ms = max(times["line"]) * 1e3
    return [
        Figure("planned", 100.0 * (count - failed) / count, "%", least=99.0),
        Figure("inverse, median", ms["inverse"], "ms"),
        Figure("joint move, median", ms["joint"], "ms", most=50.0),
        Figure("straight, median", ms["line"], "ms", most=50.0),
        Figure("straight, worst", worst_ms, "ms"),
        Figure("asked again", ms["again"], "ms"),
        Figure("over limits", over, "trajectories", most=0),
    ]


def _goal(
    planner: MotionPlanner, random: np.random.Generator, load: Load, times: dict[str, list[float]]
) -> tuple[Joints, Pose]:
    """A free place over the bench, in the arm's front; one where something stands is no place to go to."""
    while True:
        angle, away = random.uniform(-1.2, 1.2), random.uniform(NEAREST_M, FARTHEST_M)
        place = Pose((away * math.cos(angle), away * math.sin(angle), random.uniform(LOW_M, HIGH_M)), DOWN)
        try:
            return _timed(times["inverse"], planner.inverse, place, tuple(planner.spec.home_rad), load), place
        except FaultError as error:
            if error.fault.code not in ("ARM_BLOCKED", "ARM_UNREACHABLE"):
                raise


def _timed(times: list[float], plan: Callable[..., Any], *question: Any) -> Any:
    began = time.perf_counter()
    found = plan(*question)
    times.append(time.perf_counter() - began)
    return found


def _tool(line: Line, arm: str) -> str:
    cribs = line.cell_description.of_kind("tool_crib").items()
    spec = line.cell_description.of_kind("arm")[arm]
    return next(pocket.tool for name, crib in cribs if spec.works_at(name) for pocket in crib.pockets if pocket.tool)
