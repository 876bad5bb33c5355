"""`microcell watch`: a live view of a running cell in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from microcell.commands.client import INTERRUPTED, know_order, order_over, talk
from microcell.commands.order import describe, status_of
from microcell.orchestration.packml import WAY_ON, Mode, State
from microcell.orchestration.work import OrderStatus
from microcell.ros.cell_client import CellClient
from microcell.ros.convert_skills import unix_s
from microcell_interfaces.msg import Fault as FaultMessage
from microcell_interfaces.msg import OrderState

REFRESH_S = 0.2
SHOWN_ORDERS, SHOWN_FAULTS = 12, 5
NOT_HEARD = "the cell is not heard any more: this is how it stood last. Look at 'microcell up' and its logs."
_COLOURS = {
    State.EXECUTE: "green", State.IDLE: "cyan", State.COMPLETE: "cyan", State.HELD: "yellow", State.SUSPENDED: "yellow",
    State.STOPPED: "white", State.ABORTED: "red", State.ABORTING: "red",
}  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Show the cell until Ctrl-C, which is how one ends watching, until an order has ended, or once."""
    code = talk(args.cell, lambda cell: _watch(cell, Console(), args.once, args.until_order))
    return 0 if code == INTERRUPTED else code


async def _watch(cell: CellClient, console: Console, once: bool, until_order: str | None) -> int:
    if once:
        for order in await cell.list_orders():
            cell.orders[order.order_id] = order
        cell.questions = {question.id: question for question in await cell.list_questions()}
        console.print(view(cell))
        return 0
    await know_order(cell, until_order)
    if console.is_terminal:
        await _live(cell, console, until_order)
    else:
        await _lines(cell, console, until_order)
    return 0


async def _live(cell: CellClient, console: Console, until_order: str | None) -> None:
    """The view, refreshed in place; without an order to wait for, on a screen of its own."""
    with Live(view(cell), console=console, auto_refresh=False, screen=until_order is None) as live:
        while not order_over(cell, until_order):
            await asyncio.sleep(REFRESH_S)
            live.update(view(cell), refresh=True)


async def _lines(cell: CellClient, console: Console, until_order: str | None) -> None:
    """Where the output is no terminal: a line for each change of state and orders, the whole view at the end."""
    shown: dict[str, str] = {}
    while True:
        over = order_over(cell, until_order)
        now = {"": _state(cell).plain, **{order.order_id: describe(order) for order in cell.orders.values()}}
        for line in (line for key, line in now.items() if shown.get(key) != line):
            print(line, flush=True)
        shown = now
        if over:
            console.print(view(cell))
            return
        await asyncio.sleep(REFRESH_S)


def view(cell: CellClient) -> RenderableType:
    """State, orders, stations, last faults."""
    return Group(_state(cell), _orders(cell), _stations(cell), _faults(cell))


def _state(cell: CellClient) -> Text:
    shown = cell.state
    if shown is None:
        return Text(f"{cell.cell}: no state yet")
    state = State(shown.state)
    text = Text()
    if not cell.is_heard:
        text.append(f"{NOT_HEARD}\n", "bold red")
    text.append(f" {shown.cell} ", "bold reverse")
    text.append(f"  {', '.join(shown.lines) or shown.line}, {shown.world}  ")
    text.append(state.title, f"bold {_COLOURS.get(state, 'yellow')}")
    if shown.mode not in (0, Mode.PRODUCTION):
        text.append(f" in {shown.mode_name} mode", "bold yellow")
    counts = f"{shown.units_in_work} in work, {shown.units_good} good, {shown.units_scrapped} scrapped"
    text.append(f"  {shown.reason}\n{counts}")
    if shown.change:
        text.append(f"\nchange {shown.change}", "bold yellow")
    for fault in shown.active_faults:
        text.append(
            f"\n{fault.code} at {fault.where}: {fault.cause} {fault.detail}\n  {fault.actor}: {fault.remedy}",
            "bold red",
        )
    if way := _way_on(state, shown.active_faults):
        text.append(f"\nthen go on with: {way}", "bold red")
    for question in cell.questions.values():
        text.append(f"\n{question.id}: {question.text}\n  answer {' or '.join(question.choices)}", "bold yellow")
    return text


def _way_on(state: State, faults: Iterable[FaultMessage]) -> str:
    """The commands that are legal and let the cell go on; "" where there are none, as without a journal."""
    if any(fault.code == "JOURNAL_UNWRITABLE" for fault in faults):
        return ""
    return ", then ".join(f"microcell command {command.name.lower()}" for command in WAY_ON.get(state, ()))


def _orders(cell: CellClient) -> Table:
    """The open orders, the most urgent first, then those that ended last."""
    table = _table("Orders", "order", "state", "progress", "good", "in work", "scrapped", "last fault")
    orders = sorted(cell.orders.values(), key=_place)
    for order in orders[:SHOWN_ORDERS]:
        counts = (f"{order.good}/{order.quantity}", str(order.in_work), str(order.scrapped))
        table.add_row(order.order_id, status_of(order), _bar(order), *counts, order.last_fault.code)
    if more := sum(not _has_ended(order) for order in orders[SHOWN_ORDERS:]):
        table.add_row(f"{more} more open ones: microcell order --list", "", "", "", "", "", "", style="dim")
    return table


def _place(order: OrderState) -> tuple[float, ...]:
    """Where an order stands among those that are shown."""
    if _has_ended(order):
        return (1.0, -(unix_s(order.ended) or 0.0))
    due_s = unix_s(order.due)
    urgency = (-float(order.priority), math.inf if due_s is None else due_s, unix_s(order.accepted) or 0.0)
    return (0.0, float(not order.in_work), *urgency)


def _has_ended(order: OrderState) -> bool:
    return OrderStatus(order.state).ended


def _bar(order: OrderState) -> str:
    done = round(20 * order.good / max(1, order.quantity))
    return "█" * done + "░" * (20 - done)


def _stations(cell: CellClient) -> Table:
    table = _table("Stations", "station", "state", "holds", "level", "doing")
    for station in cell.state.stations if cell.state else ():
        if station.kind in ("tool_changer", "force_sensor", "safety"):
            continue
        level = "" if station.level < 0 else str(station.level)
        style = "bold" if station.state == "leased" else "red" if station.state == "out_of_service" else "dim"
        table.add_row(station.name, station.state, station.contents, level, station.activity or station.holder, style=style)
    return table


def _faults(cell: CellClient) -> Table:
    table = _table("Last faults", "code", "where", "unit", "cause")
    for fault in list(cell.faults)[-SHOWN_FAULTS:]:
        table.add_row(fault.code, fault.where, fault.unit, fault.cause)
    if not cell.faults:
        table.add_row("none", "", "", "", style="dim")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=True, box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
