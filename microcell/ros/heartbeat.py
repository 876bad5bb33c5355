"""The orchestrator's heartbeat, and who listens for it: without an orchestrator nobody decides, so nothing goes on moving.

Real time on both sides: a cell clock that stands still must not make a dead orchestrator look alive. A stopped process
(SIGSTOP) does not beat, so it counts as gone, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rclpy.node import Node
from std_msgs.msg import String

from microcell.ros import names, qos
from microcell.ros.runtime import RosRuntime

BEAT_S = 0.5
SILENT_S = 10.0
"""So long an orchestrator may be silent. On a loaded machine a living one has been for three seconds."""


class Heart:
    """Publishes the heartbeat until it is closed. `who` tells orchestrators apart."""

    def __init__(self, node: Node, who: str) -> None:
        self._publisher = node.create_publisher(String, names.HEARTBEAT, qos.HEARTBEAT)
        self._message = String(data=who)
        self._beating = asyncio.ensure_future(self._beat())

    async def close(self) -> None:
        """Beat no more."""
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            self._publisher.publish(self._message)
            await asyncio.sleep(BEAT_S)


class Watchdog:
    """Calls `lost` each time the heartbeat, once it was heard, has been silent for `silent_s`; 0 = never."""

    def __init__(self, runtime: RosRuntime, node: Node, silent_s: float, lost: Callable[[], None]) -> None:
        self._loop = runtime.loop
        self._silent_s = silent_s
        self._lost = lost
        self._timer: asyncio.TimerHandle | None = None
        if silent_s > 0.0:
            heard = runtime.to_loop(self._heard)
            node.create_subscription(String, names.HEARTBEAT, heard, qos.HEARTBEAT)

    def close(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _heard(self, message: String) -> None:
        self.close()
        self._timer = self._loop.call_later(self._silent_s, self._lost)
