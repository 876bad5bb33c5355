"""Simulated tool crib."""

from __future__ import annotations

from collections.abc import Sequence

from microcell.devices.mocking import MockDevice, command
from microcell.devices.tool_crib.contract import ToolCrib


class MockToolCrib(MockDevice, ToolCrib):
    """Reads the serials of the tools that stand in the pockets."""

    @command
    async def pockets(self) -> Sequence[str]:
        return self.plant.coupling.serials_in(self.name)


PLUGIN = MockToolCrib
