"""Every quality of service of the ROS face: profiles, each for one kind of traffic."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

FEEDBACK = QoSProfile(depth=10)
"""Joint states and wrenches: reliable, as ros2_control and ros_gz_bridge publish them; the end of a motion must arrive."""

COMMAND = QoSProfile(depth=10)
"""Trajectories: reliable, and never to a controller that starts later."""

IMAGE = QoSProfile(depth=2)
"""Images on request: reliable, and no more of them in memory than two."""

HEARTBEAT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""The orchestrator's heartbeat: a late one says nothing."""

SERVICE = QoSProfile(depth=1000)
"""Requests and answers. At the default of 10 a service that 50 clients call at once loses most of the requests, and a
client its answer among those to the others: in DDS each hears them all."""

CLOCK = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""/clock: only the newest counts."""

NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""What a simulation tells at each of its steps."""


def latched(depth: int = 1) -> QoSProfile:
    """State topics: reliable, and the last `depth` messages go to late joiners at once."""
    return QoSProfile(depth=depth, durability=DurabilityPolicy.TRANSIENT_LOCAL)
