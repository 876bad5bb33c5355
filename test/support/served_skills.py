"""A skill server over mock devices and a plant, fifty times as fast as real time, with a client beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rclpy.parameter import Parameter

from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, make_devices
from microcell.faults import FaultError
from microcell.plant.plant import Plant
from microcell.ros.clock import ScaledClock
from microcell.ros.lifecycle import LifecycleClient
from microcell.ros.runtime import RosRuntime
from microcell.ros.skill_client import RosSkillPort
from microcell.ros.skill_server import SkillServerNode
from microcell.skills.contract import Lease, SkillGoal, Step

LINE = load_line("valve")
FAMILIES = ["assembly", "inspection", "packaging", "tooling"]
TIME_SCALE = 50.0


@dataclass
class Served:
    """The server's node, its devices, its lifecycle from outside, and a port to it."""

    server: SkillServerNode
    devices: Mapping[str, Device]
    lifecycle: LifecycleClient
    port: RosSkillPort
    steps: list[Step] = field(default_factory=list)
    refuse_from: str = ""

    async def record_step(self, attempt_id: str, step: Step) -> None:
        """Take note of a step, as an orchestrator does; from `refuse_from` on, its disk is full."""
        if self.refuse_from == step.name:
            raise FaultError("JOURNAL_UNWRITABLE", "journal", "the disk is full")
        self.steps.append(step)


@asynccontextmanager
async def served(
    runtime: RosRuntime,
    families: list[str] | None = None,
    active: bool = True,
    orchestrator: bool = True,
    line: Line = LINE,
) -> AsyncIterator[Served]:
    """A skill server, activated unless the test wants to do it, and what an orchestrator is to it."""
    runtime.clock = ScaledClock(TIME_SCALE)
    plant = Plant(line, 3, runtime.clock)
    devices = make_devices(DeviceHost(line, runtime.clock, plant), "virtual")
    told = [Parameter("line", value=line.name), Parameter("families", value=families or FAMILIES)]
    server = runtime.create_node("skills", SkillServerNode, parameter_overrides=told)
    server.open(runtime, lambda host, world, names: devices)
    client = runtime.create_node("client")
    cell = Served(server, devices, LifecycleClient(runtime, client, "skills"), RosSkillPort(runtime, client, ["skills"]))
    if orchestrator:
        cell.port.serve_steps(cell.record_step)
    if active:
        assert await cell.lifecycle.change("configure", 10.0)
        assert await cell.lifecycle.change("activate", 10.0)
    yield cell
    await server.shut_down()


def mount(tool: str = "parallel_gripper", attempt: str = "1.1", **parameters: object) -> SkillGoal:
    """A goal that mounts a tool."""
    return SkillGoal(
        skill="change_tool",
        unit="",
        variant="",
        operation=f"mount_{tool}",
        attempt_id=attempt,
        parameters={"tool": tool, **parameters},
        lease=Lease(f"arm/mount_{tool}", {"arm": "arm", "tool_crib": "crib"}),
    )


def ignore(feedback: object) -> None:
    """Feedback that a test does not look at."""
