"""Simulated turner of a fixture."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice, command
from microcell.devices.turner.contract import Turner


class MockTurner(MockDevice, Turner):
    """The unit turns with its fixture, or falls out when nobody has clamped it."""

    @command
    async def turn(self, upside_down: bool) -> bool:
        if self.plant.joining.is_upside_down(self.name) != upside_down:
            await self._takes(self.spec.turn_s)
            self.plant.joining.turn(self.name)
        return self.plant.joining.is_upside_down(self.name)

    @command
    async def is_upside_down(self) -> bool:
        return self.plant.joining.is_upside_down(self.name)


PLUGIN = MockTurner
