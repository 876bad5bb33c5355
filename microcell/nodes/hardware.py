"""Executable `hardware`: the mock hardware of a line."""

from __future__ import annotations

import asyncio
import math
import sys
from pathlib import Path

from rclpy.node import Node

from microcell.description.loader import load_line
from microcell.errors import UsageError
from microcell.ros import names, parameters
from microcell.ros.farewell import outlive
from microcell.ros.hardware import MockHardware
from microcell.ros.hardware_face import own_time
from microcell.ros.hardware_faults import strike_own_process
from microcell.ros.notify import notify
from microcell.ros.runtime import RosRuntime, run
from microcell.ros.state_publishers import StatePublishers
from microcell.ros.staying import stays


async def serve(runtime: RosRuntime) -> None:
    """Show the hardware until the process is asked to stop; then outlive the nodes that need it.

    Parameters: line (name or path), also (more of the cell's),
    seed, time_scale (cell time over real time), dependents (nodes that need the hardware),
    plant_state (file that the bench is kept in, so that it outlives this process; none when it is empty), journal (of the
    cell: while there is none yet, the bench begins afresh).
    """
    node = runtime.create_node(names.HARDWARE, parameter_overrides=own_time())
    line = load_line(parameters.text(node, "line"), parameters.names(node, "also"))
    dependents = parameters.names(node, "dependents")
    seed, time_scale = parameters.integer(node, "seed", 0), parameters.number(node, "time_scale", 1.0)
    if not 0.0 < time_scale < math.inf:
        raise UsageError(f"time_scale {time_scale:g} is no speed. Give a number over 0; 1 is real time.")
    hardware = MockHardware(runtime, node, line, seed, time_scale, strike_own_process, _bench_file(node))
    shown = StatePublishers(line, node.get_namespace(), _shown_folder(node), simulated_time=time_scale != 1.0)
    await hardware.open()
    await shown.start()
    stays()
    notify("READY=1", f"STATUS=mock hardware of line {line.name}, {time_scale:g} times real time")
    try:
        await asyncio.Event().wait()
    finally:
        notify("STOPPING=1")
        await outlive(node, dependents)
        await hardware.close()
        await shown.stop()


def _shown_folder(node: Node) -> Path:
    """Where the files of what shows the arms are kept."""
    journal = parameters.text(node, "journal")
    return Path(f"{journal}.states") if journal else Path("out") / "states"


def _bench_file(node: Node) -> Path | None:
    """Where the bench is kept; what an earlier cell left there is removed when a new journal is about to begin."""
    told, journal = parameters.text(node, "plant_state"), parameters.text(node, "journal")
    if not told:
        return None
    path = Path(told)
    if journal and not Path(journal).exists():
        path.unlink(missing_ok=True)
    return path


def main() -> None:
    sys.exit(run(serve, then_ends=True))


if __name__ == "__main__":
    main()
