"""Safety controller over ROS: latched topics `<name>/emergency_stop/<button>` and `<name>/protective_stop/<arm>`
(std_msgs/Bool, true while it stops the cell).

Topics are published on each change. Where they are published again and again, the parameter `max_age_s` (real time) says how
old a message may become: then a controller that no longer speaks to a relay that goes on is noticed as well.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from std_msgs.msg import Bool

from microcell.devices.factory import DeviceHost
from microcell.devices.safety.contract import Safety, Stops
from microcell.errors import UsageError
from microcell.ros import names, qos
from microcell.ros.driver import Inbox, RosDevice

LOOK_S = 1.0
"""So often (in real time) the driver makes sure that somebody still publishes; changes are told at once."""

PATIENCE_S = 8.0
"""A source that is not there for so long (in real time) is gone: a loaded machine may lose one for a moment, and one that
was killed and is started again takes some seconds.
"""

KEPT = 64
"""Messages of a topic between two turns of the loop of which none may be lost: one that was true stops the cell."""


class RosSafety(RosDevice, Safety):
    """Silent until every topic has told its state once, and when nobody publishes one any more. What a source that is gone
    said last does not count when another has come in its place.
    """

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        arms = host.line.cell_description.of_kind("arm")
        self._topics = {
            **{("emergency", button): names.emergency_stop(name, button) for button in spec.buttons},
            **{("protective", arm): names.protective_stop(name, arm) for arm in arms},
        }
        self._max_age_s = _max_age_s(name, spec.parameters)
        self._looked_s = self._gone_s = 0.0
        self._sources: dict[tuple[str, str], tuple[set[bytes], float]] = {}
        """Who published a topic at the last look at which somebody did, and when that was."""

    def _open(self) -> None:
        topics = self._topics.items()
        self._inboxes = {source: self._inbox(Bool, topic, qos.latched(), kept=KEPT) for source, topic in topics}
        self._looked_s = self._gone_s = 0.0
        self._sources = {}

    async def stops(self) -> Stops:
        self._check_heard()
        for inbox in self._inboxes.values():
            if inbox.newest is None:
                await self._first(inbox, lambda message: True, self._answer_s, "a safety topic told nothing")
        return self._said()

    async def wait_change(self, known: Stops) -> Stops:
        while (stops := self._said()) == known:
            self._check_connected()
            self._look()
            await self._some_message()
        return stops

    def _look(self) -> None:
        """Make sure, now and then, that all topics have their sources; DEVICE_SILENT for one that has been gone for long."""
        now_s = time.monotonic()
        late = [topic for source, topic in self._topics.items() if self._inboxes[source].age_s > self._max_age_s]
        if late:
            raise self._silent(f"nothing on {', '.join(late)} for {self._max_age_s:g} s")
        if now_s < self._looked_s + LOOK_S:
            return
        self._looked_s = now_s
        for source in self._topics:
            self._forget_the_gone(source, now_s)
        if not self._missing() and all(inbox.newest is not None for inbox in self._inboxes.values()):
            self._gone_s = 0.0
        elif not self._gone_s:
            self._gone_s = now_s
        elif now_s > self._gone_s + PATIENCE_S:
            for inbox in self._inboxes.values():
                inbox.newest = None  # whoever comes next has to tell
            self._check_heard()
            raise self._silent("a safety topic's new source told nothing")

    def _forget_the_gone(self, source: tuple[str, str], now_s: float) -> None:
        """Forget what a source said when others have taken its place, and have not said anything yet."""
        inbox, topic = self._inboxes[source], self._node.resolve_topic_name(self._topics[source])
        present = {bytes(info.endpoint_gid) for info in self._node.get_publishers_info_by_topic(topic)}
        known, seen_s = self._sources.get(source, (present, now_s))
        if present and not present & known and now_s - inbox.age_s < seen_s:
            inbox.newest = None
        if present:
            self._sources[source] = (present, now_s)

    async def _some_message(self) -> None:
        """Wait for a message of any topic, but not for long."""
        heard = asyncio.Event()
        looks = [asyncio.ensure_future(self._listen(inbox, heard)) for inbox in self._inboxes.values()]
        try:
            await asyncio.wait_for(heard.wait(), min(LOOK_S, self._max_age_s))
        except asyncio.TimeoutError:
            return
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _listen(self, inbox: Inbox[Any], heard: asyncio.Event) -> None:
        message: asyncio.Future[bool] = self._runtime.loop.create_future()
        with inbox.watched(message, lambda seen: True):
            await message
        heard.set()

    def _said(self) -> Stops:
        """What stops the cell, or did so since it was asked last, however shortly."""
        on = [source for source, inbox in self._inboxes.items() if _stops(inbox)]
        return Stops(
            tuple(name for kind, name in on if kind == "emergency"),
            tuple(sorted(name for kind, name in on if kind == "protective")),
        )

    def _check_heard(self) -> None:
        self._check_connected()
        if missing := self._missing():
            raise self._silent(f"no {', '.join(missing)}")


def _stops(inbox: Inbox[Any]) -> bool:
    was = any(message.data for message in inbox.taken())
    return was or (inbox.newest is not None and bool(inbox.newest.data))


def _max_age_s(name: str, parameters: dict[str, Any]) -> float:
    value = parameters.get("max_age_s", float("inf"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0.0:
        raise UsageError(f"safety '{name}': max_age_s is {value!r}, not a time in s.")
    return float(value)


PLUGIN = RosSafety
