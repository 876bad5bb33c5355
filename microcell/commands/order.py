"""`microcell order`: orders to a running cell."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress
from typing import Any

from builtin_interfaces.msg import Time

from microcell.commands.client import INTERRUPTED, talk
from microcell.description.loader import load_order
from microcell.errors import UsageError
from microcell.orchestration.work import OrderStatus
from microcell.ros.cell_client import CellClient, ProduceGoal
from microcell_interfaces.action import ProduceOrder
from microcell_interfaces.msg import OrderState


def run(args: argparse.Namespace) -> int:
    """List or control orders, or hand one in and follow it: 0 when every unit was delivered good, 1 otherwise."""
    if args.list:
        return talk(args.cell, _list)
    for command in ("pause", "resume", "cancel"):
        if (order_id := getattr(args, command)) is not None:
            return talk(args.cell, lambda cell: _control(cell, order_id, command))  # noqa: B023 - called at once
    wanted = _wanted(args)
    return talk(args.cell, lambda cell: _produce(cell, wanted, follow=not args.no_wait))


async def _list(cell: CellClient) -> int:
    for order in await cell.list_orders():
        print(describe(order))
    return 0


async def _control(cell: CellClient, order_id: str, command: str) -> int:
    print(await cell.control(order_id, command))
    return 0


def _wanted(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `CellClient.produce` from the file, or from --quantity and --variant."""
    if args.file is not None:
        order = load_order(args.file)
        due = order.due and Time(sec=int(order.due.timestamp()))
        lines = [(line.variant or "", line.quantity) for line in order.lines]
        return {
            "exact_quantity": not order.replace_scrapped,
            "order_id": order.order_id or "",
            "product": order.product,
            "lines": lines,
            "priority": order.priority,
            "due": due,
        }
    if args.quantity is None:
        raise UsageError("nothing to order: give a FILE, or --quantity N.")
    lines = [(args.variant or "", args.quantity)]
    return {"order_id": "", "product": args.product or "", "lines": lines, "priority": args.priority}


async def _produce(cell: CellClient, wanted: dict[str, Any], follow: bool) -> int:
    goal = await cell.produce(**wanted)
    following = asyncio.ensure_future(_follow(goal, follow))
    result = asyncio.ensure_future(goal.result())
    try:
        await asyncio.wait([following, result], return_when=asyncio.FIRST_COMPLETED)
        return 0 if following.done() and not result.done() else _ended(await result)
    except asyncio.CancelledError:
        print(
            "no longer followed; the cell goes on with the order. 'microcell order --cancel ID' ends it.",
            file=sys.stderr,
        )
        return INTERRUPTED
    finally:
        for task in (following, result):
            task.cancel()
            with suppress(asyncio.CancelledError, UsageError):
                await task


async def _follow(goal: ProduceGoal, follow: bool) -> None:
    """Print the order each time that it changed; only once when it is not to be followed."""
    shown = ""
    while True:
        text = describe(await goal.feedback.get())
        if text != shown:
            print(text, flush=True)
            shown = text
        if not follow:
            return


def _ended(result: ProduceOrder.Result) -> int:
    if result.success:
        print(f"{result.message}: {', '.join(result.order.serials)}")
        return 0
    if not result.order.order_id:
        raise UsageError(result.message)
    fault = result.order.last_fault
    print(f"{result.message}" + (f"; last fault: {fault.code}: {fault.cause} {fault.remedy}" if fault.code else ""))
    return 1


def describe(order: OrderState) -> str:
    """One line about an order."""
    status = OrderStatus(order.state).name.lower().replace("_", " ")
    scrapped = f", {order.scrapped} scrapped" if order.scrapped else ""
    return f"{order.order_id}: {status}, {order.good} of {order.quantity} good, {order.in_work} in work{scrapped}"
