"""What the commands that talk to a running cell have in common."""

from __future__ import annotations

import getpass
import os
from collections.abc import Awaitable, Callable

from microcell.composition.processes import dds_profile
from microcell.errors import UsageError
from microcell.ros.cell_client import CellClient
from microcell.ros.runtime import RosRuntime
from microcell.ros.runtime import run as run_ros

INTERRUPTED = 130


def talk(cell: str, conversation: Callable[[CellClient], Awaitable[int]]) -> int:
    """Connect to a cell, hold a conversation and return its exit code; 130 when Ctrl-C ended it.

    The middleware is set up as the cell's is: with its usual buffers much of what a cell tells a newcomer got lost.
    """
    os.environ.update(dds_profile(os.environ))
    code = INTERRUPTED
    refused: UsageError | None = None

    async def main(runtime: RosRuntime) -> None:
        nonlocal code, refused
        try:
            code = await conversation(await CellClient.connect(runtime, cell))
        except UsageError as error:
            refused = error

    failed = run_ros(main, [])
    if refused is not None:
        raise refused
    return failed or code


async def know_order(cell: CellClient, order_id: str | None) -> None:
    """Ask for all orders, so that one to wait for is known; UsageError when the cell has no such order."""
    if order_id is None:
        return
    for order in await cell.list_orders():
        cell.orders[order.order_id] = order
    if order_id not in cell.orders:
        raise UsageError(f"no order '{order_id}'; there are: {', '.join(cell.orders) or 'none'}.")


def order_over(cell: CellClient, order_id: str | None) -> bool:
    """Whether a known order has ended. Never without an order."""
    return order_id is not None and cell.has_ended(order_id)


def user() -> str:
    """Who is logged in; nobody, for the system, where it cannot tell."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"
