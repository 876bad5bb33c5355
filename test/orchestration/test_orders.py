"""Orders: their life in the words of job control, updates as a difference, shortages before the start, urgent ones first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import pairwise
from sqlite3 import OperationalError

import pytest
from fake_shop_floor import VALVE, Floor, floor
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.events import Event, FeederRefilled, OperationEnded, OperationStarted, OrderUpdated, UnitStarted
from microcell.orchestration.job_control import JobState
from microcell.orchestration.order_desk import OrderChange
from microcell.orchestration.packml import ACTING, Command, State
from microcell.orchestration.work import OrderStatus, OrderWork
from microcell.records.journal import Journal
from microcell.records.orders import OrdersFold
from microcell.skills.contract import Outcome, SkillGoal, SkillResult

LEGAL = {
    (JobState.NOT_ALLOWED_TO_START, JobState.ALLOWED_TO_START), (JobState.NOT_ALLOWED_TO_START, JobState.ABORTED),
    (JobState.ALLOWED_TO_START, JobState.NOT_ALLOWED_TO_START), (JobState.ALLOWED_TO_START, JobState.RUNNING),
    (JobState.ALLOWED_TO_START, JobState.ABORTED), (JobState.RUNNING, JobState.INTERRUPTED),
    (JobState.RUNNING, JobState.ENDED), (JobState.RUNNING, JobState.ABORTED), (JobState.INTERRUPTED, JobState.RUNNING),
    (JobState.INTERRUPTED, JobState.ENDED), (JobState.INTERRUPTED, JobState.ABORTED),
}  # fmt: skip
"""Transitions of OPC 10031-4."""

COMMANDS = ("start", "revoke_start", "pause", "resume", "stop", "cancel", "hold", "unhold", "more", "wait")


def without_refills(*feeders: str) -> Line:
    """The valve line in which nobody brings parts for some feeders."""
    setups = VALVE.feeders
    changed = {name: setups[name].model_copy(update={"operator_refills": False}) for name in feeders}
    return VALVE.model_copy(update={"feeders": {**setups, **changed}})


def job(cell: Floor, order_id: str) -> str:
    found = cell.controller.order(order_id).job
    return f"{found.state.title} {found.sub_state}".rstrip()


async def until_begun(cell: Floor, order_id: str, units: int = 1) -> None:
    while cell.controller.order(order_id).in_work < units:
        await cell.clock.sleep(1.0)


def test_a_stored_order_waits_for_its_start_and_goes_through_the_states_of_job_control():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(2, allowed_to_start=False)
            await cell.clock.sleep(100.0)
            assert (job(cell, order), cell.controller.order(order).promised_s) == ("NotAllowedToStart Ready", None)
            cell.controller.control(order, "start")
            assert job(cell, order) == "AllowedToStart Ready"
            cell.controller.control(order, "revoke_start")
            assert job(cell, order) == "NotAllowedToStart Ready"
            cell.controller.control(order, "start")
            await until_begun(cell, order)
            assert job(cell, order) == "Running"
            cell.controller.control(order, "pause", "lunch")
            assert (job(cell, order), cell.controller.order(order).job.why) == ("Interrupted Suspended", "lunch")
            cell.controller.control(order, "resume")
            await cell.controller.order_ended(order)
            assert job(cell, order) == "Ended Completed"

    run_virtual(run())


def test_an_order_that_was_paused_before_its_first_unit_is_as_before_when_it_is_resumed():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(2, allowed_to_start=False)
            for command in ("pause", "resume", "start", "revoke_start"):
                cell.controller.control(order, command)
            assert (job(cell, order), cell.controller.order(order).status.name) == ("NotAllowedToStart Ready", "NOT_STARTED")
            cell.controller.control(order, "start")
            await until_begun(cell, order)
            assert cell.controller.order(order).status.name == "RUNNING"

    run_virtual(run())


def test_an_order_cannot_become_due_before_it_may_begin():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(1, earliest=datetime.fromtimestamp(cell.clock.epoch_s + 500.0, timezone.utc))
            with pytest.raises(UsageError, match="the order is due before its earliest start. Correct one of the two"):
                cell.controller.desk.update(order, OrderChange(changes_due=True, due_s=500.0), "")
            assert "due date changed" in cell.controller.desk.update(order, OrderChange(changes_due=True, due_s=501.0), "")

    run_virtual(run())


def test_a_stopped_order_ends_and_a_cancelled_one_is_aborted_with_what_was_begun():
    async def run() -> None:
        async with floor() as cell:
            stopped, cancelled = cell.order(5), cell.order(5)
            await until_begun(cell, stopped)
            cell.controller.control(stopped, "stop")
            cell.controller.control(cancelled, "cancel")
            ended = await cell.controller.order_ended(stopped)
            assert (ended.status, ended.job.state, 1 <= ended.good < 5) == (OrderStatus.COMPLETED, JobState.ENDED, True)
            assert ended.job.why.startswith("stopped: ")
            assert (await cell.controller.order_ended(cancelled)).job.state is JobState.ABORTED
            with pytest.raises(UsageError, match="has ended already"):
                cell.controller.control(stopped, "start")

    run_virtual(run())


def test_a_held_cell_interrupts_its_orders():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(2)
            await until_begun(cell, order)
            cell.controller.command(Command.HOLD, "door open")
            await cell.controller.until_state(State.HELD)
            assert job(cell, order) == "Interrupted Held"
            assert cell.controller.order(order).job.why == "the cell is Held"

    run_virtual(run())


def test_a_command_that_does_not_fit_is_refused_with_the_state():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(1, allowed_to_start=False)
            with pytest.raises(UsageError, match="cannot resume order 'order-0001': it is stored. Commands: start"):
                cell.controller.control(order, "resume")

    run_virtual(run())


def test_an_update_is_applied_as_a_difference_and_what_is_begun_stays():
    async def run() -> None:
        async with floor() as cell:
            order = cell.order(4)
            await until_begun(cell, order, 2)
            change = OrderChange(lines=(("adult", 3), ("child", 2)), priority=7)
            assert (
                cell.controller.desk.update(order, change, "customer called")
                == f"order '{order}': -1 adult, +2 child, priority 7"
            )
            assert cell.controller.desk.update(order, change, "") == f"order '{order}' is so already"
            with pytest.raises(UsageError, match="2 units of 'adult' are begun, there cannot be 1"):
                cell.controller.desk.update(order, OrderChange(lines=(("adult", 1),)), "")
            ended = await cell.controller.order_ended(order)
            assert (ended.quantity, ended.good, ended.priority) == (5, 5, 7)
            made = Counter(e.variant for e in cell.journal.events() if isinstance(e, UnitStarted))
            assert made == {"adult": 3, "child": 2}

    run_virtual(run())


def scrapping(bad: int) -> tuple[Order, Callable[[SkillGoal], SkillResult | None]]:
    """An order, and a script by which its first units are bad."""
    left = iter(range(bad))

    def script(goal: SkillGoal) -> SkillResult | None:
        is_bad = goal.operation == "inspect_closed" and next(left, None) is not None
        return SkillResult(Outcome.REJECTED, "bad", disposition="scrap", failed_checks=("scratch",)) if is_bad else None

    lines = (OrderLine(variant="adult", quantity=20),)
    return Order(order_id="o", product="valve", lines=lines), script


def test_an_order_that_was_reduced_to_what_is_good_is_completed_however_many_were_scrapped():
    order, script = scrapping(6)

    async def run() -> OrderStatus:
        async with floor(script) as cell:
            cell.controller.submit(order)
            while cell.controller.order("o").good < 4:
                await cell.clock.sleep(1.0)
            cell.controller.desk.update("o", OrderChange((("adult", 5),)), "")
            await cell.controller.order_ended("o")
            ended = cell.controller.order("o")
            assert (ended.good, ended.scrapped) == (5, 6)
            return ended.status

    assert run_virtual(run()) is OrderStatus.COMPLETED


def test_an_order_that_is_raised_replaces_what_it_had_given_up_to_replace():
    work = OrderWork("o", (("adult", 5),), 0, None, 0.0, 0, True)
    for _ in range(5):
        work.to_start["adult"] -= 1
        work.count_scrapped("adult")
    assert (work.out_of_replacements, work.to_start["adult"]) == (True, 4)
    work.change((("adult", 8),), 0, None)
    assert (work.out_of_replacements, work.to_start["adult"]) == (False, 8)


def test_updates_and_stored_orders_are_known_after_a_restart():
    journal = Journal.create_or_open(":memory:", durability="batch")

    async def run() -> None:
        async with floor(journal=journal) as cell:
            first, second = cell.order(9), cell.order(3, allowed_to_start=False)
            cell.controller.desk.update(first, OrderChange(lines=(("child", 2),)), "")
            assert (first, second) == ("order-0001", "order-0002")
        async with floor(journal=journal) as cell:
            assert cell.controller.order("order-0001").lines == (("child", 2),)
            assert job(cell, "order-0002") == "NotAllowedToStart Ready"
            assert (await cell.controller.order_ended("order-0001")).good == 2

    run_virtual(run())


# shortages


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("partial", {"adult": 3}), ("substitute", {"adult": 3, "child": 2})],
)
def test_a_shortage_is_found_before_the_start_and_dealt_with_as_the_order_says(choice: str, expected: dict[str, int]):
    async def run() -> None:
        async with floor(line=without_refills("nest_2"), levels={"nest_2": 3}) as cell:
            order = cell.order(5, on_shortage=choice, substitutes={"adult": ("child",)})
            update = next(e for e in cell.journal.events() if isinstance(e, OrderUpdated))
            assert (dict(update.lines), update.reason) == (expected, f"{choice}: parts are short")
            await cell.controller.order_ended(order)
            assert Counter(e.variant for e in cell.journal.events() if isinstance(e, UnitStarted)) == expected

    run_virtual(run())


def test_a_short_order_can_be_refused_or_held_for_a_decision():
    async def run() -> None:
        async with floor(line=without_refills("nest_2"), levels={"nest_2": 3}) as cell:
            with pytest.raises(UsageError, match="parts are short: cap_white: 5 needed, 3 there. Order less"):
                cell.order(5, on_shortage="refuse")
            held = cell.order(5, on_shortage="hold")
            view = cell.controller.order(held)
            assert (job(cell, held), view.shortages) == ("NotAllowedToStart Waiting", ("cap_white: 5 needed, 3 there",))
            with pytest.raises(UsageError, match="has no rule for substitutes"):
                cell.controller.control(held, "substitute")
            cell.controller.control(held, "partial")
            assert (await cell.controller.order_ended(held)).good == 3

    run_virtual(run())


def test_what_other_orders_need_is_spoken_for_and_waiting_is_the_default():
    async def run() -> None:
        async with floor(line=without_refills("nest_2"), levels={"nest_2": 3}) as cell:
            first, second = cell.order(2), cell.order(2)
            assert cell.controller.order(first).shortages == ("cap_white: 2 needed, 1 there",)
            assert cell.controller.order(second).shortages == ("cap_white: 2 needed, 1 there",)
            assert job(cell, second) == "AllowedToStart Waiting"
            assert cell.controller.order(cell.order(1, "child")).shortages == ()

    run_virtual(run())


def test_what_is_filled_into_a_feeder_that_is_not_empty_counts_at_once():
    async def run() -> None:
        async with floor(line=without_refills("nest_2"), levels={"nest_2": 3}) as cell:
            cell.controller.service.announce("cap_white", 4)
            held = cell.order(8, on_shortage="hold")
            assert cell.controller.order(held).shortages == ("cap_white: 8 needed, 7 there",)
            await cell.port.feeders["nest_2"].refill(5)
            await cell.clock.sleep(1.0)
            assert cell.controller.order(held).shortages == ()
            refills = [(event.added, event.level) for event in cell.journal.events() if isinstance(event, FeederRefilled)]
            assert (refills, cell.controller.shop.deliveries.of("cap_white")) == ([(5, 8)], 0)
            cell.controller.control(held, "start")
            await cell.controller.order_ended(held)
            await cell.port.feeders["nest_2"].refill(2)
            await cell.clock.sleep(1.0)
            assert cell.controller.order(cell.order(2, on_shortage="refuse", allowed_to_start=False)).shortages == ()

    run_virtual(run())


def test_a_refill_that_cannot_be_written_down_aborts_the_cell():
    async def run() -> None:
        async with floor(line=without_refills("nest_2"), levels={"nest_2": 3}) as cell:

            def full(event: Event) -> None:
                raise OperationalError("database or disk is full")

            await cell.controller.until_state(State.IDLE)
            cell.journal.obstacle = full
            await cell.port.feeders["nest_2"].refill(5)
            await cell.clock.sleep(1.0)
            assert cell.controller.state is State.ABORTED
            assert [fault.code for fault in cell.controller.active_faults] == ["JOURNAL_UNWRITABLE"]

    run_virtual(run())


def test_announced_parts_count_as_there_until_they_have_come_and_are_remembered():
    line = without_refills("nest_2")
    journal = Journal.create_or_open(":memory:", durability="batch")

    async def announced() -> None:
        async with floor(line=line, levels={"nest_2": 3}, journal=journal) as cell:
            with pytest.raises(UsageError, match="cap_white: 5 needed, 3 there"):
                cell.order(5, on_shortage="refuse")
            assert cell.controller.service.announce("cap_white", 4, "DN-7") == "4 of cap_white are expected"
            assert cell.controller.service.announce("cap_white", -1, "one broke") == "3 of cap_white are expected"
            with pytest.raises(UsageError, match="cap_white: 7 needed, 6 there"):
                cell.order(7, on_shortage="refuse")
            assert cell.controller.order(cell.order(6, on_shortage="refuse", allowed_to_start=False)).shortages == ()

    async def come() -> None:
        async with floor(line=line, levels={"nest_2": 3}, journal=journal) as cell:
            expected = cell.controller.shop.deliveries
            assert expected.of("cap_white") == 3
            cell.controller.shop.saw_level("nest_2", 5)
            assert expected.of("cap_white") == 1
            cell.controller.shop.saw_level("nest_2", 9)
            assert expected.of("cap_white") == 0

    run_virtual(announced())
    run_virtual(come())


@pytest.mark.parametrize(
    ("part", "quantity", "told"),
    [
        ("cap_whte", 5, "no feeder of the line offers 'cap_whte'; did you mean 'cap_white'? Correct the part."),
        ("cap_white", 0, "0 pieces: a number up to 1000000, not 0, is needed."),
        ("cap_white", 10**9, "1000000000 pieces: a number up to 1000000, not 0, is needed."),
    ],
)
def test_a_delivery_that_cannot_be_is_refused(part: str, quantity: int, told: str):
    async def run() -> None:
        async with floor() as cell:
            with pytest.raises(UsageError, match=re.escape(told)):
                cell.controller.service.announce(part, quantity)

    run_virtual(run())


def test_a_part_that_is_short_is_replaced_by_the_products_rule():
    line = without_refills("nest_2")
    swaps = {"cap_white": ("cap_blue",), "membrane_firm": ("membrane_medium",), "screw_m2_5x8": ("screw_m2_5x6",)}
    product = line.product_description.model_copy(update={"replacements": swaps})
    assert product.stand_ins("adult") == ("child",)
    assert product.stand_ins("child") == ()
    line = line.model_copy(update={"product_description": product})

    async def run() -> None:
        async with floor(line=line, levels={"nest_2": 3}) as cell:
            order = cell.order(5, on_shortage="substitute")
            await cell.controller.order_ended(order)
            made = Counter(e.variant for e in cell.journal.events() if isinstance(e, UnitStarted))
            assert made == {"adult": 3, "child": 2}

    run_virtual(run())


def test_parts_that_somebody_brings_are_never_short():
    async def run() -> None:
        async with floor(levels={"nest_2": 0}) as cell:
            assert cell.controller.order(cell.order(50, on_shortage="refuse")).shortages == ()

    run_virtual(run())


# urgency and time


def test_an_urgent_order_goes_first_and_the_interrupted_one_redoes_nothing():
    async def run() -> None:
        async with floor() as cell:
            usual = cell.order(4)
            await until_begun(cell, usual, 2)
            urgent = cell.order(1, "child", priority=50)
            await until_begun(cell, urgent)
            assert cell.controller.order(usual).job.why == f"order '{urgent}' goes first"
            assert job(cell, usual) == "Interrupted Suspended"
            done = await cell.controller.order_ended(urgent)
            assert job(cell, usual) == "Running"
            later = await cell.controller.order_ended(usual)
            assert (done.good, later.good, later.scrapped) == (1, 4, 0)
            assert done.ended_s < later.ended_s
            ended = [e for e in cell.journal.events() if isinstance(e, OperationEnded) and e.unit]
            assert max(Counter((e.unit, e.operation) for e in ended).values()) == 1

    run_virtual(run())


def test_units_of_less_urgent_orders_take_no_room_from_an_urgent_one():
    """A third unit is begun beside two in work, as soon as a fixture is free, before a third one of the usual order."""

    async def run() -> None:
        async with floor() as cell:
            usual = cell.order(6)
            await until_begun(cell, usual, 2)
            urgent = cell.order(2, "infant", priority=10)
            await cell.controller.order_ended(urgent)
            started = [e.order_id for e in cell.journal.events() if isinstance(e, UnitStarted)]
            assert started[:4] == [usual, usual, urgent, urgent]

    run_virtual(run())


def test_no_unit_is_begun_before_the_earliest_start():
    async def run() -> None:
        async with floor() as cell:
            earliest = datetime.fromtimestamp(500.0, timezone.utc)
            order = cell.order(1, earliest=earliest)
            assert job(cell, order) == "AllowedToStart Waiting"
            assert cell.controller.order(order).promised_s > 500.0
            await cell.controller.order_ended(order)
            assert next(e.time_s for e in cell.journal.events() if isinstance(e, OperationStarted) and e.unit) >= 500.0
            with pytest.raises(UsageError, match="due before its earliest start"):
                cell.order(1, earliest=earliest, due=datetime.fromtimestamp(400.0, timezone.utc))

    run_virtual(run())


def test_the_promised_end_comes_true_when_the_cell_has_learned_how_long_units_take():
    async def run() -> None:
        async with floor() as cell:
            await cell.controller.order_ended(cell.order(20))
            began, order = cell.clock.now(), cell.order(20)
            promised = cell.controller.order(order).promised_s
            ended = (await cell.controller.order_ended(order)).ended_s
            assert promised - began == pytest.approx(ended - began, rel=0.15)
            behind = cell.order(1, priority=-1)
            before = cell.order(5)
            assert cell.controller.order(behind).promised_s > cell.controller.order(before).promised_s

    run_virtual(run())


@settings(max_examples=15)
@given(st.booleans(), st.lists(st.sampled_from(COMMANDS), max_size=12))
def test_whatever_is_commanded_the_job_changes_its_state_only_in_legal_ways(allowed: bool, commands: list[str]):
    """And it ends: every unit that was begun is accounted for."""

    async def run() -> list[JobState]:
        async with floor() as cell:
            order = cell.order(3, allowed_to_start=allowed)
            seen = [cell.controller.order(order).job.state]
            cell.controller.add_listener(lambda entry: seen.append(cell.controller.order(order).job.state))
            for command in commands:
                try:
                    do(cell, order, command)
                except UsageError:
                    continue
                await cell.clock.sleep(7.0)
            await cell.controller.until_state(*(state for state in State if state not in ACTING))
            for command in ("unhold", "start", "resume"):
                try:
                    do(cell, order, command)
                except UsageError:
                    continue
            view = await cell.controller.order_ended(order)
            started = [e for e in cell.journal.events() if isinstance(e, UnitStarted)]
            assert len(started) == view.good
            return seen

    seen = run_virtual(run())
    steps = {(a, b) for a, b in pairwise(seen) if a is not b}
    assert steps <= LEGAL


def do(cell: Floor, order: str, command: str) -> None:
    if command in ("hold", "unhold"):
        cell.controller.command(Command[command.upper()], "a test")
    elif command == "more":
        cell.controller.desk.update(order, OrderChange(lines=(("adult", cell.controller.order(order).quantity + 1),)), "")
    elif command != "wait":
        cell.controller.control(order, command)


def test_orders_on_the_report_are_as_updated():
    journal = Journal.create_or_open(":memory:", durability="batch")

    async def run() -> None:
        async with floor(journal=journal) as cell:
            order = cell.order(2, allowed_to_start=False)
            cell.controller.desk.update(order, OrderChange(lines=(("child", 1),), priority=3), "")

    run_virtual(run())
    fold = OrdersFold()
    for event in journal.events():
        assert isinstance(event, Event)
        fold.apply(event)
    record = fold.orders()["order-0001"]
    assert (record.state, record.lines, record.priority) == ("stored", (("child", 1),), 3)


def test_an_order_names_only_variants_that_are_there_as_substitutes():
    async def run() -> None:
        async with floor() as cell:
            order = Order(product="valve", lines=(OrderLine(quantity=1),), substitutes={"adult": ("giant",)})
            with pytest.raises(UsageError, match="no variant 'giant'; there are: adult, child, infant"):
                cell.controller.submit(order)

    run_virtual(run())
