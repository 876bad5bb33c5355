"""A peg and its hole: the rim, the walls and the wedge, after Whitney 1982."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_hand import seated_body, steady_hand

from microcell.geometry import Pose, from_rpy
from microcell.plant.peg import HeldPeg, Hole
from microcell.plant.physics import WALL_FRICTION_RATIO, WRIST_ANGULAR_N_M_RAD, WRIST_LATERAL_N_M, WRIST_STIFFNESS_N_M

HOLE = Hole(radius_m=0.01225, slack_m=0.00005, depth_m=0.015, friction_n=2.0)
DEGREE = math.radians(1.0)
GRIPPER = "parallel_gripper"


def peg(depth_m: float, off=(0.0, 0.0), lean=(0.0, 0.0), entered=True) -> HeldPeg:
    return HeldPeg(HOLE, off, HOLE.depth_m - depth_m, lean, 0.022, entered)


def test_a_straight_peg_in_the_middle_meets_only_the_fits_own_friction_until_its_seat():
    assert peg(0.010).pressing_n == pytest.approx(2.0)
    assert peg(0.015 + 0.0001).pressing_n == pytest.approx(2.0)  # so far only the wrist gives


@pytest.mark.parametrize("friction_n", [0.0, 2.0, 8.0, 40.0])
def test_pressed_onto_its_seat_a_peg_is_where_the_wrist_gives_by_all_of_the_force(friction_n):
    """A peg that slides lags behind the arm by friction / stiffness; its seat takes over from there."""
    hole = replace(HOLE, friction_n=friction_n)
    for too_deep_m in (0.0025, 0.004):
        pressing_n = replace(peg(HOLE.depth_m + too_deep_m), hole=hole).pressing_n
        assert pressing_n == pytest.approx(too_deep_m * WRIST_STIFFNESS_N_M)


def test_a_peg_off_the_hole_stands_on_the_rim_and_one_that_leans_stands_higher_on_its_low_edge():
    assert peg(0.0, off=(0.001, 0.0), entered=False).rest_m == pytest.approx(HOLE.depth_m)
    low_edge = peg(0.0, off=(0.001, 0.0), lean=(DEGREE, 0.0), entered=False)
    assert low_edge.rest_m == pytest.approx(HOLE.depth_m + HOLE.radius_m * DEGREE)


def test_where_its_low_edge_is_over_the_hole_a_leaning_peg_stands_no_higher():
    other_side = peg(0.0, off=(0.001, 0.0), lean=(-DEGREE, 0.0), entered=False)
    assert other_side.rest_m == pytest.approx(HOLE.depth_m, abs=0.06 * HOLE.radius_m * DEGREE)


def test_a_lean_narrows_the_way_in():
    assert HOLE.entry_slack_m((0.0, 0.0)) == HOLE.slack_m
    assert HOLE.entry_slack_m((0.0, 3.0 * DEGREE)) == pytest.approx(HOLE.slack_m - HOLE.radius_m * (3.0 * DEGREE) ** 2)


def test_one_wall_pushes_a_peg_back_that_is_caught_off_the_middle():
    pushes = peg(0.0004, off=(0.00025, 0.0)).pushes()
    sideways = sum(push.force[0] for push in pushes)
    assert sideways == pytest.approx(-0.0002 * WRIST_LATERAL_N_M, rel=0.1)


def test_two_point_contact_begins_at_clearance_over_lean_and_then_the_force_rises():
    begins_m = 2.0 * HOLE.slack_m / DEGREE
    assert peg(begins_m - 0.0002, lean=(DEGREE, 0.0)).pressing_n < 3.0
    assert peg(begins_m + 0.0015, lean=(DEGREE, 0.0)).pressing_n > 20.0


def test_between_two_walls_the_torque_is_the_angular_spring_bent_to_the_lean_that_the_hole_leaves():
    at = peg(0.010, lean=(DEGREE, 0.0))
    about_tcp = sum(
        (push.at[2] - at.height_m - at.reach_m) * push.force[0] - (push.at[0] - 0.0) * push.force[2] for push in at.pushes()
    )
    left_rad = 2.0 * HOLE.slack_m / 0.010
    assert about_tcp == pytest.approx(-(DEGREE - left_rad) * WRIST_ANGULAR_N_M_RAD, rel=0.05)


def test_a_peg_that_leans_too_much_wedges_where_two_points_touch_and_no_force_helps():
    lean = HOLE.slack_m / (WALL_FRICTION_RATIO * HOLE.radius_m) * 1.2
    wedged_m = 2.0 * HOLE.slack_m / lean
    assert HOLE.wedging_depth_m((lean, 0.0)) == pytest.approx(wedged_m)
    stuck = peg(wedged_m + 0.002, lean=(lean, 0.0))
    assert stuck.rest_m == pytest.approx(HOLE.depth_m - wedged_m)
    assert stuck.pressing_n == pytest.approx(0.002 * WRIST_STIFFNESS_N_M)
    assert HOLE.wedging_depth_m((lean / 1.3, 0.0)) == math.inf


SMALL = st.floats(-0.0003, 0.0003)
LEAN = st.floats(-0.03, 0.03)


@settings(max_examples=200)
@given(off=st.tuples(SMALL, SMALL), lean=st.tuples(LEAN, LEAN), depth=st.floats(0.001, 0.015))
def test_the_walls_leave_foot_and_rim_within_the_slack_and_only_push(off, lean, depth):
    at_foot, at_rim, left = peg(depth, off, lean)._walls(depth)
    wrist = [(f + g) / WRIST_LATERAL_N_M for f, g in zip(at_foot, at_rim, strict=True)]
    foot = [o + w - 0.022 * (n - a) for o, w, n, a in zip(off, wrist, left, lean, strict=True)]
    rim = [p + depth * n for p, n in zip(foot, left, strict=True)]
    for place, force in ((foot, at_foot), (rim, at_rim)):
        assert math.hypot(*place) <= HOLE.slack_m * 1.01
        assert place[0] * force[0] + place[1] * force[1] <= 1e-9
        if math.hypot(*force) > 1e-3:
            assert math.hypot(*place) >= HOLE.slack_m * 0.99


@settings(max_examples=200)
@given(lean=st.tuples(LEAN, LEAN), off=st.tuples(LEAN, LEAN), turn=st.floats(0.0, 6.3))
def test_the_physics_has_no_preferred_direction(lean, off, turn):
    def turned(v):
        return (v[0] * math.cos(turn) - v[1] * math.sin(turn), v[0] * math.sin(turn) + v[1] * math.cos(turn))

    off = (off[0] / 20.0, off[1] / 20.0)
    standing = peg(0.0002, off, lean, entered=False)
    assert replace(standing, foot=turned(off), lean=turned(lean)).rest_m == pytest.approx(standing.rest_m, abs=1e-7)


def cap_over_body(hand) -> Pose:
    unit = seated_body(hand)
    hand.pick(GRIPPER, "nest_2")
    return unit @ hand.plant.line.product_description.sites["cap_seat"].part_in_unit.pose


def test_a_peg_that_slides_over_its_hole_falls_in_and_is_kept_until_it_is_lifted_out():
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand)
    on_rim = seat.shifted(dx=-0.0005, dz=0.002 - 0.0004)
    hand.part_to(on_rim.shifted(dz=0.004))
    hand.part_to(on_rim)
    standing = sum(push.force[2] for push in hand.plant.contact.touch("arm", hand.clock.now()))
    hand.part_to(seat.shifted(dx=0.0005, dz=0.002 - 0.0004))
    caught = [sum(push.force[axis] for push in hand.plant.contact.touch("arm", hand.clock.now())) for axis in range(3)]
    hand.part_to(seat.shifted(dx=0.0005, dz=0.005))
    hand.part_to(seat.shifted(dx=0.0005, dz=0.002 - 0.0004))
    again = [sum(push.force[axis] for push in hand.plant.contact.touch("arm", hand.clock.now())) for axis in range(3)]
    assert standing == pytest.approx(8.0, rel=1e-3)
    assert caught[0] == pytest.approx(-0.00035 * WRIST_LATERAL_N_M, rel=0.1)
    assert caught[2] < 6.0
    assert again == pytest.approx([0.0, 0.0, 8.0], abs=1e-2)


def test_a_leaning_peg_that_is_let_go_in_its_hole_stays_there():
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand)
    tilted = seat @ Pose((0.0, 0.0, 0.0), from_rpy(0.02, 0.0, 0.0))
    hand.part_to(tilted.shifted(dz=0.004))
    hand.part_to(tilted.shifted(dz=0.001))
    hand.part_to(tilted.shifted(dx=0.0003, dz=0.0001))
    item = hand.plant.holding.held(hand.plant.tool(GRIPPER))
    hand.let_go(GRIPPER)
    assert hand.plant.inventory[item.item_id].place.slot == "cap_seat"
    assert math.hypot(*hand.plant.inventory[item.item_id].pose.position[:2]) <= 0.00015 + 1e-6
