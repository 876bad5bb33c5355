"""Simulated voltage tester."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice, command
from microcell.devices.tester.contract import Tested, Tester


class MockTester(MockDevice, Tester):
    """Reads the true voltage of what lies in the nest, with its own noise."""

    @command
    async def measure(self) -> Tested:
        await self._takes(self.spec.measure_s)
        voltage_v = self.plant.joining.voltage_v(self.name)
        return Tested(voltage_v or 0.0, voltage_v is not None)


PLUGIN = MockTester
