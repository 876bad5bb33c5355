"""A bin for rejected parts and units."""

from __future__ import annotations

from abc import abstractmethod

from microcell.devices.contract import Device


class Bin(Device):
    """Counts what falls in."""

    @abstractmethod
    async def count(self) -> int:
        """Pieces seen by the bin's light barrier since it was emptied."""
