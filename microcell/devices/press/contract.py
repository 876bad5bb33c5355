"""A press over a fixture."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Pressed:
    """Greatest force, N, and the ram's lowest height over the fixture's seat, m."""

    force_n: float
    height_m: float


class Press(Device):
    """Runs the programs that are stored in its controller."""

    @abstractmethod
    async def press(self, program: str) -> Pressed:
        """Come down, press, hold, and go up again; DEVICE_REFUSED for a program that it does not have."""
