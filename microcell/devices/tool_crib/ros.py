"""Tool crib over ROS: service `<name>/read` (std_srvs/Trigger)."""

from __future__ import annotations

from collections.abc import Sequence

from std_srvs.srv import Trigger

from microcell.devices.tool_crib.contract import ToolCrib
from microcell.ros import names
from microcell.ros.driver import RosDevice


class RosToolCrib(RosDevice, ToolCrib):
    """Asks for the serials in the pockets, a JSON list."""

    def _open(self) -> None:
        self._sensors = self._client(Trigger, names.read(self.name))

    async def pockets(self) -> Sequence[str]:
        return tuple(self._read(list, await self._ask(self._sensors)))


PLUGIN = RosToolCrib
