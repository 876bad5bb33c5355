"""Simulated reject bin."""

from __future__ import annotations

from microcell.devices.bin.contract import Bin
from microcell.devices.mocking import MockDevice, command


class MockBin(MockDevice, Bin):
    """Counts what truly fell in."""

    @command
    async def count(self) -> int:
        return self.plant.stations.in_bin(self.name)


PLUGIN = MockBin
