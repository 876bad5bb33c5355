"""Simulated two-finger gripper."""

from __future__ import annotations

from microcell.devices.gripper.contract import Grip, Gripper
from microcell.devices.mocking import MockTool


class MockGripper(MockTool, Gripper):
    """Fingers move at the tool's speed; what they hold comes out of where they close."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._force_n = 0.0

    async def close(self, force_n: float) -> Grip:
        self._begin("close")
        self._check_force(force_n)
        if self.plant.holding.held(self.tool) is None:
            catch = self.plant.holding.catch(self.tool)
            await self._travel(catch.width_m if catch is not None else 0.0)
        self.plant.holding.close(self.tool)
        self._force_n = force_n
        return self._grip()

    async def open(self, width_m: float) -> Grip:
        self._begin("open")
        self._check_width(width_m)
        opening = self.tool.opening_m
        self.plant.holding.open(self.tool, width_m)
        await self._takes(abs(width_m - opening) / self.spec.speed_m_s)
        return self._grip()

    async def grip(self) -> Grip:
        self._begin("grip")
        return self._grip()

    async def _travel(self, width_m: float) -> None:
        await self._takes(abs(self.tool.opening_m - width_m) / self.spec.speed_m_s)

    def _grip(self) -> Grip:
        holding = self.plant.holding.held(self.tool) is not None
        return Grip(self.tool.opening_m, self._force_n if holding else 0.0, holding)


PLUGIN = MockGripper
