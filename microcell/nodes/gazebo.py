"""Executable `gazebo`: the line's world in Gazebo, with the hardware that is played beside it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from rclpy.node import Node

from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.errors import JournalError, RefusedStartError
from microcell.events import JournalOpened, UnitEnded, UnitStarted
from microcell.gazebo import scheme
from microcell.gazebo.bridge import bridge_text
from microcell.gazebo.calling import ServiceCaller
from microcell.gazebo.listening import TopicStream
from microcell.gazebo.server import GazeboError, Servers, variables
from microcell.gazebo.world import world_name, world_text
from microcell.plant.plant import Plant
from microcell.records.journal_reader import JournalReader
from microcell.ros import names, parameters
from microcell.ros.farewell import outlive
from microcell.ros.gazebo_cameras import FIRST_TRIES
from microcell.ros.gazebo_port import GazeboPort
from microcell.ros.gazebo_relay import GazeboRelay
from microcell.ros.hardware_gazebo import GazeboHardware, SimulationClock
from microcell.ros.notify import notify
from microcell.ros.runtime import RosRuntime, run, to_its_end
from microcell.ros.state_publishers import StatePublishers
from microcell.ros.staying import stays

OPEN_S = 270.0
"""Less than `microcell up` waits for the cell: the reason is told before it gives up."""
LOOK_S = 1.0
MOST_TOLD = 10


async def serve(runtime: RosRuntime) -> None:
    """Start the world, the bridge, and what is played; be ready when clock and joint states flow, arms are
    home and cameras have shown an image.

    Parameters: line (name or path), seed, folder (for the world's files and logs), headless, dependents (nodes that need the
    hardware), journal (the orchestrator's), use_sim_time (true).

    `RefusedStartError` when the journal has units in work: they were in a world that is gone.
    """
    node = runtime.create_node(names.HARDWARE)
    line = load_line(parameters.text(node, "line"))
    journal = parameters.text(node, "journal", "")
    earlier = earlier_worlds(Path(journal)) if journal else 0
    namespace = node.get_namespace()
    clock = SimulationClock(node)
    plant = Plant(line, parameters.integer(node, "seed", 0), clock, earlier)
    servers = _servers(node, line, namespace, plant)
    hardware = GazeboHardware(runtime, node, line, plant, clock)
    relay = GazeboRelay(runtime, node, line)
    services = ServiceCaller(servers.environment, node.get_logger().warning)
    streams = tuple(_streams(hardware, line, namespace, servers))
    shown = StatePublishers(line, namespace, servers.folder, simulated_time=True)
    tasks: list[asyncio.Future[None]] = []
    try:
        await servers.start()
        hardware.hear()
        await asyncio.gather(*(stream.start() for stream in streams))
        await shown.start()
        opening = asyncio.ensure_future(
            _opened(hardware, _port(hardware, line, namespace, services, servers), relay, servers)
        )
        waits = (servers.until_one_ends(), *(stream.until_it_ends() for stream in streams), _repeat_refusals(node, servers))
        tasks = [opening, *map(asyncio.ensure_future, waits)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            opening.result()
            stays()
            notify("READY=1", f"STATUS=line {line.name} in Gazebo")
        await asyncio.gather(*tasks)  # the first that fails ends the program
    finally:
        notify("STOPPING=1")

        async def leave() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            _tell_refusals(node, servers)
            await outlive(node, parameters.names(node, "dependents"))
            await hardware.close()
            await relay.close()
            await shown.stop()
            await services.stop()
            await asyncio.gather(*(stream.stop() for stream in streams))
            await servers.stop()

        await to_its_end(leave())


def earlier_worlds(journal: Path) -> int:
    """How many worlds a journal may have had before in which units were made; `RefusedStartError` while some are in work."""
    if not journal.is_file():
        return 0
    units: set[str] = set()
    opened, made = 0, False
    with suppress(JournalError), JournalReader.open(journal) as reader:
        for event in reader.events():
            opened += isinstance(event, JournalOpened)
            if isinstance(event, UnitStarted):
                made = True
                units.add(event.unit)
            elif isinstance(event, UnitEnded):
                units.discard(event.unit)
    if units:
        were = f"{', '.join(sorted(units))} of the journal {journal} were in work in a world that is gone"
        raise RefusedStartError(f"{were}. Begin another journal: --journal FILE (launch: journal:=FILE).")
    return opened if made else 0


async def _opened(hardware: GazeboHardware, port: GazeboPort, relay: GazeboRelay, servers: Servers) -> None:
    """Open the world; GazeboError with what it waits for when that takes too long."""
    stage = "starting"

    def say(what: str) -> None:
        nonlocal stage
        stage = what
        notify(f"STATUS={what}")

    try:
        await asyncio.wait_for(_open(hardware, port, relay, say), OPEN_S)
    except asyncio.TimeoutError:
        lacks = f", nothing has come on {', '.join(unheard)}" if (unheard := relay.unheard()) else ""
        raise GazeboError(
            f"the world is not ready after {OPEN_S:g} s: {stage}{lacks}. See gz.log and bridge.log in {servers.folder}"
        ) from None


async def _repeat_refusals(node: Node, servers: Servers) -> None:
    """Say what Gazebo or the bridge refuse, as long as they run."""
    while True:
        _tell_refusals(node, servers)
        await asyncio.sleep(LOOK_S)


def _tell_refusals(node: Node, servers: Servers) -> None:
    refusals = servers.refusals()
    for refusal in refusals[:MOST_TOLD]:
        node.get_logger().error(f"Gazebo: {refusal}")
    if len(refusals) > MOST_TOLD:
        node.get_logger().error(f"Gazebo: {len(refusals) - MOST_TOLD} more, see the logs in {servers.folder}")


async def _open(hardware: GazeboHardware, port: GazeboPort, relay: GazeboRelay, say: Callable[[str], None]) -> None:
    """Let the world run when its bridge stands, bring the arms home, and only then show the devices to the cell."""
    say("waiting for Gazebo and its bridge")
    await relay.until_heard()
    await port.learn()
    await port.let_run()
    await hardware.clock.started()
    say("bringing the arms home")
    await hardware.come_home()
    await hardware.open(port)
    say("waiting for the first images")
    await asyncio.gather(*(camera.expose(FIRST_TRIES) for camera in hardware.cameras))


def _port(hardware: GazeboHardware, line: Line, namespace: str, services: ServiceCaller, servers: Servers) -> GazeboPort:
    """The port to the world."""
    product, world = line.product_description, world_name(line)
    return GazeboPort(hardware.face, product, world, namespace, services, servers.folder)


def _streams(hardware: GazeboHardware, line: Line, namespace: str, servers: Servers) -> Iterator[TopicStream]:
    """What the program hears of the world beside the bridge: where everything is, and what each arm touches."""
    poses = scheme.service(world_name(line), "dynamic_pose/info")
    yield TopicStream(poses, servers.environment, hardware.poses_heard)
    for arm in line.cell_description.of_kind("arm"):
        topic = scheme.topic(namespace, scheme.contacts_felt(arm))
        yield TopicStream(topic, servers.environment, hardware.contact_stop(arm).heard)


def _servers(node: Node, line: Line, namespace: str, plant: Plant) -> Servers:
    """Write the world's files."""
    folder = Path(parameters.text(node, "folder", f"out/{line.name}.gazebo")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    world, bridge = folder / "world.sdf", folder / "bridge.yaml"
    world.write_text(world_text(line, namespace, tuple(plant.inventory)), encoding="utf-8")
    bridge.write_text(bridge_text(line, namespace), encoding="utf-8")
    headless = parameters.flag(node, "headless", True)
    return Servers(world, bridge, folder, variables(namespace, os.environ), headless, namespace)


def main() -> None:
    sys.exit(run(serve, then_ends=True))


if __name__ == "__main__":
    main()
