"""A spot welding head at the flange."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Welded:
    """One spot: energy that went in, J, and the resistance between the electrodes afterwards, ohm."""

    energy_j: float
    resistance_ohm: float


class Welder(Device):
    """Welds one spot where its electrodes stand."""

    @abstractmethod
    async def weld(self) -> Welded:
        """Weld; WELD_NO_CONTACT when no current flows."""
