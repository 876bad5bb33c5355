"""The planner of a line's arm: motions free of what stands in the cell, planned once, refused with what is in the way."""

from __future__ import annotations

import math

import pytest
from skill_bench import line_with, valve_line

from microcell.description.base import PoseSpec
from microcell.description.shape import BoxShape
from microcell.faults import FaultError
from microcell.geometry import Pose, distance, from_rpy
from microcell.motion.checking import violations
from microcell.motion.planner import Load, MotionPlanner
from microcell.motion.trajectory import sample

LINE = valve_line()
SPEC = LINE.cell_description.devices["arm"]
HOME = tuple(SPEC.home_rad)
DOWN = from_rpy(math.pi, 0.0, 0.0)
BARE = Load()
NOWHERE = frozenset()


@pytest.fixture(scope="module")
def planner():
    return MotionPlanner(LINE, "arm")


def joints_at(planner, x, y, z, load=BARE):
    return planner.inverse(Pose((x, y, z), DOWN), HOME, load)


def test_the_same_motion_is_planned_once_and_another_speed_is_another_motion(planner):
    up = planner.forward(HOME).shifted(dz=0.03)
    first = planner.straight_move(HOME, up, 0.1, BARE, NOWHERE)
    assert planner.straight_move(HOME, up, 0.1, BARE, NOWHERE) is first
    assert planner.straight_move(HOME, up, 0.02, BARE, NOWHERE).duration_s > first.duration_s


def test_motions_reach_their_goals_within_all_limits(planner):
    goal = joints_at(planner, 0.45, 0.2, 0.4)
    move = planner.joint_move(HOME, goal, 1.0, BARE)
    down = Pose((0.45, 0.2, 0.3), DOWN)
    line = planner.straight_move(goal, down, 0.25, BARE, NOWHERE)
    assert distance(planner.forward(line.positions[-1]), down) < 1e-6
    assert move.positions[-1] == pytest.approx(goal)
    assert violations(planner.limits, move) == []
    assert violations(planner.limits, line) == []


def test_a_straight_motion_is_straight(planner):
    start = joints_at(planner, 0.4, -0.2, 0.4)
    here, goal = planner.forward(start), Pose((0.5, 0.1, 0.3), DOWN)
    line = planner.straight_move(start, goal, 0.25, BARE, NOWHERE)
    for share in (0.1, 0.3, 0.5, 0.8):
        flange = planner.forward(sample(line, share * line.duration_s)[0])
        assert distance(here, flange) + distance(flange, goal) == pytest.approx(distance(here, goal), abs=2e-4)


def test_a_motion_goes_around_what_stands_in_the_way(planner):
    low = 0.20  # the gripper's fingers end at 0.05, lower than what stands on the fixtures
    load = Load("parallel_gripper", "unit")
    start, goal = (joints_at(planner, 0.42, y, low, load) for y in (-0.26, 0.21))
    around = planner.joint_move(start, goal, 1.0, load)
    straight = planner.joint_move(start, goal, 1.0, BARE)
    assert around.duration_s > straight.duration_s
    assert violations(planner.limits, around) == []


def test_a_straight_way_through_a_station_is_refused_with_its_name_unless_the_arm_works_there(planner):
    load = Load("parallel_gripper")
    start = joints_at(planner, 0.48, -0.10, 0.30, load)
    seat = Pose((0.48, -0.10, 0.19), DOWN)
    with pytest.raises(FaultError, match=r"ARM_BLOCKED at arm: .*parallel_gripper.* would touch fixture_1"):
        planner.straight_move(start, seat, 0.1, load, NOWHERE)
    assert planner.straight_move(start, seat, 0.1, load, frozenset({"fixture_1"})).duration_s > 0.5


def test_what_is_touched_may_be_left(planner):
    load = Load("parallel_gripper")
    start = joints_at(planner, 0.48, -0.10, 0.30, load)
    at_seat = planner.straight_move(start, Pose((0.48, -0.10, 0.19), DOWN), 0.1, load, frozenset({"fixture_1"}))
    assert planner.straight_move(at_seat.positions[-1], Pose((0.48, -0.10, 0.30), DOWN), 0.1, load, NOWHERE).duration_s > 0.5


def test_what_is_touched_may_be_touched_less_and_not_more(planner):
    load = Load("parallel_gripper")
    start = joints_at(planner, 0.48, -0.10, 0.30, load)
    at_seat = planner.straight_move(start, Pose((0.48, -0.10, 0.19), DOWN), 0.1, load, frozenset({"fixture_1"}))
    in_room = at_seat.positions[-1]
    deeper, in_room_less = Pose((0.48, -0.10, 0.185), DOWN), Pose((0.48, -0.10, 0.195), DOWN)
    with pytest.raises(FaultError, match=r"ARM_BLOCKED at arm: .*parallel_gripper would touch fixture_1"):
        planner.straight_move(in_room, deeper, 0.1, load, NOWHERE)
    assert planner.straight_move(in_room, in_room_less, 0.1, load, NOWHERE).duration_s > 0.0


def test_at_its_station_a_hand_goes_into_the_room_for_the_unit_and_not_into_the_block_under_it(planner):
    load, here = Load("parallel_gripper"), frozenset({"fixture_1"})
    start = joints_at(planner, 0.48, -0.10, 0.30, load)
    into_block = Pose((0.48, -0.10, 0.165), DOWN)
    with pytest.raises(FaultError, match=r"ARM_BLOCKED at arm: .*parallel_gripper would touch fixture_1"):
        planner.straight_move(start, into_block, 0.1, load, here)
    assert planner.straight_move(start, into_block, 0.1, load, here, True).duration_s > 0.0


@pytest.mark.parametrize("offset_mm", range(0, 10, 2))
def test_nothing_thin_is_jumped_over_by_something_thin(offset_mm):
    at = PoseSpec(xyz_m=(0.50 + offset_mm / 1e3, -0.35, 0.16))
    plate = BoxShape(box_m=(0.0025, 0.1, 0.05), at=at)
    planner = MotionPlanner(line_with({"reject_bin": {"shape": (plate,)}}), "arm")
    load = Load("screwdriver")
    start = joints_at(planner, 0.46, -0.35, 0.33, load)  # the bit, 6 mm thick, ends at 0.15
    with pytest.raises(FaultError, match=r"ARM_BLOCKED at arm: .*screwdriver would touch reject_bin"):
        planner.straight_move(start, Pose((0.56, -0.35, 0.33), DOWN), 0.1, load, NOWHERE)


def test_a_goal_out_of_reach_is_refused_each_time(planner):
    for _ in range(2):
        with pytest.raises(FaultError, match="ARM_UNREACHABLE at arm"):
            planner.inverse(Pose((5.0, 0.0, 0.3)), HOME, BARE)


def test_a_goal_inside_of_a_station_is_refused_with_what_collides(planner):
    load = Load("parallel_gripper")
    with pytest.raises(FaultError, match=r"ARM_BLOCKED at arm: .*would touch fixture_1"):
        planner.inverse(Pose((0.48, -0.10, 0.165), DOWN), HOME, load)
