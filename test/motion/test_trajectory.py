"""Trajectories keep their limits, their line and their speed."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skill_bench import valve_line

from microcell.faults import FaultError
from microcell.geometry import Pose, angle_between, distance, from_rpy
from microcell.motion.kinematics import ArmModel
from microcell.motion.trajectory import plan_joint_move, plan_straight_move, resample, sample

SPEC = valve_line().cell_description.devices["arm"]
MODEL = ArmModel(SPEC)
DOWN = from_rpy(math.pi, 0.0, 0.0)
within_limits = st.tuples(*[st.floats(limit.lower_rad, limit.upper_rad) for limit in SPEC.joints])
over_the_bench = st.tuples(st.floats(0.3, 0.6), st.floats(-0.35, 0.35), st.floats(0.15, 0.4))


def standing_at(position):
    return MODEL.inverse(Pose(position, DOWN), SPEC.home_rad)


def dense(trajectory, count=400):
    return [sample(trajectory, k * trajectory.duration_s / count) for k in range(count + 1)]


def assert_within_limits(trajectory, slack=1.02):
    step_s = trajectory.duration_s / 400
    rows = dense(trajectory)
    for (_, slow), (_, fast) in pairwise(rows):
        for limit, a, b in zip(SPEC.joints, slow, fast, strict=True):
            assert abs(b) <= limit.velocity_rad_s * slack
            assert abs(b - a) / step_s <= limit.acceleration_rad_s2 * slack


@given(start=within_limits, goal=within_limits)
def test_a_joint_move_keeps_velocity_and_acceleration(start, goal):
    trajectory = plan_joint_move(SPEC.joints, start, goal)
    if trajectory.duration_s > 0.01:
        assert_within_limits(trajectory)
    assert sample(trajectory, trajectory.duration_s)[0] == pytest.approx(goal)
    assert sample(trajectory, trajectory.duration_s)[1] == pytest.approx((0.0,) * 6)


def test_some_joint_of_a_long_joint_move_goes_at_its_limit():
    trajectory = plan_joint_move(SPEC.joints, (-3.0, 0.0, 0.0, 0.0, 0.0, 0.0), (3.0, 0.5, 0.5, 0.0, 0.0, 0.0))
    assert max(velocities[0] for _, velocities in dense(trajectory)) == pytest.approx(3.1, rel=0.01)


def test_half_the_speed_ratio_takes_longer():
    goal = (2.0, 0.5, 0.5, 0.0, 0.0, 0.0)
    fast, slow = (plan_joint_move(SPEC.joints, (0.0,) * 6, goal, ratio) for ratio in (1.0, 0.5))
    assert slow.duration_s > 1.4 * fast.duration_s


def test_a_joint_goal_over_its_limit_is_refused():
    with pytest.raises(FaultError, match=r"joint 2 would go to 2\.500 rad; allowed is \[-2\.000, 2\.400\]"):
        plan_joint_move(SPEC.joints, (0.0,) * 6, (0.0, 2.5, 0.0, 0.0, 0.0, 0.0))


def test_a_move_to_where_the_arm_is_takes_no_time():
    joints = standing_at((0.45, 0.1, 0.3))
    assert plan_joint_move(SPEC.joints, joints, joints).duration_s == 0.0
    assert plan_straight_move(MODEL, joints, MODEL.forward(joints), 0.1).duration_s == 0.0


@given(start=over_the_bench, goal=over_the_bench, yaw=st.floats(-1.0, 1.0))
def test_a_straight_move_is_straight_and_keeps_its_limits(start, goal, yaw):
    joints = standing_at(start)
    target = Pose(goal, from_rpy(math.pi, 0.0, yaw))
    trajectory = plan_straight_move(MODEL, joints, target, 0.25)
    if trajectory.duration_s < 0.01:
        return
    assert_within_limits(trajectory, slack=1.1)
    begin = MODEL.forward(joints)
    length_m = distance(begin, target)
    for positions, _ in dense(trajectory, 50):
        flange = MODEL.forward(positions)
        assert distance(begin, flange) + distance(flange, target) == pytest.approx(length_m, abs=2e-4)
    reached = MODEL.forward(sample(trajectory, trajectory.duration_s)[0])
    assert distance(reached, target) < 1e-9
    assert angle_between(reached, target) < 1e-6


def test_a_straight_move_goes_at_the_speed_that_was_asked_for():
    trajectory = plan_straight_move(MODEL, standing_at((0.45, 0.1, 0.4)), Pose((0.45, 0.1, 0.3), DOWN), 0.05)
    step_s = trajectory.duration_s / 400
    flanges = [MODEL.forward(positions) for positions, _ in dense(trajectory)]
    speeds = [distance(a, b) / step_s for a, b in pairwise(flanges)]
    assert max(speeds) == pytest.approx(0.05, rel=0.01)
    assert trajectory.duration_s == pytest.approx(0.1 / 0.05, rel=0.1)


def test_a_line_that_leaves_the_reach_is_refused():
    with pytest.raises(FaultError, match="ARM_UNREACHABLE"):
        plan_straight_move(MODEL, standing_at((0.6, 0.0, 0.3)), Pose((1.4, 0.0, 0.3), DOWN), 0.1)


def test_a_line_through_the_base_is_refused_as_a_turn_over():
    with pytest.raises(FaultError, match="ARM_UNREACHABLE"):
        plan_straight_move(MODEL, standing_at((0.3, 0.001, 0.5)), Pose((-0.3, 0.001, 0.5), DOWN), 0.1)


def test_resampled_it_is_the_same_motion_with_more_points():
    trajectory = plan_straight_move(MODEL, standing_at((0.4, 0.1, 0.4)), Pose((0.5, 0.0, 0.3), DOWN), 0.1)
    finer = resample(trajectory, 0.008)
    assert finer.duration_s == trajectory.duration_s
    assert max(b - a for a, b in pairwise(finer.times_s)) < 0.008 + 1e-9
    for time_s in (0.1, 0.5, 1.0):
        for a, b in zip(sample(trajectory, time_s)[0], sample(finer, time_s)[0], strict=True):
            assert a == pytest.approx(b, abs=1e-5)


def test_before_its_start_and_after_its_end_a_trajectory_stands_still():
    trajectory = plan_joint_move(SPEC.joints, (0.0,) * 6, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert sample(trajectory, -1.0) == ((0.0,) * 6, (0.0,) * 6)
    assert sample(trajectory, 99.0)[0] == pytest.approx((1.0, 0.0, 0.0, 0.0, 0.0, 0.0))


def test_times_rise_strictly():
    short = plan_straight_move(MODEL, standing_at((0.4, 0.1, 0.4)), Pose((0.4, 0.1, 0.3999), DOWN), 0.25)
    assert all(b > a for a, b in pairwise(short.times_s))
    assert short.times_s[0] == 0.0
