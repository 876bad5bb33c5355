"""Guards of the ROS drivers: what they demand of every answer, where time is real or comes by /clock."""

from __future__ import annotations

from collections.abc import Mapping

from microcell.clock import Clock
from microcell.devices.contract import Device
from microcell.devices.guard import World, guarded
from microcell.devices.plausible import Terms
from microcell.ros.clock import RosClock, ScaledClock

STALE_S = 2.0
"""Real time after which a reading says nothing about now; a loaded machine delivers late."""

REPEATS = 5
"""A sensor of coarse resolution may read the same a few times in a row."""


def ros_guarded(devices: Mapping[str, Device], clock: Clock) -> dict[str, Device]:
    """Each driver behind its guard. How long to wait and whether an arm is at its goal is the drivers' own business, and
    time that comes by /clock may be anything.
    """

    def stale_s() -> float:
        return STALE_S * (max(1.0, clock.rate) if isinstance(clock, (RosClock, ScaledClock)) else 1.0)

    steady = isinstance(clock, RosClock) and not clock.simulated
    return guarded(devices, clock, World(patience=False, steady=steady, terms=Terms(stale_s, REPEATS, goals=False)))
