"""The line with two arms: while it works, the arms do not touch each other, and they are faster than one."""

import asyncio

from shared_planners import shared_planners

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.motion.carried import carried_solids
from microcell.motion.robot import RobotModel
from microcell.motion.two_arms import Armed, TwoArms
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

UNITS, PERIOD_S, CLEARANCE_M = 4, 0.05, 0.03


async def watched(line: Line):
    """Make some units; the time that it took and the distinct postures of both arms, each with the tools on them."""
    postures: dict[tuple, None] = {}

    async def watch(bench) -> None:  # type: ignore[no-untyped-def]
        while True:
            tools = tuple(tool.name if (tool := bench.tool_on(arm)) else "" for arm in bench.arms)
            postures[(*(arm.joints()[0] for arm in bench.arms.values()), tools)] = None
            await cell.clock.sleep(PERIOD_S)

    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, ()), journal)
        cell.runner.planners = shared_planners(line)
        await cell.start()
        watching = asyncio.ensure_future(watch(cell.plant.bench))
        order = Order(product=line.product, lines=(OrderLine(quantity=UNITS),))
        view = await cell.controller.order_ended(cell.controller.submit(order))
        took_s = cell.clock.now()
        watching.cancel()
        await cell.close()
    assert (view.good, view.scrapped) == (UNITS, 0)
    return took_s, list(postures)


def test_two_arms_keep_apart_and_are_faster_than_one():
    line = load_line("valve_twin")
    took_s, postures = run_virtual(watched(line))
    pairs: dict[tuple[str, str], TwoArms] = {}
    for first, second, tools in postures:
        if tools not in pairs:
            armed = [
                Armed(RobotModel.of(spec, name), spec.base_in_cell.pose, carried_solids(line, tool))
                for (name, spec), tool in zip(line.cell_description.of_kind("arm").items(), tools, strict=True)
            ]
            pairs[tools] = TwoArms(*armed, CLEARANCE_M)
        assert pairs[tools].free(first, second), pairs[tools].hits(first, second)
    assert took_s < UNITS * load_line("valve").ideal_cycle_s
