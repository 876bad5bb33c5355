"""`microcell order`: orders to a running cell, ours and those of other systems."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, cast

from microcell.commands.client import INTERRUPTED, talk
from microcell.commands.import_orders import foreign_orders
from microcell.description.loader import load_order
from microcell.description.order import Order
from microcell.description.problems import in_words, validate
from microcell.errors import UsageError
from microcell.gateways.own import is_list
from microcell.orchestration.work import OrderStatus
from microcell.ros import convert_cell
from microcell.ros.cell_client import CellClient, ProduceGoal
from microcell_interfaces.action import ProduceOrder
from microcell_interfaces.msg import OrderState

COMMANDS = ("start", "revoke_start", "pause", "resume", "stop", "cancel", "partial", "substitute")
_STATES = {
    (OrderState.RUNNING, OrderState.INTERRUPTED): "interrupted",
    (OrderState.NOT_STARTED, OrderState.NOT_ALLOWED_TO_START): "stored",
}
"""Words for an order where its state alone does not say enough."""

CHANGED = {"kind", "order_id", "product", "lines", "priority", "due"}
"""Keys of an order's file that an update looks at."""

_ANY = "any"
"""Stands for the running line's product, which the cell knows."""

LOOK_S = 0.1
NOT_HEARD = "the cell is not heard any more; the order is in its journal, and is followed as soon as the cell is back."
BACK = "the cell is back."


def run(args: argparse.Namespace) -> int:
    """List or control orders, or hand one in and follow it: 0 when every unit was delivered good, 1 otherwise."""
    if args.list:
        return talk(args.cell, _list)
    for command in COMMANDS:
        if (order_id := getattr(args, command)) is not None:
            return talk(args.cell, lambda cell: _control(cell, order_id, command))  # noqa: B023 - called at once
    if args.update is not None:
        _refuse_options(args, "--update")
        changed = load_order(args.update, elsewhere=True)
        return talk(args.cell, lambda cell: _update(cell, changed))
    if args.from_file is not None:
        _refuse_options(args, "--from")
        orders = foreign_orders(args.from_file, args, args.product)
        return talk(args.cell, lambda cell: _submit(cell, orders))
    wanted = convert_cell.request_of(_wanted(args))
    return talk(args.cell, lambda cell: _produce(cell, wanted, follow=not args.no_wait))


async def _list(cell: CellClient) -> int:
    found = await cell.list_orders()
    for order in found:
        print(describe(order))
    if not found:
        print("no orders")
    return 0


async def _submit(cell: CellClient, orders: tuple[Order, ...]) -> int:
    """Hand in several orders without following them; 1 when one of them was refused."""
    refused = 0
    for order in orders:
        try:
            print(await cell.submit(convert_cell.request_of(order)))
        except UsageError as error:
            refused += 1
            print(f"order '{order.order_id or ''}' is refused: {error}", file=sys.stderr)
    return 1 if refused else 0


async def _update(cell: CellClient, order: Order) -> int:
    if order.order_id is None:
        raise UsageError("the file has no order_id, so that it is not known which order is to change. Add it.")
    wanted = convert_cell.request_of(order)
    change = {"lines": wanted["lines"], "priority": order.priority, "due": wanted["due"]}
    print(await cell.update(order.order_id, change_priority=True, change_due=True, **change))
    if left := sorted(order.model_fields_set - CHANGED):
        print(f"note: only lines, priority and due of an order can change, not: {', '.join(left)}", file=sys.stderr)
    return 0


async def _control(cell: CellClient, order_id: str, command: str) -> int:
    print(await cell.control(order_id, command))
    return 0


def _wanted(args: argparse.Namespace) -> Order:
    """The order of the file, or of --quantity and --variant; without a product it is the running line's."""
    if args.file is not None:
        _refuse_options(args, "FILE")
        if is_list(args.file):
            raise UsageError(f"{args.file} is a list of orders: hand them in with --from {args.file}.")
        return load_order(args.file, elsewhere=True)
    if args.quantity is None:
        raise UsageError("nothing to order: give a FILE, --from FILE, or --quantity N.")
    line = {"variant": args.variant, "quantity": args.quantity}
    order, problems = validate(Order, {"product": args.product or _ANY, "lines": [line], "priority": args.priority or 0})
    if problems:
        raise UsageError(f"that is no order: {in_words(problems)}")
    return cast(Order, order).model_copy(update={"product": args.product or ""})


def _refuse_options(args: argparse.Namespace, source: str) -> None:
    """`UsageError` for options that say what stands in a file."""
    told = ("quantity", "variant", "priority", *([] if source == "--from" else ["product"]))
    if given := [f"--{name}" for name in told if getattr(args, name) is not None]:
        raise UsageError(
            f"{source} says what to make and how urgent it is: leave {', '.join(given)} away, or write it there."
        )


async def _produce(cell: CellClient, wanted: dict[str, Any], follow: bool) -> int:
    goal = await cell.produce(wanted)
    taken: list[OrderState] = []
    following = asyncio.ensure_future(_follow(cell, goal, taken, follow))
    result = asyncio.ensure_future(goal.result(lambda: taken[0].order_id if taken else ""))
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


async def _follow(cell: CellClient, goal: ProduceGoal, taken: list[OrderState], follow: bool) -> None:
    """Print the order each time that it changed; only once when it is not to be followed. `taken` gets its first state.

    It is followed on the cell's topic, where the orchestrator's successor shows it as well.
    """
    taken.append(await goal.feedback.get())
    first, shown, was_heard = taken[0], "", True
    while True:
        text = describe(cell.orders.get(first.order_id, first))
        if text != shown:
            print(text, flush=True)
            shown = text
        if not follow:
            return
        if (heard := cell.is_heard) != was_heard:
            print(BACK if heard else NOT_HEARD, file=sys.stderr, flush=True)
            was_heard = heard
        await asyncio.sleep(LOOK_S)


def _ended(result: ProduceOrder.Result) -> int:
    if result.success:
        print(f"{result.message}: {', '.join(result.order.serials)}")
        return 0
    if not result.order.order_id:
        raise UsageError(result.message)
    fault = result.order.last_fault
    print(f"{result.message}" + (f"; last fault: {fault.code}: {fault.cause} {fault.remedy}" if fault.code else ""))
    return 1


def status_of(order: OrderState) -> str:
    """The word for an order's state."""
    return _STATES.get((order.state, order.job_state)) or OrderStatus(order.state).name.lower().replace("_", " ")


def describe(order: OrderState) -> str:
    """One line about an order."""
    scrapped = f", {order.scrapped} scrapped" if order.scrapped else ""
    counted = order.state in (OrderState.COMPLETED, OrderState.CANCELLED)  # the reason says the counts once more
    why = f" ({order.reason})" if order.reason and not counted else ""
    promised = datetime.fromtimestamp(order.promised.sec, timezone.utc) if order.promised.sec else None
    end = f", promised for {promised:%H:%M} UTC" if promised else ""
    counts = f"{order.good} of {order.quantity} good, {order.in_work} in work{scrapped}"
    return f"{order.order_id}: {status_of(order)}{why}, {counts}{end}"
