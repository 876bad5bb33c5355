"""Feeder over ROS: services `<name>/present`, `refill_feeder`, `set_up` and `read`, topic `<name>/level`."""

from __future__ import annotations

import asyncio

from std_msgs.msg import UInt32
from std_srvs.srv import Trigger

from microcell.devices.feeder.contract import Feeder, Presented
from microcell.faults import FaultError
from microcell.ros import convert, names, qos
from microcell.ros.driver import RosDevice
from microcell_interfaces.srv import PresentPart, RefillFeeder, SetUpStation


class RosFeeder(RosDevice, Feeder):
    """Parts and refills by service; the topic tells when the level has risen."""

    def _open(self) -> None:
        self._set_up = self._client(SetUpStation, names.set_up(self.name), needed=False)
        self._present = self._client(PresentPart, names.present(self.name))
        self._refill = self._client(RefillFeeder, names.refill(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))
        self._levels = self._inbox(UInt32, names.level(self.name), qos.latched())

    async def present(self) -> Presented:
        answer = await self._call(self._present, PresentPart.Request(), self.spec.index_s)
        self._raise_fault(answer.fault)
        return Presented(answer.part, answer.lot, self._pose(answer.pose), answer.level)

    async def level(self) -> int:
        return self._read(int, await self._ask(self._sensors))

    async def refill(self, quantity: int, lot: str = "") -> int:
        if quantity < 0:
            raise FaultError("DEVICE_REFUSED", self.name, f"{quantity} pieces cannot be added")
        answer = await self._call(self._refill, RefillFeeder.Request(quantity=quantity, lot=lot))
        if not answer.accepted:
            raise convert.read_fault(self.name, answer.message)
        return int(answer.level)

    async def wait_level(self, minimum: int) -> int:
        while True:
            risen: asyncio.Future[bool] = self._runtime.loop.create_future()
            with self._levels.watched(risen, lambda message: message.data >= minimum or None):
                level = await self.level()  # the topic's last message may be older than the last pick
                if level >= minimum:
                    return level
                await risen

    async def set_up(self, product: str) -> None:
        if self._set_up.service_is_ready():  # hardware that has nothing to hear does not offer it
            answer = await self._call(self._set_up, SetUpStation.Request(product=product))
            self._raise_fault(answer.fault)


PLUGIN = RosFeeder
