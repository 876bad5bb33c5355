"""The benchmark that lets every fault happen everywhere: its cases, and what it says of one that is not got over."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from shared_planners import shared_planners

from microcell.description.fault_schedule import ScheduledFault
from microcell.description.injectable import INJECTABLE
from microcell.description.loader import load_line

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("fault_sweep")


def test_every_recoverable_fault_of_a_line_is_tried_at_every_place_where_it_needs_no_person(sweep: ModuleType):
    line = load_line("footwear")
    found = list(sweep.cases(line, 1))
    assert {trial.fault.fault for trial in found} <= {name for name, entry in INJECTABLE.items() if entry.recoverable}
    turned = [(trial.fault.where, trial.fault.nth) for trial in found if trial.fault.fault == "feeder.turned_part"]
    assert turned == [(f"nest_{number}", nth) for number in range(1, 5) for nth in (1, 2)]
    assert [str(trial.lines[0].variant) for trial in found[:1]] == [line.product_description.default_variant]
    assert len({unit.variant for unit in found[0].lines}) == 3


def test_a_fault_that_needs_a_person_is_told_with_what_repeats_it(sweep: ModuleType, capsys: pytest.CaptureFixture[str]):
    line = load_line("footwear")
    fault = ScheduledFault(fault="feeder.turned_part", where="nest_5")
    outcome = sweep.carry_out(sweep.Trial(fault, 1, 1, "footwear"), line, shared_planners(line))
    assert sweep.failed(outcome)
    sweep.print_failure(outcome)
    told = capsys.readouterr().err
    assert told.startswith("footwear, seed 1: feeder.turned_part at nest_5, nth 1: told ")
    assert "ARM_PROTECTIVE_STOP" in told
    figures = {figure.name: figure for figure in sweep.figures([outcome])}
    assert (figures["recovered alone"].value, figures["recovered alone"].passes) == (0.0, False)
