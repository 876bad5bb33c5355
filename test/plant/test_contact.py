"""Forces come from how deep the arm would have pressed, and pegs go into holes that they fit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_hand import seated_body, steady_hand, swap

from microcell.geometry import Pose, from_rpy
from microcell.plant.physics import GRAVITY_M_S2, WRIST_STIFFNESS_N_M
from microcell.plant.supports import Support

GRIPPER, CUP, BIT = "parallel_gripper", "vacuum_cup", "screwdriver"


def pressing_n(hand) -> float:
    """Pressing force without the weight of tool and part."""
    tool = hand.plant.bench.tool_on("arm")
    item = hand.plant.bench.held(tool)
    weight = (tool.spec.mass_kg + (item.part.mass_kg if item else 0.0)) * GRAVITY_M_S2
    return hand.plant.contact.load("arm").pressing_n + weight


def cap_over_body(hand) -> Pose:
    """Seat a body and take a cap; the seated pose of the cap."""
    unit = seated_body(hand)
    hand.pick(GRIPPER, "nest_2")
    return unit @ hand.plant.line.product_description.sites["cap_seat"].part_in_unit.pose


def place_of_cap(hand):
    """Where the held cap comes to be when the fingers open."""
    item = hand.plant.holding.held(hand.plant.tool(GRIPPER))
    hand.let_go(GRIPPER)
    return hand.plant.inventory[item.item_id].place


def test_a_tool_in_the_air_only_feels_its_weight():
    hand = steady_hand(GRIPPER)
    assert hand.plant.contact.load("arm").pressing_n == pytest.approx(-0.62 * GRAVITY_M_S2, abs=1e-6)


def test_a_part_pressed_half_a_millimetre_into_its_seat_pushes_back_with_10_n():
    hand = steady_hand(GRIPPER)
    hand.pick(GRIPPER, "nest_1")
    seat = hand.plant.line.cell_description.devices["fixture_1"].seat_in_cell.pose
    hand.part_to(seat.shifted(dz=0.001))
    assert pressing_n(hand) == pytest.approx(0.0, abs=1e-6)
    hand.part_to(seat.shifted(dz=-0.0005))
    assert pressing_n(hand) == pytest.approx(0.0005 * WRIST_STIFFNESS_N_M, rel=1e-3)


def test_a_peg_within_its_clearance_slides_in_against_its_friction_and_seats():
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand)
    hand.part_to(seat.shifted(dx=0.0001, dz=0.001))
    assert pressing_n(hand) == pytest.approx(4.0, abs=1e-6)
    hand.part_to(seat.shifted(dx=0.0001))
    assert place_of_cap(hand).slot == "cap_seat"
    assert hand.plant.unit_at("fixture_1").parts["cap_seat"] == "cap_white"


def test_a_peg_0_4_mm_off_a_0_3_mm_clearance_jams_on_the_rim_and_does_not_go_in():
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand)
    hand.part_to(seat.shifted(dx=0.0004, dz=0.002 - 0.0005))
    assert pressing_n(hand) == pytest.approx(10.0, rel=1e-3)
    assert place_of_cap(hand).kind == "loose"


@pytest.mark.parametrize("led", [True, False])
def test_a_peg_that_a_led_arm_slides_over_its_hole_between_two_of_its_states_is_in_it(led: bool):
    hand = steady_hand(GRIPPER)
    seat, rim_m, arm = cap_over_body(hand), 0.002, hand.plant.bench.arm("arm")
    hand.part_to(seat.shifted(dx=0.0004, dz=rim_m - 0.0002))
    beyond, _ = arm.joints()
    hand.part_to(seat.shifted(dx=-0.0004, dz=rim_m - 0.0002))
    if led:
        hand.plant.lead("arm", beyond, 0.0)
        hand.plant.lead("arm", beyond, 0.0)
    else:
        arm.rest(beyond)
    assert (math.hypot(*hand.plant.contact.load("arm").force[:2]) > 1.0) == led, "its walls push it sideways"


def test_a_part_let_go_half_way_in_a_tight_fit_stays_there_and_that_is_a_defect():
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand)
    hand.part_to(seat.shifted(dz=0.001))
    assert place_of_cap(hand).slot == "cap_seat"
    assert hand.plant.unit_at("fixture_1").defects == ("cap_seat: 1.0 mm from seated",)


def test_a_part_that_misses_the_seat_of_the_fixture_stands_on_its_rim():
    hand = steady_hand(GRIPPER)
    hand.pick(GRIPPER, "nest_1")
    seat = hand.plant.line.cell_description.devices["fixture_1"].seat_in_cell.pose
    hand.part_to(seat.shifted(dx=0.004))
    assert pressing_n(hand) == pytest.approx(40.0, rel=1e-3)
    hand.let_go(GRIPPER)
    assert hand.plant.bench.unit_in("fixture_1") is None


def test_an_empty_cup_feels_the_part_under_it_and_the_tray_beside_it():
    hand = steady_hand(CUP)
    hand.plant.feeding.present("tray_1")
    item = hand.plant.inventory.at("feeder", "tray_1")[0]
    on_top = item.pose @ item.part.grasp.tcp_in_part.pose
    hand.go(on_top.shifted(dz=-0.0001))
    assert pressing_n(hand) == pytest.approx(2.0, rel=1e-2)
    hand.go(on_top.shifted(dx=0.017, dy=0.017))
    assert pressing_n(hand) == pytest.approx(0.0, abs=1e-6)


def test_open_fingers_go_down_on_both_sides_of_a_part():
    hand = steady_hand(GRIPPER)
    hand.plant.feeding.present("nest_1")
    item = hand.plant.inventory.at("feeder", "nest_1")[0]
    grasp = item.pose @ item.part.grasp.tcp_in_part.pose
    hand.go(grasp)
    assert pressing_n(hand) == pytest.approx(0.0, abs=1e-6)
    hand.go(grasp.shifted(dx=0.015))
    assert pressing_n(hand) > 100.0


def test_contact_on_a_motion_is_foretold_to_a_tenth_of_a_millisecond():
    hand = steady_hand(GRIPPER)
    hand.pick(GRIPPER, "nest_1")
    seat = hand.plant.line.cell_description.devices["fixture_1"].seat_in_cell.pose
    hand.part_to(seat.shifted(dz=0.005))
    start = hand.clock.now()
    zero = hand.plant.contact.load("arm").pressing_n
    tcp = hand.plant.tcp(GRIPPER).shifted(dz=-0.007)
    hand.plant.start_motion("arm", hand.trajectory(tcp))
    at = hand.plant.contact.when_pressing("arm", zero + 5.0)
    assert start < at < start + 1.0
    hand.clock.advance(at - start - 2e-4)
    assert hand.plant.contact.load("arm").pressing_n - zero < 5.0
    hand.clock.advance(2e-4)
    assert hand.plant.contact.load("arm").pressing_n - zero == pytest.approx(5.0, abs=0.05)


def test_an_arm_that_is_stopped_late_rests_where_it_met_the_force():
    hand = steady_hand(GRIPPER)
    hand.pick(GRIPPER, "nest_1")
    seat = hand.plant.line.cell_description.devices["fixture_1"].seat_in_cell.pose
    hand.part_to(seat.shifted(dz=0.005))
    start = hand.clock.now()
    zero = hand.plant.contact.load("arm").pressing_n
    hand.plant.start_motion("arm", hand.trajectory(hand.plant.tcp(GRIPPER).shifted(dz=-0.007)))
    hand.clock.advance(0.95 * (hand.plant.bench.arm("arm").end_s - start))
    assert hand.plant.contact.load("arm").pressing_n - zero > 10.0
    hand.plant.halt("arm", hand.plant.contact.when_pressing("arm", zero + 5.0, start))
    assert hand.plant.contact.load("arm").pressing_n - zero == pytest.approx(5.0, abs=0.05)


def test_a_motion_without_contact_is_foretold_to_have_none():
    hand = steady_hand(GRIPPER)
    hand.plant.start_motion("arm", hand.trajectory(hand.plant.tcp(GRIPPER).shifted(dz=0.05)))
    assert hand.plant.contact.when_pressing("arm", 5.0) is None


def test_a_second_label_sticks_on_the_first_and_counts():
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand)
    hand.part_to(seat)
    hand.let_go(GRIPPER)
    swap(hand, CUP)
    area = hand.plant.line.product_description.sites["label_area"].part_in_unit.pose
    for content in ("VLV-1", "VLV-2"):
        plate = hand.plant.stations.print_label("printer", content)
        hand.go(plate @ hand.plant.line.product_description.parts["label"].grasp.tcp_in_part.pose)
        hand.plant.tool(CUP).active = True
        assert hand.plant.holding.held(hand.plant.tool(CUP)).content == content
        hand.part_to(hand.plant.bench.unit_in("fixture_1").pose @ area)
        hand.let_go(CUP)
    assert hand.plant.truth("VLV-2").label == "VLV-2"
    assert hand.plant.truth("VLV-1") is None


@settings(max_examples=200)
@given(
    rest=st.floats(-0.1, 0.1),
    depth=st.floats(0.0, 0.02),
    friction=st.floats(0.0, 50.0),
    heights=st.tuples(st.floats(-0.1, 0.2), st.floats(-0.1, 0.2)),
)
def test_pressing_deeper_never_needs_less_force(rest, depth, friction, heights):
    support = Support(rest, rest + depth, friction)
    low, high = sorted(heights)
    assert support.force_n(low) >= support.force_n(high) >= 0.0


@settings(max_examples=25)
@given(radius=st.floats(0.0, 0.001), angle=st.floats(0.0, 2 * math.pi), turn=st.floats(-0.2, 0.2))
def test_a_round_cap_goes_in_exactly_when_it_is_within_half_its_clearance(radius, angle, turn):
    if abs(radius - 0.00015) < 1e-6:
        return
    hand = steady_hand(GRIPPER)
    seat = cap_over_body(hand) @ Pose((0.0, 0.0, 0.0), from_rpy(0.0, 0.0, turn))
    off = seat.shifted(dx=radius * math.cos(angle), dy=radius * math.sin(angle))
    hand.part_to(off.shifted(dz=0.004))
    hand.part_to(off)
    assert (place_of_cap(hand).slot == "cap_seat") == (radius < 0.00015)
