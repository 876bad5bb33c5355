"""Random cells with zones and random orders, worked off by the real controller, over skills that only take (virtual) time.

The worlds are those of `schedules`, with cribs, bins and feeders that arms may share. `play_cell` runs orders in one with
random durations and faults, lets the cell go on whenever it holds, and notes whatever must not be: a device or a zone that
two have at once, a unit that is not finished, a cell where nothing can happen any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

from fake_shop_floor import FakeChanger, FakeFeeder
from schedules import VARIANTS, of_products, random_world

from microcell.clock import Clock, DeadlockError, LoopClock, run_virtual
from microcell.description.order import Order, OrderLine
from microcell.faults import Fault
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import Command, State
from microcell.orchestration.session import Session
from microcell.orchestration.work import OrderStatus
from microcell.plugins import skill_names
from microcell.skills.contract import Feedback, Outcome, SkillGoal, SkillResult

FAULTS = ("GRIP_PART_LOST", "GRIP_NOTHING_HELD", "INSERT_JAMMED", "ARM_STOPPED", "SKILL_TIMEOUT", "TOOL_NOT_LOCKED")
"""Retried, begun again with the hand emptied, or asked about."""


class NoJournal:
    """Keeps nothing: the schedules count, not what is written of them."""

    def append(self, event: Any) -> Any:
        return SimpleNamespace(event=event)

    def events(self) -> list[Any]:
        return []

    def entries(self) -> list[Any]:
        return []


@dataclass
class Outcomes:
    """What one order came to."""

    arms: int = 0
    shared: bool = False
    shares_tools: bool = False
    goals: int = 0
    held: int = 0
    dockings: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class RandomPort:
    """Ends each goal after a random time, mostly well; sees to it that no two goals have a device or a zone together."""

    line: Any
    clock: Clock
    random: Random
    changers: dict[str, FakeChanger]
    found: Outcomes
    failures: float = 0.05
    running: Counter[str] = field(default_factory=Counter)
    inside: dict[str, frozenset[str]] = field(default_factory=dict)
    results: dict[str, SkillResult] = field(default_factory=dict)

    async def offered(self) -> frozenset[str]:
        return frozenset(skill_names())

    async def execute(self, goal: SkillGoal, on_feedback: Any) -> SkillResult:
        if goal.attempt_id in self.results:
            return self.results[goal.attempt_id]
        self.found.goals += 1
        on_feedback(Feedback("work", 0.5, goal.skill))
        devices = set(goal.lease.resources.values())
        self._enter(goal, devices)
        try:
            await self.clock.sleep(self.random.uniform(0.1, 8.0))
        finally:
            self.running.subtract(devices)
        self.results[goal.attempt_id] = self._end(goal)
        return self.results[goal.attempt_id]

    def _enter(self, goal: SkillGoal, devices: set[str]) -> None:
        self.running.update(devices)
        twice = [device for device in devices if self.running[device] > 1]
        self.found.problems += [f"{device} is in two hands: {goal.operation}" for device in twice]
        if arm := goal.lease.resources.get("arm"):
            self.inside[arm] = self.inside.get(arm, frozenset()) | self._zones(arm, devices)
            seen = Counter(zone for zones in self.inside.values() for zone in zones)
            self.found.problems += [f"two arms in {zone} at {self.clock.now():.2f} s" for zone, n in seen.items() if n > 1]

    def _end(self, goal: SkillGoal) -> SkillResult:
        leased = goal.lease.resources
        arm = leased.get("arm")
        if arm and goal.skill != "settle_tool":
            self.inside[arm] = frozenset() if goal.skill == "park" else self._zones(arm, set(leased.values()))
        if goal.skill not in ("park", "settle_tool") and self.random.random() < self.failures:
            code = self.random.choice(FAULTS)
            return SkillResult(Outcome.FAULT, code, Fault(code, arm or "station"))
        if goal.skill == "change_tool":
            self._fetch(arm or "", goal.parameters["tool"])
        if goal.skill == "dock_tool":
            self.found.dockings += 1
            self.changers[arm or ""].serial = ""
        serial = self.changers[arm].serial if arm else ""
        return SkillResult(Outcome.SUCCEEDED, "done", tool_serial=serial)

    def _fetch(self, arm: str, tool: str) -> None:
        if any(changer.serial == tool for other, changer in self.changers.items() if other != arm):
            self.found.problems.append(f"{arm} fetched {tool}, which another arm has")
        cribs = self.line.cell_description.of_kind("tool_crib").items()
        crib_of = {pocket.tool: crib for crib, spec in cribs for pocket in spec.pockets}
        if (before := self.changers[arm].serial) and crib_of[before] != crib_of[tool]:
            self.found.problems.append(f"{arm} fetched {tool} with {before} of another crib on it")
        self.changers[arm].serial = tool

    def _zones(self, arm: str, devices: set[str]) -> frozenset[str]:
        return frozenset().union(*(self.line.ways.zones_at(arm, device) for device in devices))


def play_cell(seed: int, orders: int = 1) -> list[Outcomes]:
    """Work off some orders in one random world, one cell after the other."""
    random = Random(seed)
    line, needs = random_world(random)
    return [run_virtual(_play(line, needs, random)) for _ in range(orders)]


async def _play(line: Any, needs: Any, random: Random) -> Outcomes:
    clock, found = LoopClock(0.0), Outcomes(len(line.ways.arms), line.shares, line.shares_tools)
    changers = {arm: FakeChanger() for arm in line.ways.arms}
    feeders = {name: FakeFeeder(1_000_000) for name in line.feeders}
    devices = {**feeders, **{spec.tool_changer: changers[arm] for arm, spec in line.cell_description.of_kind("arm").items()}}
    port = RandomPort(line, clock, random, changers, found)
    controller = Controller(line, clock, NoJournal(), port, devices, Session("virtual"))  # type: ignore[arg-type]
    controller.shop._needs.update(of_products(needs))
    await controller.start()
    orders = [controller.submit(_order(random)) for _ in range(random.randint(1, 2))]
    ending = asyncio.gather(*(controller.order_ended(order) for order in orders))
    while not ending.done():
        held = asyncio.ensure_future(controller.until_state(State.HELD))
        await asyncio.wait((ending, held), return_when=asyncio.FIRST_COMPLETED)
        held.cancel()
        if not ending.done():
            if controller.reason.startswith("CELL_BLOCKED"):
                found.problems.append(f"deadlock: {controller.reason}")
                ending.cancel()
                break
            found.held += 1
            controller.command(Command.UNHOLD)
            await asyncio.sleep(0)
    ended = await asyncio.gather(ending, return_exceptions=True)
    if not found.problems and (failed := [o for o in controller.orders() if o.status is not OrderStatus.COMPLETED]):
        found.problems.append(f"not finished: {failed[0]}, {ended}")
    if not found.problems:
        await controller.close()
    return found


def _order(random: Random) -> Order:
    return Order(product="p", lines=tuple(OrderLine(variant=v, quantity=random.randint(1, 2)) for v in VARIANTS),
                 priority=random.randrange(2), replace_scrapped=False)  # fmt: skip


def guarded(seed: int, orders: int = 1) -> list[Outcomes]:
    """`play_cell`, with a loop in which nothing can happen any more told as a problem."""
    try:
        return play_cell(seed, orders)
    except DeadlockError as error:
        return [Outcomes(problems=[f"deadlock: {error}"])]
