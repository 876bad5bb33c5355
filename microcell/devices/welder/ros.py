"""Spot welding head over ROS: service `<name>/weld` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.welder.contract import Welded, Welder
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosWelder(RosDevice, Welder):
    """The service answers when the spot is made, with what was measured."""

    def _open(self) -> None:
        self._weld = self._client(Trigger, names.weld(self.name))

    async def weld(self) -> Welded:
        return self._read(Welded, await self._ask(self._weld, self.spec.weld_s))


PLUGIN = RosWelder
