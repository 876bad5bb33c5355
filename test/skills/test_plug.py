"""Plug: pushed in within its force limit, then pulled at, and believed only when the latch holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line

READY = ("pick_base", "place_base", "pick_board", "insert_board", "pick_connector")
LINE: Line = load_line("controller")


def plug(broken: bool = False, **parameters: float):
    """Plug the connector in; the result, the unit as it is, what the hand holds, and what a second attempt ends in."""

    async def story():
        async with skill_bench(line=LINE) as bench:
            for operation in READY:
                await bench.operations(operation, variant="eu")
            if broken:
                held = bench.plant.bench.held(bench.plant.tool("parallel_gripper"))
                bench.plant.inventory.move(replace(held, broken=True), held.place, held.pose)
            result = await bench.operation("plug_connector", variant="eu", **parameters)
            return result, bench.plant.unit_at("fixture_1"), bench.held()

    return run_virtual(story())


def test_a_connector_is_pushed_in_and_its_latch_felt():
    result, unit, held = plug()
    assert result.fault is None, result.message
    assert (unit.parts["socket"], unit.defects, held) == ("connector", (), "")
    force, depth, pull = result.measurements
    assert 4.0 < force.value < 30.0
    assert depth.value == pytest.approx(0.004, abs=0.0006)
    assert (pull.name, pull.unit) == ("plug_connector.pull", "N")
    assert pull.value == pytest.approx(8.0, abs=0.2)


def test_a_broken_latch_is_felt_and_the_connector_stays_in_the_hand():
    result, unit, held = plug(broken=True)
    assert result.fault.code == "PLUG_NOT_LATCHED"
    assert "pulled with 8.0 N, socket held 0.0 N" in result.message
    assert (held, "socket" in unit.parts) == ("connector", False)


def test_a_latch_that_is_pulled_harder_than_it_holds_lets_go():
    result, _, held = plug(pull_n=20.0)
    assert (result.fault.code, held) == ("PLUG_NOT_LATCHED", "connector")


def test_a_connector_is_not_forced():
    result, _, held = plug(force_limit_n=3.0)
    assert (result.fault.code, held) == ("INSERT_FORCE_EXCEEDED", "connector")
