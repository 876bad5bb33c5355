"""Abort at any instant, then Clear and Reset: no unit is lost, none is spoilt, nothing stays in the hand."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from line_run import Interference, check_still, produce
from skill_bench import valve_line

from microcell.orchestration.packml import Command, State
from microcell.orchestration.work import OrderStatus
from microcell.virtual import VirtualCell

TWO_UNITS_S = 160.0


def abort_after(times_s: Sequence[float]) -> Interference:
    """Abort so long after the start, or after the last reset; look around; Clear and Reset."""

    async def interfere(cell: VirtualCell, order_id: str) -> None:
        controller = cell.controller
        for time_s in times_s:
            await cell.clock.sleep(time_s)
            if controller.order(order_id).status.ended:
                return
            controller.command(Command.ABORT, "test")
            await controller.until_state(State.ABORTED)
            await check_still(cell)
            controller.command(Command.CLEAR)
            await controller.until_state(State.STOPPED)
            controller.command(Command.RESET)

    return interfere


@settings(max_examples=60)
@given(st.lists(st.floats(0.01, TWO_UNITS_S), min_size=1, max_size=1))
def test_aborted_once_the_order_ends_with_all_its_units(times_s: list[float]):
    check(times_s)


@settings(max_examples=30)
@given(st.tuples(st.floats(0.01, TWO_UNITS_S / 2), st.floats(0.01, 8.0), st.floats(0.01, 8.0)))
def test_aborted_again_and_again_it_does_as_well(times_s: tuple[float, ...]):
    check(times_s)


def check(times_s: Sequence[float]) -> None:
    run = produce(valve_line(), 2, interfere=abort_after(times_s))
    assert run.order.status is OrderStatus.COMPLETED, run.reason
    assert (run.order.good, run.order.scrapped) == (2, 0)
    assert run.escapes() == []
    assert run.left() == []
    assert run.packed() == sorted(run.order.serials)
    assert set(run.faults()) <= {"SKILL_CANCELLED", "HAND_NOT_EMPTY"}
