"""Simulated screwdriver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from microcell.devices.mocking import MockTool, command
from microcell.devices.screwdriver.contract import Drive, Screwdriver
from microcell.faults import FaultError
from microcell.plant.screwing import Turn


class MockScrewdriver(MockTool, Screwdriver):
    """Turns as long as angle and speed say. Cancelled, the bit stops where it is then."""

    @command
    async def drive(self, torque_n_m: float, angle_limit_rad: float, speed_rad_s: float) -> Drive:
        self._check_speed(speed_rad_s)
        if not 0.0 < torque_n_m <= self.spec.torque_max_n_m:
            raise self._refuse(f"a torque of {torque_n_m:g} N.m; allowed are up to {self.spec.torque_max_n_m:g} N.m")
        turn = self.plant.screwing.begin_drive(self.tool, torque_n_m, angle_limit_rad)
        return await self._turn(turn, speed_rad_s, self.plant.screwing.finish_drive)

    @command
    async def loosen(self, angle_rad: float, speed_rad_s: float) -> Drive:
        self._check_speed(speed_rad_s)
        turn = self.plant.screwing.begin_loosen(self.tool, angle_rad)
        return await self._turn(turn, speed_rad_s, self.plant.screwing.finish_loosen)

    @command
    async def has_screw(self) -> bool:
        return self.plant.holding.held(self.tool) is not None

    async def _turn(self, turn: Turn, speed_rad_s: float, finish: Callable[..., None]) -> Drive:
        start_s = self.plant.clock.now()
        try:
            await self._takes(turn.angle_rad / speed_rad_s)
        except (asyncio.CancelledError, FaultError):
            finish(self.tool, turn, min(turn.angle_rad, (self.plant.clock.now() - start_s) * speed_rad_s))
            raise
        finish(self.tool, turn, turn.angle_rad)
        return Drive(turn.torque_n_m, turn.angle_rad, turn.reached, turn.curve)

    def _check_speed(self, speed_rad_s: float) -> None:
        if not 0.0 < speed_rad_s <= self.spec.speed_max_rad_s:
            raise self._refuse(f"a speed of {speed_rad_s:g} rad/s; allowed are up to {self.spec.speed_max_rad_s:g} rad/s")


PLUGIN = MockScrewdriver
