"""Stations and modes: what a station's machine shows, what a person's commands do to the work, and what a restart keeps."""

import asyncio

import pytest
from fake_shop_floor import VALVE, Floor, fault, floor, once, rejected

from microcell.clock import run_virtual
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.orchestration.packml import Command, Mode, State, transitions
from microcell.orchestration.work import OrderStatus
from microcell.records.journal import Journal
from microcell.records.packml import PackmlFold
from microcell.records.production import fold

STATIONS = [n for n, s in VALVE.cell_description.devices.items()
            if s.kind in ("arm", "feeder", "fixture", "camera", "carton_station", "printer")]  # fmt: skip


def state(shop: Floor, unit: str) -> State:
    return shop.controller.packml.machine(unit).state


def reason(shop: Floor, unit: str) -> str:
    return shop.controller.packml.machine(unit).reason


async def until(shop: Floor, condition) -> None:
    """Wait for something that follows from work, looking ten times in a second of cell time."""
    for _ in range(20_000):
        if condition():
            return
        await shop.clock.sleep(0.1)
    raise AssertionError("it did not happen")


def using(shop: Floor, station: str):
    return lambda: station in shop.port.running


def place_body(goal):
    return goal.operation == "place_body"


def test_every_device_that_works_by_itself_is_a_unit_and_starts_stopped_then_idle():
    async def story():
        async with floor() as shop:
            assert [s.unit for s in shop.controller.packml.statuses()] == ["bench", *STATIONS]
            await shop.controller.until_state(State.IDLE)
            assert {state(shop, name) for name in STATIONS} == {State.IDLE}
        assert {state(shop, name) for name in STATIONS} == {State.STOPPED}

    run_virtual(story())


def test_a_station_executes_while_a_skill_uses_it_and_is_idle_otherwise():
    async def story():
        async with floor() as shop:
            order = shop.order()
            await until(shop, using(shop, "fixture_1"))
            used = set(shop.port.running) & set(STATIONS)
            assert {name for name in STATIONS if state(shop, name) is State.EXECUTE} == used
            assert reason(shop, "fixture_1") == "place_body for VLV-000001"
            await shop.controller.order_ended(order)
            assert {state(shop, name) for name in STATIONS} == {State.IDLE}
            fixture = shop.controller.packml.status("fixture_1")
            assert fixture.processed == len([g for g in shop.port.goals if "fixture_1" in g.lease.resources.values()])
            cell = shop.controller.packml.status("")
            assert (cell.processed, cell.defective) == (1, 0)

    run_virtual(story())


def test_a_stopped_station_ends_what_it_does_then_gets_no_work_until_it_is_reset():
    async def story():
        async with floor() as shop:
            order = shop.order(8)
            await until(shop, using(shop, "fixture_1"))
            inside = shop.controller.shop.resources.occupied["fixture_1"]
            assert shop.controller.command(Command.STOP, "worn clamp", "fixture_1") is State.STOPPING
            assert state(shop, "fixture_1") is State.STOPPING
            await until(shop, lambda: state(shop, "fixture_1") is State.STOPPED)
            assert reason(shop, "fixture_1") == "worn clamp"
            packed = [goal.unit for goal in shop.port.goals if goal.operation == "pack_unit"]
            assert inside in packed, "the unit in it is finished first"
            before = len(shop.port.goals)
            await shop.clock.sleep(100.0)
            later = shop.port.goals[before:]
            assert later and not any("fixture_1" in goal.lease.resources.values() for goal in later)
            assert shop.controller.command(Command.RESET, "", "fixture_1") is State.RESETTING
            assert state(shop, "fixture_1") is State.IDLE
            view = await shop.controller.order_ended(order)
            assert (view.status, view.good, view.scrapped) == (OrderStatus.COMPLETED, 8, 0)
            assert any("fixture_1" in goal.lease.resources.values() for goal in shop.port.goals[before + len(later) :])

    run_virtual(story())


def test_an_aborted_station_cancels_its_skill_and_the_chain_goes_on_when_it_is_idle_again():
    async def story():
        async with floor() as shop:
            order = shop.order()
            await until(shop, using(shop, "fixture_1"))
            shop.controller.command(Command.ABORT, "something snapped", "fixture_1")
            await until(shop, lambda: state(shop, "fixture_1") is State.ABORTED)
            assert shop.port.cancelled == ["place_body"]
            await shop.clock.sleep(100.0)
            assert not shop.port.running & {"fixture_1"}
            assert shop.controller.state is State.EXECUTE
            shop.controller.command(Command.CLEAR, "", "fixture_1")
            await shop.clock.sleep(100.0)
            assert state(shop, "fixture_1") is State.STOPPED and not shop.port.running & {"fixture_1"}
            shop.controller.command(Command.RESET, "", "fixture_1")
            view = await shop.controller.order_ended(order)
            assert (view.good, view.scrapped) == (1, 0)

    run_virtual(story())


def test_a_station_is_held_by_a_fault_of_its_own_until_a_person_has_looked():
    async def story():
        async with floor(once("place_body", fault("FIXTURE_NOT_CLAMPED", "fixture_1"), times=2)) as shop:
            order = shop.order()
            await shop.controller.until_state(State.HELD)
            assert (state(shop, "fixture_1"), reason(shop, "fixture_1")) == (State.HELD, "FIXTURE_NOT_CLAMPED")
            assert state(shop, "fixture_2") is State.IDLE
            shop.controller.command(Command.UNHOLD)
            await shop.controller.order_ended(order)
            assert state(shop, "fixture_1") is State.IDLE
            assert shop.controller.packml.status("fixture_1").defective == 2

    run_virtual(story())


@pytest.mark.parametrize(
    ("found", "bad"),
    [
        (fault("PART_NOT_FOUND", "nest_1"), ["nest_1"]),
        (fault("GRIP_NOTHING_HELD", "parallel_gripper"), ["arm"]),
        (fault("SKILL_FAILED", "pick"), []),
        (rejected("rework", "cap_gap"), ["camera_1", "fixture_1"]),
    ],
)
def test_a_bad_end_counts_at_the_station_that_was_at_fault(found, bad: list[str]):
    operation = "pick_body" if found.fault else "inspect_closed"

    async def story():
        async with floor(once(operation, found)) as shop:
            await shop.controller.order_ended(shop.order(1))
            counted = fold(shop.journal.events()).packml
            assert sorted(times.unit for times in counted if times.unit and times.defective) == bad

    run_virtual(story())


def test_an_empty_feeder_is_suspended_until_it_is_refilled():
    async def story():
        async with floor(levels={"nest_1": 1}) as shop:
            shop.order(2)
            await until(shop, lambda: state(shop, "nest_1") is State.SUSPENDED)
            assert reason(shop, "nest_1") == "no parts left"
            await shop.controller.until_state(State.SUSPENDED)
            await shop.port.feeders["nest_1"].refill(5)
            await until(shop, lambda: state(shop, "nest_1") in (State.IDLE, State.EXECUTE))

    run_virtual(story())


def test_the_stations_stop_and_abort_with_the_cell():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            shop.controller.command(Command.ABORT)
            await shop.controller.until_state(State.ABORTED)
            assert {state(shop, name) for name in STATIONS} == {State.ABORTED}
            with pytest.raises(UsageError, match=r"fixture_1 is Aborted with the cell\. Clear the cell\."):
                shop.controller.command(Command.CLEAR, "", "fixture_1")
            shop.controller.command(Command.CLEAR)
            await shop.controller.until_state(State.STOPPED)
            assert {state(shop, name) for name in STATIONS} == {State.STOPPED}
            shop.controller.command(Command.RESET)
            await shop.controller.until_state(State.IDLE)
            assert {state(shop, name) for name in STATIONS} == {State.IDLE}

    run_virtual(story())


def test_a_unit_that_does_not_exist_is_refused_with_those_that_do():
    async def story():
        async with floor() as shop:
            for unit in ("fixture_9", "crib"):
                with pytest.raises(UsageError, match=f"'{unit}' has no state machine; there are: arm, fixture_1, "):
                    shop.controller.command(Command.STOP, "", unit)
                with pytest.raises(UsageError, match=f"'{unit}' has no state machine"):
                    shop.controller.set_mode(Mode.MANUAL, "", unit)

    run_virtual(story())


def test_a_station_in_maintenance_is_out_of_production_and_changes_only_at_rest():
    async def story():
        async with floor() as shop:
            order = shop.order(3)
            await until(shop, using(shop, "fixture_1"))
            with pytest.raises(UsageError, match="the mode cannot change in Execute, only in Stopped, Idle, Aborted"):
                shop.controller.set_mode(Mode.MAINTENANCE, "", "fixture_1")
            shop.controller.set_mode(Mode.MAINTENANCE, "new clamp", "fixture_2")
            view = await shop.controller.order_ended(order)
            assert view.good == 3
            assert not any("fixture_2" in goal.lease.resources.values() for goal in shop.port.goals)
            shop.controller.set_mode(Mode.PRODUCTION, "", "fixture_2")
            assert "fixture_2" not in shop.controller.shop.resources.out_of_service
            assert shop.controller.packml.status("fixture_2").mode_changes == 2

    run_virtual(story())


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        ((Command.STOP,), "Stopped: worn clamp; 'microcell command reset --unit fixture_1'"),
        ((Command.ABORT,), "Aborted: worn clamp; 'microcell command clear --unit fixture_1', then 'microcell command reset"),
        ((Command.ABORT, Command.CLEAR), "Stopped: worn clamp; 'microcell command reset --unit fixture_1'"),
    ],
)
def test_a_station_that_was_taken_out_names_the_commands_that_bring_it_back(commands: tuple[Command, ...], told: str):
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            for command in commands:
                shop.controller.command(command, "worn clamp", "fixture_1")
                await shop.clock.sleep(1.0)
            assert shop.controller.shop.lacking("fixture_1").detail.startswith(told)

    run_virtual(story())


def test_work_that_waits_for_a_station_in_another_mode_says_so():
    async def story():
        async with floor() as shop:
            for fixture in ("fixture_1", "fixture_2"):
                shop.controller.set_mode(Mode.MANUAL, "", fixture)
            shop.order()
            await shop.controller.until_state(State.HELD)
            (fault,) = shop.controller.active_faults
            why = "it is in Manual mode: 'microcell mode production --unit fixture_1'"
            assert (fault.code, fault.where, fault.detail) == ("DEVICE_OUT_OF_SERVICE", "fixture_1", why)
            shop.controller.set_mode(Mode.PRODUCTION, "", "fixture_1")
            shop.controller.command(Command.UNHOLD)
            await shop.controller.until_state(State.IDLE)
            assert shop.controller.order("order-0001").good == 1

    run_virtual(story())


@pytest.mark.parametrize("mode", [Mode.MAINTENANCE, Mode.MANUAL])
def test_outside_of_production_orders_are_taken_and_wait(mode: Mode):
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            shop.controller.set_mode(mode, "cleaning")
            order = shop.order()
            await shop.clock.sleep(500.0)
            assert shop.controller.state is State.IDLE and shop.port.goals == []
            with pytest.raises(UsageError, match=f"Start is not legal in {mode.title} mode"):
                shop.controller.command(Command.START)
            shop.controller.set_mode(Mode.PRODUCTION)
            assert (await shop.controller.order_ended(order)).good == 1

    run_virtual(story())


def test_tools_are_changed_by_hand_in_manual_mode_and_not_in_maintenance():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            shop.controller.set_mode(Mode.MAINTENANCE)
            with pytest.raises(UsageError, match="nothing is moved by hand in Maintenance mode"):
                await shop.controller.tooling.change("arm", "vacuum_cup")
            shop.controller.set_mode(Mode.MANUAL)
            changing = asyncio.ensure_future(shop.controller.tooling.change("arm", "vacuum_cup"))
            await shop.clock.sleep(1.0)
            with pytest.raises(UsageError, match="the mode cannot change while something moves"):
                shop.controller.set_mode(Mode.PRODUCTION)
            await changing
            assert shop.controller.shop.resources.mounted["arm"] == "vacuum_cup"

    run_virtual(story())


def test_modes_stopped_stations_times_and_counts_survive_a_restart(tmp_path):
    path = tmp_path / "journal"

    async def first():
        async with floor(journal=Journal.create_or_open(path)) as shop:
            await shop.controller.order_ended(shop.order())
            shop.controller.command(Command.STOP, "worn clamp", "fixture_1")
            shop.controller.set_mode(Mode.MANUAL, "new nozzle", "printer")
            await shop.controller.until_state(State.IDLE)
            shop.controller.set_mode(Mode.MAINTENANCE, "cleaning")
            await shop.clock.sleep(50.0)
            await shop.controller.close()
            kept = {s.unit: s for s in shop.controller.packml.statuses()}
        shop.journal.close()
        return kept

    async def second():
        async with floor(journal=Journal.create_or_open(path)) as shop:
            found = {s.unit: s for s in shop.controller.packml.statuses()}
            assert {"fixture_1", "printer"} <= shop.controller.shop.resources.out_of_service
            shop.controller.command(Command.RESET, "", "fixture_1")
            shop.controller.set_mode(Mode.PRODUCTION, "", "printer")
            assert not {"fixture_1", "printer"} & shop.controller.shop.resources.out_of_service
        return found

    before, after = run_virtual(first()), run_virtual(second())
    assert after["bench"].mode is Mode.MAINTENANCE and after["printer"].mode is Mode.MANUAL
    assert after["fixture_1"].state is State.STOPPED and after["fixture_1"].reason == "worn clamp"
    for name, status in before.items():
        counts = (status.processed, status.defective, status.mode_changes)
        assert (after[name].processed, after[name].defective, after[name].mode_changes) == counts
        for state_name in ("Execute", "Suspended", "Held"):
            assert after[name].state_cumulative_s.get(state_name) == status.state_cumulative_s.get(state_name)


def test_the_journal_alone_tells_what_the_machines_showed():
    async def story():
        async with floor(once("insert_cap", fault("INSERT_JAMMED", "arm"))) as shop:
            shop.order(2)
            await until(shop, using(shop, "fixture_2"))
            shop.controller.command(Command.HOLD, "look", "fixture_2")
            await shop.clock.sleep(30.0)
            shop.controller.command(Command.UNHOLD, "", "fixture_2")
            await shop.clock.sleep(30.0)
        folded = PackmlFold()
        for event in shop.journal.events():
            folded.apply(event)
        now_s = folded.last_s
        for record in folded.times():
            live = shop.controller.packml.machine(record.unit).record
            assert record.state == live.state.name
            assert (record.processed, record.defective) == (live.processed, live.defective)
            assert sum(record.state_s.values()) == pytest.approx(sum(live.state.cumulative_s(now_s).values()))
            assert record.state_s.get("Execute", 0.0) == pytest.approx(live.state.cumulative_s(now_s).get("Execute", 0.0))

    run_virtual(story())


def test_the_journal_does_not_swell_by_what_stations_do():
    async def story():
        async with floor() as shop:
            await shop.controller.order_ended(shop.order(3))
        return list(shop.kinds())

    assert not {"station.changed", "mode.changed", "feeder.emptied"} & set(run_virtual(story()))


def test_every_step_of_every_unit_is_a_legal_one():
    async def story():
        steps = set()
        async with floor(once("place_body", fault("FIXTURE_NOT_CLAMPED", "fixture_1"), times=2)) as shop:
            for machine in shop.controller.packml.machines.values():
                machine.listeners.append(lambda before, after: steps.add((before, after)))
            shop.controller.submit(Order(product="valve", lines=(OrderLine(variant="adult", quantity=2),)))
            await shop.controller.until_state(State.HELD)
            shop.controller.command(Command.UNHOLD)
            await shop.clock.sleep(60.0)
            shop.controller.command(Command.ABORT)
            await shop.controller.until_state(State.ABORTED)
        return steps

    steps = run_virtual(story())
    assert steps and steps <= transitions()
