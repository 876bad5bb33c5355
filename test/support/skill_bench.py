"""The valve line on virtual time with mock devices, and one skill after the other by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from shared_planners import shared_planners

from microcell import plugins
from microcell.clock import LoopClock
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, make_devices
from microcell.plant.plant import Plant
from microcell.skills.contract import Feedback, Lease, Needs, Outcome, SkillGoal, SkillResult
from microcell.skills.runner import SkillRunner

LEASES = {
    "arm": "arm",
    "fixture": "fixture_1",
    "camera": "camera_1",
    "printer": "printer",
    "carton_station": "cartons",
    "tool_crib": "crib",
    "bin": "reject_bin",
    "press": "press_1",
    "turner": "turner_1",
    "tester": "tester_1",
}
TOOL_FOR = {
    "grip": "parallel_gripper",
    "suction": "vacuum_cup",
    "drive_screw": "screwdriver",
    "dispense": "dispenser",
    "weld": "spot_welder",
}


@cache
def valve_line() -> Line:
    """The shipped valve line."""
    return load_line("valve")


def line_with(
    devices: Mapping[str, Mapping[str, Any]] | None = None,
    feeders: Mapping[str, Mapping[str, Any]] | None = None,
    fits: Mapping[str, Mapping[str, Any]] | None = None,
    **disturbances: float,
) -> Line:
    """The valve line with other fields of some devices, feeder set-ups or fits, and with disturbances."""
    line = valve_line()
    cell, product = line.cell_description, line.product_description
    sites = {
        name: product.sites[name].model_copy(
            update={"fit": product.sites[name].fit.model_copy(update=dict(changes))}  # type: ignore[union-attr]
        )
        for name, changes in (fits or {}).items()
    }
    return line.model_copy(
        update={
            "cell_description": cell.model_copy(update={"devices": _changed(cell.devices, devices)}),
            "product_description": product.model_copy(update={"sites": {**product.sites, **sites}}),
            "feeders": _changed(line.feeders, feeders),
            "disturbances": line.disturbances.model_copy(update=disturbances),
        }
    )


def _changed(entries: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    new = {name: entries[name].model_copy(update=dict(fields)) for name, fields in (changes or {}).items()}
    return {**entries, **new}


@dataclass
class SkillBench:
    """Runs skills on a fresh plant; the role of the dispatcher in as few lines as possible."""

    line: Line
    clock: LoopClock
    plant: Plant
    devices: Mapping[str, Device]
    runner: SkillRunner
    said: list[Feedback] = field(default_factory=list)
    attempts: int = 0
    tool: str = ""

    def goal(self, operation: str, unit: str = "VLV-1", variant: str = "adult", **changes: Any) -> SkillGoal:
        """The goal of an operation of the plan; `changes` go over its parameters."""
        product = self.line.product_description
        parameters = {**product.parameters_of(operation, variant), **changes}
        return self.goal_of(product.operation(operation).skill, parameters, unit, variant, operation)

    def goal_of(
        self,
        skill: str,
        parameters: Mapping[str, Any],
        unit: str = "VLV-1",
        variant: str = "adult",
        operation: str = "",
    ) -> SkillGoal:
        """A goal for any skill, with a lease of what it needs."""
        needs = plugins.skill(skill).needs(self.line, variant, parameters)
        leases = self._leases()
        if needs.part:
            leases["feeder"] = self.line.feeders_of(needs.part)[0]
            if skill == "pick" and "camera" in needs.kinds:
                leases["camera"] = "camera_trays"
        if "tester" in needs.kinds:
            leases["camera"] = "camera_2"
        self.attempts += 1
        lease = Lease("test", {kind: leases[kind] for kind in needs.kinds})
        return SkillGoal(skill, unit, variant, operation or skill, f"a{self.attempts}", parameters, lease)

    async def run(self, goal: SkillGoal) -> SkillResult:
        """Execute a goal."""
        return await self.runner.execute(goal, self.said.append)

    async def mount(self, tool: str) -> SkillResult:
        """Change the tool."""
        self.tool = tool
        return await self.succeed(self.goal_of("change_tool", {"tool": tool}))

    async def operation(self, operation: str, unit: str = "VLV-1", variant: str = "adult", **changes: Any) -> SkillResult:
        """Execute an operation of the plan, with the tool it needs; `changes` go over its parameters."""
        goal = self.goal(operation, unit, variant, **changes)
        needs = plugins.skill(goal.skill).needs(self.line, goal.variant, goal.parameters)
        tool = self._tool_for(needs) if needs.capability else self.tool
        if tool != self.tool:
            await self.mount(tool)
        return await self.run(goal)

    def _tool_for(self, needs: Needs) -> str:
        """The tool for it, or where that one cannot do it the first that can."""
        able = [name for name, tool in self.line.tools.items() if needs.can_use(tool)]
        usual = TOOL_FOR[str(needs.capability)]
        return usual if usual in able else able[0]

    def _leases(self) -> dict[str, str]:
        """Device of each kind; in a cell that has other names, the first of the kind."""
        cell = self.line.cell_description
        first = {kind: next(iter(cell.of_kind(kind)), name) for kind, name in LEASES.items()}
        return {kind: name if name in cell.devices else first[kind] for kind, name in LEASES.items()}

    async def operations(self, *operations: str, unit: str = "VLV-1", variant: str = "adult") -> list[SkillResult]:
        """Execute operations of the plan that must all succeed."""
        return [self._expect(await self.operation(name, unit, variant)) for name in operations]

    async def succeed(self, goal: SkillGoal) -> SkillResult:
        """Execute a goal that must succeed."""
        return self._expect(await self.run(goal))

    async def fault(self, operation: str, **changes: Any) -> SkillResult:
        """Execute an operation of the plan that must end in a fault."""
        result = await self.operation(operation, **changes)
        assert result.outcome is Outcome.FAULT, result.message
        return result

    def held(self) -> str:
        """Name of the part in the mounted tool, "" for none."""
        item = self.plant.holding.held(self.plant.tool(self.tool))
        return item.part_name if item else ""

    def tcp_height_m(self) -> float:
        """Height of the mounted tool's TCP over the bench."""
        return self.plant.tcp(self.tool).position[2]

    def _expect(self, result: SkillResult) -> SkillResult:
        assert result.outcome is Outcome.SUCCEEDED, result.message
        return result


@asynccontextmanager
async def skill_bench(seed: int = 1, line: Line | None = None, camera: str = "modelled") -> AsyncIterator[SkillBench]:
    """A connected bench."""
    line = line or valve_line()
    clock = LoopClock(epoch_s=0.0)
    plant = Plant(line, seed, clock)
    devices = make_devices(DeviceHost(line, clock, plant), "virtual", camera=camera)
    for device in devices.values():
        await device.connect()
    runner = SkillRunner(line, clock, devices)
    runner.planners = shared_planners(line)
    yield SkillBench(line, clock, plant, devices, runner)
    for device in devices.values():
        await device.disconnect()
