"""Two arms in one cell: random schedules, and a run of the twin line with both arms' motions checked against each other.

    python bench/twin.py [--schedules N] [--cells N] [--quantity N] [--seed N] [--json] [--check]

The schedules are played by dispatcher and resources alone, in random cells of one to three arms with random zones, plans,
orders, durations and failures, a part of them with tools that all arms fetch from one crib: at every event no two arms are
in one zone, nothing is held twice, and in the end every unit is finished and no waiting chain was overtaken more often than
the line allows. The cells are the same worlds under the real controller on virtual time, over skills that take a random time
and sometimes end in a fault: no device and no zone is ever in two hands, nothing waits for ever. The run is that of the
shipped line on the virtual clock: the joints of both arms are sampled from the plant every 10 ms, and each pair of postures
is checked with all links, the mounted tools and the largest thing that each could hold (Pinocchio and coal). No tool moves
further from one sample to the next than the clearance that is asked for, so that arms which are never nearer at a sample do
not touch between two. Two arms against one: the same units on the line `valve`, which has one arm, the same kinds of tool
and two fixtures; with fewer than twelve units that says more about the first and the last of them than about the cells, and
has no limit.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "test" / "support"))

from common import Figure, arguments, report
from played_cells import guarded
from schedules import play

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.geometry import Vector
from microcell.motion.carried import UNIT, carried_solids
from microcell.motion.robot import RobotModel
from microcell.motion.two_arms import Armed, TwoArms
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

TWO, ONE = "valve_twin", "valve"
PERIOD_S = 0.01
CLEARANCE_M = 0.03
"""More than the ways together that two tools go within half a period."""
ORDERS_PER_WORLD = 5
TELLING = 12
"""Units from which on two arms are compared with one: four are in work at once."""
LEAST_GAIN = 1.3
"""Two arms share four fixtures and one does all that needs fingers: less would not pay for the second."""

Sample = tuple[tuple[float, ...], tuple[float, ...], str, str]


@dataclass
class Recorded:
    """A run: how long it took, what came out, and the distinct postures of both arms with the tools on them."""

    took_s: float = 0.0
    good: int = 0
    scrapped: int = 0
    digest: str = ""
    samples: int = 0
    longest_step_m: float = 0.0
    postures: dict[Sample, float] = field(default_factory=dict)


def schedules(count: int, seed: int) -> list[Figure]:
    """Play random schedules."""
    began_s = time.perf_counter()
    played = [found for n in range(-(-count // ORDERS_PER_WORLD)) for found in play(1_000_000 * seed + n, ORDERS_PER_WORLD)]
    over = sum(result.worst > line.max_tool_run for line, result in played)
    wrong = [problem for _, result in played for problem in result.problems]
    for problem in wrong[:5]:
        print(problem, file=sys.stderr)
    return [
        Figure("schedules", len(played), least=count),
        Figure("of those, two arms or more", sum(len(line.ways.arms) > 1 for line, _ in played)),
        Figure("of those, tools shared", sum(line.shares_tools for line, _ in played)),
        Figure("tools docked for another", sum(result.dockings for _, result in played)),
        Figure("chains run", sum(result.jobs for _, result in played)),
        Figure("times parked", sum(result.parks for _, result in played)),
        Figure("zones shared, deadlocks", len(wrong), most=0),
        Figure("overtaken too often", over, most=0),
        Figure("time for all schedules", time.perf_counter() - began_s, "s"),
    ]


def cells(count: int, seed: int) -> list[Figure]:
    """Have the real controller work off random orders in random cells."""
    began_s = time.perf_counter()
    played = [found for n in range(count) for found in guarded(1_000_000 * seed + n)]
    wrong = [problem for found in played for problem in found.problems]
    for problem in wrong[:5]:
        print(problem, file=sys.stderr)
    return [
        Figure("orders under the real controller", len(played), least=count),
        Figure("of those, two arms or more", sum(found.arms > 1 for found in played)),
        Figure("of those, cribs and bins shared", sum(found.shared for found in played)),
        Figure("of those, tools shared", sum(found.shares_tools for found in played)),
        Figure("tools docked for another", sum(found.dockings for found in played)),
        Figure("goals run", sum(found.goals for found in played)),
        Figure("times held", sum(found.held for found in played)),
        Figure("in two hands, deadlocks", len(wrong), most=0),
        Figure("time for all cells", time.perf_counter() - began_s, "s"),
    ]


def produce(name: str, quantity: int, seed: int, record: bool) -> Recorded:
    """Make units of all variants in turn on the virtual clock."""
    return run_virtual(_produce(load_line(name), quantity, seed, record))


async def _produce(line: Line, quantity: int, seed: int, record: bool) -> Recorded:
    found = Recorded()
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        await cell.start()
        watching = asyncio.ensure_future(_watch(cell, found)) if record else None
        order = await cell.controller.order_ended(cell.controller.submit(_order(line, quantity)))
        found.took_s, found.good, found.scrapped = cell.clock.now(), order.good, order.scrapped
        if watching is not None:
            watching.cancel()
        await cell.close()
        found.digest = journal.head().hash
    return found


def _order(line: Line, quantity: int) -> Order:
    variants = list(line.product_description.variants)
    parts = [quantity // len(variants) + (n < quantity % len(variants)) for n in range(len(variants))]
    lines = tuple(OrderLine(variant=v, quantity=n) for v, n in zip(variants, parts, strict=True) if n)
    return Order(product=line.product, lines=lines, replace_scrapped=False)


async def _watch(cell: VirtualCell, found: Recorded) -> None:
    """Sample the postures of both arms until the run is over."""
    bench = cell.plant.bench
    first, second = bench.arms
    before: dict[str, Vector] = {}
    on_before: list[str] = []
    while True:
        tools = {arm: bench.tool_on(arm) for arm in bench.arms}
        on = [tool.name if tool else "" for tool in tools.values()]
        for arm, tool in tools.items():
            tip = bench.tcp(tool) if tool else bench.arms[arm].flange()
            if on_before == on:
                found.longest_step_m = max(found.longest_step_m, math.dist(before.get(arm, tip.position), tip.position))
            before[arm] = tip.position
        on_before = on
        joints = (bench.arms[first].joints()[0], bench.arms[second].joints()[0])
        found.postures.setdefault((*joints, *on), cell.clock.now())
        found.samples += 1
        await cell.clock.sleep(PERIOD_S)


def check(line: Line, found: Recorded) -> tuple[int, int]:
    """How many postures touch, and how many are nearer than the clearance."""
    arms: dict[str, Any] = line.cell_description.of_kind("arm")
    models = {name: RobotModel.of(spec, name) for name, spec in arms.items()}
    pairs: dict[tuple[str, str, float], TwoArms] = {}

    def two(tools: tuple[str, str], clearance_m: float) -> TwoArms:
        if (*tools, clearance_m) not in pairs:
            armed = [
                Armed(models[name], spec.base_in_cell.pose, _carried(line, tool))
                for (name, spec), tool in zip(arms.items(), tools, strict=True)
            ]
            pairs[(*tools, clearance_m)] = TwoArms(armed[0], armed[1], clearance_m)
        return pairs[(*tools, clearance_m)]

    touching = near = 0
    for (a, b, *tools), time_s in found.postures.items():
        on = (str(tools[0]), str(tools[1]))
        if not two(on, CLEARANCE_M).free(a, b):
            near += 1
            if not two(on, 0.0).free(a, b):
                touching += 1
                print(f"at {time_s:.2f} s: {two(on, 0.0).hits(a, b)[:3]}", file=sys.stderr)
    return touching, near


def _carried(line: Line, tool: str) -> tuple[Any, ...]:
    """A tool with the largest thing that it could hold."""
    if not tool:
        return ()
    product, can = line.product_description, line.tools[tool].capabilities
    if product.unit_grasp.capability in can:
        return carried_solids(line, tool, UNIT)
    parts = [name for name, part in product.parts.items() if part.grasp.capability in can]
    return carried_solids(line, tool, max(parts, key=lambda name: product.parts[name].mass_kg))


def run(quantity: int, seed: int) -> list[Figure]:
    """Make the units with two arms and with one."""
    line = load_line(TWO)
    two, again = produce(TWO, quantity, seed, True), produce(TWO, quantity, seed, False)
    one = produce(ONE, quantity, seed, False)
    began_s = time.perf_counter()
    touching, near = check(line, two)
    hourly = {name: 3600.0 * found.good / found.took_s for name, found in (("two", two), ("one", one))}
    return [
        Figure("units good", two.good, least=quantity),
        Figure("same journal again", float(two.digest == again.digest), least=1),
        Figure("samples of both arms", two.samples),
        Figure("distinct postures checked", len(two.postures)),
        Figure("longest step of a tool", 1000.0 * two.longest_step_m, "mm", most=1000.0 * CLEARANCE_M),
        Figure("postures that touch", touching, most=0),
        Figure(f"nearer than {CLEARANCE_M * 100:.0f} cm", near, most=0),
        Figure("time for the check", time.perf_counter() - began_s, "s"),
        Figure("two arms", hourly["two"], "units/h"),
        Figure("one arm", hourly["one"], "units/h"),
        Figure("two against one", hourly["two"] / hourly["one"], least=LEAST_GAIN if quantity >= TELLING else None),
    ]


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--schedules", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--cells", type=int, default=10_000, help="orders of the controller (default: %(default)s)")
    parser.add_argument("--quantity", type=int, default=51, help="units of the run (default: %(default)s)")
    options: argparse.Namespace = parser.parse_args()
    figures = schedules(options.schedules, options.seed) if options.schedules else []
    figures += cells(options.cells, options.seed) if options.cells else []
    return report([*figures, *run(options.quantity, options.seed)], options)


if __name__ == "__main__":
    sys.exit(main())
