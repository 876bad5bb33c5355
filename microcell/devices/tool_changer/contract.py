"""The coupling on the arm's flange that holds one tool at a time."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Coupling:
    """Sensors of the coupling: locked or not, and the serial read from the tool ("" = no tool at the flange)."""

    locked: bool
    tool_serial: str


class ToolChanger(Device):
    """Locks and unlocks the tool at the flange."""

    @abstractmethod
    async def lock(self) -> Coupling:
        """Close the lock and return what the sensors say afterwards."""

    @abstractmethod
    async def unlock(self) -> Coupling:
        """Open the lock and return what the sensors say afterwards."""

    @abstractmethod
    async def coupling(self) -> Coupling:
        """Present state."""
