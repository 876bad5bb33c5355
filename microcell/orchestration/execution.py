"""Runs one chain: tool change, goals in order, each journalled before and after, and recovery when one fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from microcell import events, plugins
from microcell.description.line import Line
from microcell.devices.contract import Device
from microcell.errors import JournalError, UsageError
from microcell.faults import Fault, FaultError
from microcell.orchestration.dispatch import Dispatcher, Job
from microcell.orchestration.feeders import FeederWatch
from microcell.orchestration.packml import Mode, State
from microcell.orchestration.parking import Parking
from microcell.orchestration.recovering import Recovering
from microcell.orchestration.recovery import Tries, again_or_hold
from microcell.orchestration.resumption import goal_again
from microcell.orchestration.service import Service
from microcell.orchestration.sharing import Sharing
from microcell.orchestration.shop import Shop
from microcell.orchestration.tooling import Tooling, ended, fault_of
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import DEVICE_FAULTS, Feedback, Lease, Outcome, SkillGoal, SkillPort, SkillResult
from microcell.skills.report_data import report_data

T = TypeVar("T")
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Gate(Protocol):
    """What a running chain asks of the controller."""

    @property
    def state(self) -> State:
        """The cell's PackML state."""

    @property
    def mode(self) -> Mode:
        """The cell's PackML mode."""

    async def hold(self, fault: Fault) -> None:
        """Hold the cell because of a fault; returns when a person let it go on."""

    async def may_move(self, devices: Iterable[str] = ()) -> None:
        """Return at once where a chain may go on to its safe point; otherwise, after an abort of the cell or of one of these
        devices, when they work again.
        """

    async def pass_through(self, after_s: float = 0.0) -> None:
        """Return after so long, as soon as the cell is in Execute or on its way to a safe point."""

    async def park(self, waiting: Awaitable[T]) -> T:
        """Wait at a safe point."""

    async def await_answer(self, waiting: Awaitable[T]) -> T:
        """Wait for a person's answer at a safe point."""

    async def acquire(self, device: str, holder: str) -> None:
        """Lease one more device as soon as it is free."""

    def freed(self) -> None:
        """Something was given back: perhaps another chain waits for it."""

    def beside(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run some work beside all other, as one of those that come to rest before the cell does."""

    def journal_failed(self, error: JournalError) -> None:
        """Abort: nothing can be written any more."""


class ChainRunner:
    """Runs jobs through a skill port."""

    def __init__(
        self,
        shop: Shop,
        port: SkillPort,
        gate: Gate,
        changers: Mapping[str, Device],
        feeders: FeederWatch,
        service: Service,
        epoch: int,
    ) -> None:
        self._shop = shop
        self._port = port
        self._gate = gate
        self._feeders = feeders
        self._epoch = epoch
        self._attempts = 0
        self._begun: dict[str, events.OperationStarted] = {}
        self.tooling = Tooling(shop, self, gate, changers, restarted=epoch > 1)
        self.parking = Parking(shop, self, gate, self.tooling)
        self.sharing = Sharing(shop, self, self.tooling)
        self.recovering = Recovering(shop, self, gate, self.tooling, feeders, service)
        self.activity: dict[str, Feedback] = {}
        self.goals: dict[str, SkillGoal] = {}
        self.running: dict[str, asyncio.Task[SkillResult]] = {}

    async def run(self, job: Job) -> None:
        """Run a job to its end; its leases were taken by the caller and are given back here."""
        holder = f"{job.unit.serial}/{job.chain.first}"
        try:
            await self.parking.enter(job)
            await self.sharing.put_away_first(job)
            if job.binding.change_to and not await self.tooling.mount(job):
                return
            if job.resumed or self.tooling.is_fit(job):  # otherwise the chain gets another tool, or waits
                await self._run_chain(job)
        finally:
            self._begun.pop(job.unit.serial, None)
            self._shop.resources.release([d for d, h in self._shop.resources.holders.items() if h == holder])

    def between_jobs(self, dispatcher: Dispatcher) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What idle arms do for the others when there is no next job, with names: put a tool away, leave a zone."""
        return [*self.sharing.due(dispatcher), *self.parking.due()]

    def cancel_all(self, device: str = "") -> None:
        """Cancel every running skill, or those that use a device; each is left safe by its server."""
        for attempt_id, task in self.running.items():
            if not device or device in self.goals[attempt_id].lease.resources.values():
                task.cancel()

    async def _run_chain(self, job: Job) -> None:
        unit, chain = job.unit, job.chain
        index, asked = next((n for n, name in enumerate(chain.operations) if name not in unit.done), 0), job.interrupted
        unseen: events.OperationStarted | None = None
        found: SkillResult | None
        while index < len(chain.operations):
            operation = chain.operations[index]
            if asked is not None and asked.operation == operation:
                found, asked = await self._how_it_ended(unit, asked), None
            else:
                found = await self._found(unit, unseen) if unseen is not None else None
            result = found or await self._attempt(unit, operation, job.binding.operations[operation], job)
            if result.outcome is Outcome.SUCCEEDED:
                index += 1
                if result.fault is not None:
                    await self.recovering.after_the_work(unit, operation, result.fault)
                if (found is not None or result.fault is not None) and index == len(chain.operations):
                    await self.parking.stand_back(job, operation)
                self._succeeded(job, operation, index, result)
            elif result.outcome is Outcome.REJECTED:
                self._rejected(unit, operation, result)
                return
            elif not await self.recovering.recovered(job, operation, index, fault_of(result)):
                return
            not_seen = result.outcome is Outcome.FAULT and fault_of(result).code in DEVICE_FAULTS
            unseen = self._begun.get(unit.serial) if not_seen else None
        unit.barred.clear()
        if unit.complete:
            self._shop.end_unit(unit)

    def _succeeded(self, job: Job, operation: str, next_index: int, result: SkillResult) -> None:
        unit, spec = job.unit, job.unit.plan.operations[operation]
        unit.done.add(operation)
        unit.carton = result.carton or unit.carton
        if spec.vacates and spec.vacates in unit.stations:
            self._shop.leave(unit, spec.vacates, unit.stations[spec.vacates])
        resources, needed = self._shop.resources, job.binding.still_needed(job.chain, next_index)
        if "arm" in job.binding.operations[operation]:
            resources.stands_in(job.binding.arm, job.binding.zones.get(operation, ()))
        mine = {d for d, who in resources.holders.items() if who == f"{unit.serial}/{job.chain.first}"}
        resources.release(mine - needed)  # what was given back earlier may be another's by now
        if next_index < len(job.chain.operations):  # at the chain's end the controller looks by itself
            self._gate.freed()

    def _rejected(self, unit: UnitWork, operation: str, result: SkillResult) -> None:
        checks = self._failed_checks(unit, operation, result)
        redo = tuple(dict.fromkeys(name for check in checks.values() for name in check.redo))
        names = ", ".join(checks) or operation
        failed = f"{'recycled, ' if result.disposition == 'recycle' else ''}inspection failed: {names}"
        if result.disposition != "rework" or not redo:
            self._shop.scrap(unit, operation, ",".join(checks), failed)
        elif unit.reworks >= self._shop.line_of(unit).max_reworks:
            self._shop.scrap(unit, operation, ",".join(checks), f"still not good after {unit.reworks} reworks: {names}")
        else:
            self._shop.rework(unit, operation, tuple(checks), redo)

    def _failed_checks(self, unit: UnitWork, operation: str, result: SkillResult) -> dict[str, Any]:
        name = self._shop.parameters(unit, operation).get("inspection", "")
        inspection = self._shop.line_of(unit).product_description.inspections.get(name)
        return {c: inspection.checks[c] for c in result.failed_checks if c in inspection.checks} if inspection else {}

    async def _attempt(self, unit: UnitWork, operation: str, resources: Mapping[str, str], job: Job) -> SkillResult:
        skill, usual = self._shop.skill_of(unit, operation), self._shop.parameters(unit, operation)
        attempts, parameters = self._shop.attempts, usual
        if approach := attempts.approach(unit.serial, operation):
            parameters = plugins.skill(skill).changed(parameters, approach)
        if code := attempts.failed(unit.serial, operation):
            parameters = plugins.skill(skill).repeated(parameters, code)
        changed = {key: value for key, value in parameters.items() if key not in usual or usual[key] != value}
        return await self.goal(unit.serial, unit.variant, operation, skill, usual, resources, changed=changed)

    async def _how_it_ended(self, unit: UnitWork, started: events.OperationStarted) -> SkillResult:
        """The outcome of an attempt that an earlier program left, as its server or the devices tell."""
        self._begun[unit.serial] = started  # one that could not be looked at is asked about again before it is repeated
        goal, result = await self._settled(unit, started)
        self._shop.record(_ended(goal, result, self._shop.clock.now()))
        return result

    async def _found(self, unit: UnitWork, started: events.OperationStarted) -> SkillResult | None:
        """How the work stands of an attempt after whose fault nobody has seen it; None where it is to be done again."""
        goal, result = await self._settled(unit, started)
        if result.outcome is Outcome.CANCELLED:
            return None
        self._shop.record(_ended(goal, result, self._shop.clock.now()))
        return result

    async def _settled(self, unit: UnitWork, started: events.OperationStarted) -> tuple[SkillGoal, SkillResult]:
        """The goal of an attempt, and how it ended."""
        await self._gate.may_move()
        shop = self._shop
        mounted = shop.tools.serial_on(started.resources.get("arm", ""))
        parameters = {**shop.parameters(unit, started.operation), **started.changed}
        goal = goal_again(started, unit, parameters, mounted, self._epoch)
        return goal, _placed(await ended(self._port.settle(goal)), goal, shop.clock.now())

    async def goal(
        self,
        unit: str,
        variant: str,
        operation: str,
        skill: str,
        parameters: dict[str, Any],
        resources: Mapping[str, str],
        at_once: bool = False,
        changed: Mapping[str, Any] = NOTHING,
    ) -> SkillResult:
        """One attempt: intent recorded, goal run, outcome recorded. `at_once` does not wait until the cell produces;
        `changed` are the parameters of another approach.
        """
        if not at_once:
            await self._gate.may_move(resources.values())
        shop, clock = self._shop, self._shop.clock
        self._attempts += 1
        attempt_id = f"{self._epoch}.{self._attempts}"
        holder = f"{unit or resources['arm']}/{operation}"
        mounted = shop.tools.serial_on(resources.get("arm", ""))
        lease = Lease(holder, resources, self._epoch, mounted)
        product = shop.units[unit].product if unit in shop.units else ""
        goal = SkillGoal(skill, unit, variant, operation, attempt_id, {**parameters, **changed}, lease, product)
        started = events.OperationStarted(
            time_s=clock.now(),
            unit=unit,
            operation=operation,
            skill=skill,
            attempt_id=attempt_id,
            resources=dict(resources),
            changed=dict(changed),
        )
        shop.record(started)
        self._begun[unit] = started
        result = _placed(await self._execute(goal), goal, clock.now())
        shop.record(_ended(goal, result, clock.now()))
        if "feeder" in resources:
            await self.insist(lambda: self._feeders.read(resources["feeder"]))
        return result

    async def _execute(self, goal: SkillGoal) -> SkillResult:
        def report(feedback: Feedback) -> None:
            self.activity[goal.lease.holder] = feedback

        sent: list[str] = []
        task = asyncio.ensure_future(self._send(goal, report, sent))
        self.running[goal.attempt_id], self.goals[goal.attempt_id] = task, goal
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():  # the whole chain is being cancelled: pass it on and wait until the skill is safe
                task.cancel()
                await asyncio.wait([task])
                raise
            if not task.cancelled():
                return task.result()
            if not sent:
                fault = Fault("SKILL_CANCELLED", goal.skill).at(goal.unit, goal.operation, self._shop.clock.now())
                return SkillResult(Outcome.CANCELLED, fault.kind.cause, fault)
            # Sent again, the goal moves nothing: the port kept how it ended.
            return await self._port.execute(goal, report)
        finally:
            self.running.pop(goal.attempt_id, None)
            self.goals.pop(goal.attempt_id, None)
            self.activity.pop(goal.lease.holder, None)

    async def _send(self, goal: SkillGoal, report: Callable[[Feedback], None], sent: list[str]) -> SkillResult:
        """Hand a goal to the port, and note that it was sent; faults of the port itself become results."""
        sent.append(goal.attempt_id)
        try:
            return await self._port.execute(goal, report)
        except FaultError as error:
            return SkillResult(Outcome.FAULT, str(error), error.fault)

    async def empty_hand(self, job: Job) -> None:
        """Drop what the tool may hold into a bin."""
        await self.recovering.empty_hand(job)

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What a device says that the orchestrator asks itself; one that fails is asked again, in the end by a person."""
        tries = Tries()
        while True:
            try:
                return await ask()
            except FaultError as error:
                fault = self._shop.saw_fault(error.fault)
            step = again_or_hold(fault.code, tries, self._shop.line.recovery)
            self._shop.decided("", "", fault.code, step.action, str(fault))
            await (self._gate.hold(fault) if step.action == "hold" else self._gate.pass_through(step.pause_s))


async def check_skills(line: Line, port: SkillPort) -> None:
    """`UsageError` when nobody offers a skill that the line's plan or its tool changes need."""
    if missing := await missing_skills(line, port):
        raise UsageError(
            f"nobody offers the skill {', '.join(missing)}, which the plan of '{line.product}' needs. Start its server."
        )


async def missing_skills(line: Line, port: SkillPort) -> list[str]:
    """Skills that a line's plan or its tool changes need and that nobody offers."""
    product = line.product_description
    wanted = {op.skill for plan in (product.plan, product.scrap_plan) for op in plan.values()}
    wanted |= {"park"} if line.cell_description.zones else set()
    return sorted((wanted | {"change_tool", "settle_tool", "stand_back"}) - await port.offered())


def _placed(result: SkillResult, goal: SkillGoal, now_s: float) -> SkillResult:
    """The result with the unit and operation in its fault, where the skill did not put them there."""
    if result.fault is None or result.fault.operation:
        return result
    return replace(result, fault=result.fault.at(goal.unit, goal.operation, now_s))


def _ended(goal: SkillGoal, result: SkillResult, now_s: float) -> events.OperationEnded:
    return events.OperationEnded(
        time_s=now_s,
        unit=goal.unit,
        operation=goal.operation,
        skill=goal.skill,
        attempt_id=goal.attempt_id,
        outcome=result.outcome.name.lower(),
        message=result.message,
        duration_s=result.duration_s,
        fault=result.fault.as_data() if result.fault else None,
        disposition=result.disposition,
        measurements=tuple(_finite(asdict(m)) for m in result.measurements),
        failed_checks=result.failed_checks,
        parts=tuple((use.part, use.lot) for use in result.parts),
        thrown_away=result.thrown_away,
        tool_serial=result.tool_serial,
        carton=result.carton,
        image_sha256=result.image_sha256,
        motion_s=result.motion_s,
        inspection=report_data(result.inspection) if result.inspection else None,
    )


def _finite(measurement: dict[str, Any]) -> dict[str, Any]:
    """The journal's JSON has no NaN: what could not be measured is null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in measurement.items()}
