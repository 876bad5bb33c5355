"""Carton station over ROS: services `<name>/read` and `<name>/exchange` (std_srvs/Trigger), `<name>/set_up`."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.carton_station.contract import Carton, CartonStation
from microcell.ros import names
from microcell.ros.driver import RosDevice
from microcell_interfaces.srv import SetUpStation


class RosCartonStation(RosDevice, CartonStation):
    """Both services answer the present carton."""

    def _open(self) -> None:
        self._set_up = self._client(SetUpStation, names.set_up(self.name), needed=False)
        self._sensors = self._client(Trigger, names.read(self.name))
        self._exchange = self._client(Trigger, names.exchange(self.name))

    async def carton(self) -> Carton:
        return self._read(Carton, await self._ask(self._sensors))

    async def exchange(self) -> Carton:
        return self._read(Carton, await self._ask(self._exchange, self.spec.exchange_s))

    async def set_up(self, product: str) -> None:
        if self._set_up.service_is_ready():  # hardware that has nothing to hear does not offer it
            answer = await self._call(self._set_up, SetUpStation.Request(product=product))
            self._raise_fault(answer.fault)


PLUGIN = RosCartonStation
