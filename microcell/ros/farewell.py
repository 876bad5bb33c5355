"""Who else is there: a process stays until those that need it are gone, and does not take another's place."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from rclpy.node import Node

LOOK_S = 0.1
PATIENCE_S = 20.0
"""How long a process waits for the ones that need it; a crashed one stays visible in ROS for about as long."""


async def outlive(node: Node, names: Collection[str], patience_s: float = PATIENCE_S) -> None:
    """Wait until none of the named nodes in this node's namespace is left, at most so long.

    When everything is stopped at once (Ctrl-C under launch), skills still reach a safe state over living hardware.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_s
    while loop.time() < end and present(node).intersection(names):
        await asyncio.sleep(LOOK_S)


def others(node: Node) -> int:
    """How many other nodes have this node's name and namespace."""
    me = (node.get_name(), node.get_namespace())
    return node.get_node_names_and_namespaces().count(me) - 1


def present(node: Node) -> set[str]:
    """Names of the nodes in this node's namespace."""
    namespace = node.get_namespace()
    return {name for name, place in node.get_node_names_and_namespaces() if place == namespace}
