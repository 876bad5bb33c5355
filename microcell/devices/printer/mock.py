"""Simulated label printer."""

from __future__ import annotations

from microcell.devices.mocking import MockDevice
from microcell.devices.printer.contract import PrintedLabel, Printer


class MockPrinter(MockDevice, Printer):
    """Prints one label and leaves it on the peel-off plate."""

    async def print_label(self, content: str) -> PrintedLabel:
        self._begin("print_label")
        if not content:
            raise self._refuse("a label without content")
        await self._takes(self.spec.print_s)
        return PrintedLabel(content, self.plant.stations.print_label(self.name, content))


PLUGIN = MockPrinter
