"""A line's mock hardware and its ROS drivers in one process, each side in a ROS context of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from domains import process_domain

from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, make_devices
from microcell.ros import names
from microcell.ros.clock import RosClock
from microcell.ros.hardware import MockHardware
from microcell.ros.hardware_face import own_time
from microcell.ros.node import HostNode
from microcell.ros.runtime import RosRuntime

LINE = load_line("valve")
DOMAIN = process_domain()

LIMIT_S = 180.0
NAMESPACE = ["test", "--ros-args", "-r", "__ns:=/bench"]
SIMULATED = ["-p", "use_sim_time:=true"]

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


@dataclass
class Bench:
    """The hardware with its plant, and the drivers with their clock, node and runtime."""

    hardware: MockHardware
    devices: dict[str, Device]
    clock: RosClock
    runtime: RosRuntime
    node: Any

    def mount(self, tool: str) -> None:
        """Put a tool on the arm, as if a tool change had done it."""
        truth = self.hardware.plant.tool(tool)
        truth.arm, truth.pocket = "arm", None

    async def connect(self) -> None:
        """Connect all drivers."""
        await asyncio.gather(*(device.connect() for device in self.devices.values()))


@asynccontextmanager
async def hardware_bench(
    wanted: Iterable[str] | None = None, time_scale: float = 1.0, line: Line = LINE
) -> AsyncIterator[Bench]:
    """Mock hardware of a line, and ROS drivers of the wanted devices (None: all), not connected yet."""
    simulated = SIMULATED if time_scale != 1.0 else []
    async with RosRuntime(NAMESPACE, DOMAIN) as there, RosRuntime([*NAMESPACE, *simulated], DOMAIN) as here:
        own = there.create_node(names.HARDWARE, parameter_overrides=own_time())
        hardware = MockHardware(there, own, line, 3, time_scale)
        await hardware.open()
        node = here.create_node("drivers")
        clock = here.clock = RosClock(node)
        devices = make_devices(DeviceHost(line, clock, node=HostNode(here, node)), "mock", wanted)
        try:
            yield Bench(hardware, devices, clock, here, node)
        finally:
            await asyncio.gather(*(device.disconnect() for device in devices.values()))
            await hardware.close()


def on_bench(
    scenario: Callable[[Bench], Awaitable[None]],
    *wanted: str,
    time_scale: float = 1.0,
    mounted: str = "",
    line: Line = LINE,
) -> None:
    """Run a scenario with the wanted devices connected, and a tool on the arm."""

    async def run() -> None:
        async with hardware_bench(wanted, time_scale, line) as bench:
            if mounted:
                bench.mount(mounted)
            await bench.connect()
            await scenario(bench)

    asyncio.run(asyncio.wait_for(run(), LIMIT_S))
