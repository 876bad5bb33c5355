"""Faults of the catalogue that happen to the programs of the virtual cell: its journal, its clock, its skill server.

Those of devices and plant are in `devices/effects*.py`. Each class here stands at the seam where a fault can act and asks
the plant's `injections` whether one is due.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable

from microcell.clock import LoopClock
from microcell.description.fault_schedule import ScheduledFault, checked
from microcell.events import Event
from microcell.faults import FaultError
from microcell.plant.injection import Happening
from microcell.plant.plant import Plant
from microcell.records.journal import Journal
from microcell.skills.contract import Feedback, SkillGoal, SkillPort, SkillResult
from microcell.skills.runner import SkillRunner

FULL, LOCKED = "database or disk is full", "database is locked"
"""What SQLite says."""


def schedule(plant: Plant, faults: Iterable[ScheduledFault]) -> None:
    """Let faults happen in the virtual world; `UsageError` for one that cannot."""
    for fault in faults:
        plant.injections.schedule(checked(plant.line, fault, "virtual"))


class FaultyJournal:
    """A journal's disk that is full, or whose database another program has locked, until somebody mends it."""

    def __init__(self, journal: Journal, plant: Plant) -> None:
        self._plant = plant
        self._error = ""
        journal.obstacle = self._obstacle

    def _obstacle(self, event: Event) -> None:
        happening = _due(self._plant, "journal", event.kind)
        if happening is not None:
            self._error = LOCKED if happening.fault == "journal.locked" else FULL
            self._plant.injections.leaves(self._mend)
        if self._error:
            raise sqlite3.OperationalError(self._error)

    async def _mend(self) -> None:
        self._error = ""


class FaultySkills(SkillPort):
    """The virtual cell's skill server: it tells the plant which operations go on, and fails when it is to.

    The cell's clock is set while a goal is on its way as well, for then something is under way that can notice.
    """

    def __init__(self, runner: SkillRunner, plant: Plant, clock: LoopClock) -> None:
        self._runner = runner
        self._plant = plant
        self._clock = clock
        self._failing: dict[str, Happening] = {}
        runner.before_skill = self._before_skill

    async def offered(self) -> frozenset[str]:
        return await self._runner.offered()

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        injections, attempt = self._plant.injections, goal.attempt_id
        injections.begins(attempt, goal.operation, goal.unit, goal.lease.resources)
        try:
            self._set_clock(goal)
            happening = _due(self._plant, "skills", goal.skill)
            if happening is not None and happening.fault == "skills.gone":
                raise FaultError("SKILL_UNAVAILABLE", goal.skill, "its server's process is gone")
            if happening is not None:
                self._failing[attempt] = happening
            result = await self._runner.execute(goal, on_feedback)
            twice = happening is not None and happening.fault == "skills.goal_twice"
            return await self._runner.execute(goal, on_feedback) if twice else result
        finally:
            self._failing.pop(attempt, None)
            injections.ends(attempt)

    async def settle(self, goal: SkillGoal) -> SkillResult:
        return await self._runner.settle(goal)

    def _set_clock(self, goal: SkillGoal) -> None:
        happening = _due(self._plant, "clock", goal.skill)
        if happening is not None:
            self._clock.step(happening.size if happening.fault == "clock.jump_ahead" else -happening.size)

    async def _before_skill(self, goal: SkillGoal) -> None:
        happening = self._failing.get(goal.attempt_id)
        if happening is not None and happening.fault == "skills.hung":
            await asyncio.get_running_loop().create_future()
        if happening is not None and happening.fault == "skills.crashed":
            raise RuntimeError("injected into the skill's program")


def _due(plant: Plant, program: str, command: str) -> Happening | None:
    injections = plant.injections
    return None if injections.idle else injections.due(program, program, command, plant.clock.now())
