"""A shop floor for tests of the controller: skills that take a fixed time and end as the test says, no plant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from microcell.clock import Clock, LoopClock
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.description.tool import ToolLife
from microcell.devices.contract import DeviceStatus
from microcell.devices.feeder.contract import Feeder, Presented
from microcell.devices.safety.contract import Safety, Stops
from microcell.devices.tool_changer.contract import Coupling, ToolChanger
from microcell.faults import Fault
from microcell.orchestration.controller import Controller
from microcell.orchestration.session import Session
from microcell.plugins import skill_names
from microcell.records.journal import Journal
from microcell.skills.contract import DEVICE_FAULTS, Feedback, Outcome, SkillGoal, SkillResult

CONFIG = Path(__file__).parents[2] / "config"
VALVE = load_line(CONFIG / "lines" / "valve.yaml")


def with_devices(line: Line, **devices) -> Line:  # type: ignore[no-untyped-def]
    cell = line.cell_description
    changed = {name: cell.devices[name].model_copy(update=update) for name, update in devices.items()}
    return line.model_copy(update={"cell_description": cell.model_copy(update={"devices": {**cell.devices, **changed}})})


def with_two_cups(life: ToolLife = ToolLife()) -> Line:  # noqa: B008 - it is frozen
    """The valve line with an equal cup in a fourth pocket; the first one lives as long as told."""
    crib = VALVE.cell_description.devices["crib"]
    spare = crib.pockets[1].model_copy(update={"tool": "vacuum_cup_2", "serial": "VC-0013"})
    cup = VALVE.tools["vacuum_cup"]
    other = cup.model_copy(update={"name": "vacuum_cup_2", "life": ToolLife()})
    tools = {**VALVE.tools, "vacuum_cup": cup.model_copy(update={"life": life}), "vacuum_cup_2": other}
    return with_devices(VALVE, crib={"pockets": (*crib.pockets, spare)}).model_copy(update={"tools": tools})


def with_one_crib(twin: Line) -> Line:
    """The line of two arms, with three tools in one crib from which both fetch."""
    left, right = (twin.cell_description.devices[f"{side}_crib"] for side in ("left", "right"))
    serves = tuple(place for place in twin.cell_description.devices["right_arm"].serves if place != "right_crib")
    return with_devices(
        twin,
        left_crib={"pockets": (*left.pockets, right.pockets[0])},
        right_crib={"pockets": ()},
        right_arm={"serves": (*serves, "left_crib")},
    )


def with_a_crib_besides(twin: Line) -> Line:
    """The line of two arms; the left one has only the gripper in its own crib and gets cups from the right one's."""
    left = twin.cell_description.devices["left_crib"]
    serves = (*twin.cell_description.devices["left_arm"].serves, "right_crib")
    return with_devices(twin, left_crib={"pockets": left.pockets[:1]}, left_arm={"serves": serves})


class _Connected:
    name = "fake"

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def status(self) -> DeviceStatus:
        return DeviceStatus(True, True)


class FakeFeeder(_Connected, Feeder):
    def __init__(self, level: int = 1000) -> None:
        self.pieces = level
        self.set_up_for: list[str] = []
        self._refilled = asyncio.Event()

    async def present(self) -> Presented:
        raise NotImplementedError

    async def level(self) -> int:
        return self.pieces

    async def set_up(self, product: str) -> None:
        self.set_up_for.append(product)

    async def refill(self, quantity: int, lot: str = "") -> int:
        self.pieces += quantity
        self._refilled.set()
        return self.pieces

    async def wait_level(self, minimum: int) -> int:
        while self.pieces < minimum:
            self._refilled.clear()
            await self._refilled.wait()
        return self.pieces


class FakeChanger(_Connected, ToolChanger):
    def __init__(self, serial: str = "") -> None:
        self.serial = serial

    async def lock(self) -> Coupling:
        return await self.coupling()

    async def unlock(self) -> Coupling:
        return await self.coupling()

    async def coupling(self) -> Coupling:
        return Coupling(bool(self.serial), self.serial)


class FakeSafety(_Connected, Safety):
    """Nothing is pressed, until a test says so with `tell`."""

    def __init__(self) -> None:
        self.present = Stops()
        self._changed = asyncio.Event()

    def tell(self, stops: Stops) -> None:
        self.present = stops
        self._changed.set()

    async def stops(self) -> Stops:
        return self.present

    async def wait_change(self, known: Stops) -> Stops:
        while self.present == known:
            self._changed.clear()
            await self._changed.wait()
        return self.present


Script = Callable[[SkillGoal], SkillResult | None]
"""What a goal ends in; None = it succeeds."""


@dataclass
class FakePort:
    """Runs goals in `duration_s` each and notes when which was running. A goal sent again gets its stored result."""

    line: Line
    clock: Clock
    feeders: dict[str, FakeFeeder]
    changer: FakeChanger
    script: Script = lambda goal: None
    duration_s: float = 4.0
    goals: list[SkillGoal] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    overlaps: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    results: dict[str, SkillResult] = field(default_factory=dict)
    changers: dict[str, FakeChanger] = field(default_factory=dict)
    asked: list[SkillGoal] = field(default_factory=list)
    settled: Script = lambda goal: None
    ended: dict[str, SkillResult] = field(default_factory=dict)
    while_starting: Callable[[], None] | None = None

    async def offered(self) -> frozenset[str]:
        if self.while_starting is not None:
            self.while_starting()
            await self.clock.sleep(1.0)
        return frozenset(skill_names())

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        if goal.attempt_id in self.results:
            return self.results[goal.attempt_id]
        self.goals.append(goal)
        devices = set(goal.lease.resources.values())
        self.overlaps += sorted(devices & self.running)
        self.running |= devices
        on_feedback(Feedback("work", 0.5, f"{goal.skill} for {goal.unit}"))
        try:
            await self.clock.sleep(self.duration_s)
        except asyncio.CancelledError:
            self.cancelled.append(goal.operation)
            fault = Fault("SKILL_CANCELLED", goal.skill)
            self.results[goal.attempt_id] = SkillResult(Outcome.CANCELLED, str(fault), fault)
            raise
        finally:
            self.running -= devices
        self.ended[goal.attempt_id] = self._result(goal)
        return self.ended[goal.attempt_id]

    async def settle(self, goal: SkillGoal) -> SkillResult:
        if (ended := self.ended.get(goal.attempt_id)) is not None:
            return fault("SKILL_CANCELLED", goal.skill, Outcome.CANCELLED) if _unseen(ended) else ended
        self.asked.append(goal)
        return self.results.get(goal.attempt_id) or self.settled(goal) or fault("OUTCOME_UNKNOWN", goal.skill)

    def operations(self) -> list[str]:
        return [goal.operation for goal in self.goals]

    def _result(self, goal: SkillGoal) -> SkillResult:
        scripted = self.script(goal)
        if scripted is not None:
            return scripted
        if goal.skill == "change_tool":
            crib = self.line.cell_description.devices[goal.lease.resources["tool_crib"]]
            changer = self.changers.get(goal.lease.resources["arm"], self.changer)
            changer.serial = next(p.serial for p in crib.pockets if p.tool == goal.parameters["tool"])
        if goal.skill == "dock_tool":
            self.changers.get(goal.lease.resources["arm"], self.changer).serial = ""
        if "feeder" in goal.lease.resources:
            self.feeders[goal.lease.resources["feeder"]].pieces -= 1
        return SkillResult(
            Outcome.SUCCEEDED, "done", carton="CTN-1" if goal.skill == "pack" else "", duration_s=self.duration_s
        )


def fault(code: str, where: str = "arm", outcome: Outcome = Outcome.FAULT) -> SkillResult:
    return SkillResult(outcome, code, Fault(code, where))


def _unseen(result: SkillResult) -> bool:
    return result.fault is not None and result.fault.code in DEVICE_FAULTS


def rejected(disposition: str, *checks: str) -> SkillResult:
    return SkillResult(Outcome.REJECTED, "not good", disposition=disposition, failed_checks=checks)


def once(operation: str, result: SkillResult, times: int = 1) -> Script:
    """End the first goals of an operation in a result."""
    left = [times]

    def script(goal: SkillGoal) -> SkillResult | None:
        if goal.operation != operation or not left[0]:
            return None
        left[0] -= 1
        return result

    return script


@dataclass
class Floor:
    controller: Controller
    port: FakePort
    journal: Journal
    clock: Clock
    safety: FakeSafety

    def order(self, quantity: int = 1, variant: str | None = "adult", product: str = "valve", **more: object) -> str:
        lines = (OrderLine(variant=variant, quantity=quantity),)
        return self.controller.submit(Order(product=product, lines=lines, **more))

    def kinds(self) -> Iterator[str]:
        return (entry.kind for entry in self.journal.entries())

    def states(self) -> list[str]:
        return [event.state for event in self.journal.events() if event.kind == "state.changed"]

    def decisions(self) -> list[tuple[str, str, str]]:
        return [(e.operation, e.code, e.action) for e in self.journal.events() if e.kind == "recovery.decided"]


@asynccontextmanager
async def floor(
    script: Script = lambda goal: None,
    line: Line = VALVE,
    journal: Journal | None = None,
    levels: dict[str, int] | None = None,
    safety: FakeSafety | None = None,
    on_flange: dict[str, str] | None = None,
    while_starting: Callable[[Controller], None] | None = None,
    epoch_s: float = 0.0,
):  # type: ignore[no-untyped-def]
    """A started controller over a fake port; closed at the end. `on_flange` tells the serial that an arm has at first,
    `while_starting` is called while the controller starts.
    """
    clock = LoopClock(epoch_s)
    feeders = {name: FakeFeeder((levels or {}).get(name, 1000)) for each in line.every for name in each.feeders}
    arms = line.cell_description.of_kind("arm")
    changers = {arm: FakeChanger((on_flange or {}).get(arm, "")) for arm in arms}
    port = FakePort(line, clock, feeders, next(iter(changers.values())), script, changers=changers)
    journal = journal or Journal.create_or_open(":memory:", durability="batch")
    safety = safety or FakeSafety()
    devices = {**feeders, "safety": safety, **{spec.tool_changer: changers[arm] for arm, spec in arms.items()}}
    controller = Controller(line, clock, journal, port, devices, Session("virtual"))
    if while_starting is not None:
        port.while_starting = partial(while_starting, controller)
    await controller.start()
    try:
        yield Floor(controller, port, journal, clock, safety)
    finally:
        await controller.close()
