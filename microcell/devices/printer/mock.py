"""Simulated label printer."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice, command
from microcell.devices.printer.contract import PrintedLabel, Printer


class MockPrinter(MockDevice, Printer):
    """Prints one label and leaves it on the peel-off plate."""

    @command
    async def set_up(self, product: str) -> None:
        self.plant.set_up(self.name, product)

    @command
    async def print_label(self, content: str) -> PrintedLabel:
        if not content:
            raise self._refuse("a label without content")
        await self._takes(self.spec.print_s)
        return PrintedLabel(content, self.plant.stations.print_label(self.name, content))


PLUGIN = MockPrinter
