"""A shop floor where nothing takes any work: for what the controller itself costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from microcell.clock import Clock, LoopClock
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.devices.contract import Device, DeviceStatus
from microcell.devices.feeder.contract import Feeder, Presented
from microcell.devices.safety.contract import Safety, Stops
from microcell.devices.tool_changer.contract import Coupling, ToolChanger
from microcell.orchestration.controller import Controller, Session
from microcell.plugins import skill_names
from microcell.records.journal import Journal
from microcell.skills.contract import Feedback, Outcome, SkillGoal, SkillResult

SKILL_S = 1.0


class _Ready(Device):
    name = "bench"

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def status(self) -> DeviceStatus:
        return DeviceStatus(True, True)


class EndlessFeeder(_Ready, Feeder):
    """Never empty."""

    async def present(self) -> Presented:
        raise NotImplementedError

    async def level(self) -> int:
        return 1_000_000

    async def refill(self, quantity: int, lot: str = "") -> int:
        return 1_000_000

    async def wait_level(self, minimum: int) -> int:
        if minimum > 1_000_000:
            await asyncio.Event().wait()
        return 1_000_000


class ToldChanger(_Ready, ToolChanger):
    """Holds the tool that it was told."""

    serial = ""

    async def coupling(self) -> Coupling:
        return Coupling(bool(self.serial), self.serial)

    lock = unlock = coupling


class NothingPressed(_Ready, Safety):
    """Never stops the cell."""

    async def stops(self) -> Stops:
        return Stops()

    async def wait_change(self, known: Stops) -> Stops:
        return await asyncio.get_running_loop().create_future()


class IdlePort:
    """Skills that take a second and do nothing."""

    def __init__(self, line: Line, clock: Clock, changers: dict[str, ToldChanger]) -> None:
        cribs = line.cell_description.of_kind("tool_crib").values()
        self._serials = {pocket.tool: pocket.serial for crib in cribs for pocket in crib.pockets}
        self._changers = changers
        self._clock = clock

    async def offered(self) -> frozenset[str]:
        return frozenset(skill_names())

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        await self._clock.sleep(SKILL_S)
        if goal.skill in ("change_tool", "dock_tool"):
            changer = self._changers[goal.lease.resources["arm"]]
            changer.serial = self._serials[goal.parameters["tool"]] if goal.skill == "change_tool" else ""
        return SkillResult(Outcome.SUCCEEDED, "done", carton="CTN-1" if goal.skill == "pack" else "")


def idle_controller(line: Line, journal: Journal, clock: Clock | None = None, world: str = "virtual") -> Controller:
    """A controller over the idle shop floor."""
    clock = clock or LoopClock()
    arms = line.cell_description.of_kind("arm")
    changers = {arm: ToldChanger() for arm in arms}
    devices: dict[str, Device] = {name: EndlessFeeder() for name in line.feeders}
    devices.update({spec.tool_changer: changers[arm] for arm, spec in arms.items()})
    devices.update({name: NothingPressed() for name in line.cell_description.of_kind("safety")})
    return Controller(line, clock, journal, IdlePort(line, clock, changers), devices, Session(world))


def order_of(line: Line, units: int, **more: object) -> Order:
    """An order of so many units of the default variant."""
    return Order.model_validate({"product": line.product, "lines": (OrderLine(quantity=units),), **more})
