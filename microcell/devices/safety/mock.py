"""Simulated safety controller."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice
from microcell.devices.safety.contract import Safety, Stops


class MockSafety(MockDevice, Safety):
    """Tells what `plant.safety` knows; buttons are pressed there."""

    async def stops(self) -> Stops:
        self._begin("stops")
        return self._stops()

    async def wait_change(self, known: Stops) -> Stops:
        self._begin("wait_change")
        while self._stops() == known:
            await self.plant.safety.changed.next()
        return self._stops()

    def _stops(self) -> Stops:
        pressed, tripped = self.plant.safety.pressed, self.plant.safety.tripped
        return Stops(tuple(b for b in self.spec.buttons if b in pressed), tuple(sorted(tripped)))


PLUGIN = MockSafety
