"""A force sensor at the arm's wrist."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device
from microcell.geometry import Vector


@dataclass(frozen=True, slots=True)
class Wrench:
    """Force in N and torque in N.m that the environment puts on the tool, in the flange frame (z out of the flange)."""

    force: Vector
    torque: Vector
    time_s: float

    @property
    def pressing_n(self) -> float:
        """Force against the flange's z axis, N: positive when the tool presses on something."""
        return -self.force[2]


class ForceSensor(Device):
    """Reads a wrench, and waits for contact."""

    @abstractmethod
    async def tare(self) -> None:
        """Take the present load as zero."""

    @abstractmethod
    async def read(self) -> Wrench:
        """Present wrench since the last tare."""

    @abstractmethod
    async def wait_pressing(self, force_n: float) -> Wrench:
        """Return as soon as `pressing_n` is at least `force_n`; wait for ever otherwise (cancel to give up)."""
