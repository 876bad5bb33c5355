"""Passes on some of what a Gazebo world tells at each physics step: every process of the cell would hear all of it.

gz-sim 9.5 publishes clock and joint states unthrottled (SimulationRunner.cc, JointStatePublisher.cc), and in rclpy a tick of
the clock is a callback in every node.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from microcell.description.line import Line
from microcell.gazebo import scheme
from microcell.ros import names, qos
from microcell.ros.runtime import RosRuntime

FLUSH_S = 0.05
_ROUNDING_S = 1e-6


class Thinned:
    """Lets a message pass when its time is a period after that of the last one, or before it; and the last of all.

    `heard` is called in the listening thread, `flush` in another one.
    """

    def __init__(self, passed: Callable[[Any], object], period_s: float, time_of: Callable[[Any], float]) -> None:
        self.any = False
        self._passed, self._period_s, self._time_of = passed, period_s, time_of
        self._last_s: float | None = None
        self._kept: Any = None
        self._looked_at: Any = None
        self._lock = threading.Lock()

    def heard(self, message: Any) -> None:
        """A message came."""
        time_s = self._time_of(message)
        with self._lock:
            self.any = True
            last_s = self._last_s
            if last_s is None or not last_s <= time_s < last_s + self._period_s - _ROUNDING_S:
                self._pass(message, time_s)
            else:
                self._kept = message if time_s > last_s else None

    def flush(self) -> None:
        """Let the newest message pass when nothing has come since the last look: then the world stands."""
        with self._lock:
            kept, looked_at, self._looked_at = self._kept, self._looked_at, self._kept
            if kept is not None and kept is looked_at:
                self._pass(kept, self._time_of(kept))

    def _pass(self, message: Any, time_s: float) -> None:
        self._last_s, self._kept = time_s, None
        self._passed(message)


class GazeboRelay:
    """Hears `gazebo/clock` and each arm's `gazebo/<arm>/joint_states`; publishes `/clock` and `<arm>/joint_states`."""

    def __init__(self, runtime: RosRuntime, node: Node, line: Line) -> None:
        self._runtime = runtime
        self._node = node
        ticks = node.create_publisher(Clock, names.CLOCK, qos.CLOCK)
        self._heard: dict[str, Thinned] = {}
        self._listen(Clock, scheme.CLOCK_HEARD, ticks.publish, scheme.CLOCK_PERIOD_S)
        for arm in line.cell_description.of_kind("arm"):
            states = node.create_publisher(JointState, names.joint_states(arm), qos.FEEDBACK)
            self._listen(JointState, scheme.states_heard(arm), states.publish, scheme.STATE_PERIOD_S)
        self._flushing = runtime.loop.create_task(self._flush())

    async def until_heard(self) -> None:
        """Wait until the world's clock and the states of all arms have come over the bridge."""
        while self.unheard():
            await asyncio.sleep(FLUSH_S)

    def unheard(self) -> list[str]:
        """The topics on which nothing has come yet."""
        return [topic for topic, thinned in self._heard.items() if not thinned.any]

    async def close(self) -> None:
        """Pass on nothing more of what stands still."""
        self._flushing.cancel()
        await asyncio.gather(self._flushing, return_exceptions=True)

    def _listen(self, kind: Any, topic: str, publish: Callable[[bytes], object], period_s: float) -> None:
        """Messages are passed on as they came: to make objects of all of them would take longer than all the rest."""
        thinned = Thinned(publish, period_s, stamp_s)
        heard = self._runtime.hear(self._node, kind, topic, thinned.heard, qos.NEWEST, raw=True)
        self._heard[heard.topic_name] = thinned

    async def _flush(self) -> None:
        while True:
            for thinned in self._heard.values():
                thinned.flush()
            await asyncio.sleep(FLUSH_S)


def stamp_s(message: bytes) -> float:
    """The stamp that a serialised Clock or JointState begins with, s: in CDR, after four bytes that tell the byte order."""
    seconds, nanoseconds = struct.unpack_from("<iI" if message[1] & 1 else ">iI", message, 4)
    return float(seconds + nanoseconds * 1e-9)
