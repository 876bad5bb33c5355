"""The controller with two arms, on virtual time over scripted skills."""

import pytest
from fake_shop_floor import CONFIG, fault, floor, once, with_a_crib_besides, with_one_crib

from microcell.clock import run_virtual
from microcell.description.loader import load_line
from microcell.errors import UsageError
from microcell.events import OperationEnded, OperationStarted
from microcell.orchestration.packml import Command, State
from microcell.records.journal import Journal

TWIN = load_line(CONFIG / "lines" / "valve_twin.yaml")


def virtual(test):  # type: ignore[no-untyped-def]
    """Run an async test on virtual time."""

    def run() -> None:
        run_virtual(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@virtual
async def test_both_arms_work_at_once_and_no_device_is_leased_twice():
    async with floor(line=TWIN) as cell:
        order = await cell.controller.order_ended(cell.order(8))
        assert (order.good, cell.port.overlaps) == (8, [])
        by_arm = {goal.lease.resources.get("arm") for goal in cell.port.goals if goal.unit}
        assert by_arm == {"left_arm", "right_arm", None}
        assert cell.clock.now() < sum(cell.port.duration_s for goal in cell.port.goals if goal.unit)


@virtual
async def test_no_two_operations_are_in_one_zone_at_a_time():
    async with floor(line=TWIN) as cell:
        await cell.controller.order_ended(cell.order(8))
        running: dict[str, tuple[str, frozenset[str]]] = {}
        for event in cell.journal.events():
            if isinstance(event, OperationStarted):
                arm = event.resources.get("arm", "")
                mine = frozenset().union(*(TWIN.ways.zones_at(arm, device) for device in event.resources.values()))
                others = [zones for who, zones in running.values() if who != arm or not arm]
                assert all(not mine & zones for zones in others), event
                running[event.attempt_id] = (arm, mine)
            elif isinstance(event, OperationEnded):
                running.pop(event.attempt_id)


@virtual
async def test_at_the_start_nobody_knows_where_the_arms_are_so_both_park_first():
    async with floor(line=TWIN) as cell:
        await cell.controller.order_ended(cell.order(1))
        assert set(cell.port.operations()[:2]) == {"park_left_arm", "park_right_arm"}


@virtual
async def test_an_arm_that_cannot_park_is_asked_again_and_then_a_person():
    async with floor(once("park_right_arm", fault("ARM_STOPPED", "right_arm"), times=3), line=TWIN) as cell:
        order_id = cell.order(2)
        await cell.controller.until_state(State.HELD)
        assert [action for operation, _, action in cell.decisions() if operation == "park_right_arm"] == [
            "retry", "retry", "hold",
        ]  # fmt: skip
        cell.controller.command(Command.UNHOLD)
        assert (await cell.controller.order_ended(order_id)).good == 2


@virtual
async def test_a_tool_that_is_not_the_one_believed_in_when_an_arm_parks_is_settled_once_a_person_has_looked():
    async with floor(once("park_right_arm", fault("TOOL_UNCERTAIN", "right_changer")), line=TWIN) as cell:
        order_id = cell.order(2)
        await cell.controller.until_state(State.HELD)
        assert "settle_right_arm" not in cell.port.operations()
        cell.controller.command(Command.UNHOLD)
        assert (await cell.controller.order_ended(order_id)).good == 2
        by_right = [operation for operation in cell.port.operations() if operation.endswith("_right_arm")]
        assert by_right[:3] == ["park_right_arm", "settle_right_arm", "park_right_arm"]
        assert cell.port.overlaps == []


@virtual
async def test_a_parking_that_hung_is_done_again_without_a_person():
    async with floor(once("park_right_arm", fault("SKILL_TIMEOUT", "park"), times=2), line=TWIN) as cell:
        assert (await cell.controller.order_ended(cell.order(2))).good == 2
        parked = [action for operation, _, action in cell.decisions() if operation == "park_right_arm"]
        assert parked == ["retry", "retry"]


@virtual
async def test_a_part_that_will_not_go_in_goes_into_the_bin_of_the_arm_that_holds_it():
    async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=2), line=TWIN) as cell:
        await cell.controller.order_ended(cell.order(1))
        drops = [goal.lease.resources for goal in cell.port.goals if goal.operation == "drop_part"]
        assert drops == [{"arm": "left_arm", "bin": "left_bin"}]


@virtual
async def test_after_a_restart_both_arms_park_before_anything_else_and_the_order_is_finished():
    journal = Journal.create_or_open(":memory:", durability="batch")
    async with floor(line=TWIN, journal=journal) as cell:
        order_id = cell.order(4)
        await cell.clock.sleep(60.0)
        assert cell.controller.snapshot().units_in_work > 1
    async with floor(line=TWIN, journal=journal) as cell:
        order = await cell.controller.order_ended(order_id)
        moves = [operation for operation in cell.port.operations() if not operation.startswith("settle_")]
        assert set(moves[:2]) == {"park_left_arm", "park_right_arm"}
        assert (order.good, cell.port.overlaps) == (4, [])


def sharing(script=lambda goal: None):  # type: ignore[no-untyped-def]
    """A cell whose arms fetch from one crib; the right arm has the cup, which only the left one can use for `child`."""
    return floor(script, line=with_one_crib(TWIN), on_flange={"right_arm": "VC-0012"})


@virtual
async def test_an_idle_arm_docks_the_tool_that_the_other_waits_for():
    async with sharing() as cell:
        order = await cell.controller.order_ended(cell.order(2, "child"))
        assert (order.good, cell.port.overlaps) == (2, [])
        done = cell.port.operations()
        assert done.count("dock_right_arm") == 1
        assert done.index("dock_right_arm") < done.index("mount_vacuum_cup") < done.index("pick_membrane")


@virtual
async def test_a_docking_that_fails_is_settled_and_done_again_when_a_person_has_looked():
    async with sharing(once("dock_right_arm", fault("TOOL_NOT_LOCKED", "right_arm"))) as cell:
        order_id = cell.order(2, "child")
        await cell.controller.until_state(State.HELD)
        assert cell.controller.reason.startswith("TOOL_NOT_LOCKED")
        cell.controller.command(Command.UNHOLD)
        assert (await cell.controller.order_ended(order_id)).good == 2
        done = cell.port.operations()
        assert [name for name in done if name in ("dock_right_arm", "settle_right_arm")] == [
            "settle_right_arm", "dock_right_arm", "settle_right_arm", "dock_right_arm",
        ]  # fmt: skip


@virtual
async def test_killed_while_a_tool_is_docked_for_the_other_arm_the_order_is_finished_after_the_restart():
    journal = Journal.create_or_open(":memory:", durability="batch")
    crib, tools = with_one_crib(TWIN), {"right_arm": "VC-0012"}
    async with floor(line=crib, journal=journal, on_flange=tools) as cell:
        order_id = cell.order(2, "child")
        while "dock_right_arm" not in cell.port.operations():
            await cell.clock.sleep(1.0)
        await cell.controller._tasks.cancel()
    async with floor(line=crib, journal=journal, on_flange=tools) as cell:
        assert (await cell.controller.order_ended(order_id)).good == 2
        assert "dock_right_arm" in cell.port.operations()


@virtual
async def test_a_tool_is_docked_in_its_own_crib_before_one_is_fetched_from_another():
    async with floor(line=with_a_crib_besides(TWIN)) as cell:
        order = await cell.controller.order_ended(cell.order(1, "child"))
        assert (order.good, cell.port.overlaps) == (1, [])
        changes = [goal for goal in cell.port.goals if goal.skill in ("dock_tool", "change_tool")]
        told = [(goal.operation, goal.lease.resources["tool_crib"]) for goal in changes[:3]]
        assert told == [
            ("mount_parallel_gripper", "left_crib"), ("dock_left_arm", "left_crib"), ("mount_vacuum_cup_2", "right_crib"),
        ]  # fmt: skip


@virtual
async def test_by_hand_a_tool_of_another_crib_is_docked_first():
    async with floor(line=with_a_crib_besides(TWIN)) as cell:
        await cell.controller.order_ended(cell.order(1))  # then the other arm is parked outside of the zone between them
        await cell.controller.until_state(State.IDLE)
        await cell.controller.tooling.dock("left_arm")
        await cell.controller.tooling.change("left_arm", "parallel_gripper")
        with pytest.raises(UsageError) as refused:
            await cell.controller.tooling.change("left_arm", "vacuum_cup_2")
        assert str(refused.value) == (
            "parallel_gripper on left_arm belongs to left_crib, vacuum_cup_2 is in right_crib. Dock parallel_gripper first."
        )
        await cell.controller.tooling.dock("left_arm")
        assert await cell.controller.tooling.change("left_arm", "vacuum_cup_2") == "done"


def test_a_program_that_fails_once_as_it_parks_an_arm_is_asked_again():
    async def story():
        async with floor(once("park_left_arm", fault("SKILL_FAILED", "park")), line=TWIN) as cell:
            order = await cell.controller.order_ended(cell.order(2))
            assert (order.good, "Held" in cell.states()) == (2, False)
            assert ("park_left_arm", "SKILL_FAILED", "retry") in cell.decisions()

    run_virtual(story())


def test_a_chain_that_waits_for_its_tool_keeps_the_crib_when_its_flange_is_settled_before():
    failed, without = list[str](), list[str]()

    async def story():
        def script(goal):  # type: ignore[no-untyped-def]
            held = cell.controller.shop.resources.holders
            without.extend(device for device in goal.lease.resources.values() if device not in held)
            if failed or goal.operation != "park_left_arm" or held.get("left_crib") != held["left_arm"]:
                return None
            failed.append(held["left_arm"])
            return fault("TOOL_UNCERTAIN", "left_arm")

        async with floor(script, line=TWIN) as cell:
            order = cell.order(4)
            await cell.controller.until_state(State.HELD)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 4

    run_virtual(story())
    assert (len(failed), without) == (1, [])
