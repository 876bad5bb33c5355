"""A two-finger gripper."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Grip:
    """Where the fingers came to rest: opening in m, force in N, and whether something stopped them."""

    width_m: float
    force_n: float
    holding: bool


class Gripper(Device):
    """Fingers that open and close along the tool's x axis."""

    @abstractmethod
    async def close(self, force_n: float) -> Grip:
        """Close until the force or the end of travel is reached."""

    @abstractmethod
    async def open(self, width_m: float) -> Grip:
        """Open to a width."""

    @abstractmethod
    async def grip(self) -> Grip:
        """Present state of the fingers."""
