"""A vacuum cup with a pressure switch."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Suction:
    """Under-pressure in Pa (0 = ambient) and whether the cup sealed on something."""

    pressure_pa: float
    sealed: bool


class Vacuum(Device):
    """One cup, pointing along the tool's z axis."""

    @abstractmethod
    async def on(self) -> Suction:
        """Switch on and return when the pressure has settled."""

    @abstractmethod
    async def off(self) -> Suction:
        """Blow off and return when the pressure is gone."""

    @abstractmethod
    async def suction(self) -> Suction:
        """Present state."""
