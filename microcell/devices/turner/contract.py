"""What turns a fixture with its unit upside down."""

from __future__ import annotations

from abc import abstractmethod

from microcell.devices.contract import Device


class Turner(Device):
    """An axis with two ends."""

    @abstractmethod
    async def turn(self, upside_down: bool) -> bool:
        """Turn to one end, and tell at which end it is then."""

    @abstractmethod
    async def is_upside_down(self) -> bool:
        """At which end it is, by its switches."""
