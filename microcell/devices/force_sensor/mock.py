"""Simulated force sensor at an arm's wrist."""

from __future__ import annotations

import math
from typing import Any

from microcell.devices.factory import DeviceHost
from microcell.devices.force_sensor.contract import ForceSensor, Wrench
from microcell.devices.mocking import MockDevice, command
from microcell.geometry import Vector
from microcell.plant.contact import Load
from microcell.plant.signals import sleep_unless

TORQUE_NOISE_M = 0.025
"""Noise of the torque for that of the force: usual for six-axis sensors of this size."""


class MockForceSensor(MockDevice, ForceSensor):
    """Feels contact, and the change of weight since the last tare.

    `read` is noisy; `wait_pressing` judges and returns the force without noise, and when it was reached.
    """

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        self._zero = Load((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        self._noise = self.plant.bench.chance.stream(f"force:{name}") if host.plant is not None else None

    @command
    async def tare(self) -> None:
        self._zero = self.plant.contact.load(self._arm)

    @command
    async def read(self) -> Wrench:
        wrench = self._wrench()
        x, y, z = wrench.force
        force = (x + self._noise_n(), y + self._noise_n(), z + self._noise_n())
        u, v, w = wrench.torque
        arm_m = TORQUE_NOISE_M
        torque = (u + arm_m * self._noise_n(), v + arm_m * self._noise_n(), w + arm_m * self._noise_n())
        return Wrench(force, torque, wrench.time_s)

    @command
    async def wait_pressing(self, force_n: float) -> Wrench:
        arm, armed_s = self.plant.bench.arm(self._arm), self.plant.clock.now()
        changed = arm.changed
        while True:
            since_s = max(armed_s, arm.start_s)  # a host that is late looks back
            due_s = self.plant.contact.when_pressing(self._arm, force_n + self._zero.pressing_n, since_s)
            if due_s is not None and due_s <= self.plant.clock.now():
                return self._wrench(due_s)
            slip_s = self.plant.holding.slips_at_s(self._arm)
            wake_s = min((at for at in (due_s, slip_s) if at is not None), default=math.inf)
            if wake_s < math.inf:
                await sleep_unless(self.clock, wake_s - self.plant.clock.now(), changed.next())
            else:
                await changed.next()

    def shift_zero(self, force_n: float) -> None:
        """Let the zero jump: a pressing force of so many N is read from now on where there is none, until the next tare."""
        x, y, z = self._zero.force
        self._zero = Load((x, y, z + force_n), self._zero.torque)

    @property
    def _arm(self) -> str:
        return self.plant.bench.arm_with("force_sensor", self.name)

    def _wrench(self, at_s: float | None = None) -> Wrench:
        """What is felt now or at a past instant of the plant's clock, stamped by the cell's, which somebody may have set."""
        ago_s = 0.0 if at_s is None else self.plant.clock.now() - at_s
        load = self.plant.contact.load(self._arm, at_s)
        stamp_s = self.clock.now() - ago_s
        return Wrench(_less(load.force, self._zero.force), _less(load.torque, self._zero.torque), stamp_s)

    def _noise_n(self) -> float:
        return self._noise.gauss(0.0, self.spec.noise_n) if self._noise is not None else 0.0


def _less(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


PLUGIN = MockForceSensor
