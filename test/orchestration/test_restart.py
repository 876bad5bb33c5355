"""A controller that starts on an old journal goes on where the last one was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from changing_line import copy_of
from fake_shop_floor import VALVE, Floor, fault, floor, once
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.description.tool import ToolLife
from microcell.errors import JournalError, UsageError
from microcell.events import Event, OperationEnded, OperationStarted, OrderAccepted
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import Command, State
from microcell.orchestration.work import OrderStatus
from microcell.records.journal import Entry, Journal
from microcell.records.production import fold
from microcell.skills.contract import Outcome, SkillResult

TOO_EARLY = "the cell is starting and does not know yet what there is. Command it again when it is Idle."


def produce_until(journal: Journal, is_last: Callable[[Event], bool]) -> None:
    """Work off an order of three units until an event is in the journal; after it nothing can be written any more."""

    async def run() -> None:
        async with floor(journal=journal) as cell:
            cell.order(3)
            state = await cell.controller.until_state(State.ABORTED, State.IDLE, State.COMPLETE)
            if state is State.ABORTED:
                assert [f.code for f in cell.controller.active_faults] == ["JOURNAL_UNWRITABLE"]

    with full_after(journal, is_last):
        run_virtual(run())


@contextmanager
def full_after(journal: Journal, is_last: Callable[[Event], bool]) -> Iterator[None]:
    """After an event nothing can be written any more, as after the death of the program."""
    append, full = journal.append, False

    def limited(event: Event) -> Entry:
        nonlocal full
        if full:
            raise JournalError("the disk is full")
        full = is_last(event)
        return append(event)

    journal.append = limited  # type: ignore[method-assign]
    try:
        with suppress(JournalError):
            yield
    finally:
        del journal.append


def go_on(journal: Journal):  # type: ignore[no-untyped-def]
    """Start on the journal again, as a person who confirms every question; the order's end and the repeated operations."""

    async def run():  # type: ignore[no-untyped-def]
        before = _succeeded(journal)
        async with floor(journal=journal) as cell:
            if not cell.controller.orders():
                cell.controller.submit(
                    Order(order_id="order-0001", product="valve", lines=(OrderLine(variant="adult", quantity=3),))
                )
            for _ in range(200):
                if cell.controller.order("order-0001").status.ended:
                    break
                if cell.controller.state is State.HELD:
                    cell.controller.command(Command.UNHOLD)
                await cell.clock.sleep(10.0)
            return cell.controller.order("order-0001"), before, _succeeded(journal)

    return run_virtual(run())


def _succeeded(journal: Journal) -> list[tuple[str, str]]:
    ended = [e for e in journal.events() if isinstance(e, OperationEnded) and e.unit and e.outcome == "succeeded"]
    return [(e.unit, e.operation) for e in ended]


@settings(max_examples=60)
@given(st.integers(3, 150))
def test_cut_at_any_entry_and_restarted_the_order_ends_with_all_its_units(entries: int):
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda event: journal.head().sequence >= entries - 1)
        order, before, after = go_on(journal)
        assert order.good == 3
        assert len(set(order.serials)) == 3
        assert len(after) == len(set(after)), "no operation of a unit is done twice"
        assert after[: len(before)] == before


def test_the_epoch_rises_with_every_start():
    async def start_again() -> int:
        async with floor(journal=journal) as cell:
            return cell.controller.epoch

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        assert [run_virtual(start_again()) for _ in range(3)] == [1, 2, 3]


def test_a_unit_whose_operation_was_cut_short_is_asked_about_and_put_aside():
    async def start_again() -> None:
        async with floor(journal=journal) as cell:
            await cell.controller.until_state(State.HELD)
            asked = cell.controller.active_faults[0]
            assert (asked.code, asked.unit, asked.operation) == ("OUTCOME_UNKNOWN", "VLV-000001", "place_body")
            assert "then Unhold: the unit is put aside" in asked.kind.remedy
            assert [goal.operation for goal in cell.port.asked] == ["place_body"]
            assert set(cell.port.operations()) == {"settle_arm"}, "nothing else moves before a person has looked"

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "place_body")
        run_virtual(start_again())


def test_a_question_that_was_not_answered_is_asked_again_after_the_next_restart():
    async def start_again(was_held: bool = False) -> None:
        async with floor(journal=journal) as cell:
            if was_held:
                cell.controller.command(Command.RESET)
            assert await cell.controller.until_state(State.HELD) is State.HELD
            assert (cell.controller.active_faults[0].code, cell.port.operations()) == ("OUTCOME_UNKNOWN", ["settle_arm"])

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "fasten_1")
        run_virtual(start_again())
        run_virtual(start_again(was_held=True))


def first_of_a_unit(cell: Floor) -> str:
    """The first operation that was not about the tool, which this floor forgets."""
    return next(goal.operation for goal in cell.port.goals if goal.unit)


def test_what_was_done_after_all_is_not_done_again_and_the_chain_goes_on():
    done = SkillResult(Outcome.SUCCEEDED, "found done")

    async def go_on() -> None:
        async with floor(journal=journal) as cell:
            cell.port.settled = lambda goal: done
            assert (await cell.controller.order_ended("order-0001")).good == 3
            assert first_of_a_unit(cell) == "insert_cap"
            assert ("VLV-000001", "pick_cap") not in [(g.unit, g.operation) for g in cell.port.goals]
            assert cell.decisions() == []
            ended = [e for e in journal.events() if isinstance(e, OperationEnded) and e.unit and e.outcome == "succeeded"]
            picks = sum(e.skill == "pick" and e.operation != "pick_unit" for e in ended)
            feeders = [times for times in fold(journal.events()).packml if times.unit in VALVE.feeders]
            assert sum(times.processed for times in feeders) == picks + sum(e.skill == "fasten" for e in ended)

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "pick_cap")
        run_virtual(go_on())


def test_the_arm_of_what_was_done_after_all_leaves_the_cameras_view_before_anybody_looks():
    async def go_on() -> None:
        async with floor(journal=journal) as cell:
            cell.port.settled = lambda goal: SkillResult(Outcome.SUCCEEDED, "found done")
            assert (await cell.controller.order_ended("order-0001")).good == 3
            mine = [goal for goal in cell.port.goals if goal.unit == "VLV-000001"]
            assert [goal.operation for goal in mine[:2]] == ["stand_back_arm", "inspect_open"]
            assert dict(mine[0].lease.resources) == {"arm": "arm", "fixture": "fixture_1"}

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "insert_membrane")
        run_virtual(go_on())


def test_an_arm_that_did_not_come_out_of_the_view_before_the_next_crash_does_so_after_it():
    async def die_at(cell: Floor) -> None:
        cell.port.settled = lambda goal: SkillResult(Outcome.SUCCEEDED, "found done")
        await cell.controller.until_state(State.ABORTED)

    async def first(cell: Floor) -> None:
        assert (await cell.controller.order_ended("order-0001")).good == 3
        mine = [goal.operation for goal in cell.port.goals if goal.unit == "VLV-000001"]
        assert mine[:2] == ["stand_back_arm", "inspect_open"]

    async def run(story: Callable[[Floor], Any]) -> None:
        async with floor(journal=journal) as cell:
            await story(cell)

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "insert_membrane")
        with full_after(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "stand_back_arm"):
            run_virtual(run(die_at))
        run_virtual(run(first))


def test_what_was_not_done_is_tried_again_in_the_same_chain():
    async def go_on() -> None:
        async with floor(journal=journal) as cell:
            cell.port.settled = lambda goal: fault("SKILL_CANCELLED")
            assert (await cell.controller.order_ended("order-0001")).good == 3
            assert first_of_a_unit(cell) == "insert_cap"
            assert cell.decisions() == [("insert_cap", "SKILL_CANCELLED", "retry")]

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "insert_cap")
        run_virtual(go_on())


def test_what_could_not_be_looked_at_after_a_restart_is_looked_at_again_before_it_is_repeated():
    answers = [fault("DEVICE_SILENT", "fixture_1"), SkillResult(Outcome.SUCCEEDED, "found done")]

    async def go_on() -> None:
        async with floor(journal=journal) as cell:
            cell.port.settled = lambda goal: answers.pop(0)
            assert (await cell.controller.order_ended("order-0001")).good == 3
            assert [goal.operation for goal in cell.port.asked] == ["insert_cap", "insert_cap"]
            assert ("VLV-000001", "insert_cap") not in [(g.unit, g.operation) for g in cell.port.goals]
            assert cell.decisions() == [("insert_cap", "DEVICE_SILENT", "retry")]

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "insert_cap")
        run_virtual(go_on())


def test_a_unit_between_two_operations_of_a_chain_goes_on_with_the_next():
    async def go_on() -> None:
        async with floor(journal=journal) as cell:
            assert (await cell.controller.order_ended("order-0001")).good == 3
            assert first_of_a_unit(cell) == "insert_cap"
            assert cell.port.asked == []

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationEnded) and e.operation == "pick_cap")
        run_virtual(go_on())


def test_a_unit_that_was_put_aside_is_not_asked_about_after_the_next_restart():
    async def put_aside_and_stop() -> None:
        async with floor(journal=journal) as cell:
            await cell.controller.until_state(State.HELD)
            cell.controller.command(Command.UNHOLD)
            while ("fasten_1", "OUTCOME_UNKNOWN", "scrap") not in cell.decisions():
                await cell.clock.sleep(1.0)

    async def start_once_more() -> None:
        async with floor(journal=journal) as cell:
            assert (await cell.controller.order_ended("order-0001")).scrapped == 1
            assert cell.port.asked == []

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda e: isinstance(e, OperationStarted) and e.operation == "fasten_1")
        run_virtual(put_aside_and_stop())
        run_virtual(start_once_more())


def test_reworks_and_counts_are_restored():
    async def first() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=4), journal=journal) as cell:
            await cell.controller.order_ended(cell.order(1))

    async def again() -> None:
        async with floor(journal=journal) as cell:
            order = cell.controller.order("order-0001")
            assert (order.good, order.scrapped, order.status.name) == (1, 1, "COMPLETED")
            assert (await cell.controller.order_ended(cell.order(1))).serials == ("VLV-000003",)

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(first())
        run_virtual(again())


@pytest.mark.parametrize("code", ["HAND_NOT_EMPTY", "GRIP_WRONG_WIDTH"])
def test_what_is_found_in_the_hand_is_dropped_first(code: str):
    async def run() -> None:
        async with floor(once("pick_body", fault(code))) as cell:
            await cell.controller.order_ended(cell.order(1))
            assert cell.port.operations()[1:4] == ["pick_body", "drop_part", "pick_body"]

    run_virtual(run())


def test_a_tool_goes_on_wearing_out_after_a_restart_and_a_new_one_begins_anew():
    gripper = VALVE.tools["parallel_gripper"].model_copy(update={"life": ToolLife(cycles=9)})
    line = VALVE.model_copy(update={"tools": {**VALVE.tools, "parallel_gripper": gripper}})

    async def first() -> None:
        async with floor(line=line, journal=journal) as cell:
            await cell.controller.order_ended(cell.order(1))
            assert cycles(cell) == 6

    async def again() -> None:
        async with floor(line=line, journal=journal) as cell:
            assert cycles(cell) == 6
            order_id = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("TOOL_WORN_OUT at parallel_gripper: ")
            cell.controller.tooling.renew("parallel_gripper")
            cell.controller.command(Command.UNHOLD)
            await cell.controller.order_ended(order_id)
            assert cycles(cell) == 2

    async def once_more() -> None:
        async with floor(line=line, journal=journal) as cell:
            assert cycles(cell) == 2

    def cycles(cell: Floor) -> int:
        return next(tool.cycles for tool in cell.controller.snapshot().tools if tool.name == "parallel_gripper")

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        for part in (first, again, once_more):
            run_virtual(part())


@pytest.mark.parametrize("command", [Command.RESET, Command.ABORT])
def test_a_person_who_commands_too_early_does_not_keep_the_cell_from_going_on(command: Command):
    told: list[str] = []

    def hurry(controller: Controller) -> None:
        try:
            controller.command(command, "at once")
        except UsageError as error:
            told.append(str(error))

    async def run() -> OrderStatus:
        async with floor(journal=journal, while_starting=hurry) as cell:
            if command is Command.ABORT:
                await cell.controller.until_state(State.ABORTED)
                cell.controller.command(Command.CLEAR)
                await cell.controller.until_state(State.STOPPED)
                cell.controller.command(Command.RESET)
            await cell.clock.sleep(1_000.0)
            return cell.controller.order("order-0001").status

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        produce_until(journal, lambda event: isinstance(event, OrderAccepted))
        assert run_virtual(run()) is OrderStatus.COMPLETED
    assert told == ([] if command is Command.ABORT else [TOO_EARLY])


def renamed(line: Line, old: str, new: str) -> Line:
    """The line with another name for an operation of its plan."""
    product = line.product_description

    def names(name: str | None) -> str | None:
        return new if name == old else name

    plan = {
        names(name): spec.model_copy(
            update={"continues_in": names(spec.continues_in), "after": tuple(map(names, spec.after))}
        )
        for name, spec in product.plan.items()
    }
    return line.model_copy(update={"product_description": product.model_copy(update={"plan": plan})})


def without_variant(line: Line, name: str) -> Line:
    product = line.product_description
    variants = {other: spec for other, spec in product.variants.items() if other != name}
    return line.model_copy(update={"product_description": product.model_copy(update={"variants": variants})})


def without_device(line: Line, name: str) -> Line:
    cell = line.cell_description
    devices = {other: spec for other, spec in cell.devices.items() if other != name}
    return line.model_copy(update={"cell_description": cell.model_copy(update={"devices": devices})})


def replanned(line: Line, name: str, **changed: object) -> Line:
    """The line with an operation of its plan that follows others, or that others follow."""
    product = line.product_description
    plan = {**product.plan, name: product.plan[name].model_copy(update=changed)}
    return line.model_copy(update={"product_description": product.model_copy(update={"plan": plan})})


CHANGED = {
    "the operation 'pick_cap' of VLV-000001": renamed(VALVE, "pick_cap", "take_cap"),
    "the operation 'fasten_1' of VLV-000001 without 'fasten_2' before it": replanned(
        replanned(VALVE, "fasten_2", after=("insert_cap",)), "fasten_1", after=("fasten_2",)
    ),
    "the variant 'adult' of order-0001": without_variant(VALVE, "adult"),
    "the station 'fixture_1' of VLV-000001": without_device(VALVE, "fixture_1"),
}


@pytest.mark.parametrize("told", CHANGED)
def test_a_line_that_lacks_what_a_unit_in_work_has_had_is_refused_before_anything_is_done_twice(told: str):
    async def story() -> None:
        journal = Journal.create_or_open(":memory:", durability="batch")
        async with floor(journal=journal) as cell:
            cell.order(1)
            while "fasten_1" not in cell.port.operations():
                await cell.clock.sleep(1.0)
            events = list(journal.events())
        with pytest.raises(UsageError, match=f"the journal speaks of {told}, which the line 'valve' does not have any more"):
            async with floor(line=CHANGED[told], journal=copy_of(events)):
                pass

    run_virtual(story())


def test_a_line_whose_chain_goes_on_elsewhere_than_the_hand_was_on_its_way_to_is_refused():
    async def story() -> None:
        journal = Journal.create_or_open(":memory:", durability="batch")
        async with floor(journal=journal) as cell:
            cell.order(1)
            while "insert_cap" not in cell.port.operations():
                await cell.clock.sleep(1.0)
            events = list(journal.events())
        with pytest.raises(UsageError, match="speaks of the chain 'pick_cap', 'insert_cap' of VLV-000001, which the line"):
            async with floor(line=replanned(VALVE, "pick_cap", continues_in=None), journal=copy_of(events)):
                pass

    run_virtual(story())


def test_a_line_may_change_the_order_of_what_no_unit_in_work_has_begun():
    later = replanned(replanned(VALVE, "fasten_4", after=("insert_cap",)), "fasten_3", after=("fasten_4",))

    async def story() -> None:
        journal = Journal.create_or_open(":memory:", durability="batch")
        async with floor(journal=journal) as cell:
            cell.order(1)
            while "fasten_1" not in cell.port.operations():
                await cell.clock.sleep(1.0)
            events = list(journal.events())
        async with floor(line=later, journal=copy_of(events)) as cell:
            assert cell.controller.order("order-0001").status is OrderStatus.RUNNING

    run_virtual(story())


def test_a_line_may_lose_what_only_ended_orders_had():
    async def story() -> None:
        journal = Journal.create_or_open(":memory:", durability="batch")
        async with floor(journal=journal) as cell:
            await cell.controller.order_ended(cell.order(1))
        async with floor(line=renamed(without_variant(VALVE, "adult"), "pick_cap", "take_cap"), journal=journal) as cell:
            assert (await cell.controller.order_ended(cell.order(1, "child"))).good == 1

    run_virtual(story())


def test_the_journal_of_another_world_or_line_is_refused():
    async def start(line: Line) -> None:
        async with floor(line=line, journal=journal):
            pass

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(start(VALVE))
        with pytest.raises(UsageError, match="the journal is that of line 'valve' in world 'virtual', not of 'other'"):
            run_virtual(start(VALVE.model_copy(update={"name": "other"})))


def test_without_a_journal_every_command_is_refused_until_the_next_start():
    async def run() -> None:
        async with floor(journal=journal) as cell:
            cell.order(1)
            await cell.clock.sleep(5.0)
            journal.append = _full  # type: ignore[method-assign]
            await cell.controller.until_state(State.ABORTED)
            with pytest.raises(UsageError, match="start the orchestrator again: nothing moves before"):
                cell.controller.command(Command.CLEAR)
            del journal.append

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(run())


def _full(event: Event) -> Entry:
    raise JournalError("the disk is full")
