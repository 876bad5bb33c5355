"""Simulated dispenser."""

from __future__ import annotations

from microcell.devices.dispenser.contract import Dispensed, Dispenser
from microcell.devices.mocking import MockTool, command
from microcell.faults import FaultError


class MockDispenser(MockTool, Dispenser):
    """Lays the bead along the way that the nozzle really goes while the valve is open."""

    @command
    async def open(self, rate_kg_m: float) -> Dispensed:
        if self.plant.dispensing.left_kg(self.tool) <= 0.0:
            raise FaultError("DISPENSER_EMPTY", self.name, "the cartridge is empty")
        await self._takes(self.spec.open_s)
        self.plant.dispensing.begin(self.tool, rate_kg_m)
        return self._meter()

    @command
    async def close(self) -> Dispensed:
        self.plant.dispensing.finish(self.tool)
        await self._takes(self.spec.open_s)
        return self._meter()

    @command
    async def dispensed(self) -> Dispensed:
        return self._meter()

    async def stop(self) -> None:
        if self._connected:
            self.plant.dispensing.finish(self.tool)

    def _meter(self) -> Dispensed:
        return Dispensed(self.plant.dispensing.mass_kg(self.tool), self.plant.dispensing.left_kg(self.tool))


PLUGIN = MockDispenser
