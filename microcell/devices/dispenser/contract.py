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
    """A metering pump that follows the nozzle: the arm's controller tells it the speed, as is usual for beads.

    So what lies on a metre depends neither on the arm's speed nor on when it starts, and a nozzle that stands lets
    nothing out. More than its greatest flow it cannot give.
    """

    @abstractmethod
    async def open(self, rate_kg_m: float) -> Dispensed:
        """Open the valve: so much for each metre that the nozzle goes; DISPENSER_EMPTY when nothing is left."""

    @abstractmethod
    async def close(self) -> Dispensed:
        """Close the valve; one that is closed stays so."""

    @abstractmethod
    async def dispensed(self) -> Dispensed:
        """What the meter says now."""

    @abstractmethod
    async def stop(self) -> None:
        """Close the valve at once."""
