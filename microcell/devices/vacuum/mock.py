"""Simulated vacuum cup."""

from __future__ import annotations

from microcell.devices.mocking import MockTool
from microcell.devices.vacuum.contract import Suction, Vacuum

_LEAKING_RATIO = 0.12
"""Under-pressure of a running pump whose cup is open, of that of a sealed one."""


class MockVacuum(MockTool, Vacuum):
    """The pump runs from `on` to `off`; a cup that touches a part later seals then."""

    async def on(self) -> Suction:
        self._begin("on")
        self.tool.active = True
        await self._takes(self.spec.settle_s)
        return self._suction()

    async def off(self) -> Suction:
        self._begin("off")
        self.tool.active = False
        self.plant.holding.release(self.tool)
        await self._takes(self.spec.settle_s)
        return self._suction()

    async def suction(self) -> Suction:
        self._begin("suction")
        return self._suction()

    def _suction(self) -> Suction:
        sealed = self.plant.holding.held(self.tool) is not None
        if not self.tool.active:
            return Suction(0.0, False)
        return Suction(self.spec.pressure_pa * (1.0 if sealed else _LEAKING_RATIO), sealed)


PLUGIN = MockVacuum
