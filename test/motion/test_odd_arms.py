"""Arms of any make: they load without code, reach their poses, and move within their limits."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from odd_arms import FILES, odd_arm

from microcell.geometry import Pose
from microcell.motion.checking import violations
from microcell.motion.collision import CollisionChecker
from microcell.motion.inverse import InverseKinematics
from microcell.motion.limits import Joints
from microcell.motion.planning import plan_motion
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Scene, box

TWO_TURNS = 4.0 * math.pi


@cache
def arm(name: str) -> RobotModel:
    with TemporaryDirectory() as folder:
        return odd_arm(name, Path(folder))


def postures(model: RobotModel, count: int, seed: int) -> list[Joints]:
    rows = np.random.default_rng(seed).uniform(model.limits.lower, model.limits.upper, (count, model.n))
    return [tuple(row) for row in rows.tolist()]


@pytest.mark.parametrize("name", FILES)
def test_an_arm_loads_with_its_joints_only_and_solids_of_its_own(name: str):
    model = arm(name)
    assert model.joint_names == tuple(f"joint_{number}" for number in range(1, model.n + 1))
    assert 4 <= model.n <= 7 and len(model.pin_geometry.geometryObjects) >= model.n
    for lower, upper, endless in zip(model.limits.lower, model.limits.upper, turns_without_end(name, model), strict=True):
        assert not endless or (lower, upper) == (-TWO_TURNS / 2, TWO_TURNS / 2)


def turns_without_end(name: str, model: RobotModel) -> list[bool]:
    return [f'name="joint_{number}" type="continuous"' in FILES[name] for number in range(1, model.n + 1)]


@pytest.mark.parametrize("name", FILES)
def test_an_arm_reaches_the_poses_of_its_postures(name: str):
    model = arm(name)
    inverse = InverseKinematics(model)
    for joints, near in zip(postures(model, 40, 1), postures(model, 40, 2), strict=True):
        pose = model.forward(joints)
        found = inverse.solve(pose, near)
        off = pose.inverse() @ model.forward(found)
        assert math.hypot(*off.position) < 1e-6 and 2.0 * math.hypot(*off.orientation[:3]) < 1e-6
        assert model.limits.contain(found)


def test_an_exact_branch_comes_before_one_that_is_tilted_a_little():
    model = arm("five_skew")
    inverse = InverseKinematics(model)
    rows = np.random.default_rng(7).uniform(model.limits.lower, model.limits.upper, (6000, 5)).tolist()
    for number in (1195, 2029, 2301, 2768):  # near singular: a neighbouring branch is off by less than 1 mrad
        pose = model.forward(tuple(rows[number]))
        off = pose.inverse() @ model.forward(inverse.solve(pose, tuple(rows[3000 + number])))
        assert 2.0 * math.hypot(*off.orientation[:3]) < 1e-6


@pytest.mark.parametrize(("name", "most"), [("offset_wrist", 1), ("light_wrist", 0), ("hollow_wrist", 2)])
def test_asked_carefully_an_arm_without_closed_form_mostly_comes_in_its_nearest_posture(name: str, most: int):
    model = arm(name)
    rows = postures(model, 120, 8)
    missed = {}
    for careful in (False, True):
        inverse = InverseKinematics(model, careful)
        found = [inverse.solve(model.forward(joints), near) for joints, near in zip(rows[:60], rows[60:], strict=True)]
        farther = zip(found, rows[:60], rows[60:], strict=True)
        missed[careful] = sum(math.dist(a, near) > math.dist(b, near) + 1e-6 for a, b, near in farther)
    assert missed[True] <= most < missed[False]


@pytest.mark.parametrize("name", FILES)
def test_an_arm_goes_past_an_obstacle_within_its_limits(name: str):
    model = arm(name)
    reach_m = max(math.hypot(*model.forward(row).position[:2]) for row in postures(model, 50, 4))
    scene = Scene().with_body("post", [box("post", (0.05, 0.05, 3.0), Pose((0.7 * reach_m, 0.1, 0.0)))])
    checker = CollisionChecker(model, Pose((0.0, 0.0, 0.0)), scene, ())
    half = [tuple(0.5 * value for value in row) for row in postures(model, 40, 3)]
    start, goal = [row for row in half if checker.free(row)][:2]
    planned = plan_motion(model.limits, start, goal, checker.free)
    assert violations(model.limits, planned) == []
    assert planned.duration_s > 0.1
