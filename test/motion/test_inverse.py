"""Inverse kinematics: exact, within limits, the nearest branch, and refusals that say by how much."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_arms import OTHERS, SCARA, SIX_AXIS, load

from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy, multiply
from microcell.motion.inverse import InverseKinematics
from microcell.motion.limits import Joints
from microcell.motion.robot import RobotModel

HOME = (0.0, 0.0, math.pi / 2, 0.0, math.pi / 2, 0.0)
ORIGINS = "0 0 0.3", "0 0 0.05", "0 0 0.4", "0 0.03 0", "0 0 0.35", "0.02 0 0.05", "0 0.04 0.1"
AXES = "0 0 1", "0 1 0", "1 0 0", "0 1 0", "0 0 1", "0 1 0", "0 0 1"


@cache
def arm(name: str) -> InverseKinematics:
    return InverseKinematics(RobotModel.from_file({"six_axis": SIX_AXIS, "scara": SCARA}[name], name=name))


def general_arm(folder, count: int) -> InverseKinematics:
    """An arm of no family that has a closed form: its axes are set off from each other."""
    links = "".join(f'<link name="l{number}"/>' for number in range(count))
    joints = "".join(
        f"""<joint name="j{number}" type="revolute"><parent link="{f"l{number - 1}" if number else "base"}"/>
        <child link="l{number}"/><origin xyz="{ORIGINS[number]}"/><axis xyz="{AXES[number]}"/>
        <limit lower="-2.5" upper="2.5" velocity="3" effort="1"/></joint>"""
        for number in range(count)
    )
    tool = f"""<link name="tool"/><joint name="t" type="fixed"><parent link="l{count - 1}"/><child link="tool"/>
        <origin xyz="0 0 0.1"/></joint>"""
    return InverseKinematics(load(folder, links + joints + tool))


def within_limits(name: str) -> st.SearchStrategy[Joints]:
    limits = arm(name).model.limits
    return st.tuples(*(st.floats(low, high) for low, high in zip(limits.lower, limits.upper, strict=True)))


def postures(inverse: InverseKinematics, count: int, seed: int = 1) -> list[Joints]:
    limits = inverse.model.limits
    rows = np.random.default_rng(seed).uniform(limits.lower, limits.upper, (count, inverse.model.n))
    return [tuple(row) for row in rows.tolist()]


def assert_reached(inverse: InverseKinematics, joints: Joints, pose: Pose, within: float = 1e-6) -> None:
    off = pose.inverse() @ inverse.model.forward(joints)
    assert math.hypot(*off.position) < within
    assert math.hypot(*off.orientation[:3]) < within
    assert inverse.model.limits.contain(joints)


def apart(a: Joints, b: Joints) -> float:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))


# --- one pose ---


@settings(max_examples=150)
@given(joints=within_limits("six_axis"), near=within_limits("six_axis"))
@example(joints=(0.0,) * 6, near=HOME)
@example(joints=(3.05, 2.4, 2.7, 3.4, 2.2, 6.2), near=(0.0,) * 6)
@example(joints=(1.0, 0.5, 0.0, 3.0, 0.0, 6.2), near=(0.0, 0.0, 0.0, -3.0, 0.0, 6.0))
def test_the_six_axis_arm_comes_back_to_where_it_was(joints, near):
    pose = arm("six_axis").model.forward(joints)
    assert_reached(arm("six_axis"), arm("six_axis").solve(pose, near), pose)


@settings(max_examples=150)
@given(joints=within_limits("scara"), near=within_limits("scara"))
@example(joints=(0.0,) * 4, near=(0.1, 0.2, 0.1, 0.3))
@example(joints=(2.6, 2.5, 0.2, 6.2), near=(0.0,) * 4)
def test_the_scara_comes_back_to_where_it_was(joints, near):
    pose = arm("scara").model.forward(joints)
    assert_reached(arm("scara"), arm("scara").solve(pose, near), pose)


@pytest.mark.parametrize("name", ["six_axis", "scara"])
def test_an_arm_that_stands_there_stays(name):
    for joints in postures(arm(name), 100):
        assert apart(arm(name).solve(arm(name).model.forward(joints), joints), joints) < 1e-6


@pytest.mark.parametrize("name", ["six_axis", "scara"])
def test_the_branch_taken_is_the_nearest_of_all(name):
    inverse = arm(name)
    for joints, near in zip(postures(inverse, 100), postures(inverse, 100, seed=2), strict=True):
        pose = inverse.model.forward(joints)
        taken = inverse.solve(pose, near)
        branches = inverse.solutions(pose, near)
        assert apart(taken, branches[0]) < 1e-6
        assert math.dist(taken, near) <= math.dist(joints, near) + 1e-6
        assert [math.dist(row, near) for row in branches] == sorted(math.dist(row, near) for row in branches)


def test_a_six_axis_arm_has_all_its_branches():
    inverse = arm("six_axis")
    joints = (0.3, -0.4, 1.2, 0.4, 0.9, 0.2)
    pose = inverse.model.forward(joints)
    branches = inverse.solutions(pose, joints)
    assert len(branches) >= 4
    for index, row in enumerate(branches):
        assert_reached(inverse, row, pose)
        assert all(apart(row, other) > 0.01 for other in branches[:index])


def test_a_joint_takes_the_whole_turn_that_is_nearest():
    inverse = arm("six_axis")
    pose = inverse.model.forward((0.2, 0.3, 1.0, 0.1, 1.0, 3.0))
    assert inverse.solve(pose, (0.2, 0.3, 1.0, 0.1, 1.0, 3.0))[5] == pytest.approx(3.0)
    assert inverse.solve(pose, (0.2, 0.3, 1.0, 0.1, 1.0, -4.0))[5] == pytest.approx(3.0 - 2.0 * math.pi)


def test_the_same_question_has_the_same_answer_to_the_last_bit():
    first, second = (InverseKinematics(RobotModel.from_file(SIX_AXIS)) for _ in range(2))
    for joints in postures(first, 20):
        pose = first.model.forward(joints)
        assert first.solve(pose, HOME) == second.solve(pose, HOME)


def test_a_branch_that_collides_is_passed_over():
    inverse = arm("six_axis")
    joints = (0.3, -0.4, 1.2, 0.4, 0.9, 0.2)
    first, second, *_ = inverse.solutions(inverse.model.forward(joints), joints)
    taken = inverse.solve(inverse.model.forward(joints), joints, lambda row: apart(row, first) > 0.01)
    assert apart(taken, second) < 1e-6


def test_a_pose_that_always_collides_is_blocked():
    inverse = arm("scara")
    pose = inverse.model.forward((0.2, 0.5, 0.1, 0.0))
    with pytest.raises(FaultError, match="ARM_BLOCKED at scara: .*all 2 postures that reach the pose collide"):
        inverse.solve(pose, (0.0,) * 4, lambda joints: False)


# --- arms of no special family ---


@pytest.mark.parametrize("count", [4, 5, 6, 7])
def test_any_arm_reaches_the_poses_of_its_joints(tmp_path, count):
    inverse = general_arm(tmp_path, count)
    for joints, near in zip(postures(inverse, 40), postures(inverse, 40, seed=2), strict=True):
        pose = inverse.model.forward(joints)
        assert_reached(inverse, inverse.solve(pose, near), pose)


def test_an_arm_with_a_joint_to_spare_stays_near(tmp_path):
    inverse = general_arm(tmp_path, 7)
    joints = (0.2, 0.4, 0.3, 0.8, 0.2, 0.6, 0.1)
    moved = inverse.solve(inverse.model.forward(joints).shifted(dx=0.02), joints)
    assert apart(moved, joints) < 0.15
    assert len(inverse.solutions(inverse.model.forward(joints), joints)) > 1


@pytest.mark.skipif(not OTHERS.is_dir(), reason="robot files of other vendors are not at hand")
@pytest.mark.parametrize(
    ("name", "tip"), [("ur5e", "tool0"), ("fr3", "fr3_hand_tcp"), ("rh6frh5520_scara", "rh6frh5520_default_tcp")]
)
def test_arms_of_other_vendors_reach_their_poses(name, tip):
    inverse = InverseKinematics(RobotModel.from_file(OTHERS / f"{name}.urdf", tip_link=tip))
    for joints, near in zip(postures(inverse, 100), postures(inverse, 100, seed=2), strict=True):
        pose = inverse.model.forward(joints)
        assert_reached(inverse, inverse.solve(pose, near), pose)


# --- refusals ---


def refusal(inverse: InverseKinematics, pose: Pose, near: Joints) -> str:
    with pytest.raises(FaultError, match="ARM_UNREACHABLE") as caught:
        inverse.solve(pose, near)
    return caught.value.fault.detail


def test_a_pose_far_away_says_by_how_much():
    detail = refusal(arm("six_axis"), Pose((3.0, 0.0, 0.28)), HOME)
    assert detail == "the tip would have to be 3.000 m from joint_1, 1.860 m more than the arm's 1.140 m"


def test_a_pose_beyond_the_stretched_arm_says_what_is_short():
    pose = Pose((0.93 + 0.09 + 0.05, 0.0, 0.4), from_rpy(0.0, math.pi / 2, 0.0))
    assert "the arm ends 0.050 m short" in refusal(arm("six_axis"), pose, HOME)


def test_a_joint_limit_in_the_way_is_named():
    inverse = arm("scara")
    pose = inverse.model.forward((0.2, 0.5, 0.2, 0.0)).shifted(dz=-0.03)
    detail = refusal(inverse, pose, (0.0,) * 4)
    assert detail == "joint_3 would have to be at 0.230 m, 0.030 m over its limit of 0.200 m"


def test_a_turning_joint_limit_in_the_way_is_named():
    inverse = arm("scara")
    pose = inverse.model.forward((3.0, 0.0, 0.1, 0.0))
    assert "joint_1 would have to be at 3.000 rad, 0.400 rad over its limit of 2.600 rad" in refusal(
        inverse, pose, (0.0,) * 4
    )


def test_a_tilt_that_a_scara_cannot_make_says_how_much():
    inverse = arm("scara")
    pose = inverse.model.forward((0.2, 0.5, 0.1, 0.0))
    tilted = Pose(pose.position, multiply(pose.orientation, from_rpy(0.2, 0.0, 0.0)))
    assert "the arm ends 0.200 rad off its orientation" in refusal(inverse, tilted, (0.2, 0.5, 0.1, 0.0))


def test_a_tilt_within_the_tolerance_is_taken_at_the_exact_position():
    inverse = arm("scara")
    pose = inverse.model.forward((0.2, 0.5, 0.1, 0.0))
    tilted = Pose(pose.position, multiply(pose.orientation, from_rpy(5e-4, 0.0, 0.0)))
    found = inverse.solve(tilted, (0.1, 0.4, 0.1, 0.1))
    assert math.dist(inverse.model.forward(found).position, pose.position) < 1e-6


def test_an_arm_of_five_joints_refuses_what_takes_a_sixth(tmp_path):
    inverse = general_arm(tmp_path, 5)
    joints = (0.2, 0.4, 0.3, 0.8, 0.2)
    pose = inverse.model.forward(joints)
    tilted = Pose(pose.position, multiply(pose.orientation, from_rpy(0.3, 0.3, 0.0)))
    assert "the arm ends 0.149 m short" in refusal(inverse, tilted, joints)


# --- paths ---


def test_a_straight_path_keeps_the_branch():
    inverse = arm("six_axis")
    start = (0.3, 0.2, 1.2, 0.1, 1.5, 0.4)
    poses = [inverse.model.forward(start).shifted(dx=0.01 * step, dz=-0.01 * step) for step in range(1, 16)]
    rows = inverse.along(poses, start)
    assert max(apart(a, b) for a, b in zip([start, *rows], rows, strict=False)) < 0.05
    for row, pose in zip(rows, poses, strict=True):
        assert_reached(inverse, row, pose)


def test_a_path_with_wide_steps_ends_where_one_with_small_steps_ends():
    inverse = arm("six_axis")
    start = (0.3, 0.2, 1.2, 0.1, 1.5, 0.4)
    flange = inverse.model.forward(start)
    small = inverse.along([flange.shifted(dy=-0.005 * step) for step in range(1, 81)], start)
    assert apart(inverse.along([flange.shifted(dy=-0.4)], start)[0], small[-1]) < 1e-6


def test_a_path_beside_a_wrist_in_line_is_singular():
    inverse = arm("six_axis")
    start = (0.0, 0.3, 1.2, 0.0, 0.4, 0.0)
    flange = inverse.model.forward(start)
    off = Pose((0.0, 0.0, 0.0), from_rpy(0.002, 0.0, 0.0))
    aside = [flange @ Pose((0.0, 0.0, 0.0), from_rpy(0.0, -0.02 * step, 0.0)) @ off for step in range(1, 41)]
    with pytest.raises(FaultError, match=r"ARM_SINGULAR at six_axis: .*pose \d+ of 40: joint_[46] would have to turn"):
        inverse.along(aside, start)


def test_a_path_through_a_wrist_in_line_goes_straight_on():
    inverse = arm("six_axis")
    start = (0.0, 0.3, 1.2, 0.0, 0.4, 0.0)
    flange = inverse.model.forward(start)
    through = [flange @ Pose((0.0, 0.0, 0.0), from_rpy(0.0, -0.02 * step, 0.0)) for step in range(1, 41)]
    rows = inverse.along(through, start)
    assert rows[-1][4] < -0.3
    assert max(apart(a, b) for a, b in zip([start, *rows], rows, strict=False)) < 0.05


def test_a_path_out_of_reach_says_where_and_by_how_much():
    inverse = arm("six_axis")
    flange = inverse.model.forward(HOME)
    with pytest.raises(FaultError, match=r"ARM_UNREACHABLE .*pose 7 of 8: the arm ends 0.003 m short"):
        inverse.along([flange.shifted(dx=0.05 * step) for step in range(1, 9)], HOME)


def test_a_path_over_a_limit_says_which():
    inverse = arm("scara")
    start = (0.2, 0.5, 0.19, 0.0)
    flange = inverse.model.forward(start)
    with pytest.raises(
        FaultError, match=r"pose 2 of 3: joint_3 would have to be at 0.202 m, 0.002 m over its limit of 0.200"
    ):
        inverse.along([flange.shifted(dz=-0.006 * step) for step in range(1, 4)], start)
