"""What a ROS driver gets as `DeviceHost.node`."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.node import Node

from microcell.ros.runtime import RosRuntime


@dataclass(frozen=True)
class HostNode:
    """A node, and the runtime that bridges its callbacks to the asyncio loop."""

    runtime: RosRuntime
    node: Node
