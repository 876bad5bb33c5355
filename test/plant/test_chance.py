"""Disturbances are seeded draws: as often as the line says, and the same for the same seed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_hand import DOWN, SteadyHand, seated_body, steady_hand, valve_line

from microcell.geometry import Pose
from microcell.plant.chance import Chance
from microcell.plant.injection import Injection, Injections

GRIPPER = "parallel_gripper"


def delivered(feeder: str, pieces: int, seed: int = 7, **disturbances: float) -> list:
    """The parts that a feeder delivers one after the other."""
    hand = steady_hand(seed=seed, line=valve_line(**disturbances))
    found = []
    for _ in range(pieces):
        hand.plant.feeding.present(feeder)
        item = hand.plant.inventory.at("feeder", feeder)[0]
        found.append(item)
        hand.plant.bench.lose(item, item.pose, "taken by the test")
    return found


def test_an_undisturbed_line_delivers_flawless_parts():
    caps = delivered("nest_2", 50)
    assert {cap.part_name for cap in caps} == {"cap_white"}
    assert all(not cap.flaws and abs(cap.pose.yaw) < 0.03 for cap in caps)


def test_scratches_come_as_often_as_the_line_says_and_only_on_inspected_surfaces():
    assert 15 <= sum(bool(cap.flaws) for cap in delivered("nest_2", 100, scratch_ratio=0.25)) <= 35
    assert not any(body.flaws for body in delivered("nest_1", 20, scratch_ratio=1.0))


def test_a_scratch_is_longer_than_the_inspection_tolerates_and_lies_on_the_cap():
    (flaw,) = delivered("nest_2", 1, scratch_ratio=1.0)[0].flaws
    assert abs(flaw.end_m[0] - flaw.start_m[0]) > 0.004
    assert all(x * x + y * y < 0.020**2 for x, y in (flaw.start_m, flaw.end_m))


def test_dirt_lies_on_inspected_surfaces_and_is_no_scratch():
    dirty = [flaw for cap in delivered("nest_2", 10, dirt_ratio=1.0) for flaw in cap.flaws]
    assert [flaw.kind for flaw in dirty] == ["dirt"] * 10
    assert all(math.dist(flaw.start_m, flaw.end_m) > 0.004 for flaw in dirty)


def test_short_shots_and_burrs_are_at_inspected_outlines_and_deeper_than_the_inspection_tolerates():
    bodies = delivered("nest_1", 40, short_shot_ratio=0.5, burr_ratio=0.5)
    kinds = [edge.kind for body in bodies for edge in body.edges]
    assert 10 <= kinds.count("short") <= 30 and 10 <= kinds.count("burr") <= 30
    assert all(edge.depth_m >= 0.0006 for body in bodies for edge in body.edges)
    assert not any(screw.edges for screw in delivered("screws_1", 5, short_shot_ratio=1.0))


def test_a_label_that_slips_lies_beside_its_place_and_the_truth_says_so():
    hand = steady_hand(GRIPPER, line=valve_line(shifted_label_ratio=1.0))
    unit = seated_body(hand)
    hand.plant.stations.print_label("printer", "VLV-1")
    (label,) = hand.plant.inventory.at("printer", "printer")
    site = hand.plant.line.product_description.sites["label_area"].part_in_unit.pose
    hand.plant.settling.release(label, unit @ site)
    truth = hand.plant.unit_at("fixture_1")
    (fault,) = [fault for fault in truth.defects if fault.startswith("label_area")]
    assert fault.endswith("mm beside its place")
    assert 1.8 <= float(fault.split()[1]) <= 3.5


def test_a_wrong_part_is_one_that_another_variant_uses():
    names = {cap.part_name for cap in delivered("nest_2", 40, wrong_part_ratio=1.0)}
    assert names == {"cap_blue", "cap_orange"}


def test_a_screw_of_another_length_but_the_same_colour_is_never_delivered():
    assert {screw.part_name for screw in delivered("screws_1", 20, wrong_part_ratio=1.0)} == {"screw_m2_5x8"}


def test_a_wrong_turn_is_a_quarter_and_only_where_orientation_is_inspected():
    assert all(cap.pose.yaw == pytest.approx(1.5708, abs=0.03) for cap in delivered("nest_2", 10, wrong_turn_ratio=1.0))
    assert all(abs(body.pose.yaw) < 0.03 for body in delivered("nest_1", 10, wrong_turn_ratio=1.0))


def test_a_straight_label_on_one_that_slipped_does_not_make_the_unit_good():
    hand = steady_hand(GRIPPER, line=valve_line(shifted_label_ratio=1.0))
    unit = seated_body(hand)
    site = hand.plant.line.product_description.sites["label_area"].part_in_unit.pose
    for serial in ("VLV-1", "VLV-2"):
        hand.plant.stations.print_label("printer", serial)
        (label,) = hand.plant.inventory.at("printer", "printer")
        hand.plant.settling.release(label, unit @ site)
        hand.plant.bench.line = valve_line()
    assert hand.plant.unit_at("fixture_1").defects == ("label_area: an older label shows",)


def test_an_unreadable_label_has_hardly_any_contrast():
    hand = steady_hand(line=valve_line(unreadable_label_ratio=1.0))
    hand.plant.stations.print_label("printer", "A")
    assert hand.plant.inventory.at("printer", "printer")[0].contrast < 0.2


@given(seed=st.integers(0, 2**32), key=st.text(max_size=20))
def test_a_draw_depends_on_seed_and_key_alone(seed, key):
    assert Chance(seed).stream(key).random() == Chance(seed).stream(key).random()


def test_an_injected_fault_comes_at_its_call_and_as_often_as_ordered():
    injections = Injections()
    injections.add(Injection("arm", "follow", "ARM_PROTECTIVE_STOP", nth=2, times=2, after_s=5.0))
    assert injections.refusal("arm", "follow", 1.0) is None
    calls = [injections.refusal("arm", "follow", 6.0) for _ in range(4)]
    assert calls == [None, "ARM_PROTECTIVE_STOP", "ARM_PROTECTIVE_STOP", None]
    assert injections.refusal("nest_1", "present", 6.0) is None


def test_only_catalogued_faults_can_be_injected():
    with pytest.raises(ValueError, match="'ARM_TIRED' is not in the fault catalogue"):
        Injection("arm", "follow", "ARM_TIRED")


FEEDERS = ("nest_1", "nest_2", "nest_3")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pick"), st.sampled_from(FEEDERS), st.floats(-0.012, 0.012)),
        st.tuples(st.just("go"), st.floats(0.28, 0.5), st.floats(-0.45, 0.45)),
        st.tuples(st.just("lower"), st.floats(0.0, 0.09), st.just(0.0)),
        st.tuples(st.just("open"), st.just(0.0), st.just(0.0)),
        st.tuples(st.just("seat"), st.sampled_from(["fixture_1", "fixture_2"]), st.floats(-0.004, 0.004)),
    ),
    max_size=12,
)


def act(hand: SteadyHand, step: tuple) -> None:
    """One arbitrary thing that an arm with a gripper can do."""
    kind, first, second = step
    gripper = hand.plant.tool(GRIPPER)
    held = hand.plant.holding.held(gripper)
    if kind == "pick" and held is None:
        hand.plant.holding.open(gripper, 0.060)
        hand.pick(GRIPPER, first, dx=second)
    elif kind == "go":
        hand.go(Pose((first, second, 0.15), DOWN))
    elif kind == "lower":
        x, y, _ = hand.plant.tcp(GRIPPER).position
        hand.go(Pose((x, y, 0.03 + first), DOWN))
    elif kind == "open":
        hand.plant.holding.open(gripper, 0.060)
    elif kind == "seat" and held is not None:
        seat = hand.plant.line.cell_description.devices[first].seat_in_cell.pose
        hand.part_to(seat.shifted(dx=second))


def state_of(hand: SteadyHand) -> list:
    return [(item.item_id, item.part_name, item.place, item.pose) for item in hand.plant.inventory]


@settings(max_examples=40)
@given(steps=STEPS, seed=st.integers(0, 100))
def test_whatever_the_arm_does_every_part_is_in_exactly_one_place_and_losses_are_on_record(steps, seed):
    hand = steady_hand(GRIPPER, seed=seed, line=valve_line(lost_grip_ratio=0.3))
    for step in steps:
        act(hand, step)
    inventory = hand.plant.inventory
    holders = {(item.place.kind, item.place.holder) for item in inventory}
    listed = sorted(item.item_id for holder in holders for item in inventory.at(*holder))
    assert listed == sorted(item.item_id for item in inventory)
    lost = sorted(item.item_id for item in inventory if item.place.kind == "lost")
    assert lost == sorted(loss.item_id for loss in inventory.losses)
    delivered_pieces = sum(1 for item in inventory if item.part_name == "body")
    assert hand.plant.feeding.level("nest_1") == 120 - delivered_pieces + inventory.count("feeder", "nest_1")


@settings(max_examples=15)
@given(steps=STEPS, seed=st.integers(0, 100))
def test_the_same_seed_and_the_same_commands_give_the_same_plant(steps, seed):
    hands = [steady_hand(GRIPPER, seed=seed, line=valve_line(lost_grip_ratio=0.3, scratch_ratio=0.5)) for _ in range(2)]
    for step in steps:
        for hand in hands:
            act(hand, step)
    assert state_of(hands[0]) == state_of(hands[1])


def test_another_seed_gives_another_plant():
    assert delivered("nest_1", 3, seed=1)[0].pose != delivered("nest_1", 3, seed=2)[0].pose
