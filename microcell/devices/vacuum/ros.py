"""Vacuum cup over ROS: services `<name>/suction` (std_srvs/SetBool) and `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import SetBool, Trigger

from microcell.devices.vacuum.contract import Suction, Vacuum
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosVacuum(RosDevice, Vacuum):
    """Both services answer what the pressure switch says, the first one when the pressure has settled."""

    def _open(self) -> None:
        self._pump = self._client(SetBool, names.suction(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))

    async def on(self) -> Suction:
        return self._read(Suction, await self._switch(self._pump, True, self.spec.settle_s))

    async def off(self) -> Suction:
        return self._read(Suction, await self._switch(self._pump, False, self.spec.settle_s))

    async def suction(self) -> Suction:
        return self._read(Suction, await self._ask(self._sensors))


PLUGIN = RosVacuum
