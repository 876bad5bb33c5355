"""A feeder that presents parts one after the other."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device
from microcell.geometry import Pose


@dataclass(frozen=True, slots=True)
class Presented:
    """A part ready to be picked: its type, lot and nominal pose. How far the true pose may be off is in the description."""

    part: str
    lot: str
    part_in_cell: Pose
    level: int


class Feeder(Device):
    """Nest, tray or screw presenter."""

    @abstractmethod
    async def present(self) -> Presented:
        """Bring the next part to its place. Calling it again without a pick presents the same part.

        Faults: FEEDER_EMPTY, FEEDER_JAMMED.
        """

    @abstractmethod
    async def level(self) -> int:
        """Pieces left."""

    @abstractmethod
    async def refill(self, quantity: int, lot: str = "") -> int:
        """Tell that pieces were added (0: up to capacity; "" : next running lot number); the level after."""

    @abstractmethod
    async def wait_level(self, minimum: int) -> int:
        """Return the level as soon as it is at least `minimum`."""
