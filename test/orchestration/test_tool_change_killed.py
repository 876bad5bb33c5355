"""Killed at any micro-step of a tool change and started again, the cell knows what is on the flange, or asks."""

from __future__ import annotations

import asyncio

import pytest
from killed_cell import STEPS, KilledCell

from microcell.clock import run_virtual
from microcell.description.order import Order, OrderLine
from microcell.events import OperationEnded, RecoveryDecided, ToolChangeStep, ToolMounted
from microcell.faults import FaultError
from microcell.orchestration.packml import Command, State
from microcell.records.journal import Journal
from microcell.skills.contract import Step

ONE = Order(product="valve", lines=(OrderLine(variant="adult", quantity=1),))


async def killed(journal: Journal, step: str, before: bool) -> KilledCell:
    """A cell that died in the second change of its first unit: the first one has nothing to dock."""
    cell = KilledCell.of(journal)
    cell.kill_at(step, 2 if step.startswith("fetch") else 1, before)
    await cell.first.start()
    cell.first.controller.submit(ONE)
    await cell.killed.wait()
    return cell


@pytest.mark.parametrize("before", [False, True], ids=["once_recorded", "before_it_is_recorded"])
@pytest.mark.parametrize("step", STEPS)
def test_the_order_ends_and_nothing_moves_with_another_tool_than_believed(step: str, before: bool):
    async def story() -> None:
        cell = await killed(journal, step, before)
        controller = await cell.restart()
        ended = await asyncio.wait_for(controller.order_ended("order-0001"), 2000.0)
        assert (ended.status.name, ended.good) == ("COMPLETED", 1)
        assert cell.wrong == []
        assert cell.moves > 50
        settled = [e for e in journal.events() if isinstance(e, OperationEnded) and e.skill == "settle_tool"]
        assert [e.outcome for e in settled] == ["succeeded"]
        await controller.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())


def test_every_step_is_recorded_before_it_is_done():
    async def story() -> None:
        cell = KilledCell.of(journal)
        seen: list[tuple[str, bool, float]] = []

        def listen(entry) -> None:  # type: ignore[no-untyped-def]
            event = entry.event()
            if isinstance(event, ToolChangeStep):
                height_m = cell.plant.bench.arm("arm").flange().position[2]
                seen.append((event.step, cell.plant.coupling.locked("arm"), round(height_m, 3)))

        cell.first.controller.add_listener(listen)
        await cell.first.start()
        await cell.first.controller.order_ended(cell.first.controller.submit(ONE))
        second = seen[6:18]
        assert tuple(step for step, _, _ in second) == STEPS
        assert [locked for _, locked, _ in second] == [True] * 4 + [False] * 6 + [True] * 2
        assert [high for _, _, high in second[3:6]] == [0.22] * 3, "unlocked, confirmed and left in the pocket"
        await cell.first.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())


def hide_tool(cell: KilledCell) -> None:
    cell.plant.tool("parallel_gripper").pocket = None


def close_lock(cell: KilledCell) -> None:
    hide_tool(cell)
    cell.plant.coupling._locked["arm"] = True


def swap_by_hand(cell: KilledCell) -> None:
    cup = cell.plant.tool("vacuum_cup")
    cup.pocket, cup.arm = None, "arm"
    cell.plant.coupling._locked["arm"] = True


@pytest.mark.parametrize(
    ("meddle", "code", "detail"),
    [
        (hide_tool, "TOOL_MISSING", "parallel_gripper PG-0007 was on the flange and is in no pocket"),
        (close_lock, "TOOL_UNCERTAIN", "the lock is closed and reads no tool, while PG-0007 is in no pocket"),
        (swap_by_hand, "TOOL_UNCERTAIN", "the coupling reads VC-0012, by the journal it is PG-0007 or no tool"),
    ],
)
def test_where_the_sensors_do_not_agree_a_person_is_asked_and_nothing_moves(meddle, code: str, detail: str):
    async def story() -> None:
        cell = await killed(journal, "dock.confirm", before=False)
        meddle(cell)
        controller = await cell.restart()
        await controller.until_state(State.HELD)
        assert controller.reason.startswith(f"{code} at changer: ")
        assert detail in controller.reason
        assert cell.moves == 0
        await controller.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())


def test_what_a_person_has_looked_at_counts():
    async def story() -> None:
        cell = await killed(journal, "dock.confirm", before=False)
        swap_by_hand(cell)
        controller = await cell.restart()
        await controller.until_state(State.HELD)
        controller.command(Command.UNHOLD)
        assert (await controller.order_ended("order-0001")).good == 1
        assert cell.wrong == []
        await controller.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())


def test_a_lost_tool_is_settled_as_lost_once_a_person_has_looked():
    async def story() -> None:
        cell = await killed(journal, "dock.confirm", before=False)
        hide_tool(cell)
        controller = await cell.restart()
        await controller.until_state(State.HELD)
        controller.command(Command.UNHOLD)
        await controller.until_state(State.EXECUTE)
        await controller.until_state(State.HELD)
        assert controller.reason.startswith("TOOL_MISSING at crib: "), "asked for when it is needed again"
        assert cell.wrong == []
        settled = [e.outcome for e in journal.events() if isinstance(e, OperationEnded) and e.skill == "settle_tool"]
        assert settled[:2] == ["fault", "succeeded"]
        looked = [e for e in journal.events() if isinstance(e, RecoveryDecided) and e.operation == "settle_arm"]
        assert [(e.code, e.action) for e in looked][:2] == [("TOOL_MISSING", "hold"), ("TOOL_MISSING", "go_on")]
        await controller.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())


def test_a_tool_lost_when_it_was_unlocked_is_asked_about_until_it_is_found_and_nothing_moves():
    async def story() -> None:
        cell = KilledCell.of(journal)
        controller, arm = cell.first.controller, cell.plant.bench.arm("arm")
        record, gripper = controller.tooling.record_step, cell.plant.tool("parallel_gripper")

        async def recorded(attempt_id: str, step: Step) -> None:
            await record(attempt_id, step)
            if step.name == "dock.confirm" and not lost:
                lost.append(gripper.pocket)
                gripper.pocket = None

        lost: list[tuple[str, int] | None] = []
        cell.first.runner.record_step = recorded
        await cell.first.start()
        order = controller.submit(ONE)
        await controller.until_state(State.HELD)
        assert controller.reason.startswith("TOOL_UNCERTAIN at changer: ")
        assert "PG-0007 was let go, yet pocket 1 of crib reads no tool" in controller.reason
        assert controller.shop.tools.expected("arm") == ("PG-0007", "")
        stands = arm.flange()
        controller.command(Command.UNHOLD)
        await controller.until_state(State.EXECUTE)
        await controller.until_state(State.HELD)
        assert controller.reason.startswith("TOOL_MISSING at changer: ")
        assert "parallel_gripper PG-0007 was on the flange and is in no pocket" in controller.reason
        assert arm.flange() == stands
        assert [e.serial for e in journal.events() if isinstance(e, ToolMounted)][-1] == "PG-0007"
        gripper.pocket = lost[0]
        controller.command(Command.UNHOLD)
        assert (await controller.order_ended(order)).good == 1
        await cell.first.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())


def test_a_step_of_an_attempt_that_is_not_in_work_is_refused():
    async def story() -> None:
        cell = await killed(journal, "dock.align", before=False)
        controller = await cell.restart()
        with pytest.raises(FaultError, match="attempt 1.5 is not in work here: the step dock.unlock is not taken"):
            await controller.tooling.record_step("1.5", Step("dock.unlock"))
        await controller.close()

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        run_virtual(story())
