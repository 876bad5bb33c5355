"""What a safety controller tells: which emergency stops are pressed, which arms are in a protective stop.

This is status for the cell's interlock, not a safety function: what stops the machine is the safety controller itself, with
its own wiring, also when no program runs.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Stops:
    """What stops the cell now: emergency stops by the name of their button, protective stops by the name of the arm."""

    emergency: tuple[str, ...] = ()
    protective: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.emergency or self.protective)


class Safety(Device):
    """The status outputs of a safety controller."""

    @abstractmethod
    async def stops(self) -> Stops:
        """What stops the cell now; DEVICE_SILENT when that is not known."""

    @abstractmethod
    async def wait_change(self, known: Stops) -> Stops:
        """Return what stops the cell as soon as it differs from what is known; DEVICE_SILENT when it is not known."""
