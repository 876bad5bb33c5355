"""Nothing waits in silence: what is out of service is told wherever work waits for it, and work goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fake_shop_floor import VALVE, FakeChanger, FakeFeeder, FakeSafety, Floor, fault, floor, once

from microcell.clock import LoopClock, run_virtual
from microcell.description.line import Line, RecoveryStep
from microcell.description.tool import ToolLife
from microcell.devices.safety.contract import Stops
from microcell.errors import JournalError, UsageError
from microcell.faults import FaultError
from microcell.orchestration.packml import Command, Mode, State
from microcell.orchestration.work import OrderStatus
from microcell.records.journal import Journal
from microcell.skills.contract import Outcome, SkillResult

ASKED = VALVE.model_copy(
    update={"recovery": {"FASTEN_NO_SCREW": (RecoveryStep(action="ask", times=1, choices=("retry", "scrap")),)}}
)
"""The valve line, with a question when a screw was not picked up."""

OUT = r"DEVICE_OUT_OF_SERVICE at {}: Work waits for a device that is out of service"


async def until(shop: Floor, condition: Callable[[], object]) -> None:
    """Wait for something that follows from work, looking ten times in a second of cell time."""
    for _ in range(20_000):
        if condition():
            return
        await shop.clock.sleep(0.1)
    raise AssertionError("it did not happen")


async def until_told(shop: Floor, device: str) -> None:
    """Wait until the cell holds for a device that is out of service."""
    await shop.controller.until_state(State.HELD)
    await shop.clock.sleep(1.0)
    assert shop.controller.reason.startswith(OUT.format(device))
    assert [f.code for f in shop.controller.active_faults] == ["DEVICE_OUT_OF_SERVICE"]


async def ended(shop: Floor, order: str) -> tuple[OrderStatus, int, int]:
    view = await shop.controller.order_ended(order)
    return view.status, view.good, view.scrapped


def good(quantity: int, scrapped: int = 0) -> tuple[OrderStatus, int, int]:
    return OrderStatus.COMPLETED, quantity, scrapped


def standing_in(shop: Floor, fixture: str) -> Callable[[], bool]:
    """Whether a unit stands in a fixture that no chain has."""
    held = shop.controller.shop.resources
    return lambda: fixture in held.occupied and fixture not in held.holders


def state(shop: Floor, station: str) -> State:
    return shop.controller.packml.machine(station).state


def packed(shop: Floor) -> list[str]:
    return [goal.unit for goal in shop.port.goals if goal.operation == "pack_unit"]


@contextmanager
def killed(journal: Journal) -> Iterator[None]:
    """A program that is killed inside: nothing that it does after `kill` reaches the journal, and what it raises is lost."""
    try:
        yield
    except JournalError:
        pass
    finally:
        journal.__dict__.pop("append", None)


def kill(journal: Journal) -> None:
    def gone(event: object) -> None:
        raise JournalError("killed")

    journal.append = gone  # type: ignore[method-assign]


def in_memory() -> Journal:
    return Journal.create_or_open(":memory:", durability="batch")


def found_done(goal: object) -> SkillResult:
    return SkillResult(Outcome.SUCCEEDED, "found done")


def restarted(first, second, journal: Journal):  # type: ignore[no-untyped-def]
    """Tell a story in two programs on one journal; the first one is killed."""
    with killed(journal):
        run_virtual(first())
    return run_virtual(second())


# by hand


def test_an_emergency_stop_between_settling_and_mounting_by_hand_lets_no_goal_begin():
    safety = FakeSafety()

    async def story():
        async with floor(safety=safety) as shop:
            await shop.controller.until_state(State.IDLE)
            shop.controller.tooling.unsettled.add("arm")
            told = shop.port.changer.coupling

            async def told_slowly():
                await shop.clock.sleep(0.2)
                return await told()

            shop.port.changer.coupling = told_slowly
            changing = asyncio.ensure_future(shop.controller.tooling.change("arm", "vacuum_cup"))
            await until(shop, lambda: shop.port.operations() == ["settle_arm"] and not shop.port.running)
            assert not changing.done(), "the flange is being read"
            safety.tell(Stops(emergency=("E1",)))
            with pytest.raises(FaultError, match=r"SKILL_CANCELLED at arm: .*\(the cell is Abort"):
                await changing
            await shop.controller.until_state(State.ABORTED)
            await shop.clock.sleep(100.0)
            assert shop.port.operations() == ["settle_arm"]
            assert not shop.controller.shop.resources.holders
            assert "arm" in shop.controller.tooling.unsettled

    run_virtual(story())


def test_a_change_by_hand_that_has_not_begun_when_the_cell_aborts_does_not_begin():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            changing = asyncio.ensure_future(shop.controller.tooling.change("arm", "vacuum_cup"))
            await asyncio.sleep(0)
            shop.controller.command(Command.ABORT, "look")
            with pytest.raises((FaultError, asyncio.CancelledError)):
                await changing
            assert shop.port.operations() == []

    run_virtual(story())


def test_no_tool_is_changed_by_hand_on_an_arm_that_is_kept_for_interrupted_work():
    journal = in_memory()

    async def first():
        async with floor(journal=journal) as shop:
            shop.order()
            await until(shop, lambda: "insert_cap" in shop.port.operations())
            await shop.clock.sleep(1.0)
            kill(journal)

    async def second():
        async with floor(journal=journal) as shop:
            shop.port.settled = found_done
            shop.controller.command(Command.STOP, "wait")
            await shop.controller.until_state(State.STOPPED)
            shop.controller.set_mode(Mode.MANUAL)
            shop.controller.command(Command.RESET)
            await shop.controller.until_state(State.IDLE)
            kept = r"'arm' is kept for work that was interrupted\. Let the cell go on, then ask again\."
            with pytest.raises(UsageError, match=kept):
                await shop.controller.tooling.change("arm", "screwdriver")
            with pytest.raises(UsageError, match=kept):
                await shop.controller.tooling.dock("arm")
            assert shop.port.operations() == []
            shop.controller.set_mode(Mode.PRODUCTION)
            assert await ended(shop, "order-0001") == good(1)
            assert [goal.operation for goal in shop.port.asked] == ["insert_cap"]
            assert "insert_cap" not in shop.port.operations()

    restarted(first, second, journal)


# stations


def test_the_unit_in_a_fixture_that_is_to_stop_is_finished_after_a_restart():
    journal = in_memory()

    async def first():
        async with floor(journal=journal) as shop:
            shop.order(2)
            await until(shop, standing_in(shop, "fixture_1"))
            shop.controller.command(Command.STOP, "worn", "fixture_1")
            await shop.clock.sleep(0.5)
            assert state(shop, "fixture_1") is State.STOPPING
            inside.append(shop.controller.shop.resources.occupied["fixture_1"])
            kill(journal)

    async def second():
        async with floor(journal=journal) as shop:
            shop.port.settled = lambda goal: fault("SKILL_CANCELLED")
            assert await ended(shop, "order-0001") == good(2)
            assert inside[0] in packed(shop)
            assert state(shop, "fixture_1") is State.STOPPED
            assert shop.controller.shop.resources.out_of_service == {"fixture_1"}
            used = {goal.unit for goal in shop.port.goals if "fixture_1" in goal.lease.resources.values()}
            assert used == {inside[0]}, "no other gets into it"

    inside: list[str] = []
    restarted(first, second, journal)


@pytest.mark.parametrize("before", [(), (Command.STOP,)], ids=["working", "told to stop"])
def test_the_unit_in_a_fixture_that_was_aborted_and_cleared_is_asked_for_and_finished_after_a_reset(before):
    async def story():
        async with floor() as shop:
            order = shop.order(4)
            await until(shop, standing_in(shop, "fixture_1"))
            inside = shop.controller.shop.resources.occupied["fixture_1"]
            for command in (*before, Command.ABORT, Command.CLEAR):
                shop.controller.command(command, "snap", "fixture_1")
                await shop.clock.sleep(0.1)
            begun = len(shop.port.goals)
            await until_told(shop, "fixture_1")
            later = shop.port.goals[begun:]
            assert len(packed(shop)) == 3 and inside not in packed(shop), "the others are made without it"
            assert not any("fixture_1" in goal.lease.resources.values() for goal in later)
            shop.controller.command(Command.RESET, "", "fixture_1")
            shop.controller.command(Command.UNHOLD)
            assert await ended(shop, order) == good(4)

    run_virtual(story())


def test_the_unit_in_a_fixture_that_is_to_stop_is_finished_after_an_abort_of_the_cell():
    async def story():
        async with floor() as shop:
            order = shop.order(2)
            await until(shop, standing_in(shop, "fixture_1"))
            inside = shop.controller.shop.resources.occupied["fixture_1"]
            shop.controller.command(Command.STOP, "worn", "fixture_1")
            for command, reached in ((Command.ABORT, State.ABORTED), (Command.CLEAR, State.STOPPED)):
                shop.controller.command(command)
                await shop.controller.until_state(reached)
            shop.controller.command(Command.RESET)
            assert await ended(shop, order) == good(2)
            assert inside in packed(shop)
            assert state(shop, "fixture_1") is State.STOPPED

    run_virtual(story())


def test_a_station_that_was_stopped_stays_so_when_its_device_is_put_out_of_service_and_back():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            out = shop.controller.shop.resources.out_of_service
            shop.controller.command(Command.STOP, "look", "fixture_1")
            await until(shop, lambda: state(shop, "fixture_1") is State.STOPPED)
            shop.controller.service.set_service("fixture_1", False, "torn")
            shop.controller.service.set_service("fixture_1", True, "sewn")
            assert (out, state(shop, "fixture_1")) == ({"fixture_1"}, State.STOPPED)
            assert await ended(shop, shop.order(2)) == good(2)
            assert not any("fixture_1" in goal.lease.resources.values() for goal in shop.port.goals)
            shop.controller.command(Command.RESET, "", "fixture_1")
            assert not out

    run_virtual(story())


def test_a_device_that_was_put_out_of_service_stays_so_when_its_station_is_stopped_and_reset():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            held = shop.controller.shop
            shop.controller.command(Command.STOP, "look", "fixture_1")
            shop.controller.service.set_service("fixture_1", False, "torn")
            shop.controller.command(Command.RESET, "", "fixture_1")
            assert (held.resources.out_of_service, held.sources.reasons) == ({"fixture_1"}, {"fixture_1": "torn"})
            assert await ended(shop, shop.order(2)) == good(2)
            assert not any("fixture_1" in goal.lease.resources.values() for goal in shop.port.goals)
            shop.controller.service.set_service("fixture_1", True, "sewn")
            assert not held.resources.out_of_service

    run_virtual(story())


def test_a_stopped_station_without_which_nothing_can_be_made_is_told_by_name():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            shop.controller.command(Command.STOP, "ribbon", "printer")
            order = shop.order(2)
            await until_told(shop, "printer")
            assert "Reset a station that was stopped" in shop.controller.reason
            shop.controller.command(Command.RESET, "", "printer")
            shop.controller.command(Command.UNHOLD)
            assert await ended(shop, order) == good(2)

    run_virtual(story())


# after a restart


def _killed_in(operation: str, station: str, journal: Journal, line: Line = VALVE, quantity: int = 3, asked: bool = False):
    """A program that is killed while an operation runs at a station that a person has just told to hold."""

    async def first():
        script = once("fasten_1", fault("FASTEN_NO_SCREW")) if asked else lambda goal: None
        async with floor(script, line=line, journal=journal) as shop:
            shop.order(quantity)
            if asked:
                await until(shop, shop.controller.shop.questions.open)
            begun = len(shop.port.goals)
            await until(shop, lambda: operation in shop.port.operations()[begun:] and station in shop.port.running)
            shop.controller.command(Command.HOLD, "clamp", station)
            kill(journal)

    return first


def test_a_station_that_interrupted_work_needs_is_told_and_then_the_server_is_asked_how_it_ended():
    journal = in_memory()

    async def second():
        async with floor(journal=journal) as shop:
            shop.port.settled = found_done
            await until_told(shop, "fixture_1")
            assert shop.port.asked == [], "nobody is asked before the fixture is there"
            shop.controller.command(Command.UNHOLD)
            await until_told(shop, "fixture_1")
            shop.controller.command(Command.UNHOLD, "", "fixture_1")
            shop.controller.command(Command.UNHOLD)
            assert await ended(shop, "order-0001") == good(3)
            assert [goal.operation for goal in shop.port.asked] == ["place_body"]
            assert shop.decisions() == []

    restarted(_killed_in("place_body", "fixture_1", journal), second, journal)


@pytest.mark.parametrize("answer", ["retry", "scrap"])
def test_an_open_question_does_not_hide_the_station_that_interrupted_work_waits_for(answer):
    journal = in_memory()

    async def second():
        async with floor(line=ASKED, journal=journal) as shop:
            shop.port.settled = found_done
            (question,) = shop.controller.shop.questions.open()
            await until_told(shop, "fixture_2")
            assert shop.controller.shop.questions.open() == (question,), "it is open still"
            shop.controller.command(Command.UNHOLD, "", "fixture_2")
            shop.controller.command(Command.UNHOLD)
            await until(shop, lambda: shop.port.asked)
            waits = shop.port.asked[0].unit
            assert waits != question.unit
            await until(shop, lambda: waits in packed(shop))
            shop.controller.service.answer(question.question, answer, "ann")
            assert await ended(shop, "order-0001") == good(6, answer == "scrap")
            assert len(shop.port.asked) == 1

    restarted(_killed_in("fasten_1", "fixture_2", journal, ASKED, 6, asked=True), second, journal)


# devices that are leased on the way


def test_a_bin_that_is_out_of_service_when_a_part_has_to_go_there_is_told():
    async def story():
        async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=2)) as shop:
            order = shop.order(3)
            await until(shop, lambda: "insert_membrane" in shop.port.operations())
            shop.controller.service.set_service("reject_bin", False, "full")
            await until_told(shop, "reject_bin")
            assert "(full)" in shop.controller.reason
            begun = len(shop.port.goals)
            shop.controller.command(Command.UNHOLD)
            await until_told(shop, "reject_bin")
            assert len(shop.port.goals) == begun, "it does not go on without"
            shop.controller.service.set_service("reject_bin", True, "emptied")
            shop.controller.command(Command.UNHOLD)
            assert (await shop.controller.order_ended(order)).good == 3
            assert shop.port.overlaps == []

    run_virtual(story())


def test_a_crib_that_is_out_of_service_when_a_tool_has_to_be_settled_is_told():
    async def story():
        async with floor(once("insert_cap", fault("TOOL_UNCERTAIN"))) as shop:
            order = shop.order(2)
            await shop.controller.until_state(State.HELD)
            shop.controller.service.set_service("crib", False, "look")
            shop.controller.command(Command.UNHOLD)
            await shop.clock.sleep(1.0)
            await until_told(shop, "crib")
            shop.controller.service.set_service("crib", True, "looked")
            shop.controller.command(Command.UNHOLD)
            assert await ended(shop, order) == good(2)

    run_virtual(story())


def test_a_bin_without_which_no_unit_could_be_made_is_told_before_one_is_begun():
    async def story():
        async with floor() as shop:
            await shop.controller.until_state(State.IDLE)
            shop.controller.service.set_service("reject_bin", False, "full")
            order = shop.order()
            await until_told(shop, "reject_bin")
            assert shop.port.goals == []
            shop.controller.service.set_service("reject_bin", True, "emptied")
            shop.controller.command(Command.UNHOLD)
            assert await ended(shop, order) == good(1)

    run_virtual(story())


# at start-up


@pytest.mark.parametrize(("kind", "commands"), [(FakeFeeder, ("level", "wait_level")), (FakeChanger, ("coupling",))])
def test_devices_that_are_silent_as_the_cell_starts_are_told_and_waited_for(kind, commands, monkeypatch):
    async def story():
        clock = LoopClock(0.0)
        for command in commands:
            monkeypatch.setattr(kind, command, _silent_for(15.0, clock, getattr(kind, command)))
        async with floor() as shop:
            told = {event.fault["code"] for event in shop.journal.events() if event.kind == "fault.raised"}
            assert told == {"DEVICE_SILENT"}
            assert await ended(shop, shop.order()) == good(1)
            assert clock.now() > 15.0

    run_virtual(story())


def _silent_for(duration_s: float, clock: LoopClock, command):  # type: ignore[no-untyped-def]
    async def asked(device, *arguments):
        if clock.now() < duration_s:
            raise FaultError("DEVICE_SILENT", device.name, "no answer")
        return await command(device, *arguments)

    return asked


# while a question is open


def test_an_open_question_does_not_hide_the_feeder_that_the_other_units_wait_for():
    async def story():
        script = once("fasten_1", fault("FASTEN_NO_SCREW"))
        async with floor(script, line=ASKED, levels={"nest_2": 1}) as shop:
            order = shop.order(2)
            await shop.controller.until_state(State.SUSPENDED)
            assert shop.controller.reason == "waiting for parts: cap_white"
            (question,) = shop.controller.shop.questions.open()
            await shop.port.feeders["nest_2"].refill(10)
            await until(shop, lambda: len(packed(shop)) == 1)
            assert shop.controller.shop.questions.open() == (question,), "it is open still"
            shop.controller.service.answer(question.question, "retry", "ann")
            assert await ended(shop, order) == good(2)

    run_virtual(story())


def test_an_answer_lets_its_unit_go_on_though_the_others_wait_for_parts():
    async def story():
        script = once("fasten_1", fault("FASTEN_NO_SCREW"))
        async with floor(script, line=ASKED, levels={"nest_2": 1}) as shop:
            order = shop.order(2)
            await shop.controller.until_state(State.SUSPENDED)
            (question,) = shop.controller.shop.questions.open()
            shop.controller.service.answer(question.question, "retry", "ann")
            await until(shop, lambda: packed(shop) == [question.unit])
            await shop.controller.until_state(State.SUSPENDED)
            await shop.port.feeders["nest_2"].refill(10)
            assert await ended(shop, order) == good(2)

    run_virtual(story())


def test_an_open_question_does_not_hide_the_stopped_station_that_the_other_units_need():
    async def story():
        async with floor(once("fasten_1", fault("FASTEN_NO_SCREW")), line=ASKED) as shop:
            order = shop.order(2)
            await until(shop, shop.controller.shop.questions.open)
            shop.controller.command(Command.STOP, "ribbon", "printer")
            await until_told(shop, "printer")
            shop.controller.command(Command.RESET, "", "printer")
            shop.controller.command(Command.UNHOLD)
            await until(shop, lambda: len(packed(shop)) == 1)
            shop.controller.service.answer("Q-0001", "retry", "ann")
            assert await ended(shop, order) == good(2)

    run_virtual(story())


# tools


def test_a_tool_that_is_put_back_wakes_the_cell():
    async def story():
        async with floor(once("fasten_1", fault("FASTEN_NO_SCREW")), line=ASKED) as shop:
            order, tooling = shop.order(2), shop.controller.tooling
            await until(shop, shop.controller.shop.questions.open)
            for tool in shop.controller.shop.tools.places:
                tooling.set_service(tool, False, "worn")
            await shop.controller.until_state(State.HELD)
            begun = len(shop.port.goals)
            assert [fault.code for fault in shop.controller.active_faults] == ["TOOL_OUT_OF_SERVICE"]
            for tool in shop.controller.shop.tools.places:
                tooling.set_service(tool, True)
            shop.controller.command(Command.UNHOLD)
            await until(shop, lambda: len(shop.port.goals) > begun)
            shop.controller.service.answer("Q-0001", "retry", "ann")
            assert await ended(shop, order) == good(2)

    run_virtual(story())


def test_a_tool_whose_life_begins_anew_wakes_the_cell():
    driver = VALVE.tools["screwdriver"].model_copy(update={"life": ToolLife(cycles=1)})
    line = ASKED.model_copy(update={"tools": {**VALVE.tools, "screwdriver": driver}})

    async def story():
        async with floor(once("fasten_1", fault("FASTEN_NO_SCREW")), line=line) as shop:
            shop.order(2)
            await until(shop, shop.controller.shop.questions.open)
            await shop.controller.until_state(State.HELD)
            assert [fault.code for fault in shop.controller.active_faults] == ["TOOL_WORN_OUT"]
            assert shop.port.operations().count("fasten_1") == 1, "it is worn out"
            begun = len(shop.port.goals)
            shop.controller.tooling.renew("screwdriver", "new bit")
            shop.controller.command(Command.UNHOLD)
            await until(shop, lambda: len(shop.port.goals) > begun)
            assert shop.port.goals[-1].operation == "fasten_1"

    run_virtual(story())
