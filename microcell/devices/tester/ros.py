"""Voltage tester over ROS: service `<name>/measure` (std_srvs/Trigger)."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.tester.contract import Tested, Tester
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosTester(RosDevice, Tester):
    """The service answers when the contacts are open again."""

    def _open(self) -> None:
        self._measure = self._client(Trigger, names.measure(self.name))

    async def measure(self) -> Tested:
        return self._read(Tested, await self._ask(self._measure, self.spec.measure_s))


PLUGIN = RosTester
