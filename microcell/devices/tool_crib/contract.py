"""The rack that holds the tools not in use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from microcell.devices.contract import Device


class ToolCrib(Device):
    """Pockets, each with a presence and identity reader."""

    @abstractmethod
    async def pockets(self) -> Sequence[str]:
        """Serial of the tool in each pocket, in the description's order; "" = empty."""
