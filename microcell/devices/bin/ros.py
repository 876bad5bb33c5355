"""Reject bin over ROS: service `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.bin.contract import Bin
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosBin(RosDevice, Bin):
    """Asks for the count."""

    def _open(self) -> None:
        self._sensors = self._client(Trigger, names.read(self.name))

    async def count(self) -> int:
        return self._read(int, await self._ask(self._sensors))


PLUGIN = RosBin
