"""A latched topic with a state for each of many things, of which a late joiner hears every one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from rclpy.node import Node

from microcell.ros import qos


class KeptStates:
    """Publishes states by key; what changes seldom is told again before what changes often has pushed it out.

    DDS keeps the last `depth` messages of a topic, whatever they are about. This looks after half as many keys at most,
    those that changed last, so that at least every other message is news.
    """

    def __init__(self, node: Node, kind: Any, topic: str, depth: int) -> None:
        self._publisher = node.create_publisher(kind, topic, qos.latched(depth))
        self._depth = depth
        self._sent = 0
        self._newest: OrderedDict[str, tuple[int, Any]] = OrderedDict()

    def publish(self, key: str, message: Any, last: bool = False) -> None:
        """Tell a state; the last one of a thing is kept only until so many others have followed."""
        self._send(key, message)
        if last or len(self._newest) > self._depth // 2:
            self._newest.popitem(last=last)
        while self._newest and self._falls_out():
            oldest, (_, told) = next(iter(self._newest.items()))
            self._send(oldest, told)

    def _falls_out(self) -> bool:
        """Whether the oldest state would be lost with the next message."""
        number, _ = next(iter(self._newest.values()))
        return number <= self._sent - self._depth + 1

    def _send(self, key: str, message: Any) -> None:
        self._sent += 1
        self._newest[key] = (self._sent, message)
        self._newest.move_to_end(key)
        self._publisher.publish(message)
