"""Simulated vacuum cup."""

from __future__ import annotations

from microcell.devices.mocking import MockTool, command
from microcell.devices.vacuum.contract import Suction, Vacuum

_LEAKING_RATIO = 0.12
"""Under-pressure of a running pump whose cup is open, of that of a sealed one."""


class MockVacuum(MockTool, Vacuum):
    """The pump runs from `on` to `off`; a cup that touches a part later seals then."""

    @command
    async def on(self) -> Suction:
        self.tool.active = True
        await self._takes(self.spec.settle_s)
        return self._suction()

    @command
    async def off(self) -> Suction:
        self.tool.active = self.tool.leaking = False
        self.plant.holding.release(self.tool)
        await self._takes(self.spec.settle_s)
        return self._suction()

    @command
    async def suction(self) -> Suction:
        return self._suction()

    def _suction(self) -> Suction:
        sealed = self.plant.holding.held(self.tool) is not None
        if not self.tool.active:
            return Suction(0.0, False)
        return Suction(self.spec.pressure_pa * (1.0 if sealed else _LEAKING_RATIO), sealed)


PLUGIN = MockVacuum
