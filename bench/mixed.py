"""Two lines mixed in one cell: does a unit ever get a part, label, limit or carton of the other product?

    python bench/mixed.py [--units N] [--seed N] [--json] [--check]

Valves and controllers are ordered one at a time, each with a variant of its own, and made side by side in `mixed_bench` on
the virtual clock. Every unit is compared with the plant's truth when it is packed: part by part, its label, and what else
stands in its carton; the limits of every measured value with those of a run of its line alone. 10 000: `--units 10000`.
`--check` fails where anything is of the other product, where a unit is not what was ordered, or where one is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

from common import Figure, arguments, report

from microcell import events
from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.orchestration.order_view import OrderView
from microcell.records.journal import Entry, Journal
from microcell.virtual import VirtualCell, VirtualRun

LINES = ("valve_mixed", "controller_mixed")
OPEN = 30
"""So many orders wait at a time, as a planner would hand them in."""

ALONE = 3
"""Units of each variant of a line that runs alone, to see its limits."""

Limits = dict[tuple[str, str, str], tuple[float | None, float | None]]
"""Lower and upper limit by product, variant and name of the measured value."""


@dataclass
class Auditor:
    """Compares every unit with the truth. `wrong` counts by what is of the other product, `told` has the first sentences."""

    cell: VirtualCell
    limits: Limits | None = None
    seen: Limits = field(default_factory=dict)
    units: dict[str, tuple[Line, str]] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    cartons: dict[str, str] = field(default_factory=dict)

    def saw(self, entry: Entry) -> None:
        """Take note of an entry."""
        event = entry.event()
        if isinstance(event, events.UnitStarted):
            self.units[event.unit] = (self.cell.plant.line.making(event.product), event.variant)
        elif isinstance(event, events.OperationEnded) and event.unit in self.units:
            self._measured(event, *self.units[event.unit])
        elif isinstance(event, events.UnitEnded):
            line, variant = self.units.pop(event.unit)
            self.made[f"{line.product} {event.disposition}"] += 1
            if event.disposition == "good":
                self._packed(event, line, variant)

    def _measured(self, event: events.OperationEnded, line: Line, variant: str) -> None:
        for measured in event.measurements:
            key, limits = (line.product, variant, measured["name"]), (measured["lower"], measured["upper"])
            if self.limits is None:
                self.seen[key] = limits
            elif key in self.limits and self.limits[key] != limits:
                self._tell("limits", f"{event.unit}: {measured['name']} within {limits} instead of {self.limits[key]}")
        taken = {name for name, _ in event.parts}
        if strange := taken - {line.product_description.part_of(item, variant) for item in _items(line)}:
            self._tell("parts", f"{event.unit} took {', '.join(sorted(strange))}")

    def _packed(self, event: events.UnitEnded, line: Line, variant: str) -> None:
        truth = self.cell.plant.truth(event.unit)
        if truth is None:
            self._tell("labels", f"no unit carries the label {event.unit}")
            return
        if truth.product != line.product or any(d.endswith("of another product") for d in truth.defects):
            self._tell("parts", f"{event.unit} is {truth.product} with {truth.defects}")
        wanted = line.product_description.variants[variant].label_text
        if truth.label_text != wanted or not event.unit.startswith(line.product_description.serial_prefix):
            self._tell("labels", f"{event.unit} says '{truth.label_text}' instead of '{wanted}'")
        if not truth.is_good(line, variant):
            self._tell("not as ordered", f"{event.unit} ({variant}): {dict(truth.parts)}, {truth.defects}")
        if self.cartons.setdefault(truth.place.holder, line.product) != line.product or truth.place.kind != "carton":
            self._tell("cartons", f"{event.unit} stands in {truth.place.kind} {truth.place.holder}")

    def _tell(self, what: str, sentence: str) -> None:
        self.wrong[what] += 1
        if len(self.told) < 10:
            self.told.append(f"{what}: {sentence}")


def _items(line: Line) -> Iterator[str]:
    return iter(line.product_description.bill_of_materials)


async def _make(cell: VirtualCell, orders: Iterator[Order]) -> None:
    """Work the orders off, so many open at a time."""
    waiting: set[asyncio.Future[OrderView]] = set()
    await cell.start()
    while True:
        for order in islice(orders, OPEN - len(waiting)):
            waiting.add(asyncio.ensure_future(cell.controller.order_ended(cell.controller.submit(order))))
        if not waiting:
            break
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await cell.close()


def run(line: Line, orders: Iterator[Order], seed: int, limits: Limits | None) -> Auditor:
    """Make some orders and audit every unit."""

    async def story() -> Auditor:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        auditor = Auditor(cell, limits)
        cell.controller.add_listener(auditor.saw)
        await _make(cell, orders)
        return auditor

    with (
        tempfile.TemporaryDirectory(prefix="microcell-") as folder,
        Journal.create_or_open(Path(folder) / "mixed.journal", durability="batch") as journal,
    ):
        return run_virtual(story())


def batches_of_one(line: Line, units: int, seed: int) -> Iterator[Order]:
    """Orders of one unit, each of any product and variant."""
    random = Random(seed)
    for _ in range(units):
        product = random.choice(line.every).product_description
        variant = random.choice(sorted(product.variants))
        yield Order(product=product.name, lines=(OrderLine(variant=variant, quantity=1),), replace_scrapped=False)


def limits_alone(seed: int) -> Limits:
    """The limits of each line's measured values where no other line is near."""
    found: Limits = {}
    for name in LINES:
        line = load_line(name)
        lines = tuple(OrderLine(variant=variant, quantity=ALONE) for variant in line.product_description.variants)
        found.update(run(line, iter([Order(product=line.product, lines=lines)]), seed, None).seen)
    return found


def measure(options: argparse.Namespace) -> list[Figure]:
    """Run the mixed orders; what was of the other product, and how long it took."""
    limits, line = limits_alone(options.seed), load_line(LINES[0], LINES[1:])
    began_s = time.perf_counter()
    found = run(line, batches_of_one(line, options.units, options.seed), options.seed, limits)
    wall_s = time.perf_counter() - began_s
    for sentence in found.told:
        print(sentence, file=sys.stderr)
    good = sum(number for what, number in found.made.items() if what.endswith(" good"))
    kinds = [Figure(f"{what} of the other", found.wrong[what], most=0) for what in ("parts", "labels", "limits", "cartons")]
    return [
        Figure("units", sum(found.made.values()), least=options.units),
        Figure("valves, good", found.made["valve good"]),
        Figure("controllers, good", found.made["controller good"]),
        Figure("scrapped", sum(found.made.values()) - good),
        *kinds,
        Figure("not as ordered", found.wrong["not as ordered"], most=0),
        Figure("limits compared", len(limits), least=1),
        Figure("cartons", len(found.cartons)),
        Figure("wall time", wall_s, "s"),
        Figure("units per second", options.units / wall_s, "1/s"),
    ]


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--units", type=int, default=1000)
    options = parser.parse_args()
    return report(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
