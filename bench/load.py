"""What a cell does under load: many orders at once, a long queue, many units, many clients.

    python bench/load.py [--orders N] [--queued N] [--units N] [--cell-units N] [--clients N] [--seed N] [--json] [--check]

`at once`: so many orders of one unit are handed to the valve line in the virtual world; none may be lost.
`queue`: so many orders wait; what the next ones take until they are durable in the journal, what one decision of the
dispatcher costs against that with ten orders waiting (measured in turns), and the restart of such a cell.
`memory`: resident memory of a controller with journal over `--units` units whose skills do nothing, and of the whole
virtual cell with plant and planners over `--cell-units`; growth is that of the second half, when caches are full. With
`--units 100000 --cell-units 0 --orders 0 --clients 0` a quarter of an hour on an idle core.
`clients`: so many ROS clients in another process ask a cell for its orders and tools and hand in orders all at once, beside
subscribers that never read. Left out where ROS 2 is not installed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import linear_regression, median, quantiles

import domain
from common import Figure, arguments, report
from load_floor import idle_controller, order_of

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.orchestration.controller import Controller
from microcell.orchestration.limits import MAX_OPEN_ORDERS, MAX_ORDER_UNITS
from microcell.orchestration.work import OrderStatus
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

LINE = "valve"
NEW_ORDERS = 200
DECISIONS = 60
UNITS_PER_ORDER = 20
FEW = 10

ACCEPTED_MS = 100.0
"""Of the slowest percent of orders, durable write included."""
DISPATCH_RATIO = 2.0
PARTS = 10
GROWTH_KB = 0.2
"""Per unit: 20 MB over 100 000 units. Over few units the allocator's noise is larger, so `SLACK_MB` passes in any case."""
SLACK_MB = 4.0
ANSWERED_S = 5.0
"""Of the slowest percent of requests of fifty clients on two cores that run the clients as well."""


# --- orders at once ----------------------------------------------------------------------------------------------------


async def at_once(line: Line, orders: int, seed: int) -> list[Figure]:
    """All orders are taken in one go; every one ends, every unit is there once."""
    began = time.perf_counter()
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        await cell.start()
        ids = [cell.controller.submit(order_of(line, 1)) for _ in range(orders)]
        ended = [await cell.controller.order_ended(order_id) for order_id in ids]
        await cell.close()
        kinds = [(event.kind, getattr(event, "unit", "")) for event in journal.events()]
    started = {unit for kind, unit in kinds if kind == "unit.started"}
    finished = [unit for kind, unit in kinds if kind == "unit.ended"]
    good = [serial for view in ended for serial in view.serials]
    return [
        Figure("at once, orders", orders),
        Figure("at once, completed", sum(view.status is OrderStatus.COMPLETED for view in ended), least=orders),
        Figure("at once, units lost", len(started) - len(finished), most=0),
        Figure("at once, units twice", len(finished) - len(set(finished)) + len(good) - len(set(good)), most=0),
        Figure("at once, wall time", time.perf_counter() - began, "s"),
    ]


# --- a long queue ------------------------------------------------------------------------------------------------------


async def queue(line: Line, queued: int, folder: Path) -> list[Figure]:
    """Acceptance with a long queue, the dispatcher's cost, the refusal at the limit, and the restart."""
    path = folder / "queue.journal"
    with Journal.create_or_open(path, durability="batch") as journal:
        filling = idle_controller(line, journal)
        for _ in range(queued):
            filling.shop.accept(order_of(line, 1))
    began = time.perf_counter()
    with Journal.create_or_open(path) as journal:
        full = idle_controller(line, journal)
        restart_s = time.perf_counter() - began
        empty = idle_controller(line, Journal.create_or_open(":memory:"))
        for cell, present in ((full, full.shop.orders.open), (empty, 0)):
            for arm in line.cell_description.of_kind("arm"):
                cell.shop.resources.unsettled.discard(arm)
            cell.shop.resources.levels.update(dict.fromkeys(line.feeders, 1000))
            for _ in range(max(0, FEW - present)):
                cell.shop.accept(order_of(line, 1))
        took_ms = [1e3 * took(lambda: full.shop.accept(order_of(line, 1))) for _ in range(NEW_ORDERS)]
        few_us, many_us = decisions(empty), decisions(full)
        for _ in range(3):
            few_us, many_us = min(few_us, decisions(empty)), min(many_us, decisions(full))
        lost = queued + NEW_ORDERS - full.shop.orders.open
    return [
        Figure("queue, orders waiting", queued),
        Figure("queue, accepted, median", median(took_ms), "ms"),
        Figure("queue, accepted, p99", quantiles(took_ms, n=100)[98], "ms", most=ACCEPTED_MS),
        Figure("queue, lost by the restart", lost, most=0),
        Figure("queue, restart", restart_s, "s"),
        Figure(f"dispatch, {FEW} waiting", few_us, "us"),
        Figure(f"dispatch, {queued} waiting", many_us, "us"),
        Figure("dispatch, ratio", many_us / few_us, most=DISPATCH_RATIO),
        Figure("refused beyond limits", refused(line), "of 2", least=2),
    ]


def took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def decisions(cell: Controller) -> float:
    """Microseconds of one decision, the median of some."""
    dispatcher = cell._dispatcher
    if dispatcher.next_job() is None:
        raise RuntimeError("nothing can be dispatched: this measures nothing")
    return 1e6 * median(took(lambda: (dispatcher.has_work(), dispatcher.next_job())) for _ in range(DECISIONS))


def refused(line: Line) -> int:
    """How many of two orders beyond the limits are refused: one of too many units, one more than may be open."""
    cell = idle_controller(line, Journal.create_or_open(":memory:", durability="batch"))
    many = (OrderLine(quantity=MAX_ORDER_UNITS), OrderLine(quantity=1))
    found = _refuses(cell, Order(product=line.product, lines=many))
    for _ in range(MAX_OPEN_ORDERS):
        cell.shop.accept(order_of(line, 1))
    return found + _refuses(cell, order_of(line, 1))


def _refuses(cell: Controller, order: Order) -> int:
    try:
        cell.shop.accept(order)
    except UsageError:
        return 1
    return 0


# --- memory ------------------------------------------------------------------------------------------------------------


def resident_mb() -> float:
    """Resident memory of this process now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def idle_units(line: Line, units: int, folder: Path) -> list[Figure]:
    """Memory of controller and journal."""
    with Journal.create_or_open(folder / "idle.journal", durability="batch") as journal:
        cell = idle_controller(line, journal)
        await cell.start()
        figures = await growth("controller", units, order_after_order(cell, line))
        await cell.close()
    return figures


async def cell_units(line: Line, units: int, seed: int, folder: Path) -> list[Figure]:
    """Memory of the whole virtual cell."""
    with Journal.create_or_open(folder / "cell.journal", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        await cell.start()
        figures = await growth("cell", units, order_after_order(cell.controller, line))
        await cell.close()
    return figures


def order_after_order(cell: Controller, line: Line) -> Callable[[int], Awaitable[None]]:
    """Makes units in orders of twenty; each order ends before the next is handed in."""

    async def make(units: int) -> None:
        for first in range(0, units, UNITS_PER_ORDER):
            order_id = cell.submit(order_of(line, min(UNITS_PER_ORDER, units - first)))
            await cell.order_ended(order_id)

    return make


async def growth(what: str, units: int, make: Callable[[int], Awaitable[None]]) -> list[Figure]:
    """Make units in ten parts, with the memory after each; what grows is the line through the second half of them."""
    began = time.perf_counter()
    made, seen = 0, list[tuple[float, float]]()
    for part in range(1, PARTS + 1):
        await make(units * part // PARTS - made)
        made = units * part // PARTS
        seen.append((made, resident_mb()))
        print(f"{what}: {made} units, {seen[-1][1]:.1f} MB, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    later = seen[PARTS // 2 - 1 :]
    grown_kb = 1e3 * linear_regression([n for n, _ in later], [mb for _, mb in later]).slope
    most_kb = max(GROWTH_KB, 1e3 * SLACK_MB / max(1, units // 2))
    return [
        Figure(f"memory, {what}, units", units),
        Figure(f"memory, {what}, first tenth", seen[0][1], "MB"),
        Figure(f"memory, {what}, end", seen[-1][1], "MB"),
        Figure(f"memory, {what}, per unit", grown_kb, "kB", most=most_kb),
        Figure(f"memory, {what}, per 10 000", 10.0 * grown_kb, "MB"),
        Figure(f"memory, {what}, wall time", time.perf_counter() - began, "s"),
    ]


# --- clients in ROS ----------------------------------------------------------------------------------------------------


def has_ros() -> bool:
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("rclpy", "microcell_interfaces"))


def clients(line: Line, count: int) -> Iterator[Figure]:
    """Serve a cell here and let another process be its clients."""
    from load_clients import serve

    found = asyncio.run(serve(line, count))
    yield Figure("clients", count)
    yield Figure("clients, requests", found.asked)
    yield Figure("clients, answered", len(found.took_ms), least=found.asked)
    yield Figure("clients, median", median(found.took_ms), "ms")
    yield Figure("clients, p99", quantiles(found.took_ms, n=100)[98], "ms", most=1e3 * ANSWERED_S)
    yield Figure("clients, orders made", found.made, least=count)
    yield Figure("clients, orders lost", found.lost, most=0)


def main() -> int:
    """Run the benchmark from the command line."""
    domain.take()
    parser = arguments(__doc__ or "")
    parser.add_argument("--orders", type=int, default=200, help="handed in at once (default: %(default)s)")
    parser.add_argument("--queued", type=int, default=10_000, help="orders waiting (default: %(default)s)")
    parser.add_argument("--units", type=int, default=4_000, help="of the idle shop floor (default: %(default)s)")
    parser.add_argument("--cell-units", type=int, default=800, help="of the virtual cell (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=50, help="in ROS; 0 leaves them out (default: %(default)s)")
    options = parser.parse_args()
    line = load_line(LINE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = run_virtual(queue(line, options.queued, folder))
        figures += run_virtual(idle_units(line, options.units, folder))
        figures += run_virtual(cell_units(line, options.cell_units, options.seed, folder)) if options.cell_units else []
        figures += run_virtual(at_once(line, options.orders, options.seed)) if options.orders else []
    if options.clients and has_ros():
        figures += clients(line, options.clients)
    elif options.clients and not options.json:
        print("ROS 2 is not installed here: no clients")
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
