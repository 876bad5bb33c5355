"""An emergency stop or a protective stop at any instant of the whole cell: all is still, and afterwards no unit is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st
from line_run import Interference, check_still, produce
from skill_bench import valve_line

from microcell.errors import UsageError
from microcell.orchestration.packml import Command, State
from microcell.orchestration.work import OrderStatus
from microcell.virtual import VirtualCell

TWO_UNITS_S = 160.0
KNOWN = {"SKILL_CANCELLED", "HAND_NOT_EMPTY", "EMERGENCY_STOP", "ARM_PROTECTIVE_STOP"}


def stop_after(time_s: float, source: str) -> Interference:
    """Press, or trip the arm, so long after the start; look around; try Clear; release; Clear and Reset."""

    async def interfere(cell: VirtualCell, order_id: str) -> None:
        controller, circuit = cell.controller, cell.plant.safety
        await cell.clock.sleep(time_s)
        if controller.order(order_id).status.ended:
            return
        (circuit.press if source == "panel" else circuit.trip)(source)
        assert not cell.plant.bench.arm("arm").moving, "the circuit stops the arm by wire"
        await controller.until_state(State.ABORTED)
        await check_still(cell)
        try:
            controller.command(Command.CLEAR)
            raise AssertionError("Clear was accepted")
        except UsageError as refusal:
            assert "Clear is refused" in str(refusal)
        (circuit.release if source == "panel" else circuit.restore)(source)
        await cell.clock.sleep(1.0)
        await check_still(cell)
        controller.command(Command.CLEAR)
        await controller.until_state(State.STOPPED)
        controller.command(Command.RESET)

    return interfere


@settings(max_examples=15)
@given(st.floats(0.01, TWO_UNITS_S), st.sampled_from(["panel", "arm"]))
def test_after_a_stop_at_any_instant_the_order_ends_with_all_its_units(time_s: float, source: str):
    run = produce(valve_line(), 2, interfere=stop_after(time_s, source))
    assert run.order.status is OrderStatus.COMPLETED, run.reason
    assert (run.order.good, run.order.scrapped) == (2, 0)
    assert run.escapes() == []
    assert run.left() == []
    assert run.packed() == sorted(run.order.serials)
    assert set(run.faults()) <= KNOWN
