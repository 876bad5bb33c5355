"""Every code of the catalogue, as who sent the order, `watch` and /diagnostics are told it: unchanged."""

import pytest

pytest.importorskip("rclpy")

from dataclasses import replace
from types import SimpleNamespace

from diagnostic_msgs.msg import DiagnosticStatus
from fake_shop_floor import floor
from rich.console import Console

from microcell.clock import run_virtual
from microcell.commands.watch import view
from microcell.faults import CATALOGUE, Fault
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import COMMANDED, WAY_ON, State
from microcell.orchestration.view import CellSnapshot
from microcell.ros.convert_cell import cell_message, diagnostic_status, order_message
from microcell.ros.convert_skills import fault_message, fault_of, result_message, result_of
from microcell.skills.contract import Outcome, SkillResult

EPOCH_S = 1.7e9


async def a_quiet_cell() -> tuple[CellSnapshot, OrderView]:
    async with floor() as cell:
        order_id = cell.order(1)
        return cell.controller.snapshot(), cell.controller.order(order_id)


QUIET, ORDER = run_virtual(a_quiet_cell())


def seen(code: str, where: str = "arm") -> Fault:
    return Fault(code, where, "12.5 N", "VLV-000007", "insert_cap", 30.0)


def watched(*active: Fault, state: State = State.HELD) -> str:
    """What the terminal shows of a cell with active faults."""
    messages = [fault_message(fault, EPOCH_S) for fault in active]
    shown_state = cell_message(replace(QUIET, active_faults=active, state=state), EPOCH_S)
    console = Console(width=2000, file=None, record=True, quiet=False)
    with console.capture() as shown:
        seen = {"state": shown_state, "orders": {}, "questions": {}, "faults": messages, "is_heard": True}
        console.print(view(SimpleNamespace(cell="/bench", **seen)))
    return shown.get()


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_fault_is_the_same_wherever_it_is_told(code: str):
    fault, kind = seen(code), CATALOGUE[code]
    from_skill = result_of(result_message(SkillResult(Outcome.FAULT, "", fault), EPOCH_S), EPOCH_S).fault
    assert from_skill == fault
    assert fault_of(order_message(replace(ORDER, last_fault=fault), EPOCH_S).last_fault, EPOCH_S) == fault
    (shown,) = cell_message(replace(QUIET, active_faults=(fault,)), EPOCH_S).active_faults
    assert (shown.code, shown.where, shown.cause, shown.remedy) == (code, "arm", kind.cause, kind.remedy)
    status = diagnostic_status(replace(QUIET, active_faults=(fault,)))
    told = {value.key: value.value for value in status.values}[f"fault {code} at arm"]
    assert told == f"{code} at arm: {kind.cause} (12.5 N) {kind.remedy}"
    assert (status.level == DiagnosticStatus.ERROR) == (not kind.recoverable)
    text = watched(fault)
    assert f"{code} at arm: {kind.cause} 12.5 N" in text and f"{kind.actor.value}: {kind.remedy}" in text


def test_two_devices_with_the_same_fault_are_both_told():
    both = (seen("DEVICE_SILENT", "printer"), seen("DEVICE_SILENT", "camera_1"))
    keys = [value.key for value in diagnostic_status(replace(QUIET, active_faults=both)).values]
    assert keys[-2:] == ["fault DEVICE_SILENT at printer", "fault DEVICE_SILENT at camera_1"]
    assert "DEVICE_SILENT at printer" in watched(*both) and "DEVICE_SILENT at camera_1" in watched(*both)


@pytest.mark.parametrize("state", WAY_ON)
def test_a_cell_that_waits_for_a_person_says_which_command_lets_it_go_on_and_the_first_one_is_legal(state: State):
    first, *others = WAY_ON[state]
    assert (state, first) in COMMANDED
    told = ", then ".join(f"microcell command {command.name.lower()}" for command in (first, *others))
    assert f"then go on with: {told}" in watched(seen("SENSOR_IMPLAUSIBLE"), state=state)


def test_without_a_journal_and_in_a_cell_that_works_no_command_is_named():
    assert "go on with" not in watched(seen("JOURNAL_UNWRITABLE"), state=State.ABORTED)
    assert "go on with" not in watched(state=State.EXECUTE)
