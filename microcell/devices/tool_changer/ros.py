"""Tool changer over ROS: services `<name>/lock` (std_srvs/SetBool) and `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import SetBool, Trigger

from microcell.devices.tool_changer.contract import Coupling, ToolChanger
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosToolChanger(RosDevice, ToolChanger):
    """Both services answer what the coupling's sensors say."""

    def _open(self) -> None:
        self._lock = self._client(SetBool, names.lock(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))

    async def lock(self) -> Coupling:
        return self._read(Coupling, await self._switch(self._lock, True, self.spec.lock_s))

    async def unlock(self) -> Coupling:
        return self._read(Coupling, await self._switch(self._lock, False, self.spec.lock_s))

    async def coupling(self) -> Coupling:
        return self._read(Coupling, await self._ask(self._sensors))


PLUGIN = RosToolChanger
