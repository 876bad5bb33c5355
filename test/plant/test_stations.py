"""Feeders, fixtures, cartons, printer, bin and tool crib as they truly are."""

from __future__ import annotations

import asyncio

import pytest
from steady_hand import seated_body, steady_hand, swap, valve_line

from microcell.clock import LoopClock, run_virtual
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.plant import stations
from microcell.plant.plant import Plant

GRIPPER, CUP, BIT = "parallel_gripper", "vacuum_cup", "screwdriver"


def with_level(level: int, feeder: str = "nest_1", **changes):
    line = valve_line()
    setup = line.feeders[feeder].model_copy(update={"level": level, **changes})
    return line.model_copy(update={"feeders": {**line.feeders, feeder: setup}})


def test_presenting_twice_presents_the_same_part():
    hand = steady_hand()
    first, second = hand.plant.feeding.present("nest_1"), hand.plant.feeding.present("nest_1")
    assert (first.brought, second.brought) == (True, False)
    assert first.part_in_cell == second.part_in_cell
    assert hand.plant.feeding.level("nest_1") == 120


def test_a_tray_presents_its_places_in_order_and_a_fresh_tray_after_the_last():
    hand = steady_hand(CUP)
    seen = []
    for _ in range(16):
        seen.append(hand.plant.feeding.present("tray_1").part_in_cell.position[:2])
        hand.pick(CUP, "tray_1")
        hand.plant.tool(CUP).active = False
        hand.plant.holding.release(hand.plant.tool(CUP))
    assert seen[1] == pytest.approx((0.335, 0.30))
    assert seen[3] == pytest.approx((0.300, 0.335))
    assert seen[15] == seen[0]
    assert len(set(seen)) == 15


def test_an_empty_feeder_says_which_part_is_missing():
    hand = steady_hand(line=with_level(0))
    with pytest.raises(FaultError, match=r"FEEDER_EMPTY at nest_1: .*no body left"):
        hand.plant.feeding.present("nest_1")


def test_lots_are_used_up_one_after_the_other_and_numbered():
    hand = steady_hand(GRIPPER, line=with_level(1))
    told = []
    hand.plant.on_refill(lambda *event: told.append(event))
    assert hand.plant.feeding.refill("nest_1", 5, "") == 6
    assert hand.plant.feeding.refill("nest_1", 0, "LOT-X") == 120
    lots = []
    for _ in range(7):
        lots.append(hand.plant.feeding.present("nest_1").lot)
        hand.pick(GRIPPER, "nest_1")
        hand.let_go(GRIPPER)
    assert lots == ["nest_1-L0001", *["nest_1-L0002"] * 5, "LOT-X"]
    assert told == [("nest_1", "body", "nest_1-L0002", 6), ("nest_1", "body", "LOT-X", 120)]


def test_more_than_fits_is_refused():
    with pytest.raises(FaultError, match=r"DEVICE_REFUSED at nest_1: .*1 pieces do not go in: there is room for 0"):
        steady_hand().plant.feeding.refill("nest_1", 1, "")


def test_parts_lie_scattered_around_their_nominal_places_as_the_feeder_says():
    plant = steady_hand().plant
    offsets = []
    for item in plant.inventory.at("feeder", "tray_1"):
        nominal = plant.bench.layout.zones["tray_1"].places[int(item.place.slot)]
        offsets.append(distance(nominal, item.pose))
    assert 0.0005 < sum(offsets) / len(offsets) < 0.004


def test_the_operator_fills_a_feeder_some_time_after_its_reorder_level():
    async def scenario():
        clock = LoopClock(0.0)
        plant = Plant(with_level(10, refill_s=90.0), 1, clock)
        operator = asyncio.ensure_future(plant.feeding.keep_filled("nest_1"))
        level = await plant.feeding.wait_at_least("nest_1", 100)
        operator.cancel()
        return level, clock.now()

    assert run_virtual(scenario()) == (120, pytest.approx(90.0))


def test_nobody_fills_a_feeder_whose_line_has_no_operator():
    async def scenario():
        plant = Plant(with_level(0, operator_refills=False), 1, LoopClock(0.0))
        await plant.feeding.keep_filled("nest_1")
        return plant.feeding.level("nest_1")

    assert run_virtual(scenario()) == 0


def test_a_fixture_sees_a_part_on_its_seat_also_while_the_gripper_still_holds_it():
    hand = steady_hand(GRIPPER)
    hand.pick(GRIPPER, "nest_1")
    assert hand.plant.stations.seated("fixture_1") is None
    hand.part_to(hand.plant.line.cell_description.devices["fixture_1"].seat_in_cell.pose)
    assert hand.plant.stations.seated("fixture_1").part_name == "body"


def test_a_carton_counts_the_units_that_stand_in_its_places():
    hand = steady_hand(GRIPPER)
    places = hand.plant.bench.layout.zones["cartons"].places
    assert hand.plant.stations.carton("cartons").carton == "CTN-000001"
    assert places[4].position[:2] == pytest.approx((-0.16 + 0.055, 0.36 + 0.055))
    for number in (0, 4):
        hand.pick(GRIPPER, "nest_1")
        hand.part_to(places[number].shifted(dz=0.0005))
        hand.let_go(GRIPPER)
    assert hand.plant.stations.carton("cartons").filled == 2
    assert hand.plant.stations.exchange("cartons").carton == "CTN-000002"
    assert hand.plant.stations.carton("cartons").filled == 0
    assert hand.plant.carton_contents() == {"CTN-000001": ("", "")}


def test_cartons_that_were_driven_away_take_their_units_with_them(monkeypatch):
    monkeypatch.setattr(stations, "KEPT_CARTONS", 2)
    hand = steady_hand(GRIPPER)
    place = hand.plant.bench.layout.zones["cartons"].places[0]
    for _ in range(4):
        hand.pick(GRIPPER, "nest_1")
        hand.part_to(place.shifted(dz=0.0005))
        hand.let_go(GRIPPER)
        before = len(hand.plant.inventory)
        hand.plant.stations.exchange("cartons")
    assert hand.plant.carton_contents() == {"CTN-000003": ("",), "CTN-000004": ("",)}
    assert len(hand.plant.inventory) == before - 1
    items = list(hand.plant.inventory)
    assert len({item.item_id for item in items}) == len(items)


def test_a_place_in_the_carton_takes_one_unit_only():
    hand = steady_hand(GRIPPER)
    place = hand.plant.bench.layout.zones["cartons"].places[0]
    for height in (0.0005, 0.0205):
        hand.pick(GRIPPER, "nest_1")
        hand.part_to(place.shifted(dz=height))
        hand.let_go(GRIPPER)
    assert hand.plant.stations.carton("cartons").filled == 1


def test_the_bin_counts_what_falls_in():
    hand = steady_hand(GRIPPER)
    hand.pick(GRIPPER, "nest_1")
    hand.part_to(hand.plant.line.cell_description.devices["reject_bin"].drop_in_cell.pose.shifted(dz=0.05))
    hand.let_go(GRIPPER)
    assert hand.plant.stations.in_bin("reject_bin") == 1


def test_a_label_left_on_the_plate_is_pushed_off_by_the_next():
    plant = steady_hand().plant
    plant.stations.print_label("printer", "A")
    plant.stations.print_label("printer", "B")
    assert [item.content for item in plant.inventory.at("printer", "printer")] == ["B"]
    assert plant.inventory.losses[0].reason == "pushed off the printer's plate by the next label"


def test_locking_in_a_pocket_couples_its_tool_and_unlocking_leaves_it_there():
    hand = steady_hand()
    assert hand.plant.coupling.serials_in("crib") == ("PG-0007", "VC-0012", "SD-0003")
    hand.mount(GRIPPER)
    assert hand.plant.coupling.serial_on("arm") == "PG-0007"
    assert hand.plant.coupling.serials_in("crib") == ("", "VC-0012", "SD-0003")
    swap(hand, BIT)
    assert hand.plant.coupling.serial_on("arm") == "SD-0003"
    assert hand.plant.coupling.serials_in("crib") == ("PG-0007", "VC-0012", "")


def test_locking_2_mm_beside_a_pocket_couples_nothing():
    hand = steady_hand()
    pocket = hand.plant.line.cell_description.devices["crib"].pockets[0].flange_in_cell.pose
    hand.go(pocket.shifted(dx=0.002))
    hand.plant.coupling.lock("arm")
    assert hand.plant.coupling.locked("arm")
    assert hand.plant.coupling.serial_on("arm") == ""


def test_a_tool_unlocked_in_the_air_is_gone():
    hand = steady_hand(GRIPPER)
    hand.plant.coupling.unlock("arm")
    assert hand.plant.coupling.serial_on("arm") == ""
    assert hand.plant.coupling.serials_in("crib") == ("", "VC-0012", "SD-0003")


def test_a_camera_sees_the_stations_in_its_view_lowest_first():
    hand = steady_hand(GRIPPER)
    unit = seated_body(hand)
    hand.pick(GRIPPER, "nest_2")
    hand.part_to(unit @ Pose((0.0, 0.0, 0.020)))
    hand.let_go(GRIPPER)
    scene = hand.plant.scene("camera_1")
    assert [(item.part_name, item.station, item.site) for item in scene] == [
        ("body", "fixture_1", "body_seat"),
        ("cap_white", "fixture_1", "cap_seat"),
    ]
    assert scene[1].top_m() == pytest.approx(0.055)
    assert hand.plant.scene("camera_2") == []
    assert len(hand.plant.scene("camera_trays")) == 45
