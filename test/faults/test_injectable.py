"""Every fault of the catalogue that the virtual world has: it really happens, is told as it must be, and is got over."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from shared_planners import shared_planners
from skill_bench import valve_line

from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault, random_schedule
from microcell.description.injectable import INJECTABLE
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.devices.effects import EFFECTS
from microcell.faults import CATALOGUE
from microcell.orchestration.packml import State
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun, run_line


def trials_of_the_benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "bench" / "fault_trials.py"
    spec = importlib.util.spec_from_file_location("fault_trials", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


TRIALS: Any = trials_of_the_benchmark()
LINE = valve_line()
ONE_EACH: dict[str, Any] = {}
for found in (*TRIALS.trials(LINE, 1), *TRIALS.trials_elsewhere(1)):
    ONE_EACH.setdefault(found.fault.fault, replace(found, quantity=1))


def carry_out(trial: Any) -> Any:
    line = LINE if trial.line == LINE.name else load_line(trial.line)
    return TRIALS.carry_out(trial, line, shared_planners(line))


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_fault_happens_is_told_with_its_code_and_is_got_over(name: str):
    trial, entry = ONE_EACH[name], INJECTABLE[name]
    outcome = carry_out(trial)
    assert outcome.released >= 1
    assert outcome.detected, (entry.told, entry.codes, [str(fault) for fault in outcome.told])
    assert outcome.ended_well, (outcome.order, outcome.wrong)
    if entry.recoverable:
        assert outcome.looks == 0, [str(fault) for fault in outcome.told]
    for fault in outcome.told[:1]:
        assert fault.where and fault.kind is CATALOGUE[fault.code]


def test_a_person_undoes_first_what_happened_last():
    fault = ScheduledFault(fault="tool_crib.wrong_tool", where="crib", operation="mount_vacuum_cup", times=2)
    outcome = TRIALS.carry_out(TRIALS.Trial(fault), LINE, shared_planners(LINE))
    assert (outcome.released, outcome.looks, outcome.ended_well) == (2, 1, True)


def test_every_fault_of_the_virtual_world_has_a_trial_and_every_one_of_a_device_an_effect():
    assert set(ONE_EACH) == {name for name, entry in INJECTABLE.items() if "virtual" in entry.worlds}
    assert len(ONE_EACH) >= 60
    programs = {name for name in INJECTABLE if name.split(".")[0] in ("journal", "clock", "skills", "node")}
    assert set(EFFECTS) == set(INJECTABLE) - programs


def test_the_same_seed_gives_the_same_run_faults_included():
    faults = random_schedule(LINE, 3, count=6, within_s=150.0)
    order = Order(product="valve", lines=(OrderLine(quantity=2),))
    runs = [run_line(VirtualRun(LINE, (order,), seed=5, faults=faults)) for _ in range(2)]
    assert runs[0].head == runs[1].head
    assert runs[0].head != run_line(VirtualRun(LINE, (order,), seed=5)).head


def happened(*faults: ScheduledFault, quantity: int = 2) -> list[tuple[str, str, float]]:
    """What happened in an order of so many units: fault, place, cell time."""

    async def scenario() -> list[tuple[str, str, float]]:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = VirtualCell(VirtualRun(LINE, (), faults=faults), journal)
            cell.runner.planners = shared_planners(LINE)
            await cell.start()
            cell.controller.submit(Order(product="valve", lines=(OrderLine(quantity=quantity),)))
            await cell.controller.until_state(State.EXECUTE)
            await cell.controller.until_state(State.IDLE, State.HELD)
            found = [(one.fault, one.where, one.time_s) for one in cell.plant.injections.happened]
            await cell.close()
            return found

    return run_virtual(scenario())


def slow(**when: Any) -> ScheduledFault:
    """A fault that does no harm, so that nothing else changes."""
    return ScheduledFault(fault="device.slow", **when)


def test_a_fault_waits_for_its_time_and_its_count_and_happens_so_often():
    ((_, where, first_s), (_, _, second_s)) = happened(slow(where="arm", after_s=20.0, times=2))
    assert where == "arm" and 20.0 <= first_s < second_s < 30.0
    ((_, _, later_s),) = happened(slow(where="arm", after_s=20.0, nth=30))
    assert later_s > second_s


def test_a_fault_waits_for_an_operation_of_a_unit():
    ((_, _, first_s),) = happened(slow(where="parallel_gripper", operation="insert_cap", unit="VLV-000001"))
    ((_, _, second_s),) = happened(slow(where="parallel_gripper", operation="insert_cap", unit="VLV-000002"))
    assert second_s > first_s
    assert happened(slow(where="parallel_gripper", operation="insert_cap", unit="VLV-000009")) == []
    assert happened(slow(where="printer", operation="insert_cap")) == []


CONTRARIES = (("holding", "empty_handed"), ("moving", "resting"), ("unit_seated", "no_unit"))


@pytest.mark.parametrize(("condition", "contrary"), CONTRARIES)
def test_a_fault_waits_for_a_condition(condition: str, contrary: str):
    ((_, _, one_s),) = happened(slow(condition=condition, after_s=1.0), quantity=2)
    ((_, _, other_s),) = happened(slow(condition=contrary, after_s=1.0), quantity=2)
    assert one_s != other_s


def test_a_fault_that_finds_nothing_to_happen_to_waits_for_the_next_command():
    """The first times that the gripper is asked whether it holds something it is empty: nothing can be dropped then."""
    ((fault, where, time_s),) = happened(ScheduledFault(fault="gripper.drop", where="parallel_gripper"), quantity=1)
    assert (fault, where) == ("gripper.drop", "parallel_gripper") and time_s > 0.0


@pytest.mark.parametrize(
    ("where", "operation", "nth"),
    [("cartons", "pack_unit", 2), ("fixture_1", "place_body", 2), ("parallel_gripper", "pack_unit", 3)],
)
def test_what_was_done_before_a_device_lost_its_connection_is_not_done_again_when_it_is_back(where, operation, nth):
    fault = ScheduledFault(fault="device.disconnected", where=where, operation=operation, nth=nth)
    outcome = carry_out(TRIALS.Trial(fault))
    assert outcome.released == 1 and outcome.codes[0] == "DEVICE_SILENT"
    assert outcome.wrong == ()
    assert (outcome.order.good, outcome.order.scrapped) == (2, 0)
