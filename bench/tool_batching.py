"""Tool changes that the dispatcher saves, against first in, first out, on mixed orders of the valve's variants.

    python bench/tool_batching.py [--line valve|valve_twin] [--mixes N] [--quantity N] [--seed N] [--json] [--check]

Each mix is a number of orders with random variants and quantities, worked off twice on the virtual clock by the whole cell,
plant and all: as the line is, and with `max_tool_run: 0`, which makes the dispatcher take what is most urgent and nothing
else. Both make the same units of the same parts.

The targets are for the line with one arm. Its plan asks for gripper, cup, gripper, screwdriver, cup and gripper in turn, and
two units are in work at once, one in each fixture. So a pair cannot be made with fewer than five changes: 2.5 for a unit. In
order, a unit keeps the arm from one camera to the next, where the other one gets it: about four. At most 0.7 of the changes,
in no more time, is asked for, the latter of every mix. How long the unit took that waited longest is printed besides:
changes must not be saved at its cost.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from random import Random
from statistics import mean

from common import Figure, arguments, report

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.events import OperationStarted, UnitEnded, UnitStarted
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

MOST_CHANGES, MOST_TIME = 0.7, 1.0


class Outcome:
    """What a run came to: tool changes, time until the last order was done, the longest that a unit was in work, s."""

    def __init__(self, cell: VirtualCell, journal: Journal, took_s: float) -> None:
        self.took_s = took_s
        self.changes = self.good = 0
        self.longest_s = 0.0
        began: dict[str, float] = {}
        for event in journal.events():
            if isinstance(event, OperationStarted):
                self.changes += event.skill == "change_tool"
            elif isinstance(event, UnitStarted):
                began[event.unit] = event.time_s
            elif isinstance(event, UnitEnded):
                self.good += event.disposition == "good"
                self.longest_s = max(self.longest_s, event.time_s - began[event.unit])


def mixed_orders(line: Line, quantity: int, random: Random) -> list[Order]:
    """Orders of random variants and quantities, so many units in all."""
    variants, orders, left = list(line.product_description.variants), [], quantity
    while left:
        lines = [OrderLine(variant=v, quantity=min(left, random.randint(1, 4))) for v in random.sample(variants, 1)]
        if left - lines[0].quantity > 0 and random.random() < 0.5:
            other = random.choice([v for v in variants if v != lines[0].variant])
            lines.append(OrderLine(variant=other, quantity=min(left - lines[0].quantity, random.randint(1, 4))))
        orders.append(Order(product=line.product, lines=tuple(lines), replace_scrapped=False))
        left -= sum(line.quantity for line in lines)
    return orders


async def _work_off(line: Line, orders: Sequence[Order], seed: int) -> Outcome:
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        await cell.start()
        ids = [cell.controller.submit(order) for order in orders]
        await asyncio.gather(*(cell.controller.order_ended(order_id) for order_id in ids))
        took_s = cell.clock.now()
        await cell.close()
        return Outcome(cell, journal, took_s)


def measure(line: Line, mixes: int, quantity: int, seed: int) -> list[Figure]:
    """Work every mix off in both ways."""
    in_order = line.model_copy(update={"max_tool_run": 0})
    ours, first = [], []
    for number in range(mixes):
        orders = mixed_orders(line, quantity, Random(1000 * seed + number))
        ours.append(run_virtual(_work_off(line, orders, seed)))
        first.append(run_virtual(_work_off(in_order, orders, seed)))
    checked = len(line.ways.arms) == 1
    changes = sum(o.changes for o in ours) / sum(f.changes for f in first)
    times = [o.took_s / f.took_s for o, f in zip(ours, first, strict=True)]
    return [
        Figure("units good in each way", min(sum(o.good for o in ours), sum(f.good for f in first)), least=mixes * quantity),
        Figure("changes, in order", mean(f.changes / f.good for f in first), "/unit"),
        Figure("changes, saved", mean(o.changes / o.good for o in ours), "/unit"),
        Figure("ratio of changes", changes, most=MOST_CHANGES if checked else 1.0),
        Figure("time, in order", mean(f.took_s / f.good for f in first), "s/unit"),
        Figure("time, saved", mean(o.took_s / o.good for o in ours), "s/unit"),
        Figure("ratio of times", mean(times), most=MOST_TIME),
        Figure("worst ratio of a mix", max(times), most=MOST_TIME if checked else None),
        Figure("longest unit, in order", max(f.longest_s for f in first), "s"),
        Figure("longest unit, saved", max(o.longest_s for o in ours), "s"),
    ]


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--line", default="valve", help="default: %(default)s")
    parser.add_argument("--mixes", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--quantity", type=int, default=24, help="units of a mix (default: %(default)s)")
    options = parser.parse_args()
    line = load_line(options.line)
    if not options.json:
        print(f"{options.mixes} mixes of {options.quantity} units on the line {line.name}, seed {options.seed}")
    return report(measure(line, options.mixes, options.quantity, options.seed), options)


if __name__ == "__main__":
    sys.exit(main())
