"""Turner over ROS: services `<name>/turn` (std_srvs/SetBool) and `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import SetBool, Trigger

from microcell.devices.turner.contract import Turner
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosTurner(RosDevice, Turner):
    """The service answers when the axis has arrived."""

    def _open(self) -> None:
        self._turn = self._client(SetBool, names.turn(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))

    async def turn(self, upside_down: bool) -> bool:
        return self._read(bool, await self._switch(self._turn, upside_down, self.spec.turn_s))

    async def is_upside_down(self) -> bool:
        return self._read(bool, await self._ask(self._sensors))


PLUGIN = RosTurner
