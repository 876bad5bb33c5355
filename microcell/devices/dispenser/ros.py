"""Dispenser over ROS: services `<name>/dispense` (std_srvs/SetBool) and `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import SetBool, Trigger

from microcell.devices.dispenser.contract import Dispensed, Dispenser
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosDispenser(RosDevice, Dispenser):
    """The valve's service answers when the valve has moved, with what the meter says."""

    def _open(self) -> None:
        self._valve = self._client(SetBool, names.dispense(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))

    async def open(self) -> Dispensed:
        return self._read(Dispensed, await self._switch(self._valve, True, self.spec.open_s))

    async def close(self) -> Dispensed:
        return self._read(Dispensed, await self._switch(self._valve, False, self.spec.open_s))

    async def dispensed(self) -> Dispensed:
        return self._read(Dispensed, await self._ask(self._sensors))

    async def stop(self) -> None:
        if self._connected:
            await self._switch(self._valve, False, self.spec.open_s)


PLUGIN = RosDispenser
