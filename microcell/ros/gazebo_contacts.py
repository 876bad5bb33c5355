"""What an arm of a Gazebo world does when it touches a station or another arm: a protective stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from microcell.gazebo.contacts import touches
from microcell.plant.plant import Plant
from microcell.ros.hardware_face import Face

APART_S = 1.0
"""So long, in cell time, an arm must have touched nothing before its stop is acknowledged by itself."""


class ContactStop:
    """Hears an arm's contacts, trips the plant's safety circuit, and has the arm `stay` where it is.

    Tools and pieces are let alone: where they press is the business of the force sensor.
    """

    def __init__(self, face: Face, plant: Plant, arm: str, stay: Callable[[], Awaitable[None]]) -> None:
        self._face = face
        self._plant = plant
        self._arm = arm
        self._stay = stay
        self._touched_s: float | None = None

    def heard(self, told: Mapping[str, Any]) -> None:
        """A gz.msgs.Contacts in JSON; there is one for each physics step while something is touched."""
        touching = touches(told)
        if not touching:
            return
        before_s, self._touched_s = self._touched_s, self._face.clock.now()
        if before_s is None:
            pairs = ", ".join(sorted(f"{one} on {other}" for one, other in touching))
            self._face.node.get_logger().error(f"{self._arm} touches: {pairs}; it makes a protective stop")
            self._plant.safety.trip(self._arm)
            self._face.keep(self._until_apart())

    async def _until_apart(self) -> None:
        await self._stay()
        clock = self._face.clock
        while self._touched_s is not None and (left_s := self._touched_s + APART_S - clock.now()) > 0.0:
            await clock.sleep(left_s)
        self._touched_s = None
        self._plant.safety.restore(self._arm)
