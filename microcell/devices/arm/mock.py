"""Simulated arm: follows its trajectory exactly, and stops at once, or as late as it is told to."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from microcell.description.driver_parameters import arm_parameters
from microcell.devices.arm.contract import Arm, JointState
from microcell.devices.factory import DeviceHost
from microcell.devices.mocking import MockDevice, command
from microcell.faults import FaultError
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.signals import Signal, sleep_unless

_START_TOLERANCE_RAD = 0.01
_LIMIT_SLACK_RAD = 1e-4
_VELOCITY_SLACK_RATIO = 1.01
_KEPT_CHECKS = 1024  # trajectories that are known to be within limits: a line repeats its motions


class MockArm(MockDevice, Arm):
    """One timer for each motion. Parameters: `overload_n`, pressing force that trips the arm when it rests; `stop_s`, how
    long it goes on with its motion when that is cancelled: what sensor, network and controller of a real arm need.
    """

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        self._stop = Signal()
        self._following = False
        self._check_limits = lru_cache(maxsize=_KEPT_CHECKS)(self._check_against_limits)
        told = arm_parameters(spec.parameters, "overload_n", "stop_s")
        self._overload_n, self._stop_s = told.overload_n, told.stop_s

    @command
    async def follow(self, trajectory: JointTrajectory) -> JointState:
        if self._following:
            raise self._refuse("the arm follows another trajectory already")
        self._check(trajectory)
        stop = self._stop.next()
        self._following = True
        self.plant.safety.reflexes[self.name] = self._stop_with_the_cell
        self.plant.start_motion(self.name, trajectory)
        try:
            stopped = await sleep_unless(self.clock, trajectory.duration_s, stop)
        except asyncio.CancelledError:
            try:
                if self._stop_s > 0.0:
                    await self.clock.sleep(self._stop_s)
            finally:
                self.plant.halt(self.name)
            raise
        finally:
            self._following = False
        if stopped:
            self.plant.safety.check(self.name, self.name)
            raise FaultError("ARM_STOPPED", self.name, f"{trajectory.duration_s:.2f} s motion not finished")
        self._check_overload()
        return self._state()

    async def stop(self) -> None:
        if self._following:
            self.plant.halt(self.name)
        self._stop.notify()

    def _stop_with_the_cell(self) -> None:
        """What the safety circuit does to the arm by wire, whoever commands it."""
        if self._following and (self.plant.safety.pressed or self.name in self.plant.safety.tripped):
            self.plant.halt(self.name)
            self._stop.notify()

    @command
    async def joints(self) -> JointState:
        return self._state()

    def _state(self) -> JointState:
        positions, velocities = self.plant.bench.arm(self.name).joints()
        return JointState(positions, velocities, self.clock.now())

    def _check(self, trajectory: JointTrajectory) -> None:
        """Raise ARM_DEVIATION for a wrong start, ARM_LIMIT for a position or velocity over its limit."""
        present, _ = self.plant.bench.arm(self.name).joints()
        for number, (is_at, start) in enumerate(zip(present, trajectory.positions[0], strict=True), 1):
            if abs(is_at - start) > _START_TOLERANCE_RAD:
                detail = f"joint {number} is at {is_at:.3f} rad, the trajectory starts at {start:.3f} rad"
                raise FaultError("ARM_DEVIATION", self.name, detail)
        self._check_limits(trajectory)

    def _check_against_limits(self, trajectory: JointTrajectory) -> None:
        columns = zip(self.spec.joints, zip(*trajectory.positions, strict=True), strict=True)
        for number, (limit, angles) in enumerate(columns, 1):
            self._check_positions(number, limit, angles)
            self._check_velocities(number, limit, angles, trajectory)

    def _check_positions(self, number: int, limit: Any, angles: tuple[float, ...]) -> None:
        lowest, highest = min(angles), max(angles)
        lower, upper = limit.values[:2]
        if lowest < lower - _LIMIT_SLACK_RAD or highest > upper + _LIMIT_SLACK_RAD:
            worst = lowest if lowest < lower else highest
            allowed = f"allowed are [{lower:.3f}, {upper:.3f}] {limit.unit}"
            detail = f"joint {number} would go to {worst:.3f} {limit.unit}; {allowed}"
            raise FaultError("ARM_LIMIT", self.name, detail)

    def _check_velocities(self, number: int, limit: Any, angles: tuple[float, ...], trajectory: JointTrajectory) -> None:
        times = trajectory.times_s
        between = ((b - a) / (t - s) for a, b, s, t in zip(angles, angles[1:], times, times[1:], strict=False))
        fastest = max(map(abs, (*between, *(row[number - 1] for row in trajectory.velocities))))
        allowed = limit.values[2]
        if fastest > allowed * _VELOCITY_SLACK_RATIO:
            detail = f"joint {number} would move at {fastest:.3f} {limit.unit}/s; allowed are {allowed:.3f} {limit.unit}/s"
            raise FaultError("ARM_LIMIT", self.name, detail)

    def _check_overload(self) -> None:
        pressing = self.plant.contact.load(self.name).pressing_n
        if pressing > self._overload_n:
            raise FaultError("ARM_PROTECTIVE_STOP", self.name, f"it presses with {pressing:.0f} N")


PLUGIN = MockArm
