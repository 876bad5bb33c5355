"""What every device has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Present state of a device, for people and for bring-up."""

    connected: bool
    ready: bool
    text: str = ""


class Device(ABC):
    """A piece of hardware, or what stands for one. The constructor does no I/O.

    A command that cannot be carried out raises `FaultError` with a code of the catalogue; it never returns a false result.
    A command that is cancelled leaves the device still.
    """

    name: str

    @abstractmethod
    async def connect(self) -> None:
        """Open the connection and wait until the device answers; DEVICE_SILENT when it does not."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close the connection. Never raises."""

    async def stop(self) -> None:
        """Make the device still at once. Safe at any time, also before `connect`."""

    async def set_up(self, product: str) -> None:
        """Hear that a person has set the station up for another product. Most devices have nothing to do then."""

    @abstractmethod
    async def status(self) -> DeviceStatus:
        """Present state."""
