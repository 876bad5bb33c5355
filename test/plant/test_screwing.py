"""Torque over angle tells a seated screw from a crossed one and from one that meets no thread."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_hand import DOWN, seated_body, steady_hand, swap, valve_line

from microcell.geometry import Pose

GRIPPER, BIT = "parallel_gripper", "screwdriver"
TURNS_RAD = 2 * math.pi * 0.0036 / 0.00045


def down() -> Pose:
    """A TCP that points down."""
    return Pose((0.0, 0.0, 0.0), DOWN)


def screw_on_thread(dx=0.0, line=None):
    """A hand that holds a screw on the first turn of the unit's first thread."""
    hand = steady_hand(GRIPPER, line=line)
    unit = seated_body(hand)
    swap(hand, BIT)
    hand.pick(BIT, "screws_1")
    hand.part_to((unit @ Pose((0.0113, 0.0113, 0.025))).shifted(dx=dx, dz=0.0036))
    return hand


def drive(hand, torque=0.45, limit=80.0):
    tool = hand.plant.tool(BIT)
    turn = hand.plant.screwing.begin_drive(tool, torque, limit)
    hand.plant.screwing.finish_drive(tool, turn, turn.angle_rad)
    return turn


def loosen(hand, angle):
    tool = hand.plant.tool(BIT)
    turn = hand.plant.screwing.begin_loosen(tool, angle)
    hand.plant.screwing.finish_loosen(tool, turn, angle)


def test_a_screw_runs_in_against_friction_and_its_torque_rises_when_the_head_seats():
    hand = screw_on_thread()
    turn = drive(hand)
    assert turn.reached and turn.torque_n_m == pytest.approx(0.45)
    assert turn.angle_rad == pytest.approx(TURNS_RAD + 0.40 / 0.35)
    running = [torque for angle, torque in turn.curve if angle < TURNS_RAD]
    assert all(torque == pytest.approx(0.05, rel=0.1) for torque in running)
    assert hand.plant.unit_at("fixture_1").parts["screw_1"] == "screw_m2_5x8"
    assert hand.plant.unit_at("fixture_1").defects == ()


def test_a_crossed_thread_shows_in_the_torque_curve():
    hand = screw_on_thread(dx=0.0007)
    turn = drive(hand)
    assert turn.reached and turn.angle_rad < TURNS_RAD / 4
    assert max(torque for angle, torque in turn.curve if angle < TURNS_RAD / 4) > 0.4
    assert hand.plant.unit_at("fixture_1").defects == ("screw_1: crossed",)


def test_a_disturbed_screw_crosses_although_it_was_straight():
    turn = drive(screw_on_thread(line=valve_line(cross_thread_ratio=1.0)))
    assert turn.reached and turn.angle_rad < TURNS_RAD / 4


def test_a_screw_beside_its_hole_meets_no_torque_and_stays_on_the_bit():
    hand = screw_on_thread(dx=0.002)
    turn = drive(hand)
    assert (turn.reached, turn.torque_n_m, turn.angle_rad) == (False, 0.0, 80.0)
    assert hand.plant.holding.held(hand.plant.tool(BIT)) is not None


def test_a_bare_bit_meets_no_torque():
    hand = steady_hand(BIT)
    assert drive(hand).reached is False


def test_a_screw_that_runs_out_of_angle_stands_proud():
    hand = screw_on_thread()
    turn = drive(hand, limit=TURNS_RAD / 2)
    assert not turn.reached
    assert hand.plant.unit_at("fixture_1").defects == ("screw_1: 1.8 mm from seated",)


def test_a_crossed_screw_backed_out_is_on_the_bit_and_goes_in_straight():
    hand = screw_on_thread(dx=0.0007)
    turn = drive(hand)
    loosen(hand, turn.angle_rad + math.pi)
    assert hand.plant.holding.held(hand.plant.tool(BIT)) is not None
    unit = hand.plant.bench.unit_in("fixture_1").pose
    hand.part_to(unit @ Pose((0.0113, 0.0113, 0.025 + 0.0036)))
    assert drive(hand).angle_rad > TURNS_RAD
    assert hand.plant.unit_at("fixture_1").defects == ()


def test_a_screw_loosened_by_less_than_its_turns_stays_in_its_thread():
    hand = screw_on_thread()
    drive(hand)
    hand.go((hand.plant.bench.unit_in("fixture_1").pose @ Pose((0.0113, 0.0113, 0.0265))) @ down())
    loosen(hand, TURNS_RAD / 2)
    assert hand.plant.unit_at("fixture_1").defects == ("screw_1: 1.8 mm from seated",)


def test_driving_a_seated_screw_again_meets_its_torque_at_once():
    hand = screw_on_thread()
    drive(hand)
    hand.go((hand.plant.bench.unit_in("fixture_1").pose @ Pose((0.0113, 0.0113, 0.0265))) @ down())
    turn = drive(hand)
    assert turn.reached and turn.angle_rad < 2.0


def test_a_screw_that_comes_off_with_the_bit_is_missing_and_on_record():
    hand = screw_on_thread(line=valve_line(missing_screw_ratio=1.0))
    assert drive(hand).reached
    assert "screw_1" not in hand.plant.unit_at("fixture_1").parts
    assert hand.plant.inventory.losses[-1].reason == "came off with the bit"


def test_loosening_over_the_bin_strips_the_screw_off():
    hand = steady_hand(BIT)
    hand.pick(BIT, "screws_1")
    hand.go(hand.plant.line.cell_description.devices["reject_bin"].drop_in_cell.pose.shifted(dz=0.05) @ down())
    loosen(hand, 3.0)
    assert hand.plant.stations.in_bin("reject_bin") == 1
    assert hand.plant.holding.held(hand.plant.tool(BIT)) is None


def test_a_turning_screw_is_not_pressed_back_by_the_depth_it_still_has_to_go():
    hand = screw_on_thread()
    tool = hand.plant.tool(BIT)
    turn = hand.plant.screwing.begin_drive(tool, 0.45, 80.0)
    free = hand.plant.contact.load("arm").pressing_n
    hand.go(hand.plant.tcp(BIT).shifted(dz=-0.003))
    assert hand.plant.contact.load("arm").pressing_n == pytest.approx(free, abs=1e-6)
    hand.plant.screwing.finish_drive(tool, turn, turn.angle_rad)


@settings(max_examples=25)
@given(torque=st.floats(0.06, 2.0), limit=st.floats(1.0, 120.0))
def test_a_drive_ends_at_its_torque_or_at_its_angle(torque, limit):
    turn = drive(screw_on_thread(), torque, limit)
    assert turn.reached == (turn.torque_n_m == pytest.approx(torque))
    assert turn.angle_rad <= limit
    angles = [angle for angle, _ in turn.curve]
    assert angles == sorted(angles) and angles[-1] == turn.angle_rad
