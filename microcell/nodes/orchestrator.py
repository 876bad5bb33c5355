"""Executable `orchestrator`: the cell's controller with its ROS interface."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from rclpy.node import Node

from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, make_devices
from microcell.devices.feeder.contract import Feeder
from microcell.devices.tool_changer.contract import ToolChanger
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import State
from microcell.orchestration.session import Session
from microcell.records.journal import Journal
from microcell.records.signing import SiteKey, keys_folder, site_key
from microcell.records.verifying import refuse_broken
from microcell.ros import parameters
from microcell.ros.cell_interface import CellInterface
from microcell.ros.clock import RosClock
from microcell.ros.farewell import LOOK_S, PATIENCE_S, others
from microcell.ros.fleet import AGAIN_S, Fleet, Presence
from microcell.ros.guards import ros_guarded
from microcell.ros.heartbeat import Heart
from microcell.ros.journal_service import JournalService
from microcell.ros.node import HostNode
from microcell.ros.notify import notify
from microcell.ros.runtime import RosRuntime, run
from microcell.ros.skill_client import RosSkillPort
from microcell.ros.slow_start import beside_the_loop
from microcell.ros.staying import stays

STARTED = (State.IDLE, State.EXECUTE, State.HELD, State.SUSPENDED, State.ABORTED, State.STOPPED)
"""States in which a cell may be when it has started: the last one where it was brought to rest before."""

READING = "reading the journal"

DISCOVERY_S = 0.5
"""So long an orchestrator looks around for another one before it takes the cell."""


class Orchestrator:
    """The orchestrator process; its ROS interface is that of `CellInterface`.

    Parameters: line (name or path), also (more of the cell's),
    world (mock, gazebo, real), journal (file; default out/<line>.journal), seed and camera
    (noted in the journal), autostart (default true: reset and start by itself), skill_servers (managed nodes, in bring-up
    order), devices (that the controller watches: feeders, tool changers, safety devices).
    """

    def __init__(self, runtime: RosRuntime, node: Node) -> None:
        self._clock = runtime.clock = RosClock(node)
        self._runtime = runtime
        self._node = node
        self._line: Line = load_line(parameters.text(node, "line"), parameters.names(node, "also"))
        self._world = parameters.text(node, "world", "mock")
        self._autostart = parameters.flag(node, "autostart", True)
        servers = self._servers = parameters.names(node, "skill_servers")
        self._interface = CellInterface(runtime, node, self._line)
        self._fleet = Fleet(runtime, node, servers)
        self._port = RosSkillPort(runtime, node, servers)
        host = DeviceHost(self._line, runtime.clock, node=HostNode(runtime, node))
        drivers = make_devices(host, self._world, parameters.names(node, "devices"))  # type: ignore[arg-type]
        self._devices: dict[str, Device] = ros_guarded(drivers, self._clock)

    async def run(self) -> None:
        """Bring the cell up, keep it running until cancelled, and bring it down in an orderly way."""
        path = Path(parameters.text(self._node, "journal") or f"out/{self._line.name}.journal")
        path.parent.mkdir(parents=True, exist_ok=True)
        with Journal.create_or_open(path, signer=self._site_key()) as journal:
            await beside_the_loop(partial(refuse_broken, journal), READING)
            await self._be_the_only_one()
            heart = Heart(self._node, self._line.name)
            try:
                self._say("waiting for the clock")
                await self._clock.started()
                await self._fleet.bring_up(self._say)
                await self._connect()
                await self._control(journal)
            finally:
                await asyncio.gather(*(device.disconnect() for device in self._devices.values()), return_exceptions=True)
                await self._fleet.take_down()
                await heart.close()

    def _site_key(self) -> SiteKey | None:
        """The key that signs the journal; a cell without one works, and says that its journal is not signed."""
        folder = keys_folder()
        key = site_key(folder)
        missing = f"not signed: no key in {folder}, 'microcell key new' makes one"
        self._node.get_logger().info(f"the journal is {f'signed with the key {key.key_id}' if key else missing}")
        return key

    async def _be_the_only_one(self) -> None:
        """Make sure that no other orchestrator runs this cell; a killed one stays visible for a few seconds.

        Raises `UsageError` when there is one.
        """
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while (seen_s := loop.time() - begin) < DISCOVERY_S or others(self._node):
            if seen_s > PATIENCE_S:
                place = self._node.get_namespace()
                raise UsageError(
                    f"another orchestrator runs in {place}. Stop it, or choose another namespace or ROS_DOMAIN_ID."
                )
            await asyncio.sleep(LOOK_S)

    async def _control(self, journal: Journal) -> None:
        node = self._node
        session = Session(
            self._world, parameters.text(node, "camera", "rendered"), parameters.integer(node, "seed", 0), self._autostart
        )
        watched = (self._port, self._devices, session)
        making = partial(Controller, self._line, self._runtime.clock, journal, *watched)
        controller = await beside_the_loop(making, READING)
        self._port.belongs_to(lambda: _identity(journal))
        self._port.serve_steps(controller.tooling.record_step)
        self._port.presence = Presence(self._servers, lambda gone: self._without(controller, gone))
        self._interface.serve(controller)
        watching: asyncio.Future[None] | None = None
        try:
            await controller.start()
            self._interface.offer()
            JournalService(self._runtime, node, journal)
            watching = asyncio.ensure_future(self._fleet.watch(self._port.presence))
            if self._autostart:
                await controller.until_state(*STARTED)
            stays()
            notify("READY=1", f"STATUS={controller.state.title}")
            why = f" ({controller.reason}). Look, then reset it." if controller.state is State.STOPPED else ""
            node.get_logger().info(f"the cell is ready: {controller.state.title}{why}")
            await asyncio.Event().wait()
        finally:
            notify("STOPPING=1")
            await self._stop(controller)
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await self._interface.close()

    def _without(self, controller: Controller, gone: frozenset[str]) -> None:
        """Let work that needs a server which is gone wait, and the rest go on."""
        controller.work_without({skill: name for skill, name in self._port.servers().items() if name in gone})

    async def _stop(self, controller: Controller) -> None:
        """Let what is in work reach a safe point; a second signal aborts instead of waiting for that."""
        if self._port.presence is not None:
            self._port.presence.leave()
        closing = asyncio.ensure_future(controller.close())
        hurrying = asyncio.ensure_future(self._runtime.hurry.wait())
        await asyncio.wait((closing, hurrying), return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not closing.done():
            with suppress(UsageError):  # it is aborting already
                controller.hurry()
        await closing

    async def _connect(self) -> None:
        """Connect the watched devices, trying again for as long as one is silent; each must have answered once."""
        for name, device in self._devices.items():
            while True:
                try:
                    await device.connect()
                    await _answers(device)
                    break
                except FaultError as error:
                    self._say(f"waiting for {name}: {error}")
                    await asyncio.sleep(AGAIN_S)

    def _say(self, reason: str) -> None:
        self._node.get_logger().info(reason)
        self._interface.say_waiting(self._world, reason)
        notify(f"STATUS={reason}")


async def _answers(device: Device) -> None:
    """Return when a device has answered: one that is discovered may still lose the first question."""
    if isinstance(device, Feeder):
        await device.level()
    elif isinstance(device, ToolChanger):
        await device.coupling()


def _identity(journal: Journal) -> str:
    """What tells this journal from all others: part of its first entry's hash; "" while it has none."""
    first = next(iter(journal.entries()), None)
    return first.hash[:12] if first is not None else ""


async def control(runtime: RosRuntime) -> None:
    """Control the cell until the process is asked to stop."""
    await Orchestrator(runtime, runtime.create_node("orchestrator")).run()


def main() -> None:
    sys.exit(run(control, then_ends=True))


if __name__ == "__main__":
    main()
