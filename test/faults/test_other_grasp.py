"""A grasp that failed is tried again otherwise turned, in the whole cell: the journal tells it, and the budget bounds it."""

from __future__ import annotations

import pytest
from shared_planners import shared_planners
from skill_bench import valve_line

from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.line import Line, RecoveryBudget
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.events import Event, OperationEnded, OperationStarted, RecoveryDecided
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

QUARTER, HALF = "taken turned by 1.57 rad", "taken turned by 3.14 rad"


def events_of_a_unit(line: Line, fault: ScheduledFault) -> list[Event]:
    """What the journal says of one unit that is made while a fault happens."""

    async def scenario() -> list[Event]:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = VirtualCell(VirtualRun(line, (), faults=(fault,)), journal)
            cell.runner.planners = shared_planners(line)
            await cell.start()
            order_id = cell.controller.submit(Order(product=line.product, lines=(OrderLine(quantity=1),)))
            assert (await cell.controller.order_ended(order_id)).good == 1
            await cell.close()
            return list(journal.events())

    return run_virtual(scenario())


def attempts(told: list[Event], operation: str) -> list[int]:
    """Number of the grasp in each attempt at an operation, 0 for the usual one."""
    begun = (e for e in told if isinstance(e, OperationStarted) and e.operation == operation)
    return [event.changed.get("other_grasp", 0) for event in begun]


def ends(told: list[Event], operation: str) -> list[str]:
    return [e.message for e in told if isinstance(e, OperationEnded) and e.operation == operation]


def actions(told: list[Event]) -> list[str]:
    return [e.action for e in told if isinstance(e, RecoveryDecided)]


@pytest.mark.parametrize(
    ("line", "fault", "operation", "times", "turned"),
    [
        ("valve", "vacuum.leak", "pick_membrane", 2, HALF),
        ("bracket", "gripper.fails", "pick_insert_1", 1, QUARTER),
    ],
)
def test_a_grasp_that_failed_is_tried_again_from_another_side(line, fault, operation, times, turned):
    told = events_of_a_unit(load_line(line), ScheduledFault(fault=fault, operation=operation, times=times))
    assert attempts(told, operation) == list(range(times + 1))
    assert actions(told) == ["retry"] * times
    assert ends(told, operation)[-1].endswith(turned)


def test_the_budget_bounds_the_other_grasps():
    line = valve_line().model_copy(update={"recovery_budget": RecoveryBudget(per_operation=1)})
    told = events_of_a_unit(line, ScheduledFault(fault="vacuum.leak", operation="pick_membrane", times=2))
    assert attempts(told, "pick_membrane") == [0, 1, 0]
    assert actions(told) == ["retry", "scrap"]


def test_a_part_that_lies_across_in_a_nest_is_thrown_away_and_the_next_one_taken():
    """Nobody sees how the cover lies, and no grasp of the plan can take it so."""
    told = events_of_a_unit(load_line("controller"), ScheduledFault(fault="feeder.turned_part", where="nest_4"))
    nothing, across, taken = ends(told, "pick_cover")
    assert nothing.startswith("GRIP_NOTHING_HELD")
    assert across.startswith("GRIP_WRONG_WIDTH")
    assert "it lay turned by a quarter in nest_4, and is held across" in across
    assert taken == "the parallel_gripper holds the cover"
    assert actions(told) == ["retry", "next_part"]
    assert len(ends(told, "drop_part")) == 1


def test_in_a_nest_that_is_empty_nothing_is_held_across_either():
    told = events_of_a_unit(load_line("controller"), ScheduledFault(fault="feeder.no_part", where="nest_4", times=2))
    assert [end[:17] for end in ends(told, "pick_cover")] == ["GRIP_NOTHING_HELD"] * 2 + ["the parallel_grip"]
    assert ends(told, "drop_part") == []
