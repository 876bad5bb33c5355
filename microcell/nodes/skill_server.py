"""Executable `skill_server`: one managed node that offers skill families."""

from __future__ import annotations

import asyncio
import sys

from microcell.ros import parameters
from microcell.ros.clock import RosClock
from microcell.ros.farewell import outlive
from microcell.ros.notify import notify
from microcell.ros.runtime import RosRuntime, run
from microcell.ros.skill_server import SkillServerNode


async def serve(runtime: RosRuntime) -> None:
    """Serve until the process is asked to stop; then outlive the nodes that need the skills, and leave safely."""
    node = runtime.create_node("skill_server", SkillServerNode)
    runtime.clock = RosClock(node)
    node.open(runtime)
    dependents = parameters.names(node, "dependents")
    notify("READY=1", "STATUS=waits to be configured")
    try:
        await asyncio.Event().wait()
    finally:
        notify("STOPPING=1")
        await outlive(node, dependents)
        await node.shut_down()


def main() -> None:
    sys.exit(run(serve))


if __name__ == "__main__":
    main()
