"""Orders: how well a promised end comes true, how soon an urgent order goes first, and what reading files costs.

    python bench/orders.py [--units N] [--rows N] [--seed N] [--json] [--check]

`promise`: the valve line in the virtual world makes two orders of so many units. The promise at the acceptance of each is
compared with its end: the first when the cell knows only the operations' durations, the second when it has made the first.
`urgent`: while the first order is in work, an order of one unit and higher priority is handed in; told is how long it took
from there to its first operation and to its end, beside a unit's time in work; operations that were done twice are counted.
`tables`: a CSV of so many rows is read and reported row by row.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

from common import Figure, arguments, report

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.events import OperationEnded, OperationStarted, UnitEnded, UnitStarted
from microcell.gateways import csv_orders
from microcell.gateways.imported import Choices
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

LINE = "valve"
MOST_ERROR_PERCENT = 15.0
"""Of the second order, when the cell has made some units."""
MOST_READ_S = 5.0


def order_of(line: Line, units: int, priority: int = 0) -> Order:
    return Order(product=line.product, lines=(OrderLine(quantity=units),), priority=priority)


async def promises(line: Line, units: int, seed: int) -> list[Figure]:
    """Errors of two promises, of the time from acceptance to end."""
    figures = []
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        await cell.start()
        for name in ("first", "second"):
            controller = cell.controller
            order_id = controller.submit(order_of(line, units))
            told = controller.order(order_id)
            ended = await controller.order_ended(order_id)
            took_s = (ended.ended_s or 0.0) - told.accepted_s
            error = 100.0 * ((told.promised_s or 0.0) - told.accepted_s - took_s) / took_s
            most = MOST_ERROR_PERCENT if name == "second" else None
            figures += [
                Figure(f"promise, {name} order took", took_s, "s"),
                Figure(f"promise, {name} too late by", error, "%", least=-most if most else None, most=most),
            ]
        await cell.close()
    return figures


async def urgent(line: Line, units: int, seed: int) -> list[Figure]:
    """An urgent order in the midst of another one."""
    with Journal.create_or_open(":memory:", durability="batch") as journal:
        cell = VirtualCell(VirtualRun(line, (), seed), journal)
        await cell.start()
        usual = cell.controller.submit(order_of(line, units))
        while cell.controller.order(usual).good < 2:
            await asyncio.sleep(1.0)
        handed_in_s = cell.clock.now()
        order_id = cell.controller.submit(order_of(line, 1, priority=50))
        done = await cell.controller.order_ended(order_id)
        rest = await cell.controller.order_ended(usual)
        await cell.close()
        history = list(journal.events())
    begun = {e.unit: e for e in history if isinstance(e, UnitStarted)}
    started = (e for e in history if isinstance(e, OperationStarted) and e.unit)
    first_s = next(e.time_s for e in started if begun[e.unit].order_id == order_id)
    ended = {e.unit: e.time_s for e in history if isinstance(e, UnitEnded)}
    usual_s = [ended[unit] - e.time_s for unit, e in begun.items() if e.order_id == usual]
    over = (e for e in history if isinstance(e, OperationEnded) and e.unit and e.outcome == "succeeded")
    good = Counter((e.unit, e.operation) for e in over)
    return [
        Figure("urgent, first operation after", first_s - handed_in_s, "s"),
        Figure("urgent, done after", (done.ended_s or 0.0) - handed_in_s, "s"),
        Figure("urgent, usual unit in work", sum(usual_s) / len(usual_s), "s"),
        Figure("urgent, operations done twice", sum(number - 1 for number in good.values()) - rest.reworked, most=0),
        Figure("urgent, usual order good", rest.good, f"of {units}", least=units - rest.scrapped),
    ]


def tables(rows: int) -> list[Figure]:
    """Reading a large export."""
    text = "Auftrag;Artikel;Variante;Menge;Termin\n"
    text += "".join(f"A-{i};valve;adult;{1 + i % 9},0;{1 + i % 28}.03.2026\n" for i in range(rows))
    began = time.process_time()
    found = csv_orders.read(text.encode("utf-16"), "table.csv", Choices())
    return [
        Figure("tables, rows", rows),
        Figure("tables, orders read", len(found.orders), least=rows),
        Figure("tables, time", time.process_time() - began, "s", most=MOST_READ_S),
    ]


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--units", type=int, default=12, help="of each order (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=10_000, help="of the table (default: %(default)s)")
    options = parser.parse_args()
    line = load_line(LINE)
    figures = run_virtual(promises(line, options.units, options.seed))
    figures += run_virtual(urgent(line, options.units, options.seed))
    return report([*figures, *tables(options.rows)], options)


if __name__ == "__main__":
    sys.exit(main())
