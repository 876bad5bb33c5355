"""A tool is chosen by how wide, firmly, hard and fast it works, not only by what it is called to be able to do."""

from __future__ import annotations

from functools import cache

from fake_shop_floor import Floor, fault, floor, once

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.orchestration.packml import State
from microcell.orchestration.suitability import Suitability
from microcell.orchestration.work import plan_of
from microcell.orchestration.workable import beyond_every_arm
from microcell.skills.contract import Needs
from microcell.skills.needed import needs_of_all

BOTH = ["wide_gripper", "parallel_gripper"]


@cache
def bracket() -> Line:
    return load_line("bracket")


def with_weak_gripper(line: Line, force_max_n: float) -> Line:
    weak = line.tools["wide_gripper"].model_copy(update={"force_max_n": force_max_n})
    return line.model_copy(update={"tools": {**line.tools, "wide_gripper": weak}})


def with_second_driver(line: Line, **changes: float) -> Line:
    """The line with a screwdriver more, in a pocket before that of its own."""
    cell, crib = line.cell_description, line.cell_description.of_kind("tool_crib")["crib"]
    own = next(pocket for pocket in crib.pockets if pocket.tool == "screwdriver")
    more = own.model_copy(update={"tool": "driver_2", "serial": "SD-9"})
    crib = crib.model_copy(update={"pockets": (more, *crib.pockets)})
    driver = line.tools["screwdriver"].model_copy(update={"name": "driver_2", **changes})
    cell = cell.model_copy(update={"devices": {**cell.devices, "crib": crib}})
    return line.model_copy(update={"cell_description": cell, "tools": {**line.tools, "driver_2": driver}})


def needs_of(line: Line, operation: str) -> dict[str, Needs]:
    """What the chain that begins with an operation needs."""
    chain = next(chain for chain in plan_of(line).chains if chain.first == operation)
    return needs_of_all(line, chain.operations, line.product_description.default_variant)


def tools(line: Line, *operations: str) -> list[list[str]]:
    """Tools for each of some chains, asked of the same `Suitability` one after the other."""
    suitability = Suitability(line, lambda unit, chain: {})
    arm = next(iter(line.cell_description.of_kind("arm")))
    return [[tool for tool, _ in suitability.tools_for(arm, needs_of(line, name))] for name in operations]


def test_a_part_that_is_wider_than_a_gripper_opens_is_for_another_gripper():
    assert tools(bracket(), "pick_insert_1", "pick_tray", "pick_unit") == [BOTH, ["wide_gripper"], ["wide_gripper"]]


def test_a_screw_that_needs_more_torque_or_speed_than_a_screwdriver_has_is_for_another_screwdriver():
    line = load_line("valve")
    assert tools(with_second_driver(line), "fasten_1") == [["driver_2", "screwdriver"]]
    assert tools(with_second_driver(line, torque_max_n_m=0.3), "fasten_1") == [["screwdriver"]]
    assert tools(with_second_driver(line, speed_max_rad_s=40.0), "fasten_1") == [["screwdriver"]]


def test_a_part_that_needs_more_force_than_a_gripper_has_is_for_another_gripper():
    line = bracket()
    assert tools(with_weak_gripper(line, 24.0), "pick_insert_1", "pick_tray") == [BOTH, []]
    assert tools(with_weak_gripper(line, 30.0), "pick_tray") == [["wide_gripper"]]


def test_what_needs_no_tool_can_be_done_with_any_and_with_none():
    suitability = Suitability(bracket(), lambda unit, chain: {})
    drop = {"drop_part": Needs(("arm", "bin"))}
    assert [suitability.suits(tool, drop) for tool in ("", "wide_gripper", "gone")] == [True, True, True]
    assert [suitability.suits(tool, needs_of(bracket(), "pick_tray")) for tool in ("", "gone", "wide_gripper")] == [
        False,
        False,
        True,
    ]


def order_of(cell: Floor) -> str:
    product = bracket().product_description
    line = OrderLine(variant=product.default_variant, quantity=1)
    return cell.controller.submit(Order(product=product.name, lines=(line,)))


def test_a_wide_gripper_that_is_out_of_service_is_not_replaced_by_a_narrow_one():
    async def run() -> None:
        async with floor(line=bracket()) as cell:
            cell.controller.tooling.set_service("wide_gripper", False, "worn out")
            order_of(cell)
            await cell.controller.until_state(State.HELD)
            assert [f.code for f in cell.controller.active_faults] == ["TOOL_OUT_OF_SERVICE"]
            assert cell.port.operations() == []

    run_virtual(run())


def test_a_device_that_is_silent_when_the_wide_gripper_is_fetched_is_asked_again():
    async def run() -> None:
        async with floor(once("mount_wide_gripper", fault("DEVICE_SILENT", "crib")), line=bracket()) as cell:
            assert (await cell.controller.order_ended(order_of(cell))).good == 1
            fetched = [goal.parameters["tool"] for goal in cell.port.goals if goal.skill == "change_tool"]
            assert fetched[:2] == ["wide_gripper", "wide_gripper"]
            assert cell.decisions() == [("mount_wide_gripper", "DEVICE_SILENT", "retry")]

    run_virtual(run())


def test_a_chain_whose_tool_one_arm_can_fetch_and_whose_places_another_works_at_is_beyond_both():
    line = load_line("valve_twin")
    assert beyond_every_arm(line, plan_of(line)) == {}
    devices = dict(line.cell_description.devices)
    left, right = devices["left_arm"], devices["right_arm"]
    screws = ("screws_1", "screws_2")
    devices["left_arm"] = left.model_copy(update={"serves": (*left.serves, *screws)})
    devices["right_arm"] = right.model_copy(update={"serves": tuple(s for s in right.serves if s not in screws)})
    cell = line.cell_description.model_copy(update={"devices": devices})
    beyond = beyond_every_arm(line.model_copy(update={"cell_description": cell}), plan_of(line))
    assert set(beyond) == {(f"fasten_{number}",) for number in range(1, 5)}
    assert beyond["fasten_1",] == [
        "left_arm fetches no tool that can do it (drive_screw)", "right_arm does not work where fasten_1 is done"
    ]  # fmt: skip
