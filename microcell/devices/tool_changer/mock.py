"""Simulated tool changer."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice
from microcell.devices.tool_changer.contract import Coupling, ToolChanger


class MockToolChanger(MockDevice, ToolChanger):
    """Takes the tool of the pocket where the flange is, and leaves it there; elsewhere a tool falls."""

    async def lock(self) -> Coupling:
        self._begin("lock")
        await self._takes(self.spec.lock_s)
        self.plant.coupling.lock(self._arm)
        return self._coupling()

    async def unlock(self) -> Coupling:
        self._begin("unlock")
        await self._takes(self.spec.lock_s)
        self.plant.coupling.unlock(self._arm)
        return self._coupling()

    async def coupling(self) -> Coupling:
        self._begin("coupling")
        return self._coupling()

    @property
    def _arm(self) -> str:
        return self.plant.bench.arm_with("tool_changer", self.name)

    def _coupling(self) -> Coupling:
        return Coupling(self.plant.coupling.locked(self._arm), self.plant.coupling.serial_on(self._arm))


PLUGIN = MockToolChanger
