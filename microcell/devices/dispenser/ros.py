"""Dispenser over ROS: services `<name>/dispense` (microcell_interfaces/Dispense) and `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.dispenser.contract import Dispensed, Dispenser
from microcell.ros import names
from microcell.ros.driver import RosDevice
from microcell_interfaces.srv import Dispense


class RosDispenser(RosDevice, Dispenser):
    """The valve's service answers when the valve has moved, with what the meter says."""

    def _open(self) -> None:
        self._valve = self._client(Dispense, names.dispense(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))

    async def open(self, rate_kg_m: float) -> Dispensed:
        return await self._set(rate_kg_m)

    async def close(self) -> Dispensed:
        return await self._set(0.0)

    async def dispensed(self) -> Dispensed:
        return self._read(Dispensed, await self._ask(self._sensors))

    async def stop(self) -> None:
        if self._connected:
            await self._set(0.0)

    async def _set(self, rate_kg_m: float) -> Dispensed:
        answer = await self._call(self._valve, Dispense.Request(rate=rate_kg_m), self.spec.open_s)
        self._raise_fault(answer.fault)
        return Dispensed(answer.mass, answer.left)


PLUGIN = RosDispenser
