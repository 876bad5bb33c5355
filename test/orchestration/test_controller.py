"""The controller: orders in, work out, on virtual time over scripted skills."""

import asyncio
from datetime import datetime, timezone

import pytest
from fake_shop_floor import VALVE, fault, floor, once, rejected

from microcell.clock import run_virtual
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.faults import Fault
from microcell.orchestration.packml import Command, State
from microcell.orchestration.work import OrderStatus
from microcell.skills.contract import Outcome, SkillResult


def virtual(test):  # type: ignore[no-untyped-def]
    """Run an async test on virtual time."""

    def run() -> None:
        run_virtual(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@virtual
async def test_an_order_ends_completed_with_its_serials():
    async with floor() as cell:
        order = await cell.controller.order_ended(cell.order(3))
        assert (order.status, order.good, order.scrapped) == (OrderStatus.COMPLETED, 3, 0)
        assert sorted(order.serials) == ["VLV-000001", "VLV-000002", "VLV-000003"]


@virtual
async def test_no_device_is_ever_leased_twice_at_once():
    async with floor() as cell:
        await cell.controller.order_ended(cell.order(6))
        assert cell.port.overlaps == []


@virtual
async def test_two_units_are_in_work_at_once_and_share_tool_changes():
    async with floor() as cell:
        await cell.controller.order_ended(cell.order(2))
        changes = [op for op in cell.port.operations() if op.startswith("mount_")]
        assert changes == [
            "mount_parallel_gripper", "mount_vacuum_cup", "mount_parallel_gripper",
            "mount_screwdriver", "mount_vacuum_cup", "mount_parallel_gripper",
        ]  # fmt: skip


@virtual
async def test_intent_is_in_the_journal_before_a_goal_is_sent():
    async with floor() as cell:
        seen = []
        execute = cell.port.execute

        async def checking(goal, feedback):  # type: ignore[no-untyped-def]
            started = [e for e in cell.journal.events() if e.kind == "operation.started"]
            seen.append(started[-1].attempt_id == goal.attempt_id or goal.attempt_id in {e.attempt_id for e in started})
            return await execute(goal, feedback)

        cell.port.execute = checking
        await cell.controller.order_ended(cell.order(1))
        assert seen and all(seen)


@virtual
async def test_the_cell_goes_through_packml_to_idle_again():
    async with floor() as cell:
        await cell.controller.order_ended(cell.order(1))
        await cell.controller.until_state(State.IDLE)
        assert cell.states() == [
            "Resetting", "Idle", "Starting", "Execute", "Completing", "Complete", "Resetting", "Idle",
        ]  # fmt: skip


@virtual
async def test_a_higher_priority_goes_first_and_then_the_earlier_due_date():
    async with floor() as cell:
        cell.controller.command(Command.STOP)
        slow = cell.order(1)
        due = cell.order(1, due=datetime(2030, 1, 1, tzinfo=timezone.utc))
        urgent = cell.order(1, priority=5)
        assert [order.order_id for order in cell.controller.orders()] == [urgent, due, slow]
        cell.controller.command(Command.RESET) if cell.controller.state is State.STOPPED else None
        await cell.controller.until_state(State.STOPPED)
        cell.controller.command(Command.RESET)
        await cell.controller.order_ended(slow)
        started = [event.order_id for event in cell.journal.events() if event.kind == "unit.started"]
        assert started == [urgent, due, slow]


@virtual
async def test_a_fault_that_can_be_retried_is_retried():
    async with floor(once("insert_cap", fault("INSERT_JAMMED"))) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert order.good == 1
        assert cell.decisions() == [("insert_cap", "INSERT_JAMMED", "retry")]


@virtual
async def test_a_part_that_will_not_go_in_is_dropped_and_the_next_one_taken():
    async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=2)) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert order.good == 1
        assert [action for _, _, action in cell.decisions()] == ["retry", "next_part"]
        drop = cell.port.operations().index("drop_part")
        assert cell.port.operations()[drop + 1 : drop + 3] == ["pick_cap", "insert_cap"]


@virtual
async def test_when_the_policy_is_used_up_the_unit_is_scrapped_and_another_made():
    async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=4)) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert (order.good, order.scrapped) == (1, 1)
        assert order.last_fault.code == "INSERT_JAMMED"
        assert {"pick_scrap", "drop_scrap"} <= set(cell.port.operations())


@virtual
async def test_a_run_of_exactly_so_many_units_does_not_replace_scrap():
    async with floor(once("inspect_closed", rejected("scrap", "cap_surface"))) as cell:
        order = await cell.controller.order_ended(cell.order(2, replace_scrapped=False))
        assert (order.good, order.scrapped) == (1, 1)


@virtual
async def test_a_unit_to_be_recycled_leaves_as_scrap_does_and_the_records_say_why():
    async with floor(once("inspect_closed", rejected("recycle", "cap_surface"))) as cell:
        order = await cell.controller.order_ended(cell.order(1, replace_scrapped=False))
        assert order.scrapped == 1
        ended = next(event for event in cell.journal.events() if event.kind == "unit.ended")
        assert ended.reason == "recycled, inspection failed: cap_surface"


@virtual
async def test_a_missing_screw_is_reworked_and_only_that_one():
    async with floor(once("inspect_closed", rejected("rework", "screw_2"))) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert (order.good, order.reworked) == (1, 1)
        operations = cell.port.operations()
        assert (operations.count("fasten_3"), operations.count("fasten_1"), operations.count("inspect_closed")) == (
            2,
            1,
            2,
        )


@virtual
async def test_a_unit_is_scrapped_after_its_last_permitted_rework():
    times = VALVE.max_reworks + 1
    async with floor(once("inspect_closed", rejected("rework", "screw_2"), times=times)) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert (order.good, order.scrapped, order.reworked) == (1, 1, 1)


@virtual
async def test_a_fault_for_a_person_holds_the_cell_until_unhold():
    async with floor(once("place_body", fault("FIXTURE_EMPTY", "fixture_1"))) as cell:
        order_id = cell.order(1)
        await cell.controller.until_state(State.HELD)
        assert [f.code for f in cell.controller.active_faults] == ["FIXTURE_EMPTY"]
        assert "Put the unit back as it was seated" in cell.controller.reason
        cell.controller.command(Command.UNHOLD)
        assert (await cell.controller.order_ended(order_id)).good == 1
        assert cell.port.operations().count("pick_body") == 1


@virtual
async def test_an_empty_feeder_suspends_the_cell_until_it_is_refilled():
    async with floor(levels={"nest_1": 1}) as cell:
        order_id = cell.order(2)
        await cell.controller.until_state(State.SUSPENDED)
        assert cell.controller.reason == "waiting for parts: body"
        assert cell.controller.order(order_id).good == 1, "the unit that had its parts went on"
        await cell.port.feeders["nest_1"].refill(5)
        assert (await cell.controller.order_ended(order_id)).good == 2


@virtual
async def test_a_suspended_cell_says_so_when_something_else_than_parts_is_in_the_way_by_now():
    async with floor(levels={"nest_1": 0}) as cell:
        cell.order(1)
        await cell.controller.until_state(State.SUSPENDED)
        cell.controller.tooling.set_service("parallel_gripper", False, "bent")
        assert cell.controller.state is State.SUSPENDED
        await cell.port.feeders["nest_1"].refill(5)
        await cell.controller.until_state(State.HELD)
        assert [(f.code, f.where) for f in cell.controller.active_faults] == [("TOOL_OUT_OF_SERVICE", "parallel_gripper")]


@virtual
async def test_hold_lets_operations_reach_a_safe_point_and_unhold_goes_on_without_redoing_them():
    async with floor() as cell:
        order_id = cell.order(1)
        await cell.clock.sleep(5.0)
        assert cell.port.operations()[-1] == "pick_body"
        cell.controller.command(Command.HOLD)
        await cell.controller.until_state(State.HELD)
        assert cell.port.operations()[-1] == "place_body", "what is in the hand is put down first"
        cell.controller.command(Command.UNHOLD)
        await cell.controller.order_ended(order_id)
        assert cell.port.operations().count("pick_body") == 1


@virtual
async def test_abort_cancels_at_once_and_the_cell_finds_its_way_back():
    async with floor() as cell:
        order_id = cell.order(1)
        await cell.clock.sleep(10.0)
        cell.controller.command(Command.ABORT, "test")
        await cell.controller.until_state(State.ABORTED)
        assert cell.clock.now() == pytest.approx(10.0)
        assert cell.port.cancelled == ["place_body"]
        for command in (Command.CLEAR, Command.RESET):
            cell.controller.command(command)
            await cell.controller.until_state(State.STOPPED if command is Command.CLEAR else State.EXECUTE)
        assert (await cell.controller.order_ended(order_id)).good == 1


@virtual
async def test_a_paused_order_begins_no_unit_and_the_others_go_on():
    async with floor() as cell:
        first, second = cell.order(4), cell.order(2, variant="child")
        cell.controller.control(first, "pause", "material check")
        assert (await cell.controller.order_ended(second)).good == 2
        assert cell.controller.order(first).status is OrderStatus.PAUSED
        cell.controller.control(first, "resume")
        assert (await cell.controller.order_ended(first)).good == 4


@virtual
async def test_a_cancelled_order_finishes_what_is_in_work_and_ends():
    async with floor() as cell:
        first, second = cell.order(50), cell.order(1)
        await cell.clock.sleep(30.0)
        cell.controller.control(first, "cancel", "customer")
        ended = await cell.controller.order_ended(first)
        assert (ended.status, ended.good) == (OrderStatus.CANCELLED, 2)
        assert (await cell.controller.order_ended(second)).good == 1


@virtual
async def test_an_order_that_only_scraps_fails_instead_of_eating_all_parts():
    always = once("inspect_closed", rejected("scrap", "cap_surface"), times=10_000)
    async with floor(always) as cell:
        order = await cell.controller.order_ended(cell.order(2))
        assert (order.status, order.good) == (OrderStatus.FAILED, 0)
        assert 5 <= order.scrapped <= 6, "the limit, and the other unit that was in work"


@virtual
async def test_orders_that_cannot_be_made_are_refused_with_the_reason():
    async with floor() as cell:
        known = cell.order(1, order_id="A-1")
        refusals = {
            "order 'A-1' is known already": {"order_id": known},
            "no variant 'giant'; there are: adult, child, infant": {"variant": "giant"},
        }
        for text, order in refusals.items():
            with pytest.raises(UsageError, match=text):
                cell.order(**order)
        with pytest.raises(UsageError, match="this line makes 'valve', not 'stool'"):
            cell.controller.submit(Order(product="stool", lines=(OrderLine(quantity=1),)))


@virtual
async def test_order_commands_that_make_no_sense_are_refused_with_the_reason():
    async with floor() as cell:
        with pytest.raises(UsageError, match="no order 'X'; there are: none"):
            cell.controller.control("X", "pause")
        order_id = cell.order(1)
        with pytest.raises(UsageError, match=f"cannot resume order '{order_id}': it is not started"):
            cell.controller.control(order_id, "resume")
        await cell.controller.order_ended(order_id)
        with pytest.raises(UsageError, match="has ended already"):
            cell.controller.control(order_id, "cancel")


@virtual
async def test_a_line_whose_skills_nobody_offers_is_refused_before_anything_moves():
    async with floor() as cell:

        async def offered() -> frozenset[str]:
            return frozenset({"pick", "place"})

        cell.port.offered = offered
        with pytest.raises(UsageError, match="nobody offers the skill change_tool, fasten, insert"):
            await cell.controller.start()


@virtual
async def test_closing_while_working_ends_in_stopped_with_the_part_put_down():
    async with floor() as cell:
        cell.order(5)
        await cell.clock.sleep(5.0)
        await cell.controller.close()
        assert cell.controller.state is State.STOPPED
        assert cell.port.operations()[-1] == "place_body"
        assert cell.port.running == set()


@virtual
async def test_a_stopped_cell_starts_nothing_until_reset():
    async with floor() as cell:
        cell.controller.command(Command.STOP)
        await cell.controller.until_state(State.STOPPED)
        order_id = cell.order(1)
        await cell.clock.sleep(1000.0)
        assert cell.port.goals == []
        cell.controller.command(Command.RESET)
        await cell.controller.order_ended(order_id)


@virtual
async def test_the_snapshot_tells_who_works_where():
    async with floor() as cell:
        cell.order(1)
        await cell.clock.sleep(5.0)
        shown = cell.controller.snapshot()
        stations = {station.name: station for station in shown.stations}
        assert (stations["arm"].state, stations["arm"].holder) == ("leased", "VLV-000001/pick_body")
        assert stations["arm"].contents == "parallel_gripper"
        assert stations["arm"].activity == "pick for VLV-000001"
        assert stations["fixture_1"].contents == "VLV-000001"
        assert next(t.place for t in shown.tools if t.name == "parallel_gripper") == "flange of arm"


@virtual
async def test_an_error_of_the_program_holds_the_cell_and_says_so():
    async with floor() as cell:

        async def broken(goal, feedback):  # type: ignore[no-untyped-def]
            raise RuntimeError("wire loose")

        cell.port.execute = broken
        cell.order(1)
        await cell.controller.until_state(State.HELD)
        assert "RuntimeError: wire loose" in cell.controller.active_faults[0].detail
        await asyncio.sleep(0)


@virtual
async def test_what_goes_wrong_on_the_way_back_does_not_make_the_work_undone():
    done = SkillResult(Outcome.SUCCEEDED, "in; then stopped", Fault("ARM_STOPPED", "arm"))
    async with floor(once("place_body", done)) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert (order.good, order.last_fault.code) == (1, "ARM_STOPPED")
        assert cell.decisions() == [("place_body", "ARM_STOPPED", "go_on")]
        assert cell.port.operations().count("place_body") == 1


@virtual
async def test_a_unit_that_is_lost_on_its_way_out_is_scrapped_and_not_looked_for():
    lost = {"pick_unit": fault("GRIP_PART_LOST"), "pick_scrap": fault("FIXTURE_EMPTY", "fixture_1")}
    async with floor(lambda goal: lost.get(goal.operation) if goal.unit == "VLV-000001" else None) as cell:
        order = await cell.controller.order_ended(cell.order(1))
        assert (order.good, order.scrapped, order.serials) == (1, 1, ("VLV-000002",))
        assert cell.decisions() == [
            ("pick_unit", "GRIP_PART_LOST", "next_part"),
            ("pick_unit", "GRIP_PART_LOST", "scrap"),
            ("pick_scrap", "FIXTURE_EMPTY", "scrap"),
        ]


@virtual
async def test_a_feeder_that_is_empty_though_it_counts_parts_is_waited_for_until_somebody_refills_it():
    async with floor(once("pick_body", fault("FEEDER_EMPTY", "nest_1")), levels={"nest_1": 10}) as cell:
        order_id = cell.order(1)
        await cell.controller.until_state(State.SUSPENDED)
        assert cell.controller.reason == "waiting for parts: body"
        await cell.clock.sleep(500.0)
        assert cell.controller.state is State.SUSPENDED
        await cell.port.feeders["nest_1"].refill(1)
        assert (await cell.controller.order_ended(order_id)).good == 1
        assert cell.decisions() == [("pick_body", "FEEDER_EMPTY", "wait")]
        assert [event.added for event in cell.journal.events() if event.kind == "feeder.refilled"] == [1]


@virtual
async def test_a_feeder_that_is_taken_for_empty_stays_so_until_it_counts_more():
    async with floor() as cell:
        shop = cell.controller.shop
        before = len(list(cell.journal.events()))
        for level in (5, 5):
            shop.takes_for_empty("nest_1", level)
        shop.saw_level("nest_1", 4)
        assert shop.resources.levels["nest_1"] == 0
        shop.saw_level("nest_1", 10)
        shop.takes_for_empty("nest_1", 9)
        shop.forget_level("nest_1")
        shop.saw_level("nest_1", 12)
        told = [(event.kind, getattr(event, "added", 0)) for event in list(cell.journal.events())[before:]]
        assert told == [("feeder.emptied", 0), ("feeder.refilled", 6), ("feeder.emptied", 0)]


@virtual
async def test_a_full_feeder_that_is_said_to_be_empty_holds_the_cell_for_a_refill_of_it_would_not_be_seen():
    full = VALVE.cell_description.devices["nest_1"].capacity  # type: ignore[union-attr]
    async with floor(once("pick_body", fault("FEEDER_EMPTY", "nest_1")), levels={"nest_1": full}) as cell:
        order_id = cell.order(1)
        await cell.controller.until_state(State.HELD)
        assert cell.controller.reason.startswith("FEEDER_EMPTY at nest_1")
        cell.controller.command(Command.UNHOLD)
        assert (await cell.controller.order_ended(order_id)).good == 1


@virtual
async def test_an_abort_between_two_operations_of_a_chain_lets_the_next_one_wait():
    async with floor() as cell:
        order_id = cell.order(1)

        def abort_after_pick(entry):  # type: ignore[no-untyped-def]
            event = entry.event()
            if event.kind == "operation.ended" and event.operation == "pick_body":
                asyncio.get_running_loop().call_soon(cell.controller.command, Command.ABORT, "test")

        cell.controller.add_listener(abort_after_pick)
        await cell.controller.until_state(State.ABORTED)
        await cell.clock.sleep(100.0)
        assert "place_body" not in cell.port.operations() or cell.port.cancelled == ["place_body"]
        cell.controller.command(Command.CLEAR)
        await cell.controller.until_state(State.STOPPED)
        cell.controller.command(Command.RESET)
        assert (await cell.controller.order_ended(order_id)).good == 1


@virtual
async def test_an_operation_whose_server_was_lost_is_not_repeated_but_the_unit_put_aside():
    async with floor(once("insert_cap", fault("OUTCOME_UNKNOWN", "insert"))) as cell:
        order_id = cell.order(1)
        await cell.controller.until_state(State.HELD)
        cell.controller.command(Command.UNHOLD)
        order = await cell.controller.order_ended(order_id)
        assert (order.good, order.scrapped) == (1, 1)
        first = [goal.operation for goal in cell.port.goals if goal.unit == "VLV-000001"]
        assert first.count("insert_cap") == 1


@virtual
async def test_a_suspension_by_another_system_lasts_until_it_is_lifted():
    async with floor() as cell:
        order_id = cell.order(1)
        await cell.clock.sleep(1.0)
        cell.controller.command(Command.SUSPEND, "downstream is full")
        await cell.controller.until_state(State.SUSPENDED)
        await cell.clock.sleep(500.0)
        assert cell.controller.state is State.SUSPENDED
        cell.controller.command(Command.UNSUSPEND)
        assert (await cell.controller.order_ended(order_id)).good == 1


@virtual
async def test_an_order_without_a_name_gets_one_that_is_free():
    async with floor() as cell:
        cell.order(1, order_id="order-0002")
        assert cell.order(1) == "order-0003"


@virtual
async def test_a_unit_whose_chain_failed_by_a_program_error_is_put_aside_after_unhold():
    async with floor() as cell:
        execute, broken = cell.port.execute, ["once"]

        async def breaks_once(goal, feedback):  # type: ignore[no-untyped-def]
            if goal.operation == "insert_cap" and broken:
                broken.clear()
                raise RuntimeError("wire loose")
            return await execute(goal, feedback)

        cell.port.execute = breaks_once
        order_id = cell.order(1)
        await cell.controller.until_state(State.HELD)
        cell.controller.command(Command.UNHOLD)
        assert (await cell.controller.order_ended(order_id)).scrapped == 1


def test_a_fault_that_needs_a_person_while_the_cell_completes_is_not_cleared_by_the_cell_itself():
    async def story():
        async with floor(once("place_body", fault("FIXTURE_EMPTY", "fixture_1"))) as cell:
            order = cell.order(1)
            while "place_body" not in cell.port.operations():
                await cell.clock.sleep(1.0)
            cell.controller.command(Command.COMPLETE, "end of the lot")
            await cell.clock.sleep(600.0)
            assert cell.controller.state is State.COMPLETE
            assert [fault.code for fault in cell.controller.active_faults] == ["FIXTURE_EMPTY"]
            assert cell.port.operations().count("place_body") == 1
            cell.controller.command(Command.RESET, "put back")
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(story())
