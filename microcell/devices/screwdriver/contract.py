"""A screwdriver with torque and angle sensing."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Drive:
    """What happened: end torque in N.m, turned angle in rad, and the curve as (angle rad, torque N.m) pairs.

    `reached` says that the torque was reached before the angle limit.
    """

    torque_n_m: float
    angle_rad: float
    reached: bool
    curve: tuple[tuple[float, float], ...]


class Screwdriver(Device):
    """A magnetic bit along the tool's z axis."""

    @abstractmethod
    async def drive(self, torque_n_m: float, angle_limit_rad: float, speed_rad_s: float) -> Drive:
        """Turn clockwise until the torque or the angle is reached."""

    @abstractmethod
    async def loosen(self, angle_rad: float, speed_rad_s: float) -> Drive:
        """Turn counter-clockwise by an angle; the screw stays on the bit when it comes free."""

    @abstractmethod
    async def has_screw(self) -> bool:
        """Whether the bit's sensor sees a screw."""
