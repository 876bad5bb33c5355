"""Timed motions are as fast as the limits of velocity, acceleration and jerk allow, and keep them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.faults import FaultError
from microcell.motion.checking import sampled, violations
from microcell.motion.limits import Limits
from microcell.motion.timing import time_joint_move, time_line, time_path

TWO = Limits((-3.0, -0.5), (3.0, 0.5), (2.0, 0.8), (10.0, 4.0), (100.0, 60.0), (False, True))
places = st.tuples(st.floats(-3.0, 3.0), st.floats(-0.5, 0.5))


def one_joint(velocity, acceleration, jerk):
    return Limits((-100.0,), (100.0,), (velocity,), (acceleration,), (jerk,), (False,))


def position(trajectory, time_s):
    return sampled(trajectory, [time_s])[0][0]


def from_polyline(point, waypoints):
    """Distance of a point from a polyline."""
    nearest = math.inf
    for a, b in pairwise(np.array(waypoints)):
        share = np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        nearest = min(nearest, float(np.linalg.norm(point - a - share * (b - a))))
    return nearest


# --- straight in joint space ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "way", "least_s"),
    [
        (one_joint(1.0, 2.0, 10.0), 5.0, 5.0 + 0.5 + 0.2),  # way / v + v / a + a / j
        (one_joint(9.0, 2.0, 10.0), 1.0, 0.2 + math.sqrt(0.04 + 2.0)),  # never at full speed
        (one_joint(9.0, 90.0, 16.0), 1.0, 4.0 * (1.0 / 32.0) ** (1.0 / 3.0)),  # never at full acceleration
    ],
)
def test_a_joint_move_takes_the_least_time(limits, way, least_s):
    assert time_joint_move(limits, (1.0,), (1.0 - way,)).duration_s == pytest.approx(least_s, rel=1e-6)


@given(start=places, goal=places, ratio=st.sampled_from([0.2, 1.0]))
@settings(max_examples=60)
def test_a_joint_move_keeps_all_limits_and_ends_at_its_goal(start, goal, ratio):
    trajectory = time_joint_move(TWO, start, goal, ratio)
    assert violations(TWO.scaled(ratio), trajectory) == []
    assert position(trajectory, 0.0) == pytest.approx(start)
    assert position(trajectory, trajectory.duration_s) == pytest.approx(goal, abs=1e-8)


def test_the_joints_of_a_joint_move_stay_on_a_straight_line():
    trajectory = time_joint_move(TWO, (-1.0, 0.5), (2.0, -0.1))
    for time_s in np.linspace(0.0, trajectory.duration_s, 30):
        assert from_polyline(position(trajectory, time_s), [(-1.0, 0.5), (2.0, -0.1)]) < 1e-9


def test_a_joint_move_to_where_the_arm_stands_takes_no_time():
    assert time_joint_move(TWO, (1.0, 0.2), (1.0, 0.2)).duration_s == 0.0


def test_a_sliding_joint_out_of_its_limits_is_refused_in_metres():
    with pytest.raises(FaultError, match=r"joint 2 would go to 0.700 m; allowed is \[-0.500, 0.500\]") as caught:
        time_joint_move(TWO, (0.0, 0.0), (1.0, 0.7))
    assert caught.value.fault.code == "ARM_LIMIT"


# --- through waypoints ----------------------------------------------------------------------------------------------------


@given(waypoints=st.lists(places, min_size=3, max_size=6), ratio=st.sampled_from([0.3, 1.0]))
@settings(max_examples=40)
def test_a_path_keeps_all_limits_and_its_ends(waypoints, ratio):
    trajectory = time_path(TWO, waypoints, ratio)
    assert violations(TWO.scaled(ratio), trajectory) == []
    assert position(trajectory, 0.0) == pytest.approx(waypoints[0])
    assert position(trajectory, trajectory.duration_s) == pytest.approx(waypoints[-1])


ZIGZAG = [(-2.0, -0.4), (-0.5, 0.3), (1.0, -0.2), (2.5, 0.4)]


def test_a_path_does_not_stop_at_its_waypoints():
    trajectory = time_path(TWO, ZIGZAG)
    stopping = sum(time_joint_move(TWO, a, b).duration_s for a, b in pairwise(ZIGZAG))
    speeds = np.abs(sampled(trajectory, np.linspace(0.2, trajectory.duration_s - 0.2, 200))[1]).max(axis=1)
    assert speeds.min() > 0.1
    assert trajectory.duration_s < 0.95 * stopping


@pytest.mark.parametrize("deviation", [0.02, 0.1])
def test_a_path_keeps_to_its_corners(deviation):
    trajectory = time_path(TWO, ZIGZAG, deviation=deviation)
    rows, _ = sampled(trajectory, np.linspace(0.0, trajectory.duration_s, 300))
    smoothing = max(a**3 / (12.0 * j**2) for a, j in zip(TWO.acceleration, TWO.jerk, strict=True))
    assert max(from_polyline(row, ZIGZAG) for row in rows) < deviation + smoothing
    for corner in ZIGZAG:
        assert np.linalg.norm(rows - corner, axis=1).min() < deviation + smoothing + 0.005


def test_a_wider_rounding_is_quicker():
    assert time_path(TWO, ZIGZAG, deviation=0.2).duration_s < time_path(TWO, ZIGZAG, deviation=0.01).duration_s


def test_a_waypoint_on_the_straight_way_costs_little():
    straight = time_joint_move(TWO, (-2.0, -0.4), (2.0, 0.4)).duration_s
    assert time_path(TWO, [(-2.0, -0.4), (0.5, 0.1), (2.0, 0.4)]).duration_s < 1.05 * straight


def test_a_path_of_two_waypoints_is_a_joint_move():
    assert time_path(TWO, [(0.0, 0.0), (0.0, 0.0), (1.0, 0.2)]) == time_joint_move(TWO, (0.0, 0.0), (1.0, 0.2))


def test_a_waypoint_out_of_the_limits_is_refused():
    with pytest.raises(FaultError, match=r"joint 1 would go to 3.500 rad"):
        time_path(TWO, [(0.0, 0.0), (3.5, 0.0), (1.0, 0.2)])


# --- straight in space ----------------------------------------------------------------------------------------------------

SCARA = Limits((-3.0, -2.8), (3.0, 2.8), (4.0, 5.0), (20.0, 30.0), (200.0, 300.0), (False, False))
ARMS_M = 0.3


def tip(joints):
    a, b = joints
    return ARMS_M * np.array([math.cos(a) + math.cos(a + b), math.sin(a) + math.sin(a + b)])


def row_at(x, y):
    b = math.acos((x * x + y * y) / (2.0 * ARMS_M**2) - 1.0)
    return (math.atan2(y, x) - b / 2.0, b)


def line(start, goal, steps):
    points = [np.array(start) + (np.array(goal) - start) * k / steps for k in range(steps + 1)]
    return [row_at(*point) for point in points], float(np.linalg.norm(np.subtract(goal, start)))


@pytest.mark.parametrize("speed_m_s", [0.02, 0.2, 2.0])
@pytest.mark.parametrize(
    ("start", "goal"), [((0.2, -0.3), (0.35, 0.3)), ((0.3, 0.1), (0.3, 0.11)), ((0.55, -0.1), (0.1, 0.2))]
)
def test_a_line_keeps_all_limits_its_speed_and_its_straightness(start, goal, speed_m_s):
    rows, length_m = line(start, goal, 10)
    trajectory = time_line(SCARA, rows, length_m, speed_m_s)
    assert violations(SCARA, trajectory) == []
    tips = np.array([tip(row) for row in sampled(trajectory, np.linspace(0.0, trajectory.duration_s, 400))[0]])
    assert max(from_polyline(point, [start, goal]) for point in tips) < 2e-4
    speeds = np.linalg.norm(np.diff(tips, axis=0), axis=1) / (trajectory.duration_s / 399)
    assert speeds.max() < 1.02 * speed_m_s


def test_a_slow_line_goes_at_its_speed():
    rows, length_m = line((0.2, -0.3), (0.35, 0.3), 10)
    assert time_line(SCARA, rows, length_m, 0.05).duration_s == pytest.approx(length_m / 0.05, rel=0.05)


def test_a_straight_joint_line_takes_no_longer_as_a_line_in_space():
    rows = [(k / 5.0, k / 20.0) for k in range(6)]
    quick = time_joint_move(SCARA, rows[0], rows[-1]).duration_s
    assert time_line(SCARA, rows, 0.0, 1.0).duration_s == pytest.approx(quick, rel=0.01)


def test_a_line_to_where_the_arm_stands_takes_no_time():
    assert time_line(SCARA, [(0.1, 0.2)] * 3, 0.0, 0.1).duration_s == 0.0


def test_a_line_out_of_the_limits_is_refused():
    with pytest.raises(FaultError, match=r"joint 2 would go to 2.900 rad"):
        time_line(SCARA, [(0.0, 2.7), (0.0, 2.9), (0.0, 2.75)], 0.1, 0.1)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_rows_make_a_line_as_well(count):
    rows, length_m = line((0.3, 0.1), (0.32, 0.12), count - 1)
    assert violations(SCARA, time_line(SCARA, rows, length_m, 0.5)) == []
