"""A two-finger gripper."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.description.tool import GripperTool
from microcell.devices.contract import Device
from microcell.faults import FaultError

_SLACK_M = 1e-9


@dataclass(frozen=True, slots=True)
class Grip:
    """Where the fingers came to rest: opening in m, force in N, and whether something stopped them."""

    width_m: float
    force_n: float
    holding: bool


class Gripper(Device):
    """Fingers that open and close along the tool's x axis. What they cannot do is refused before anything moves."""

    spec: GripperTool

    @abstractmethod
    async def close(self, force_n: float) -> Grip:
        """Close until the force or the end of travel is reached."""

    @abstractmethod
    async def open(self, width_m: float) -> Grip:
        """Open to a width."""

    @abstractmethod
    async def grip(self) -> Grip:
        """Present state of the fingers."""

    def _check_force(self, force_n: float) -> None:
        if not 0.0 < force_n <= self.spec.force_max_n:
            detail = f"a force of {force_n:g} N; allowed are up to {self.spec.force_max_n:g} N"
            raise FaultError("DEVICE_REFUSED", self.name, detail)

    def _check_width(self, width_m: float) -> None:
        if not 0.0 <= width_m <= self.spec.stroke_m + _SLACK_M:
            detail = f"an opening of {width_m:g} m; the stroke is {self.spec.stroke_m:g} m"
            raise FaultError("DEVICE_REFUSED", self.name, detail)
