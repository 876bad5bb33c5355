"""Executable `skill_server`: one managed node that offers skill families."""

from __future__ import annotations

import sys

from microcell.errors import StartAgainError
from microcell.ros import parameters
from microcell.ros.clock import RosClock
from microcell.ros.farewell import outlive
from microcell.ros.notify import notify
from microcell.ros.runtime import RosRuntime, run, to_its_end
from microcell.ros.skill_server import SkillServerNode


async def serve(runtime: RosRuntime) -> None:
    """Serve until the process is asked to stop; then outlive the nodes that need the skills, and leave safely.

    `StartAgainError` when only some of the devices are found, again and again: see `SkillServerNode.cut_off`.
    """
    node = runtime.create_node("skill_server", SkillServerNode)
    runtime.clock = RosClock(node)
    node.open(runtime)
    dependents = parameters.names(node, "dependents")
    notify("READY=1", "STATUS=waits to be configured")
    try:
        await node.cut_off.wait()
        raise StartAgainError("some devices are found and others are not: a new process is to look for them")
    finally:
        notify("STOPPING=1")
        if not node.cut_off.is_set():
            await outlive(node, dependents)
        await to_its_end(node.shut_down())


def main() -> None:
    sys.exit(run(serve, then_ends=True))


if __name__ == "__main__":
    main()
