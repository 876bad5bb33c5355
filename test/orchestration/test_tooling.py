"""Tools as the orchestrator keeps them: changed by hand, out of service, worn; all of it kept over restarts."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from fake_shop_floor import CONFIG, VALVE, Floor, fault, floor, once, with_devices, with_two_cups
from shared_planners import shared_planners

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.description.tool import ToolLife
from microcell.devices.tool_changer.contract import Coupling
from microcell.errors import UsageError
from microcell.events import RecoveryDecided, ToolMounted, ToolRenewed, ToolServiceChanged
from microcell.faults import FaultError
from microcell.orchestration.packml import Command, State
from microcell.plant.injection import Injection
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

TWIN = load_line(CONFIG / "lines" / "valve_twin.yaml")


def tool(cell: Floor, name: str):
    return next(view for view in cell.controller.snapshot().tools if view.name == name)


def test_a_tool_is_mounted_and_docked_by_hand_while_the_cell_is_idle():
    async def run() -> None:
        async with floor() as cell:
            await cell.controller.until_state(State.IDLE)
            assert await cell.controller.tooling.change("arm", "vacuum_cup") == "done"
            assert tool(cell, "vacuum_cup").place == "flange of arm"
            await cell.controller.tooling.dock("arm")
            assert tool(cell, "vacuum_cup").place == "crib"
            assert cell.port.operations() == ["mount_vacuum_cup", "dock_arm"]
            assert cell.controller.state is State.IDLE

    run_virtual(run())


def test_a_leased_arm_is_not_taken_away():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(1)
            await cell.clock.sleep(1.0)
            with pytest.raises(UsageError, match="'arm' is leased by VLV-000001/pick_body. Wait for that, or hold the cell"):
                await cell.controller.tooling.change("arm", "screwdriver")
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(run())


def test_what_a_held_chain_keeps_is_not_said_to_come_free_by_holding():
    async def run() -> None:
        async with floor(once("place_body", fault("FIXTURE_EMPTY", "fixture_1"))) as cell:
            cell.order(1)
            await cell.controller.until_state(State.HELD)
            told = "'arm' is leased by VLV-000001/pick_body, which keeps it while the cell is in Held. Let the cell go on"
            with pytest.raises(UsageError, match=told):
                await cell.controller.tooling.dock("")

    run_virtual(run())


def test_a_crib_that_is_out_of_service_is_said_to_be_so():
    async def run() -> None:
        async with floor() as cell:
            await cell.controller.until_state(State.IDLE)
            cell.controller.shop.resources.out_of_service.add("crib")
            with pytest.raises(UsageError, match="'crib' is out of service. Put it back into service and ask again."):
                await cell.controller.tooling.dock("arm")

    run_virtual(run())


def test_with_several_arms_it_is_asked_which_tool_is_to_be_docked():
    async def run() -> None:
        async with floor(line=TWIN) as cell:
            await cell.controller.until_state(State.IDLE)
            tooling = cell.controller.tooling
            with pytest.raises(UsageError, match="no arm holds a tool that is known. Name the arm: left_arm, right_arm."):
                await tooling.dock("")
            await tooling.change("left_arm", "vacuum_cup")
            await tooling.change("right_arm", "screwdriver")
            told = "which tool is to be docked. left_arm holds vacuum_cup, right_arm holds screwdriver. Name one of the arms"
            with pytest.raises(UsageError, match=told):
                await tooling.dock("")
            cell.port.changer = cell.port.changers["right_arm"]
            await tooling.dock("right_arm")
            cell.port.changer = cell.port.changers["left_arm"]
            await tooling.dock("")
            assert cell.port.goals[-1].lease.resources["arm"] == "left_arm"

    run_virtual(run())


def test_nothing_is_moved_by_hand_in_a_stopped_cell_and_unknown_names_are_told():
    async def run() -> None:
        async with floor() as cell:
            tooling = cell.controller.tooling
            with pytest.raises(UsageError, match="no pocket belongs to a tool 'glue_gun'; there are: parallel_gripper, vac"):
                await tooling.change("arm", "glue_gun")
            with pytest.raises(UsageError, match="no arm 'leg'; there are: arm"):
                await tooling.dock("leg")
            cell.controller.command(Command.STOP)
            await cell.controller.until_state(State.STOPPED)
            with pytest.raises(UsageError, match="nothing is moved by hand in Stopped, only in Idle, Execute, Held"):
                await tooling.dock("arm")
            assert cell.port.goals == []

    run_virtual(run())


def test_an_abort_breaks_off_a_change_by_hand_which_is_settled_before_anything_else_moves():
    async def run() -> None:
        async with floor() as cell:
            await cell.controller.until_state(State.IDLE)
            asked = asyncio.ensure_future(cell.controller.tooling.change("arm", "vacuum_cup"))
            await cell.clock.sleep(1.0)
            cell.controller.command(Command.ABORT)
            with pytest.raises(FaultError, match="SKILL_CANCELLED"):
                await asked
            await cell.controller.until_state(State.ABORTED)
            cell.controller.command(Command.CLEAR)
            await cell.controller.until_state(State.STOPPED)
            cell.controller.command(Command.RESET)
            await cell.controller.order_ended(cell.order(1))
            assert cell.port.operations()[:3] == ["mount_vacuum_cup", "settle_arm", "mount_parallel_gripper"]

    run_virtual(run())


def test_a_fault_of_a_change_by_hand_is_told_to_who_asked():
    async def run() -> None:
        async with floor(once("mount_vacuum_cup", fault("TOOL_NOT_LOCKED", "changer"))) as cell:
            await cell.controller.until_state(State.IDLE)
            with pytest.raises(FaultError, match="TOOL_NOT_LOCKED at changer"):
                await cell.controller.tooling.change("arm", "vacuum_cup")
            assert cell.controller.shop.resources.holders == {}
            await cell.controller.tooling.change("arm", "vacuum_cup")
            assert cell.port.operations()[1:] == ["settle_arm", "mount_vacuum_cup"]

    run_virtual(run())


def test_a_tool_out_of_service_is_refused_and_stays_so_over_a_restart():
    async def first() -> None:
        async with floor(journal=journal) as cell:
            told = cell.controller.tooling.set_service("vacuum_cup", False, "the cup is torn")
            assert told == "vacuum_cup VC-0012 is out of service"

    async def again() -> None:
        async with floor(journal=journal) as cell:
            with pytest.raises(FaultError) as refused:
                await cell.controller.tooling.change("arm", "vacuum_cup")
            assert (refused.value.fault.code, refused.value.fault.where) == ("TOOL_OUT_OF_SERVICE", "vacuum_cup")
            assert refused.value.fault.detail == "VC-0012: the cup is torn"
            assert "the cup is torn" in tool(cell, "vacuum_cup").refusal
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("TOOL_OUT_OF_SERVICE at vacuum_cup: ")
            cell.controller.tooling.set_service("vacuum_cup", True)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(first())
        run_virtual(again())
        changed = [(e.serial, e.in_service) for e in journal.events() if isinstance(e, ToolServiceChanged)]
        assert changed == [("VC-0012", False), ("VC-0012", True)]


@pytest.mark.parametrize(
    ("life", "reached"),
    [(ToolLife(cycles=2), "VC-0012: 2 uses of 2"), (ToolLife(calibration_days=5), "VC-0012: calibration was due")],
)
def test_a_tool_at_its_limit_is_refused_before_it_is_fetched_and_its_life_begins_anew(life: ToolLife, reached: str):
    cup = VALVE.tools["vacuum_cup"].model_copy(update={"life": life})
    cell_description = VALVE.cell_description
    crib = cell_description.devices["crib"]
    pockets = tuple(p.model_copy(update={"calibrated": date(1969, 12, 1)}) for p in crib.pockets)
    devices = {**cell_description.devices, "crib": crib.model_copy(update={"pockets": pockets})}
    line = VALVE.model_copy(
        update={
            "tools": {**VALVE.tools, "vacuum_cup": cup},
            "cell_description": cell_description.model_copy(update={"devices": devices}),
        }
    )

    async def run() -> None:
        async with floor(line=line, journal=journal) as cell:
            order = cell.order(1)
            for _ in range(20):
                if await cell.controller.until_state(State.HELD, State.IDLE, State.COMPLETE) is not State.HELD:
                    break
                assert cell.controller.reason.startswith("TOOL_WORN_OUT at vacuum_cup: ")
                assert reached in cell.controller.reason
                goals = len(cell.port.goals)
                cell.controller.command(Command.UNHOLD)
                await cell.controller.until_state(State.HELD)
                assert "microcell tools --renew TOOL" in cell.controller.reason, "to let the cell go on renews nothing"
                assert len(cell.port.goals) == goals
                cell.controller.tooling.renew("vacuum_cup", "new bellows")
                cell.controller.command(Command.UNHOLD)
                await cell.clock.sleep(0.1)
            assert (await cell.controller.order_ended(order)).good == 1

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(run())
        renewed = {(e.serial, e.reason) for e in journal.events() if isinstance(e, ToolRenewed)}
        assert renewed == {("VC-0012", "new bellows")}


def test_a_worn_out_tool_is_replaced_by_an_equal_one_without_a_person():
    async def run() -> None:
        async with floor(line=with_two_cups(ToolLife(cycles=2))) as cell:
            assert (await cell.controller.order_ended(cell.order(3))).good == 3
            assert tool(cell, "vacuum_cup").cycles == 2
            assert tool(cell, "vacuum_cup_2").cycles > 2
            assert "Held" not in cell.states()

    run_virtual(run())


def test_a_tool_that_is_put_out_of_service_on_its_way_is_replaced_and_the_last_one_holds_the_cell():
    async def run() -> None:
        async with floor(line=with_two_cups(ToolLife())) as cell:
            order = cell.order(2)
            while "mount_vacuum_cup" not in cell.port.operations():
                await cell.clock.sleep(1.0)
            cell.controller.tooling.set_service("vacuum_cup", False, "torn")
            while "mount_vacuum_cup_2" not in cell.port.operations():
                await cell.clock.sleep(1.0)
            assert "pick_membrane" not in cell.port.operations(), "with the torn one nothing is picked"
            cell.controller.tooling.set_service("vacuum_cup_2", False, "torn as well")
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("TOOL_OUT_OF_SERVICE at vacuum_cup: ")
            cell.controller.tooling.set_service("vacuum_cup_2", True)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 2

    run_virtual(run())


def test_after_a_hold_about_the_tool_the_flange_is_settled_with_what_the_journal_expects():
    settles = [fault("TOOL_UNCERTAIN", "changer"), None]

    def script(goal):  # type: ignore[no-untyped-def]
        if goal.skill == "settle_tool":
            return settles.pop(0)
        return fault("TOOL_UNSUITABLE") if goal.operation == "insert_cap" and settles else None

    async def run() -> None:
        async with floor(script) as cell:
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            cell.port.changer.serial = "VC-0012"  # the sensor lies
            cell.controller.command(Command.UNHOLD)
            await cell.clock.sleep(1.0)
            await cell.controller.until_state(State.HELD)
            settling = cell.port.goals[-1]
            assert (settling.skill, settling.lease.mounted) == ("settle_tool", "PG-0007")
            assert settling.parameters["expected"] == ["PG-0007"]
            assert settling.lease.resources == {"arm": "arm", "tool_crib": "crib"}
            assert cell.controller.shop.resources.mounted["arm"] == "parallel_gripper", "what it reads is no belief"
            cell.port.changer.serial = "PG-0007"
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            first = cell.port.operations().index("settle_arm")
            assert cell.port.operations()[first : first + 3] == ["settle_arm", "settle_arm", "insert_cap"]
            assert cell.controller.shop.resources.holders == {}

    run_virtual(run())


def test_another_serial_in_the_description_is_another_tool():
    gripper = VALVE.tools["parallel_gripper"].model_copy(update={"life": ToolLife(cycles=9)})
    worn = VALVE.model_copy(update={"tools": {**VALVE.tools, "parallel_gripper": gripper}})
    crib = worn.cell_description.devices["crib"]
    pockets = (crib.pockets[0].model_copy(update={"serial": "PG-0008"}), *crib.pockets[1:])
    devices = {**worn.cell_description.devices, "crib": crib.model_copy(update={"pockets": pockets})}
    renewed = worn.model_copy(update={"cell_description": worn.cell_description.model_copy(update={"devices": devices})})

    async def make(line, uses_before: int) -> None:
        async with floor(line=line, journal=journal) as cell:
            assert tool(cell, "parallel_gripper").cycles == uses_before
            await cell.controller.order_ended(cell.order(1))
            left = tool(cell, "parallel_gripper")
            assert (left.cycles, left.uses_left) == (6, 3)

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(make(worn, 0))
        run_virtual(make(renewed, 0))


def raise_once(cell: Floor, operation: str, error: Exception) -> None:
    """Let the first goal of an operation end in an exception instead of a result."""
    runner, left = cell.controller._runner, [error]
    goal = runner.goal

    async def raising(unit, variant, wanted, *rest, **more):  # type: ignore[no-untyped-def]
        if wanted == operation and left:
            raise left.pop()
        return await goal(unit, variant, wanted, *rest, **more)

    runner.goal = raising  # type: ignore[method-assign]


def test_an_error_of_the_program_at_settling_gives_the_leases_back_and_leaves_the_arm_unsettled():
    async def run() -> None:
        async with floor() as cell:
            cell.controller.tooling.unsettled.add("arm")
            raise_once(cell, "settle_arm", ValueError("out of its mind"))
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert "ValueError: out of its mind" in cell.controller.reason
            assert cell.controller.shop.resources.holders == {}
            assert cell.controller.tooling.unsettled == {"arm"}
            assert cell.port.goals == []
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            assert cell.port.operations()[0] == "settle_arm"

    run_virtual(run())


@pytest.mark.parametrize(("line", "operation"), [(VALVE, "settle_arm"), (TWIN, "park_left_arm")])
def test_a_fault_that_settling_or_parking_raises_is_recorded_and_it_is_tried_again(line: Line, operation: str):
    async def run() -> None:
        async with floor(line=line) as cell:
            if operation == "settle_arm":
                cell.controller.tooling.unsettled.add("arm")
            raise_once(cell, operation, FaultError("DEVICE_SILENT", "changer", "no answer"))
            order = cell.order(1)
            assert (await cell.controller.order_ended(order)).good == 1
            assert [fault.code for fault in cell.controller.shop.faults] == ["DEVICE_SILENT"]
            assert (operation, "DEVICE_SILENT", "retry") in cell.decisions()
            assert operation in cell.port.operations()

    run_virtual(run())


def test_after_a_fault_of_a_change_the_flange_is_settled_with_what_the_journal_expects():
    async def run() -> None:
        async with floor(once("mount_vacuum_cup", fault("TOOL_UNCERTAIN", "changer"))) as cell:
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            cell.port.changer.serial = ""  # somebody took the gripper away
            mounted = [e.serial for e in cell.journal.events() if isinstance(e, ToolMounted)]
            assert mounted[-1] == "PG-0007", "what the coupling reads after a fault is no belief"
            assert cell.controller.tooling.unsettled == {"arm"}
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            first = cell.port.operations().index("mount_vacuum_cup")
            assert cell.port.operations()[first : first + 3] == ["mount_vacuum_cup", "settle_arm", "mount_vacuum_cup"]
            settling = cell.port.goals[first + 1]
            assert (settling.lease.mounted, settling.parameters["expected"]) == ("PG-0007", ["PG-0007"])
            assert cell.port.goals[first + 2].lease.mounted == ""

    run_virtual(run())


def test_a_program_that_fails_once_as_it_mounts_a_tool_gives_no_unit_up():
    async def run() -> None:
        async with floor(once("mount_vacuum_cup", fault("SKILL_FAILED", "change_tool"))) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            assert cell.decisions() == [("mount_vacuum_cup", "SKILL_FAILED", "retry")]

    run_virtual(run())


def test_a_change_that_ends_well_without_its_tool_is_asked_about():
    async def run() -> None:
        async with floor() as cell:
            await cell.controller.until_state(State.IDLE)
            cell.port.changers["arm"] = type(cell.port.changer)()  # the tool goes onto a flange that nobody reads
            with pytest.raises(FaultError, match="the coupling reads no tool after the change to VC-0012 had ended well"):
                await cell.controller.tooling.change("arm", "vacuum_cup")
            assert cell.controller.tooling.unsettled == {"arm"}
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert "the coupling reads no tool after the change to PG-0007 had ended well" in cell.controller.reason
            cell.port.changers["arm"] = cell.port.changer
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(run())


@pytest.mark.parametrize(
    ("code", "believed"), [("TOOL_MISSING", None), ("ARM_STOPPED", "VC-0012"), ("DEVICE_FAILED", "VC-0012")]
)
def test_only_a_person_who_was_asked_about_the_tool_makes_the_sensors_count(code: str, believed: str | None):
    async def mount() -> None:
        async with floor(journal=journal) as cell:
            await cell.controller.until_state(State.IDLE)
            await cell.controller.tooling.change("arm", "vacuum_cup")

    async def again() -> None:
        async with floor(once("settle_arm", fault(code, "changer")), journal=journal) as cell:
            order = cell.order(1)
            if code != "ARM_STOPPED":
                await cell.controller.until_state(State.HELD)
                cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            first, second = (goal for goal in cell.port.goals if goal.skill == "settle_tool")
            assert (first.lease.mounted, first.parameters["expected"]) == ("VC-0012", ["VC-0012"])
            expected = [] if believed is None else [believed]
            assert (second.lease.mounted, second.parameters["expected"]) == (believed, expected)
            reasons = [e.reason for e in journal.events() if isinstance(e, RecoveryDecided) and e.action == "go_on"]
            looked = "a person has looked: what the sensors agree on counts, not what the journal expects"
            assert reasons == ([looked] if believed is None else [])

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(mount())
        run_virtual(again())


BOTH = with_devices(TWIN, left_arm={"serves": None}, right_arm={"serves": None})
OTHER = with_devices(BOTH, left_changer={"coupling": "another"})
NONE = with_devices(VALVE, changer={"coupling": "another"})


@pytest.mark.parametrize(
    ("line", "arm", "told"),
    [
        (
            TWIN,
            "left_arm",
            "left_arm does not work at right_crib, where screwdriver belongs. Ask for it with right_arm, "
            "or for one of: parallel_gripper, vacuum_cup.",
        ),
        (
            OTHER,
            "left_arm",
            "the coupling of left_arm does not fit screwdriver. Ask for it with right_arm, or for one of: none.",
        ),
        (BOTH, "", "left_arm, right_arm can fetch screwdriver. Name one of them."),
        (NONE, "", "no arm can fetch screwdriver from crib. See `works_at` and the couplings in the cell's file."),
        (NONE, "arm", "no arm can fetch screwdriver from crib. See `works_at` and the couplings in the cell's file."),
        (TWIN, "leg", "no arm 'leg'; there are: left_arm, right_arm."),
    ],
)
def test_an_arm_that_cannot_fetch_a_tool_is_refused_before_anything_moves(line: Line, arm: str, told: str):
    async def run() -> None:
        async with floor(line=line) as cell:
            await cell.controller.until_state(State.IDLE)
            with pytest.raises(UsageError) as refused:
                await cell.controller.tooling.change(arm, "screwdriver")
            assert str(refused.value) == told
            assert cell.port.goals == []

    run_virtual(run())


def test_the_only_arm_that_can_fetch_a_tool_need_not_be_named():
    async def run() -> None:
        async with floor(line=TWIN) as cell:
            await cell.controller.until_state(State.IDLE)
            await cell.controller.tooling.change("", "screwdriver")
            assert tool(cell, "screwdriver").place == "flange of right_arm"
            assert cell.port.goals[0].lease.resources == {"arm": "right_arm", "tool_crib": "right_crib"}

    run_virtual(run())


def test_a_coupling_that_lies_while_the_cell_is_held_moves_nothing_with_a_wrong_belief():
    """With the real skills over the plant: the cup's chain is interrupted by a question about the tool."""

    def lie(cell) -> None:  # type: ignore[no-untyped-def]
        changer = cell.devices["changer"]
        cell.truth = changer.coupling

        async def coupling() -> Coupling:
            return Coupling(True, "PG-0007")

        changer.coupling = coupling

    async def run() -> None:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = VirtualCell(VirtualRun(VALVE, ()), journal)
            cell.runner.planners = shared_planners(VALVE)
            cell.plant.injections.add(Injection("vacuum_cup", "on", "TOOL_UNSUITABLE"))
            await cell.start()
            order = cell.controller.submit(Order(product="valve", lines=(OrderLine(variant="adult", quantity=1),)))
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("TOOL_UNSUITABLE at vacuum_cup: ")
            stood = (await cell.devices["arm"].joints()).positions
            lie(cell)
            cell.controller.command(Command.UNHOLD)
            await cell.clock.sleep(5.0)
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("TOOL_UNCERTAIN at changer: ")
            assert (await cell.devices["arm"].joints()).positions == stood, "nothing has moved"
            assert cell.controller.shop.tools.serial_on("arm") == "VC-0012"
            cell.devices["changer"].coupling = cell.truth
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            await cell.close()

    run_virtual(run())
