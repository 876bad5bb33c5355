"""Runs skills in this process: the one place that turns what happens in a skill into a result."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from microcell import plugins
from microcell.clock import Clock
from microcell.description.line import Line
from microcell.devices.contract import Device
from microcell.devices.factory import Work, at_once
from microcell.errors import JournalError, UsageError
from microcell.faults import FaultError
from microcell.motion.planner import MotionPlanner
from microcell.skills.attempts import Attempt, AttemptLog
from microcell.skills.contract import (
    DEVICE_FAULTS,
    Feedback,
    Keep,
    Outcome,
    RecordStep,
    Skill,
    SkillContext,
    SkillGoal,
    SkillResult,
)
from microcell.skills.traffic import Traffic

T = TypeVar("T")
KEPT_RESULTS = 2_000
QUIET_S = 1.0
"""So long nothing is asked of devices that were stopped: what a program that is gone had them do comes to its end."""
logger = logging.getLogger(__name__)


class SkillRunner:
    """Executes skill goals on the devices of one cell; a `SkillPort` without any network between.

    Every attempt ends in a `SkillResult`. Results are kept by `attempt_id`: a goal that is sent again gets
    the result of the first time and moves nothing; sent again while it still runs, it waits for the same
    end. Cancelling `execute` cancels the skill, makes its devices safe, keeps the result, which is CANCELLED
    unless the work was done already, and then raises CancelledError on. `record_step` is where the steps of a
    skill go before they are done; None where nobody keeps a journal. `planners` by arm remember the line's motions;
    runners of the same line may share them. `before_skill` comes before each skill, within its time: there faults are
    injected. `keep` stores the pictures of inspections. `attempts` remembers them beyond the life of the program.
    """

    def __init__(self, line: Line, clock: Clock, devices: Mapping[str, Device], attempts: AttemptLog | None = None) -> None:
        self._line = line
        self._clock = clock
        self._devices = devices
        self._attempts = attempts or AttemptLog()
        self._results: OrderedDict[str, SkillResult] = OrderedDict()
        self._running: dict[str, asyncio.Future[SkillResult]] = {}
        self.planners: dict[str, MotionPlanner] = {}
        self._planners = {line.product: dict[str, MotionPlanner]() for line in line.also}
        self.record_step: RecordStep | None = None
        self.before_skill: Callable[[SkillGoal], Awaitable[None]] | None = None
        self.work: Work = at_once
        self.keep: Keep | None = None
        self._traffic = Traffic(line, clock, devices)

    def prepare(self) -> None:
        """Make the planners of all arms now: their libraries take a second to load, which a first motion should not."""
        for arm in self._line.cell_description.of_kind("arm"):
            if arm in self._devices and arm not in self.planners:
                self.planners[arm] = MotionPlanner(self._line, arm)

    async def offered(self) -> frozenset[str]:
        """Names of all installed skills."""
        return frozenset(plugins.skill_names())

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None] = lambda feedback: None) -> SkillResult:
        """Run a goal to its end; every way but a cancel of this call returns a result."""
        if goal.attempt_id in self._results:
            return self._results[goal.attempt_id]
        if goal.attempt_id in self._running:
            return await asyncio.shield(self._running[goal.attempt_id])
        self._running[goal.attempt_id] = asyncio.get_running_loop().create_future()
        context = self._context(goal, on_feedback)
        start_s = self._clock.now()
        result, cancelled = await self._attempt(context)
        kept = self._keep(goal.attempt_id, result.lasting(self._clock.now() - start_s, sum(context.motions_s)))
        if cancelled is not None:
            raise cancelled
        return kept

    async def settle(self, goal: SkillGoal) -> SkillResult:
        """How an interrupted attempt ended (see `SkillPort`): by what is remembered of it, else by the devices' sensors."""
        if goal.attempt_id in self._running:
            return await asyncio.shield(self._running[goal.attempt_id])
        known = self._attempts.of(goal.attempt_id)
        ended = self._results.get(goal.attempt_id) or (known.ended if known else None)
        if ended is not None and not _unseen(ended):
            return ended
        context = self._context(goal, lambda feedback: None, known)
        if ended is not None and (known is None or known.done is None):
            return self._interrupted(context, "it had not been done")
        try:
            result = await self._looked_at(context, known)
        except FaultError as error:
            return self._ended_by(context, error)  # not kept: who asks again may get another answer
        self._remember(goal.attempt_id, "ended", result)
        if goal.attempt_id in self._results:
            self._results[goal.attempt_id] = result
        return result

    def _context(
        self, goal: SkillGoal, on_feedback: Callable[[Feedback], None], known: Attempt | None = None
    ) -> SkillContext:
        return SkillContext(
            goal,
            self._line_of(goal),
            self._clock,
            self._devices,
            on_feedback,
            taken=list(known.taken) if known else [],
            accomplished=[known.done] if known and known.done else [],
            planners=self._planners.get(goal.product, self.planners),
            record_step=self.record_step,
            work=self.work,
            keep=self._kept if self.keep else None,
            traffic=self._traffic,
            note=lambda what, data: self._note(goal.attempt_id, what, data),
            noted=dict(known.notes) if known else {},
        )

    def _line_of(self, goal: SkillGoal) -> Line:
        return self._line.making(goal.product) if self._line.makes(goal.product) else self._line

    async def _looked_at(self, context: SkillContext, known: Attempt | None) -> SkillResult:
        """The result of an attempt that did not end, as far as anybody can tell; OUTCOME_UNKNOWN where nobody can."""
        goal = context.goal
        if (known is None and self._attempts.covers(goal.attempt_id)) or (known is not None and not known.checked):
            return self._interrupted(context, "it had not begun")
        skill = self._accept(goal)
        await self._make_safe(skill, context)
        await self._clock.sleep(QUIET_S)
        if known is None and not skill.repeatable:
            raise FaultError("OUTCOME_UNKNOWN", goal.skill, f"nothing is remembered of attempt {goal.attempt_id}")
        result = await skill.reconcile(context)
        if result is None:
            return self._interrupted(context, "it had not been done")
        return context.recorded(replace(result, message=f"{result.message} (interrupted, and found done)"))

    def _interrupted(self, context: SkillContext, how: str) -> SkillResult:
        fault = FaultError("SKILL_CANCELLED", context.goal.skill, f"interrupted; {how}")
        return self._ended_by(context, fault, Outcome.CANCELLED)

    async def _attempt(self, context: SkillContext) -> _Ending[SkillResult]:
        goal = context.goal
        try:
            context.note("begun", None)
            skill = self._accept(goal)
        except FaultError as error:
            return self._ended_by(context, error), None
        try:
            result = await self._within_time(skill, context)
        except asyncio.CancelledError as cancelled:
            fault = FaultError("SKILL_CANCELLED", goal.skill)
            result, _ = await _uninterrupted(self._broken_off(skill, context, fault, Outcome.CANCELLED))
            return result, cancelled
        except FaultError as error:
            return await _uninterrupted(self._broken_off(skill, context, error))
        except Exception as error:  # the edge of foreign code: any mistake in a skill becomes a fault
            logger.exception("skill %s failed at operation %s of %s", goal.skill, goal.operation, goal.unit)
            failed = FaultError("SKILL_FAILED", goal.skill, f"{type(error).__name__}: {error}")
            return await _uninterrupted(self._broken_off(skill, context, failed))
        return context.recorded(result), None

    def _accept(self, goal: SkillGoal) -> Skill:
        """Make the goal's skill, or raise SKILL_REFUSED with everything that is wrong with the goal."""
        if not self._line.makes(goal.product):
            raise FaultError("SKILL_REFUSED", goal.skill, f"no line of this cell makes '{goal.product}'")
        try:
            kind: type[Skill] = plugins.skill(goal.skill)
            kind.Parameters.model_validate(dict(goal.parameters))
        except UsageError as error:
            raise FaultError("SKILL_REFUSED", goal.skill, str(error)) from error
        except ValidationError as error:
            raise FaultError("SKILL_REFUSED", goal.skill, _all_errors(error)) from error
        self._check_lease(goal, kind)
        return kind()

    def _check_lease(self, goal: SkillGoal, kind: type[Skill]) -> None:
        try:
            needs = kind.needs(self._line_of(goal), goal.variant, goal.parameters)
        except KeyError as error:
            raise FaultError("SKILL_REFUSED", goal.skill, f"the product has no {error}") from error
        except Exception as error:
            raise FaultError("SKILL_REFUSED", goal.skill, f"{type(error).__name__}: {error}") from error
        leased = goal.lease.resources
        wrong = [f"the lease has no {kind}" for kind in needs.kinds if kind not in leased]
        wrong += [f"there is no device '{name}'" for name in leased.values() if name not in self._devices]
        if wrong:
            raise FaultError("SKILL_REFUSED", goal.skill, "; ".join(wrong))

    async def _perform(self, skill: Skill, context: SkillContext) -> SkillResult:
        if self.before_skill is not None:
            await self.before_skill(context.goal)
        await skill.before(context)
        context.note("checked", None)
        result = await skill.run(context)
        await skill.after(context, result)
        return result

    async def _within_time(self, skill: Skill, context: SkillContext) -> SkillResult:
        limit_s = skill.timeout_s(context.goal.parameters)
        work = asyncio.ensure_future(self._perform(skill, context))
        try:
            if not await self._clock.wait(work, limit_s):
                raise FaultError("SKILL_TIMEOUT", context.goal.skill, f"not ended after {limit_s:.0f} s")
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _broken_off(
        self, skill: Skill, context: SkillContext, error: FaultError, outcome: Outcome = Outcome.FAULT
    ) -> SkillResult:
        """Make the devices safe and tell the outcome: success, with the fault, when the work was done before."""
        await self._make_safe(skill, context)
        await self._account(skill, context)
        broken = self._ended_by(context, error, outcome)
        try:
            done = await self._done_before(skill, context)
        except FaultError as found:
            told = self._ended_by(context, found)
            if found.fault.code in DEVICE_FAULTS:
                return self._ended_by(context, error) if error.fault.code in DEVICE_FAULTS else told
            return replace(told, message=f"{told.message}; after {broken.message}")
        if done is None:
            return broken
        return context.recorded(replace(done, message=f"{done.message}; then {broken.message}", fault=broken.fault))

    async def _done_before(self, skill: Skill, context: SkillContext) -> SkillResult | None:
        """The result of what was done before the attempt was broken off; None where it can be tried again."""
        if await self._is_accomplished(skill, context):
            return context.accomplished[-1]
        if not skill.once_only:
            return None
        try:
            return await skill.reconcile(context)
        except FaultError:
            raise
        except Exception as error:
            logger.exception("how far %s came could not be found out", context.goal.skill)
            raise FaultError("OUTCOME_UNKNOWN", context.goal.skill, f"{type(error).__name__}: {error}") from error

    async def _is_accomplished(self, skill: Skill, context: SkillContext) -> bool:
        """Whether the skill noted its work as done and its end conditions hold; `DEVICE_FAULTS` where it cannot be seen."""
        if not context.accomplished:
            return False
        try:
            await skill.after(context, context.accomplished[-1])
        except FaultError as error:
            if error.fault.code in DEVICE_FAULTS:
                raise
            return False
        except Exception:
            logger.exception("the end conditions of %s could not be checked", context.goal.skill)
            return False
        return True

    async def _make_safe(self, skill: Skill, context: SkillContext) -> None:
        """Make the devices safe; what fails even there is logged, and the first fault stays reported."""
        try:
            await skill.make_safe(context)
        except Exception:
            logger.exception("the devices of %s could not be made safe", context.goal.skill)

    async def _account(self, skill: Skill, context: SkillContext) -> None:
        """Have the skill note what it took; where the devices do not tell, the first fault stays reported."""
        try:
            await skill.account(context)
        except Exception:
            logger.exception("what %s had taken could not be found out", context.goal.skill)

    def _ended_by(self, context: SkillContext, error: FaultError, outcome: Outcome = Outcome.FAULT) -> SkillResult:
        fault = error.fault.at(context.goal.unit, context.goal.operation, self._clock.now())
        return context.recorded(SkillResult(outcome, str(fault), fault))

    def _keep(self, attempt_id: str, result: SkillResult) -> SkillResult:
        """Store a result and hand it to everybody who waits for the same attempt."""
        self._remember(attempt_id, "ended", result)
        self._results[attempt_id] = result
        if len(self._results) > KEPT_RESULTS:
            self._results.popitem(last=False)
        self._running.pop(attempt_id).set_result(result)
        return result

    def _kept(self, png: bytes) -> None:
        """Keep a picture; JOURNAL_UNWRITABLE where that fails, before anything is decided by it."""
        try:
            if self.keep is not None:
                self.keep(png)
        except JournalError as error:
            raise FaultError("JOURNAL_UNWRITABLE", "evidence", str(error)) from error

    def _note(self, attempt_id: str, what: str, data: Any) -> None:
        """Make a fact outlive this program; JOURNAL_UNWRITABLE where that fails, before anything is done about it."""
        try:
            self._attempts.write(attempt_id, what, data)
        except JournalError as error:
            raise FaultError("JOURNAL_UNWRITABLE", "attempts", str(error)) from error

    def _remember(self, attempt_id: str, what: str, data: Any) -> None:
        """As `_note`, for what has happened already: a failure is logged."""
        try:
            self._attempts.write(attempt_id, what, data)
        except JournalError:
            logger.exception("attempt %s is not remembered", attempt_id)


def _unseen(result: SkillResult) -> bool:
    """Whether an attempt ended in a fault after which nobody has seen how its work stands."""
    return result.outcome is Outcome.FAULT and result.fault is not None and result.fault.code in DEVICE_FAULTS


_Ending = tuple[T, "asyncio.CancelledError | None"]
"""What came out, and the cancel that is still to be raised."""


async def _uninterrupted(work: Coroutine[Any, Any, T]) -> _Ending[T]:
    """Await some work to its end, whatever cancel comes meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    return task.result(), cancelled


def _all_errors(error: ValidationError) -> str:
    """All that is wrong with the parameters, one clause each."""
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'parameters'}: {detail['msg']} ({detail['input']!r})"
        for detail in error.errors(include_url=False)
    )
