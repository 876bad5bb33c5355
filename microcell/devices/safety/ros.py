"""Safety controller over ROS: latched topics `<name>/emergency_stop/<button>` and `<name>/protective_stop/<arm>`
(std_msgs/Bool, true while it stops the cell).
"""

from __future__ import annotations

import asyncio
from typing import Any

from std_msgs.msg import Bool

from microcell.devices.factory import DeviceHost
from microcell.devices.safety.contract import Safety, Stops
from microcell.ros import names, qos
from microcell.ros.driver import Inbox, RosDevice

LOOK_S = 1.0
"""So often (in real time) the driver makes sure that somebody still publishes; changes are told at once."""

PATIENCE = 5
"""Looks in a row without a publisher before it counts as gone: discovery on a loaded machine may lose one for a moment."""


class RosSafety(RosDevice, Safety):
    """Silent until every topic has told its state once, and when nobody publishes one any more."""

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        arms = host.line.cell_description.of_kind("arm")
        self._topics = {
            **{("emergency", button): names.emergency_stop(name, button) for button in spec.buttons},
            **{("protective", arm): names.protective_stop(name, arm) for arm in arms},
        }

    def _open(self) -> None:
        self._inboxes = {source: self._inbox(Bool, topic, qos.latched()) for source, topic in self._topics.items()}

    async def stops(self) -> Stops:
        self._check_heard()
        for inbox in self._inboxes.values():
            if inbox.newest is None:
                await self._first(inbox, lambda message: True, self._answer_s, "a safety topic told nothing")
        return self._newest()

    async def wait_change(self, known: Stops) -> Stops:
        in_vain = 0
        while (stops := self._newest()) == known:
            self._check_connected()
            in_vain = in_vain + 1 if self._missing() else 0
            if in_vain > PATIENCE:
                self._check_heard()
            await self._some_message()
        return stops

    async def _some_message(self) -> None:
        """Wait for a message of any topic, but not for long."""
        heard = asyncio.Event()
        looks = [asyncio.ensure_future(self._listen(inbox, heard)) for inbox in self._inboxes.values()]
        try:
            await asyncio.wait_for(heard.wait(), LOOK_S)
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

    def _newest(self) -> Stops:
        on = [source for source, inbox in self._inboxes.items() if inbox.newest is not None and inbox.newest.data]
        return Stops(
            tuple(name for kind, name in on if kind == "emergency"),
            tuple(sorted(name for kind, name in on if kind == "protective")),
        )

    def _check_heard(self) -> None:
        self._check_connected()
        if missing := self._missing():
            raise self._silent(f"no {', '.join(missing)}")


PLUGIN = RosSafety
