"""Where finished units go into cartons."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Carton:
    """The carton at the station: its id ("" = none), its places, and how many are filled (in order)."""

    carton: str
    places: int
    filled: int


class CartonStation(Device):
    """Holds one open carton with a tray."""

    @abstractmethod
    async def carton(self) -> Carton:
        """Present carton, counted by the station's sensors."""

    @abstractmethod
    async def exchange(self) -> Carton:
        """Close and eject the carton and bring an empty one; CARTON_MISSING when there is none."""
