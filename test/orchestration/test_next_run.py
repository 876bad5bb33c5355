"""What outlives an orchestrator that died: that somebody had brought the cell to rest, and the dates of its orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone

import pytest
from fake_shop_floor import Floor, fault, floor

from microcell.clock import run_virtual
from microcell.description.order import Order, OrderLine
from microcell.events import Event, UnitStarted
from microcell.orchestration.packml import Command, State
from microcell.records.journal import Journal
from microcell.skills.contract import Outcome

LATER_S = 4_000.0
"""So much later the next orchestrator's clock begins than that of the one before."""


def journal_of(events: Iterable[Event]) -> Journal:
    """A journal whose program has died after these events."""
    journal = Journal.create_or_open(":memory:", durability="batch")
    for event in events:
        journal.append(event)
    return journal


def run_and_die(story: Callable[[Floor], object], events: Iterable[Event] = (), epoch_s: float = 0.0) -> list[Event]:
    """Go on with a journal, live the story, and die; what is in the journal then."""

    async def run() -> list[Event]:
        async with floor(journal=journal_of(events), epoch_s=epoch_s) as cell:
            await story(cell)  # type: ignore[misc]
            return list(cell.journal.events())

    return run_virtual(run())


def brought_to_rest(command: Command, reason: str = "somebody is in the cell") -> Callable[[Floor], object]:
    async def story(cell: Floor) -> None:
        cell.order(2)
        await cell.clock.sleep(5.0)
        cell.controller.command(command, reason)
        await cell.clock.sleep(30.0)

    return story


async def nobody_comes(cell: Floor) -> None:
    await cell.clock.sleep(1_000.0)
    assert cell.controller.state is State.STOPPED
    assert [goal.operation for goal in cell.port.goals] == []


@pytest.mark.parametrize(
    ("command", "state"),
    [(Command.HOLD, "Held"), (Command.STOP, "Stopped"), (Command.ABORT, "Aborted"), (Command.SUSPEND, "Suspended")],
)
def test_a_cell_that_a_person_brought_to_rest_moves_again_only_when_a_person_resets_it(command: Command, state: str):
    why = f"{state} before the restart: somebody is in the cell"

    async def again(cell: Floor) -> None:
        await nobody_comes(cell)
        assert cell.controller.reason == why

    async def reset(cell: Floor) -> None:
        await again(cell)
        cell.controller.command(Command.RESET)
        assert (await cell.controller.order_ended("order-0001")).good == 2

    events = run_and_die(brought_to_rest(command))
    events = run_and_die(again, events, LATER_S)
    run_and_die(reset, events, 2 * LATER_S)


@pytest.mark.parametrize("reason", ["waiting for maintenance", "shutdown", "the process was asked a second time to stop"])
@pytest.mark.parametrize("command", [Command.HOLD, Command.STOP, Command.SUSPEND])
def test_a_person_may_give_a_reason_in_the_words_of_the_cell(command: Command, reason: str):
    async def again(cell: Floor) -> None:
        await nobody_comes(cell)
        assert cell.controller.reason.endswith(f" before the restart: by hand: {reason}")

    run_and_die(again, run_and_die(brought_to_rest(command, reason)))


def test_a_program_that_leaves_in_a_hurry_has_not_brought_the_cell_to_rest():
    async def hurried(cell: Floor) -> None:
        cell.order(1)
        await cell.clock.sleep(5.0)
        cell.controller.hurry()

    async def on(cell: Floor) -> None:
        cell.port.settled = lambda goal: fault("SKILL_CANCELLED", goal.skill, Outcome.CANCELLED)
        assert (await cell.controller.order_ended("order-0001")).good == 1

    run_and_die(on, run_and_die(hurried))


def test_one_that_died_before_it_could_say_so_stays_at_rest_as_well():
    events = run_and_die(brought_to_rest(Command.HOLD))
    opened = len(events) + 1
    events = run_and_die(nobody_comes, events)[:opened]
    assert events[-1].kind == "journal.opened"
    run_and_die(nobody_comes, events)


def test_a_cell_that_a_fault_has_held_waits_for_a_person_after_a_restart_too():
    async def held() -> list[Event]:
        async with floor(lambda goal: fault("FEEDER_JAMMED", "nest_1") if goal.operation == "pick_body" else None) as cell:
            cell.order(1)
            await cell.controller.until_state(State.HELD)
            return list(cell.journal.events())

    run_and_die(nobody_comes, run_virtual(held()))


def test_a_held_cell_whose_program_was_stopped_waits_for_its_person_too():
    async def closed(cell: Floor) -> None:
        await brought_to_rest(Command.HOLD)(cell)  # type: ignore[misc]
        await cell.controller.close()

    run_and_die(nobody_comes, run_and_die(closed))


def test_a_cell_whose_program_was_stopped_goes_on_with_the_next_one():
    async def closed(cell: Floor) -> None:
        cell.order(2)
        await cell.clock.sleep(5.0)
        await cell.controller.close()

    async def on(cell: Floor) -> None:
        assert (await cell.controller.order_ended("order-0001")).good == 2

    run_and_die(on, run_and_die(closed))


def date(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, timezone.utc)


def test_due_dates_and_earliest_starts_are_the_same_dates_after_a_restart():
    async def before(cell: Floor) -> None:
        await cell.clock.sleep(100.0)
        lines = (OrderLine(variant="adult", quantity=1),)
        cell.controller.submit(Order(order_id="o", product="valve", lines=lines, earliest=date(6_000), due=date(9_000)))

    async def after(cell: Floor) -> None:
        order = cell.controller.order("o")
        assert order.accepted_s + cell.clock.epoch_s == pytest.approx(100.0)
        assert (order.earliest_s + cell.clock.epoch_s, order.due_s + cell.clock.epoch_s) == (6_000.0, 9_000.0)
        assert (await cell.controller.order_ended("o")).good == 1
        (begun,) = (event.time_s for event in cell.journal.events() if isinstance(event, UnitStarted))
        assert begun + cell.clock.epoch_s == pytest.approx(6_000.0, abs=10.0)  # the tool is fetched first

    run_and_die(after, run_and_die(before), LATER_S)
