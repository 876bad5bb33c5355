"""Simulated spot welding head."""

from __future__ import annotations

from microcell.devices.mocking import MockTool, command
from microcell.devices.welder.contract import Welded, Welder
from microcell.faults import FaultError


class MockWelder(MockTool, Welder):
    """A spot comes out of where the electrodes stand, and of how firmly they are pressed on."""

    @command
    async def weld(self) -> Welded:
        await self._takes(self.spec.weld_s)
        spot = self.plant.joining.weld(self.tool)
        if spot is None:
            raise FaultError("WELD_NO_CONTACT", self.name, "no current flows")
        return Welded(*spot)


PLUGIN = MockWelder
