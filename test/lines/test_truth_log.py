"""What a simulated run's units truly were is beside its journal, and the verdicts agree with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_planners import shared_planners

from microcell.clock import run_virtual
from microcell.description.defects import with_defects
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.records.journal import Journal
from microcell.truth_log import InspectedTruth, read_truth, truth_path
from microcell.virtual import VirtualCell, VirtualRun


async def _made(run: VirtualRun, path: Path) -> None:
    with Journal.create_or_open(path, durability="batch") as journal:
        cell = VirtualCell(run, journal)
        cell.runner.planners = shared_planners(run.line)
        await cell.start()
        order = Order(product="valve", lines=(OrderLine(quantity=30),), replace_scrapped=False)
        await cell.controller.order_ended(cell.controller.submit(order))
        await cell.close()


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> list[InspectedTruth]:
    path: Path = tmp_path_factory.mktemp("truth") / "a.journal"
    run_virtual(_made(VirtualRun(with_defects(load_line("valve"), 0.6), (), 3, "modelled", path), path))
    return read_truth(truth_path(path))


def test_every_inspection_is_told_with_its_verdict_and_the_truth(inspected: list[InspectedTruth]) -> None:
    assert len({truth.unit for truth in inspected}) == 30
    assert {truth.inspection for truth in inspected} == {"open", "closed"}
    assert all(truth.outcome in ("succeeded", "rejected") for truth in inspected)
    assert all(bool(truth.failed_checks) == (truth.outcome == "rejected") for truth in inspected)


def test_bad_units_are_rejected_and_good_ones_are_not(inspected: list[InspectedTruth]) -> None:
    bad = [truth for truth in inspected if truth.faults]
    assert len(bad) > 8
    assert [truth for truth in bad if truth.outcome != "rejected"] == []
    assert [truth for truth in inspected if not truth.faults and truth.outcome != "succeeded"] == []


def test_a_fault_names_its_site_and_what_is_wrong(inspected: list[InspectedTruth]) -> None:
    told = {fault for truth in inspected for fault in truth.faults}
    sites = load_line("valve").product_description.sites
    assert all(fault.partition(": ")[0] in sites for fault in told), told
    assert len({fault.partition(": ")[2].split()[0] for fault in told}) >= 4
