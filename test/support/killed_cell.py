"""A virtual cell whose programs die at a step of a tool change, and new ones over the hardware that survives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from skill_bench import valve_line

from microcell.devices.factory import DeviceHost, make_devices
from microcell.errors import JournalError
from microcell.orchestration.controller import Controller
from microcell.orchestration.session import Session
from microcell.plant.plant import Plant
from microcell.records.journal import Journal
from microcell.skills.contract import Step
from microcell.skills.runner import SkillRunner
from microcell.virtual import VirtualCell, VirtualRun

STEPS = tuple(
    f"{way}.{step}"
    for way, steps in (
        ("dock", ("approach", "verify", "align", "unlock", "confirm", "retract")),
        ("fetch", ("approach", "verify", "align", "lock", "confirm", "retract")),
    )
    for step in steps
)
"""The micro-steps of a tool change, in their order."""


class _Dead:
    """What a dead program's device is to it: nothing that it does reaches the hardware any more."""

    async def stop(self) -> None: ...


@dataclass
class KilledCell:
    """The first cell, and what the second one's arm does; `wrong` lists motions with another tool than believed."""

    journal: Journal
    first: VirtualCell
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    wrong: list[str] = field(default_factory=list)
    moves: int = 0

    @classmethod
    def of(cls, journal: Journal) -> KilledCell:
        return cls(journal, VirtualCell(VirtualRun(valve_line(), ()), journal))

    @property
    def plant(self) -> Plant:
        return self.first.plant

    def kill_at(self, step: str, nth: int, before: bool) -> None:
        """Die at the nth such step: right after it is recorded, or (`before`) right before it is."""
        record, left = self.first.controller.tooling.record_step, [nth]

        async def recorded(attempt_id: str, wanted: Step) -> None:
            left[0] -= wanted.name == step
            if left[0] == 0 and before:
                await self._die()
            await record(attempt_id, wanted)
            if left[0] == 0:
                await self._die()

        self.first.runner.record_step = recorded

    async def _die(self) -> None:
        for name in self.first.devices:
            self.first.devices[name] = _Dead()  # type: ignore[assignment]
        self.first.controller._journal = _Lost()  # type: ignore[assignment]
        self.killed.set()
        await asyncio.Event().wait()

    async def restart(self) -> Controller:
        """New programs over the same hardware and journal."""
        clock, line = self.first.clock, valve_line()
        devices = make_devices(DeviceHost(line, clock, self.plant), "virtual", camera="modelled")
        for device in devices.values():
            await device.connect()
        runner = SkillRunner(line, clock, devices)
        controller = Controller(line, clock, self.journal, runner, devices, Session("virtual"))
        runner.record_step = controller.tooling.record_step
        self._watch(controller)
        await controller.start()
        return controller

    def _watch(self, controller: Controller) -> None:
        """Look at the truth at every motion."""
        arm = self.plant.bench.arm("arm")
        start = arm.start

        def started(trajectory) -> None:  # type: ignore[no-untyped-def]
            self.moves += 1
            tool = self.plant.bench.tool_on("arm")
            truth, allowed = tool.serial if tool else "", controller.shop.tools.expected("arm")
            if allowed and truth not in allowed:
                self.wrong.append(f"moves with {truth or 'no tool'}, believed is {allowed}")
            start(trajectory)

        arm.start = started  # type: ignore[method-assign]


class _Lost:
    def append(self, event: object) -> None:
        raise JournalError("this program is dead")
