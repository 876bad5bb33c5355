"""Many ROS clients of one cell: `serve` is the cell, this file run as a program is the clients, in one process of theirs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from load_floor import idle_controller
from rclpy.executors import SingleThreadedExecutor

from microcell.description.line import Line
from microcell.orchestration.packml import State
from microcell.orchestration.work import OrderStatus
from microcell.records.journal import Journal
from microcell.ros import names, qos
from microcell.ros.cell_interface import CellInterface
from microcell.ros.clock import ScaledClock
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.msg import OrderLine, OrderState, ProductionEvent
from microcell_interfaces.srv import ListOrders, ListTools, SubmitOrder

TIMES_REAL = 100.0
ROUNDS = 4
FOUND_S, ANSWERED_S, ENDED_S = 60.0, 60.0, 300.0
SLOW = 5
"""Subscribers that never read."""


@dataclass(frozen=True)
class Served:
    """What the clients saw, and what became of their orders."""

    took_ms: list[float]
    asked: int
    made: int
    lost: int


async def serve(line: Line, clients: int) -> Served:
    """Run a cell in this process and clients in another one; every order that was accepted must be made."""
    with tempfile.TemporaryDirectory() as folder, Journal.create_or_open(Path(folder) / "load.journal") as journal:
        async with RosRuntime([]) as runtime:
            runtime.clock = ScaledClock(TIMES_REAL)
            cell = idle_controller(line, journal, runtime.clock, "mock")
            interface = CellInterface(runtime, runtime.create_node("orchestrator"), line)
            interface.serve(cell)
            await cell.start()
            interface.offer()
            await cell.until_state(State.IDLE)
            said = await _clients(clients)
            made = sum([await _is_made(cell, order_id) for order_id in said["accepted"]])
            await cell.close()
            await interface.close()
    return Served(said["took_ms"], said["asked"], made, len(said["accepted"]) - made)


async def _is_made(cell: Any, order_id: str) -> bool:
    if order_id not in cell.shop.orders:
        return bool(cell.shop.orders.is_known(order_id))  # ended so long ago that only the journal has it
    return (await asyncio.wait_for(cell.order_ended(order_id), ENDED_S)).status is OrderStatus.COMPLETED


async def _clients(count: int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, str(count), stdout=asyncio.subprocess.PIPE)
    try:
        said, _ = await asyncio.wait_for(process.communicate(), FOUND_S + ROUNDS * ANSWERED_S)
    finally:
        if process.returncode is None:
            process.kill()
    return dict(json.loads(said))


# --- the clients' process ------------------------------------------------------------------------------------------------


def main(count: int) -> int:
    """Ask for orders and tools and hand in orders, all clients at once, some rounds; print what came of it."""
    rclpy.init()
    deaf = rclpy.create_node("deaf")
    for _ in range(SLOW):
        deaf.create_subscription(ProductionEvent, names.EVENTS, lambda message: None, qos.latched(1000))
        deaf.create_subscription(OrderState, names.ORDERS, lambda message: None, qos.latched(200))
    executor = SingleThreadedExecutor()
    nodes = [rclpy.create_node(f"client_{number}") for number in range(count)]
    for node in nodes:
        executor.add_node(node)
    asked = [_services(node) for node in nodes]
    ready_by = time.monotonic() + FOUND_S
    while not all(client.service_is_ready() for services in asked for client in services) and time.monotonic() < ready_by:
        executor.spin_once(timeout_sec=0.05)
    took_ms: list[float] = []
    accepted: list[str] = []
    for round_ in range(ROUNDS):
        _round(executor, asked, round_, took_ms, accepted)
    print(json.dumps({"took_ms": took_ms, "accepted": accepted, "asked": ROUNDS * sum(map(len, asked))}))
    sys.stdout.flush()
    os._exit(0)  # two hundred entities take rclpy a while to take down


def _services(node: Any) -> tuple[Any, ...]:
    return (
        node.create_client(ListOrders, names.LIST_ORDERS, qos_profile=qos.SERVICE),
        node.create_client(ListTools, names.LIST_TOOLS, qos_profile=qos.SERVICE),
        node.create_client(SubmitOrder, names.SUBMIT_ORDER, qos_profile=qos.SERVICE),
    )


def _round(executor: Any, asked: list[tuple[Any, ...]], round_: int, took_ms: list[float], accepted: list[str]) -> None:
    waiting = {future: time.perf_counter() for future in _requests(asked, round_)}
    end = time.monotonic() + ANSWERED_S
    while waiting and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
        now = time.perf_counter()
        for future in [future for future in waiting if future.done()]:
            took_ms.append(1e3 * (now - waiting.pop(future)))
            answer = future.result()
            if getattr(answer, "accepted", False):
                accepted.append(answer.order_id)


def _requests(asked: list[tuple[Any, ...]], round_: int) -> Iterator[Any]:
    for number, (orders, tools, submit) in enumerate(asked):
        order_id = f"client-{number}-{round_}"
        yield orders.call_async(ListOrders.Request(include_ended=True))
        yield tools.call_async(ListTools.Request())
        yield submit.call_async(SubmitOrder.Request(order_id=order_id, lines=[OrderLine(quantity=1)]))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
