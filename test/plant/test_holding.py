"""Fingers, cups and magnets take what they touch, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_hand import seated_body, steady_hand, swap, valve_line

from microcell.geometry import Pose, from_rpy

GRIPPER, CUP, BIT = "parallel_gripper", "vacuum_cup", "screwdriver"


def test_a_gripper_that_closes_on_a_body_holds_it_at_its_true_width():
    hand = steady_hand(GRIPPER)
    item = hand.pick(GRIPPER, "nest_1")
    assert item.part_name == "body"
    assert hand.plant.tool(GRIPPER).opening_m == pytest.approx(0.040)
    assert hand.plant.feeding.level("nest_1") == 119


def test_a_gripper_that_closes_8_mm_beside_the_part_along_its_fingers_holds_nothing():
    hand = steady_hand(GRIPPER)
    assert hand.pick(GRIPPER, "nest_1", dy=0.008) is None
    assert hand.plant.tool(GRIPPER).opening_m == 0.0
    assert hand.plant.feeding.level("nest_1") == 120


def test_a_gripper_12_mm_off_across_its_fingers_comes_down_on_the_part_and_holds_nothing():
    assert steady_hand(GRIPPER).pick(GRIPPER, "nest_1", dx=0.012) is None


def test_a_gripper_that_closes_above_the_part_holds_nothing():
    assert steady_hand(GRIPPER).pick(GRIPPER, "nest_1", dz=0.015) is None


def test_closing_centres_the_part_across_the_fingers_and_keeps_its_offset_along_them():
    item = steady_hand(GRIPPER).pick(GRIPPER, "nest_1", dx=0.004, dy=0.002)
    grasp_in_tcp = (item.pose @ item.part.grasp.tcp_in_part.pose).position
    assert grasp_in_tcp[0] == pytest.approx(0.0, abs=1e-6)
    assert grasp_in_tcp[1] == pytest.approx(0.002, abs=1e-4)


def test_a_cup_keeps_the_offset_at_which_it_sealed():
    item = steady_hand(CUP).pick(CUP, "tray_1", dx=0.003)
    assert math.hypot(*item.pose.position[:2]) == pytest.approx(0.003, abs=1e-6)


def test_a_cup_that_hangs_over_the_edge_does_not_seal():
    assert steady_hand(CUP).pick(CUP, "tray_1", dx=0.009) is None


def test_a_cup_3_mm_over_the_part_does_not_seal():
    assert steady_hand(CUP).pick(CUP, "tray_1", dz=0.003) is None


def test_a_magnetic_bit_takes_the_screw_that_it_touches_and_centres_it():
    item = steady_hand(BIT).pick(BIT, "screws_1", dx=0.001)
    assert item.part_name == "screw_m2_5x8"
    assert item.pose.position[:2] == pytest.approx((0.0, 0.0), abs=1e-9)


@pytest.mark.parametrize(("dx", "dz"), [(0.002, 0.0), (0.0, 0.002)])
def test_a_bit_that_does_not_touch_the_screw_takes_none(dx, dz):
    assert steady_hand(BIT).pick(BIT, "screws_1", dx=dx, dz=dz) is None


def test_what_is_let_go_over_its_nest_lies_in_it_again():
    hand = steady_hand(GRIPPER)
    item = hand.pick(GRIPPER, "nest_1")
    hand.part_to(hand.plant.line.cell_description.devices["nest_1"].part_in_cell.pose)
    hand.let_go(GRIPPER)
    assert hand.plant.inventory[item.item_id].place.kind == "feeder"


def test_what_is_let_go_high_over_the_bench_is_lost_with_a_record():
    hand = steady_hand(GRIPPER)
    item = hand.pick(GRIPPER, "nest_1")
    hand.let_go(GRIPPER)
    assert hand.plant.inventory[item.item_id].place.kind == "lost"
    assert hand.plant.inventory.losses[0].reason == "fell 100 mm onto nest_1"


def test_a_part_laid_on_the_bench_can_be_picked_up_again():
    hand = steady_hand(GRIPPER)
    item = hand.pick(GRIPPER, "nest_1")
    hand.part_to(Pose((0.30, 0.0, 0.001)))
    hand.let_go(GRIPPER)
    lying = hand.plant.inventory[item.item_id]
    assert (lying.place.kind, lying.pose.position[2]) == ("loose", 0.0)
    hand.go(lying.pose @ lying.part.grasp.tcp_in_part.pose)
    hand.plant.holding.close(hand.plant.tool(GRIPPER))
    assert hand.plant.holding.held(hand.plant.tool(GRIPPER)).item_id == item.item_id


def test_a_unit_is_lifted_with_all_that_is_in_it():
    hand = steady_hand(GRIPPER)
    unit = seated_body(hand)
    swap(hand, CUP)
    hand.pick(CUP, "tray_1")
    hand.part_to(unit @ Pose((0.0, 0.0, 0.014), from_rpy(0.0, 0.0, 0.3)))
    hand.let_go(CUP)
    swap(hand, GRIPPER)
    hand.go(unit @ hand.plant.line.product_description.unit_grasp.tcp_in_part.pose)
    hand.plant.holding.close(hand.plant.tool(GRIPPER))
    hand.lift()
    body = hand.plant.holding.held(hand.plant.tool(GRIPPER))
    (membrane,) = hand.plant.inventory.installed(body)
    assert hand.plant.bench.pose_of(membrane).position[2] == pytest.approx(unit.position[2] + 0.114)


def test_a_clamped_unit_stays_in_the_fixture_when_the_arm_pulls():
    hand = steady_hand(GRIPPER)
    unit = seated_body(hand)
    hand.plant.stations.clamp("fixture_1")
    hand.go(unit @ hand.plant.line.product_description.unit_grasp.tcp_in_part.pose)
    hand.plant.holding.close(hand.plant.tool(GRIPPER))
    hand.lift()
    assert hand.plant.holding.held(hand.plant.tool(GRIPPER)) is None
    assert hand.plant.bench.unit_in("fixture_1") is not None


def test_a_slippery_part_is_held_first_and_lost_on_the_way():
    hand = steady_hand(GRIPPER, line=valve_line(lost_grip_ratio=1.0))
    gripper = hand.plant.tool(GRIPPER)
    hand.plant.feeding.present("nest_1")
    item = hand.plant.inventory.at("feeder", "nest_1")[0]
    hand.go(item.pose @ item.part.grasp.tcp_in_part.pose)
    hand.plant.holding.close(gripper)
    assert hand.plant.holding.held(gripper) is not None
    hand.lift()
    hand.clock.advance(3.0)
    assert hand.plant.holding.held(gripper) is None
    assert hand.plant.inventory[item.item_id].place.kind != "tool"


@settings(max_examples=40)
@given(dx=st.floats(-0.02, 0.02), dy=st.floats(-0.02, 0.02), dz=st.floats(-0.006, 0.02))
def test_whatever_the_fingers_hold_lies_between_them(dx, dy, dz):
    item = steady_hand(GRIPPER).pick(GRIPPER, "nest_1", dx, dy, dz)
    if item is not None:
        x, y, z = (item.pose @ item.part.grasp.tcp_in_part.pose).position
        assert abs(x) < 1e-9 and abs(y) <= 0.006 and abs(z) <= 0.004
        assert abs(dx) <= 0.010


def test_a_unit_is_of_the_product_that_has_a_site_for_what_is_put_into_it_though_its_first_part_came_for_another():
    line = valve_line()
    product = line.product_description
    sites = {name: site for name, site in product.sites.items() if site.item != "membrane"}
    plain = product.model_copy(update={"name": "plain", "sites": sites, "inspections": {}})
    line = line.model_copy(update={"name": "plain", "product": "plain", "product_description": plain, "also": (line,)})
    hand = steady_hand(GRIPPER, line=line)
    unit = seated_body(hand)
    bench = hand.plant.bench
    assert bench.recipe_of(bench.unit_in("fixture_1")).product.name == "plain"
    swap(hand, CUP)
    hand.pick(CUP, "tray_1")
    hand.part_to(unit @ product.sites["membrane_seat"].part_in_unit.pose)
    hand.let_go(CUP)
    first = bench.unit_in("fixture_1")
    assert bench.recipe_of(first).product.name == "valve"
    assert [item.place.slot for item in bench.inventory.installed(first)] == ["membrane_seat"]
