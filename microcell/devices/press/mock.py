"""Simulated press."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice, command
from microcell.devices.press.contract import Press, Pressed


class MockPress(MockDevice, Press):
    """How far the ram comes down follows from what stands in the fixture, and from the force that its joints need."""

    @command
    async def press(self, program: str) -> Pressed:
        told = self.spec.programs.get(program)
        if told is None:
            raise self._refuse(f"program '{program}'; stored are: {', '.join(self.spec.programs)}")
        stroke_s = self.spec.stroke_m / self.spec.speed_m_s
        await self._takes(stroke_s + told.hold_s)
        pressed = Pressed(*self.plant.joining.press(self.name, told.force_n, told.hold_s))
        await self._takes(stroke_s)
        return pressed


PLUGIN = MockPress
