"""Every code of the catalogue: provoked in the whole cell, with where it was seen and what the cell did about it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from fault_story import Case, first_at, held_by, in_fixture, inject, lose, planned, put, take_foreign, tell
from skill_bench import line_with, valve_line

from microcell import events
from microcell.description.base import PoseSpec
from microcell.description.calibration import Calibration
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.loader import load_line
from microcell.description.shape import CylinderShape
from microcell.description.tool import ToolLife
from microcell.errors import JournalError
from microcell.faults import CATALOGUE, FaultError
from microcell.orchestration.packml import Command, State
from microcell.plant.items import Place
from microcell.virtual import VirtualCell

HOLD, RETRY, NEXT_PART, SCRAP = ("hold",), ("retry",), ("next_part",), ("scrap",)
LOOK_AGAIN = ("look_again",)


def nothing(cell):
    """Nobody has to mend anything: it was a single event."""


def line_where_blue_caps_are_narrow():
    line = valve_line()
    product = line.product_description
    blue = product.parts["cap_blue"]
    narrow = blue.model_copy(update={"grasp": blue.grasp.model_copy(update={"width_m": 0.03})})
    parts = {**product.parts, "cap_blue": narrow}
    return line.model_copy(update={"product_description": product.model_copy(update={"parts": parts})})


def line_with_a_long_exposure():
    line = valve_line()
    product = line.product_description
    inspections = {**product.inspections, "open": product.inspections["open"].model_copy(update={"exposure_s": 10.0})}
    return line.model_copy(update={"product_description": product.model_copy(update={"inspections": inspections})})


def line_with_an_expired_calibration():
    """The virtual world begins in 1970."""
    old = Calibration(kind="calibration", name="old", serial="C-1", made=date(1969, 1, 1), valid_until=date(1969, 12, 31))
    return valve_line().model_copy(update={"calibrations": {"camera_1": old, "camera_2": old}})


def line_with_a_nest_that_lies_askew():
    """So that the wrist is stretched out on the way down to it."""
    return line_with({"nest_1": {"part_in_cell": PoseSpec(xyz_m=(0.24, -0.42, 0.02), rpy_rad=(0.01, -0.28, -1.0517))}})


def line_with_a_post_in_the_nest():
    post = CylinderShape(radius_m=0.02, length_m=0.3, at=PoseSpec(xyz_m=(0.24, -0.42, 0.15)))
    return line_with({"reject_bin": {"shape": (post,)}})


def line_with_a_short_lived_gripper():
    line = valve_line()
    worn = line.tools["parallel_gripper"].model_copy(update={"life": ToolLife(cycles=4)})
    return line.model_copy(update={"tools": {**line.tools, "parallel_gripper": worn}})


def slower_controller(cell: VirtualCell) -> None:
    spec = cell.devices["arm"].spec
    joints = tuple(joint.model_copy(update={"velocity_rad_s": joint.velocity_rad_s / 2}) for joint in spec.joints)
    cell.devices["arm"].spec = spec.model_copy(update={"joints": joints})


def described_controller(cell: VirtualCell) -> None:
    cell.devices["arm"].spec = cell.plant.line.cell_description.devices["arm"]


def shift_membrane(cell: VirtualCell) -> None:
    item = cell.plant.inventory.slot(Place("feeder", "tray_1", "0"))
    cell.plant.inventory.move(item, item.place, item.pose.shifted(dx=0.012))


def straighten_membrane(cell: VirtualCell) -> None:
    item = cell.plant.inventory.slot(Place("feeder", "tray_1", "0"))
    cell.plant.inventory.move(item, item.place, item.pose.shifted(dx=-0.012))


def swap_cap(cell: VirtualCell) -> None:
    item = first_at("nest_2")(cell)
    cell.plant.bench.lose(item, item.pose, "swapped")
    put("cap_blue", item.place, item.pose.position)(cell)


def cap_in_its_seat(cell: VirtualCell) -> None:
    put("cap_white", Place("unit", str(in_fixture(cell).item_id), "cap_seat"), (0.0, 0.0, 0.020))(cell)


def put_body_back(cell: VirtualCell) -> None:
    body = next(item for item in cell.plant.inventory if item.place.kind == "lost")
    cell.plant.inventory.move(body, Place("fixture", "fixture_1"), body.pose)


def new_serial(cell: VirtualCell) -> None:
    cell.plant.tool("vacuum_cup").serial = "VC-9999"


def old_serial(cell: VirtualCell) -> None:
    cell.plant.tool("vacuum_cup").serial = "VC-0012"


def same_serial_twice(cell: VirtualCell) -> None:
    cell.plant.tool("vacuum_cup").serial = "PG-0007"


def service(in_service: bool):
    return lambda cell: cell.controller.tooling.set_service("vacuum_cup", in_service, "the cup is torn")


def occupied(by_somebody: bool):
    """Whether the orchestrator takes both fixtures for occupied by units that it does not know."""

    def act(cell: VirtualCell) -> None:
        stations = cell.controller.shop.resources.occupied
        stations.update(dict.fromkeys(("fixture_1", "fixture_2"), "ghost")) if by_somebody else stations.clear()

    return act


def foreign_in_both_fixtures(cell: VirtualCell) -> None:
    put("body", Place("fixture", "fixture_1"), (0.48, -0.10, 0.03))(cell)
    put("body", Place("fixture", "fixture_2"), (0.48, 0.10, 0.03))(cell)


def overhauled(cell: VirtualCell) -> None:
    cell.controller.tooling.renew("parallel_gripper")


def empty_pocket(cell: VirtualCell) -> None:
    cell.plant.tool("vacuum_cup").pocket = None


def fill_pocket(cell: VirtualCell) -> None:
    cell.plant.tool("vacuum_cup").pocket = ("crib", 1)


def block_pocket(cell: VirtualCell) -> None:
    cell.plant.tool("screwdriver").pocket = ("crib", 0)


def free_pocket(cell: VirtualCell) -> None:
    cell.plant.tool("screwdriver").pocket = ("crib", 2)


def swap_tools(cell: VirtualCell) -> None:
    gripper, cup = cell.plant.tool("parallel_gripper"), cell.plant.tool("vacuum_cup")
    gripper.arm, gripper.pocket, cup.arm, cup.pocket = cup.arm, cup.pocket, gripper.arm, gripper.pocket


def full_carton_and_no_other(cell: VirtualCell) -> None:
    for number in range(6):
        put("body", Place("carton", "CTN-000001", str(number)), (-0.16, 0.36, 0.01))(cell)
    inject("cartons", "exchange", "CARTON_MISSING")(cell)


async def refill_later(cell: VirtualCell) -> None:
    inject("nest_1", "present", "FEEDER_EMPTY")(cell)
    await cell.clock.sleep(500.0)
    assert cell.controller.state is State.SUSPENDED
    assert cell.controller.reason == "waiting for parts: body"
    await cell.devices["nest_1"].refill(3)


def injected(fault: str, **when):
    """A fault of the catalogue of injectable ones happens."""
    scheduled = ScheduledFault(fault=fault, **when)
    return lambda cell: cell.plant.injections.schedule(scheduled)


def server_gone(cell: VirtualCell) -> None:
    usual = cell.runner.execute

    async def execute(goal, report):
        cell.runner.execute = usual
        raise FaultError("SKILL_UNAVAILABLE", goal.skill, "no server offers it")

    cell.runner.execute = execute


def full_disk(cell: VirtualCell) -> None:
    def append(event):
        raise JournalError("the disk is full")

    cell.controller._journal.append = append


async def release(cell: VirtualCell) -> None:
    cell.plant.safety.release("panel")
    await cell.clock.sleep(1.0)


def interrupted_in_place_body(journal) -> None:
    """The journal of a cell that lost its power while a body was on its way."""
    place = {"arm": "arm", "fixture": "fixture_1"}
    for event in (
        events.OrderAccepted(
            time_s=0.0, order_id="A", product="valve", lines=(("adult", 1),), priority=0, due_s=None, replace_scrapped=True
        ),
        events.UnitStarted(time_s=1.0, unit="VLV-000001", order_id="A", variant="adult"),
        events.OperationStarted(
            time_s=2.0, unit="VLV-000001", operation="place_body", skill="place", attempt_id="1.2", resources=place
        ),
    ):
        journal.append(event)


def membranes_off_their_seats(journal) -> None:
    """The journal of a cell that was switched off right after the membranes had begun to lie farther and farther off."""
    for number in range(100):
        offset_m = 0.00004 + 0.00001 * (number % 3) + 0.000008 * max(0, number - 50)
        told = {"unit": f"VLV-{number}", "operation": "inspect_open", "skill": "inspect", "attempt_id": f"0.{number}"}
        value = {"name": "membrane_place.position", "value": offset_m, "unit": "m", "lower": None, "upper": 0.0006}
        ended = {"outcome": "succeeded", "message": "", "duration_s": 1.0, "measurements": (value,)}
        journal.append(events.OperationEnded(time_s=float(number), **told, **ended))


def two_lines():
    return load_line("controller", ["valve"])


def change_to_valves_and_back(cell: VirtualCell) -> None:
    """As soon as the cell works it is to make valves; the person who has set the first station up thinks better of it."""

    async def change() -> None:
        await cell.controller.until_state(State.IDLE, State.EXECUTE)
        await cell.controller.line_change.begin(["valve"])
        await cell.controller._waiting.until(lambda: bool(cell.controller.shop.questions.open()))
        cell.controller.line_change.cancel()

    cell.tasks = asyncio.ensure_future(change())


def first_article_scrapped(journal) -> None:
    """The journal of a cell that was switched off when the first controller after a change had been scrapped."""
    told = {"change": "C-0001", "by": "anna"}
    products = {"leaving": ("valve",), "coming": ("controller",), "to": ("controller",)}
    journal.append(events.LineChangeBegun(time_s=0.0, **told, **products, how="drain", steps=()))
    journal.append(events.LineChangeStepEnded(time_s=1.0, **told, station=""))
    journal.append(
        events.LinesChanged(time_s=2.0, change="C-0001", lines=("controller",), products=("controller",), cycles_s=(65.0,))
    )
    order = {"order_id": "o-1", "lines": (("eu", 1),), "priority": 0, "due_s": None, "replace_scrapped": True}
    journal.append(events.OrderAccepted(time_s=3.0, product="controller", **order))
    unit = {"unit": "CTL-000001", "order_id": "o-1"}
    journal.append(events.UnitStarted(time_s=4.0, **unit, variant="eu", product="controller"))
    journal.append(events.UnitEnded(time_s=5.0, **unit, disposition="scrapped", reason="board_pattern", carton=""))


def release_line(cell: VirtualCell) -> None:
    """A person lets the line go on."""

    async def answer() -> None:
        questions = cell.controller.shop.questions
        await cell.controller._waiting.until(lambda: bool(questions.open()))
        cell.controller.service.answer(questions.open()[0].question, "release", "anna")

    cell.tasks = asyncio.ensure_future(answer())


def line(name: str):
    return lambda: load_line(name)


def break_latch(cell: VirtualCell) -> None:
    item = held_by("parallel_gripper")(cell)
    cell.plant.inventory.move(replace(item, broken=True), item.place, item.pose)


def cartridge(left_kg: float):
    return lambda cell: cell.plant.dispensing.refill(cell.plant.tool("dispenser"), left_kg)


async def a_weak_stroke(cell: VirtualCell) -> None:
    cell.plant.joining.weak["press_1"] = 0.5
    await cell.clock.sleep(9.0)
    cell.plant.joining.weak.clear()


ON_SCREWS = (0.66, -0.12, 0.04)

CASES = (
    # arm and motion
    Case("ARM_UNREACHABLE", "arm", HOLD, ends="held",
         line=lambda: line_with({"nest_1": {"part_in_cell": valve_line().cell_description.devices["nest_1"].part_in_cell
                                            .model_copy(update={"xyz_m": (1.4, -0.42, 0.02)})}})),
    Case("ARM_SINGULAR", "arm", HOLD, ends="held", line=line_with_a_nest_that_lies_askew),
    Case("ARM_BLOCKED", "arm", HOLD, ends="held", line=line_with_a_post_in_the_nest),
    Case("ARM_OVERLOADED", "arm", HOLD, ends="held", line=lambda: line_with({"arm": {"payload_kg": 0.625}})),
    Case("ARM_LIMIT", "arm", HOLD, slower_controller, ends="held", mend=described_controller),
    Case("ARM_DEVIATION", "arm", HOLD, put("body", Place("carton", "CTN-000001", "1"), (-0.105, 0.36, 0.01)),
         at="pack_unit", ends="held", mend=take_foreign),
    Case("ARM_PROTECTIVE_STOP", "arm", HOLD, put("body", Place("loose", "screws_1"), ON_SCREWS),
         at="fasten_1", ends="held", mend=take_foreign),
    Case("ARM_STOPPED", "arm", RETRY, lambda cell: cell.devices["arm"].stop(), at="pick_body", after_s=1.5),
    # gripping
    Case("GRIP_NOTHING_HELD", "parallel_gripper", RETRY, lose(first_at("nest_1")), at="pick_body", after_s=0.7),
    Case("GRIP_PART_LOST", "parallel_gripper", NEXT_PART, lose(held_by("parallel_gripper")), at="insert_cap", after_s=1.0),
    Case("GRIP_WRONG_WIDTH", "parallel_gripper", NEXT_PART, swap_cap, at="pick_cap", after_s=0.7,
         line=line_where_blue_caps_are_narrow),
    Case("VACUUM_NOT_SEALED", "vacuum_cup", RETRY, lose(first_at("tray_1")), at="pick_membrane", after_s=0.5),
    Case("HAND_NOT_EMPTY", "parallel_gripper", NEXT_PART, at="pick_cap",
         do=put("cap_white", Place("tool", "parallel_gripper"), (0.0, 0.0, 0.0))),
    # feeding
    Case("FEEDER_EMPTY", "nest_1", ("wait",), refill_later, at="pick_body",
         line=lambda: line_with(feeders={"nest_1": {"level": 20}})),
    Case("FEEDER_JAMMED", "nest_1", HOLD, inject("nest_1", "present", "FEEDER_JAMMED"), ends="held", mend=nothing),
    Case("PART_WRONG", "nest_1", HOLD, injected("feeder.announces_other", where="nest_1"), ends="held", mend=nothing),
    Case("PART_NOT_FOUND", "camera_trays", (*LOOK_AGAIN, *LOOK_AGAIN, "hold"), shift_membrane, ends="held",
         mend=straighten_membrane),
    # assembly
    Case("INSERT_NO_CONTACT", "arm", NEXT_PART, lose(in_fixture), at="label_unit", after_s=3.5, ends="held"),
    Case("INSERT_JAMMED", "arm", ("retry", "next_part", "next_part", "scrap"), cap_in_its_seat, at="insert_cap"),
    Case("INSERT_FORCE_EXCEEDED", "arm", ("retry", "next_part", "next_part", "scrap"), ends="failed",
         line=planned("insert_cap", lambda: line_with(fits={"cap_seat": {"friction_n": 40.0}}), force_limit_n=20.0)),
    Case("PLUG_NOT_LATCHED", "arm", ("retry", "next_part"), break_latch, at="plug_connector", line=line("controller")),
    Case("DISPENSER_EMPTY", "dispenser", HOLD, cartridge(0.0002), line=line("footwear"), ends="held", mend=cartridge(0.3)),
    Case("DISPENSE_OFF_LIMITS", "dispenser", SCRAP, lambda cell: cell.plant.dispensing.clog("dispenser", 0.4),
         at="cement_left", line=line("footwear")),
    Case("DISPENSE_BROKEN_OFF", "dispenser", SCRAP, injected("arm.stopped", operation="cement_left", nth=4),
         line=line("footwear")),
    Case("PRESS_OFF_LIMITS", "press_1", RETRY, a_weak_stroke, at="press_pair", line=line("footwear")),
    Case("WELD_NO_CONTACT", "spot_welder", RETRY, injected("welder.open_circuit"), line=line("battery")),
    Case("WELD_OFF_LIMITS", "spot_welder", RETRY, injected("welder.weak"), line=line("battery")),
    Case("TURNER_STUCK", "turner_1", HOLD, injected("turner.stuck"), line=line("battery"), ends="held", mend=nothing),
    Case("TEST_NO_CONTACT", "tester_1", NEXT_PART, injected("tester.blind", operation="measure_cell_2"),
         line=line("battery")),
    Case("PART_OFF_LIMITS", "tester_1", NEXT_PART, injected("feeder.weak_cell"), line=line("battery")),
    Case("FASTEN_CROSS_THREADED", "screwdriver", ("retry", "retry", "scrap"), ends="held",  # the driver is out of use
         line=lambda: line_with(cross_thread_ratio=1.0)),
    Case("FASTEN_NOT_SEATED", "screwdriver", RETRY, lose(held_by("screwdriver")), at="fasten_1", after_s=2.4),
    Case("FASTEN_NO_SCREW", "screwdriver", RETRY, lose(first_at("screws_1")), at="fasten_1", after_s=0.5),
    Case("FIXTURE_NOT_CLAMPED", "fixture_1", RETRY, inject("fixture_1", "clamp", "FIXTURE_NOT_CLAMPED")),
    Case("FIXTURE_EMPTY", "fixture_1", HOLD, lose(in_fixture), at="insert_membrane", ends="held", mend=put_body_back),
    Case("FIXTURE_OCCUPIED", "fixture_1", ("other",), foreign_in_both_fixtures, at="place_body", ends="held",
         mend=take_foreign),
    # tooling
    Case("TOOL_WRONG", "crib", HOLD, new_serial, ends="held", mend=old_serial),
    Case("TOOL_MISSING", "crib", HOLD, empty_pocket, ends="held", mend=fill_pocket),
    Case("TOOL_POCKET_OCCUPIED", "crib", HOLD, block_pocket, at="mount_vacuum_cup", ends="held", mend=free_pocket),
    Case("TOOL_BLOCKED", "crib", HOLD, lambda cell: cell.plant.contact.chips_m.update({("crib", 1): 0.003}),
         at="mount_vacuum_cup", ends="held", mend=lambda cell: cell.plant.contact.chips_m.clear()),
    Case("TOOL_NOT_LOCKED", "changer", HOLD, inject("changer", "lock", "TOOL_NOT_LOCKED"), ends="held", mend=nothing),
    Case("TOOL_UNSUITABLE", "arm", HOLD, swap_tools, at="pick_cap", ends="held", mend=swap_tools),
    Case("TOOL_UNCERTAIN", "changer", HOLD, same_serial_twice, at="mount_vacuum_cup", ends="held", mend=old_serial),
    Case("TOOL_OUT_OF_SERVICE", "vacuum_cup", (), service(False), at="place_body", ends="held", mend=service(True)),
    Case("TOOL_WORN_OUT", "parallel_gripper", (), line=line_with_a_short_lived_gripper, ends="held", mend=overhauled),
    # inspection
    Case("CAMERA_NO_IMAGE", "camera_1", LOOK_AGAIN, inject("camera_1", "capture", "CAMERA_NO_IMAGE")),
    Case("CAMERA_UNUSABLE_IMAGE", "camera_1", (*RETRY, *RETRY, "hold"), line=line_with_a_long_exposure, ends="held"),
    Case("CAMERA_NOT_CALIBRATED", "camera_1", HOLD, line=line_with_an_expired_calibration, ends="held"),
    Case("INSPECTION_NOT_CONFIGURED", "inspect", HOLD, line=planned("inspect_open", inspection="x_ray"), ends="held"),
    Case("PROCESS_DRIFTING", "membrane_place.position", (), journal=membranes_off_their_seats),
    # packaging
    Case("CARTON_FULL", "cartons", RETRY, inject("cartons", "carton", "CARTON_FULL")),
    Case("CARTON_MISSING", "cartons", HOLD, full_carton_and_no_other, at="pack_unit", ends="held", mend=nothing),
    Case("LABEL_NOT_PRINTED", "printer", RETRY, inject("printer", "print_label", "LABEL_NOT_PRINTED")),
    # cell and software
    Case("DEVICE_SILENT", "printer", (*RETRY * 2, "hold"), lambda cell: cell.devices["printer"].disconnect(),
         at="label_unit", ends="held", mend=lambda cell: cell.devices["printer"].connect()),
    Case("DEVICE_STALE", "wrist_force", RETRY, injected("device.stale", where="wrist_force", operation="insert_cap")),
    Case("DEVICE_MALFORMED", "cartons", RETRY, injected("device.malformed", where="cartons")),
    Case("DEVICE_FAILED", "printer", HOLD, injected("device.driver_crash", where="printer"), ends="held", mend=nothing),
    Case("SENSOR_IMPLAUSIBLE", "wrist_force", RETRY, injected("force_sensor.drift")),
    Case("CLOCK_JUMPED", "clock", RETRY, injected("clock.jump_back", operation="insert_cap")),
    Case("DEVICE_REFUSED", "screwdriver", HOLD, inject("screwdriver", "drive", "DEVICE_REFUSED"), ends="held", mend=nothing),
    Case("SKILL_REFUSED", "fasten", HOLD, line=planned("fasten_1", torque_n_m=-1.0), ends="held"),
    Case("SKILL_UNAVAILABLE", "fasten", HOLD, server_gone, at="fasten_1", ends="held", mend=nothing),
    Case("SKILL_TIMEOUT", "label", NEXT_PART, injected("skills.hung", operation="label_unit")),
    Case("SKILL_CANCELLED", "insert", RETRY, lambda cell: cell.controller.command(Command.ABORT), at="insert_cap",
         after_s=1.0, ends="aborted", mend=nothing),
    Case("SKILL_FAILED", "label", SCRAP, injected("skills.crashed", operation="label_unit")),
    Case("EMERGENCY_STOP", "safety", (), lambda cell: cell.plant.safety.press("panel"), at="pick_body", after_s=1.5,
         ends="aborted", mend=release),
    Case("OUTCOME_UNKNOWN", "orchestrator", (), journal=interrupted_in_place_body, ends="held", mend=nothing),
    Case("DEVICE_OUT_OF_SERVICE", "printer", (), lambda cell: cell.controller.service.set_service("printer", False),
         at="place_body", ends="held", mend=lambda cell: cell.controller.service.set_service("printer", True)),
    Case("CELL_BLOCKED", "bench", (), occupied(True), ends="held", mend=occupied(False)),
    Case("STATION_NOT_SET_UP", "fixture_1", (), change_to_valves_and_back, line=two_lines),
    Case("FIRST_ARTICLE_FAILED", "controller", (), release_line, journal=first_article_scrapped, line=two_lines),
    Case("JOURNAL_UNWRITABLE", "journal", (), full_disk, at="place_body", ends="aborted"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_fault_keeps_its_code_and_the_cell_does_what_its_policy_says(case: Case):
    told = tell(case)
    seen = [fault for fault in told.faults if fault.code == case.code]
    assert [fault.where for fault in seen][:1] == [case.where], [str(fault) for fault in told.faults]
    assert tuple(d.action for d in told.decisions)[: len(case.did)] == case.did
    if case.ends == "held":
        assert told.state is State.HELD
    elif case.ends == "aborted":
        assert told.state is State.ABORTED
    else:
        assert told.order.status.name == {"good": "COMPLETED", "failed": "FAILED"}[case.ends]
        assert told.order.good == (case.ends == "good")
        assert told.left == ()


@pytest.mark.parametrize("case", [c for c in CASES if c.did[-1:] == HOLD], ids=lambda case: case.code)
def test_a_held_cell_says_what_to_do(case: Case):
    told = tell(case)
    assert told.reason.startswith(f"{case.code} at {case.where}: ")
    assert told.reason.endswith(CATALOGUE[case.code].remedy)


@pytest.mark.parametrize("case", [c for c in CASES if c.mend is not None], ids=lambda case: case.code)
def test_once_it_is_mended_the_cell_goes_on_to_a_good_unit(case: Case):
    told = tell(case)
    assert told.mended is not None
    assert (told.mended.status.name, told.mended.good) == ("COMPLETED", 1)
    assert told.mended.scrapped == (case.code == "OUTCOME_UNKNOWN")
    assert told.left == ()


def test_every_code_of_the_catalogue_is_provoked():
    assert sorted(case.code for case in CASES) == sorted(CATALOGUE)
