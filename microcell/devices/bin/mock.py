"""Simulated reject bin."""

from __future__ import annotations

from microcell.devices.bin.contract import Bin
from microcell.devices.mocking import MockDevice


class MockBin(MockDevice, Bin):
    """Counts what truly fell in."""

    async def count(self) -> int:
        self._begin("count")
        return self.plant.stations.in_bin(self.name)


PLUGIN = MockBin
