"""What the commands that talk to a running cell have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from microcell.errors import UsageError
from microcell.orchestration.work import OrderStatus
from microcell.ros.cell_client import CellClient
from microcell.ros.runtime import RosRuntime
from microcell.ros.runtime import run as run_ros

INTERRUPTED = 130


def talk(cell: str, conversation: Callable[[CellClient], Awaitable[int]]) -> int:
    """Connect to a cell, hold a conversation and return its exit code; 130 when Ctrl-C ended it."""
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


def order_over(cell: CellClient, until_order: str | None) -> bool:
    """Whether an order has ended; UsageError when the cell has others, but not that one. Never without an order."""
    if until_order is None:
        return False
    order = cell.orders.get(until_order)
    if order is None and cell.orders:
        raise UsageError(f"no order '{until_order}'; there are: {', '.join(cell.orders)}.")
    return order is not None and OrderStatus(order.state).ended
