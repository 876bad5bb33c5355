"""A node with a thread of its own for topics that come often.

At each message an executor of rclpy goes through everything that it serves. In a process with fifty clients and services
that costs a millisecond, on a node that has nothing but a few subscriptions a fraction of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.context import Context
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription


class Listening:
    """Subscriptions whose callbacks do next to nothing; what goes wrong in one goes to `report`."""

    def __init__(self, context: Context, name: str, report: Callable[[str, BaseException], None]) -> None:
        own_time = [Parameter("use_sim_time", Parameter.Type.BOOL, False)]
        # A process that is told its node's name tells it to all of its nodes; what a node is told itself goes before.
        own_name = ["--ros-args", "-r", f"__node:={name}"]
        self.node = Node(
            name,
            context=context,
            cli_args=own_name,
            start_parameter_services=False,
            enable_rosout=False,
            parameter_overrides=own_time,
        )
        self._report = report
        self._context = context
        self._stopping = False
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name="listening", daemon=True)
        self._thread.start()

    def hear(self, kind: Any, topic: str, callback: Callable[[Any], object], profile: QoSProfile, raw: bool) -> Subscription:
        """Subscribe. Publishers with another QoS are not told of: the executor would ask for that at every message."""
        untold = SubscriptionEventCallbacks(use_default_callbacks=False)
        return self.node.create_subscription(kind, topic, callback, profile, raw=raw, event_callbacks=untold)

    def close(self) -> None:
        """End the thread and take the node away; blocks for some milliseconds."""
        self._stopping = True
        self._executor.create_task(lambda: None)  # `wake` alone does not end `spin_once`
        self._thread.join(5.0)
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()

    def _spin(self) -> None:
        while self._context.ok() and not self._stopping:
            try:
                self._executor.spin_once()
            except ExternalShutdownException:
                return
            except Exception as error:  # noqa: BLE001 - one bad callback must not make the whole process deaf
                self._report("a callback of a topic failed", error)
