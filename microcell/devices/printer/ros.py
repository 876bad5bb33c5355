"""Label printer over ROS: services `<name>/print_label` (microcell_interfaces/PrintLabel) and `<name>/set_up`."""

from __future__ import annotations

from microcell.devices.printer.contract import PrintedLabel, Printer
from microcell.ros import names
from microcell.ros.driver import RosDevice
from microcell_interfaces.srv import PrintLabel, SetUpStation


class RosPrinter(RosDevice, Printer):
    """The service answers when the label lies on the peel-off plate."""

    def _open(self) -> None:
        self._set_up = self._client(SetUpStation, names.set_up(self.name), needed=False)
        self._print = self._client(PrintLabel, names.print_label(self.name))

    async def print_label(self, content: str) -> PrintedLabel:
        answer = await self._call(self._print, PrintLabel.Request(content=content), self.spec.print_s)
        self._raise_fault(answer.fault)
        return PrintedLabel(content, self._pose(answer.pose))

    async def set_up(self, product: str) -> None:
        if self._set_up.service_is_ready():  # hardware that has nothing to hear does not offer it
            answer = await self._call(self._set_up, SetUpStation.Request(product=product))
            self._raise_fault(answer.fault)


PLUGIN = RosPrinter
