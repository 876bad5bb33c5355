"""A dispenser of adhesive at the flange."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Dispensed:
    """What came out since the valve was opened last, by the pump's meter, and what is left in the cartridge."""

    mass_kg: float
    left_kg: float


class Dispenser(Device):
    """A valve that lets a constant flow through."""

    @abstractmethod
    async def open(self) -> Dispensed:
        """Open the valve; DISPENSER_EMPTY when the cartridge has nothing left."""

    @abstractmethod
    async def close(self) -> Dispensed:
        """Close the valve; one that is closed stays so."""

    @abstractmethod
    async def dispensed(self) -> Dispensed:
        """What the meter says now."""

    @abstractmethod
    async def stop(self) -> None:
        """Close the valve at once."""
