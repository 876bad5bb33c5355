"""Kinematics of the six-axis arm: forward and inverse are each other's inverse, and refusals say why."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from microcell.description.cell import ArmGeometry, ArmSpec, JointLimit
from microcell.faults import FaultError
from microcell.geometry import Pose, angle_between, distance, from_rpy
from microcell.motion.kinematics import ArmModel

HOME = (0.0, 0.0, math.pi / 2, 0.0, math.pi / 2, 0.0)
angles = st.tuples(*[st.floats(-6.2, 6.2)] * 6)


def arm(limit_rad: float = 6.283) -> ArmModel:
    limit = JointLimit(
        lower_rad=-limit_rad, upper_rad=limit_rad, velocity_rad_s=3.0, acceleration_rad_s2=10.0, jerk_rad_s3=100.0
    )
    geometry = ArmGeometry(shoulder_height_m=0.4, upper_arm_m=0.48, forearm_m=0.45, wrist_to_flange_m=0.09)
    spec = ArmSpec(
        kind="arm",
        geometry=geometry,
        joints=(limit,) * 6,
        home_rad=HOME,
        payload_kg=5.0,
        tool_changer="changer",
        force_sensor="wrist_force",
    )
    return ArmModel(spec)


def assert_same(pose: Pose, other: Pose) -> None:
    assert distance(pose, other) < 1e-6
    assert angle_between(pose, other) < 1e-6


def test_the_zero_pose_stands_straight_up():
    assert_same(arm().forward((0.0,) * 6), Pose((0.0, 0.0, 0.4 + 0.48 + 0.45 + 0.09)))


def test_the_home_pose_reaches_forward_with_the_flange_down():
    assert_same(arm().forward(HOME), Pose((0.45, 0.0, 0.4 + 0.48 - 0.09), from_rpy(0.0, math.pi, 0.0)))


@given(joints=angles)
def test_a_pose_that_the_arm_stands_in_is_reached_by_staying(joints):
    flange = arm().forward(joints)
    assume(math.hypot(*flange.position[:2]) > 0.01 and abs(math.sin(joints[4])) > 0.01)
    found = arm().inverse(flange, near=joints)
    assert max(abs(a - b) for a, b in zip(found, joints, strict=True)) < 1e-4


@given(joints=angles, near=angles)
def test_inverse_finds_joints_that_bring_the_flange_there(joints, near):
    flange = arm().forward(joints)
    found = arm().inverse(flange, near)
    assert_same(arm().forward(found), flange)
    assert all(abs(angle) <= 6.2831854 for angle in found)


@given(joints=angles, near=angles)
def test_no_whole_turn_would_bring_a_joint_nearer(joints, near):
    found = arm().inverse(arm().forward(joints), near)
    for angle, wish in zip(found, near, strict=True):
        for turned in (angle - 2.0 * math.pi, angle + 2.0 * math.pi):
            assert abs(turned) > 6.283 or abs(turned - wish) > abs(angle - wish) - 1e-6


@pytest.mark.parametrize("wrist", [0.0, math.pi])
def test_with_forearm_and_flange_in_line_the_forearm_keeps_its_roll(wrist):
    joints = (0.3, 0.4, 1.1, 0.7, wrist, -0.5)
    found = arm().inverse(arm().forward(joints), near=joints)
    assert found[3] == pytest.approx(0.7, abs=1e-6)
    assert_same(arm().forward(found), arm().forward(joints))


def test_above_the_base_its_yaw_is_kept():
    straight_up = arm().forward((0.0,) * 6)
    assert arm().inverse(straight_up, near=(1.2, 0.1, 0.1, 0.0, 0.1, 0.0))[0] == pytest.approx(1.2)


def test_too_far_says_by_how_much():
    with pytest.raises(
        FaultError, match=r"2\.040 m from the shoulder, 1\.110 m more than the arm's 0\.930 m"
    ):
        arm().inverse(Pose((2.0, 0.0, 0.09), from_rpy(0.0, 0.0, 0.0)), HOME)


def test_too_near_says_so():
    with pytest.raises(FaultError, match="m nearer than the arm can fold"):
        arm().inverse(Pose((0.0, 0.0, 0.49)), HOME)


def test_a_limit_in_the_way_is_named():
    flange = arm().forward(HOME)
    with pytest.raises(
        FaultError, match=r"joint [35] would have to be at 1\.571 rad, 0\.371 rad over its limit"
    ):
        arm(limit_rad=1.2).inverse(flange, HOME)
