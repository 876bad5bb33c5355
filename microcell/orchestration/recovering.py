"""Acts on what went wrong in a chain: chooses a step of the policy within the budget, and carries it out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from microcell.description.line import RecoveryStep
from microcell.faults import Fault
from microcell.orchestration.binding import Binding
from microcell.orchestration.dispatch import Job
from microcell.orchestration.feeders import FeederWatch
from microcell.orchestration.questions import Question
from microcell.orchestration.recovery import (
    CONSEQUENCES,
    REPEATING,
    STEPS,
    Action,
    Tries,
    again_or_hold,
    choose,
    decide,
    policy,
)
from microcell.orchestration.service import Service
from microcell.orchestration.shop import Shop
from microcell.orchestration.tooling import Tooling, fault_of
from microcell.orchestration.work import UnitWork
from microcell.records.units import DROP_PART, HAND_IS_EMPTY
from microcell.skills.contract import Outcome, SkillResult

T = TypeVar("T")
Used = Mapping[str, Mapping[str, Mapping[str, str]]]
"""What operations had, by unit, operation and kind of device."""

MAY_LEAVE_PART_IN_HAND = (
    "OUTCOME_UNKNOWN",
    "HAND_NOT_EMPTY",
    "SKILL_CANCELLED",
    "SKILL_TIMEOUT",
    "GRIP_WRONG_WIDTH",
    "ARM_STOPPED",
    "EMERGENCY_STOP",
)
LEAVES_HAND_EMPTY = ("PART_OFF_LIMITS", "TEST_NO_CONTACT")
"""Faults of parts that are in the bin already."""


class Work(Protocol):
    """What recovering asks of the one that runs goals."""

    async def goal(
        self,
        unit: str,
        variant: str,
        operation: str,
        skill: str,
        parameters: dict[str, Any],
        resources: Mapping[str, str],
        at_once: bool = False,
    ) -> SkillResult:
        """Run a goal with its intent and outcome recorded."""

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask a device until it answers."""


class Cell(Protocol):
    """What recovering asks of the controller."""

    async def hold(self, fault: Fault) -> None:
        """Hold the cell because of a fault; returns when a person let it go on."""

    async def pass_through(self, after_s: float = 0.0) -> None:
        """Return after so long, as soon as the cell is in Execute or on its way to a safe point."""

    async def await_answer(self, waiting: Awaitable[T]) -> T:
        """Wait for a person's answer at a safe point."""

    async def acquire(self, device: str, holder: str) -> None:
        """Lease one more device as soon as it is free."""

    def freed(self) -> None:
        """Something was given back: perhaps another chain waits for it."""


@dataclass(frozen=True)
class Failure:
    """A fault of an operation of a chain. `leased` is False where the chain has given back what it had."""

    job: Job
    operation: str
    index: int
    fault: Fault
    leased: bool = True

    @property
    def unit(self) -> UnitWork:
        return self.job.unit

    @property
    def holder(self) -> str:
        return f"{self.unit.serial}/{self.job.chain.first}"

    @property
    def hand_may_be_full(self) -> bool:
        if self.fault.code in LEAVES_HAND_EMPTY:
            return False
        return self.index > 0 or self.fault.code in MAY_LEAVE_PART_IN_HAND

    @property
    def resources(self) -> Mapping[str, str]:
        return self.job.binding.operations.get(self.operation, {})


class Recovering:
    """What is done about the faults of chains. `recovered` says whether the operation is to be tried again now."""

    def __init__(self, shop: Shop, work: Work, cell: Cell, tooling: Tooling, feeders: FeederWatch, service: Service) -> None:
        self._shop = shop
        self._work = work
        self._cell = cell
        self._tooling = tooling
        self._feeders = feeders
        self._service = service

    async def recovered(self, job: Job, operation: str, index: int, fault: Fault) -> bool:
        """Act on a fault; True when the operation is to be tried again now with what the chain has."""
        failure, unit = Failure(job, operation, index, fault), job.unit
        self._shop.saw_fault(fault)
        if unit.scrapping and unit.plan.operations[operation].vacates and fault.code == "FIXTURE_EMPTY":
            self._shop.scrap(unit, operation, fault.code, unit.scrapping)  # somebody, or a slip, took it away already
            return False
        step, why = self._step(failure)
        if step.action == "ask":
            return await self._ask(failure, step)
        return await self._do(failure, step, step.action, why)

    async def after_the_work(self, unit: UnitWork, operation: str, fault: Fault) -> None:
        """The work is done, so there is nothing to repeat; a fault that needs a person holds the cell all the same."""
        self._shop.saw_fault(fault)
        step = decide(fault.code, 0, self._shop.line_of(unit).recovery)
        if step.action == "hold":
            self._shop.decided(unit.serial, operation, fault.code, "hold", str(fault))
            await self._cell.hold(fault)
        else:
            self._shop.decided(unit.serial, operation, fault.code, "go_on", "the operation was done before")
            await self._cell.pass_through(step.pause_s)

    def resume(self, interrupted: Container[str], used: Used) -> Iterator[tuple[UnitWork, Coroutine[Any, Any, None]]]:
        """After a restart: the units that still wait for an answer, each with what waits for it."""
        for question in self._shop.questions.open():
            unit = self._shop.units.get(question.unit)
            if unit is not None and unit.serial not in interrupted and question.operation in unit.plan.operations:
                yield unit, self._resume(unit, question, used.get(unit.serial, {}))
            elif question.unit:
                self._shop.questions.withdraw(question.question, "restart")

    async def empty_hand(self, job: Job) -> None:
        """Drop what the tool may hold into a bin, again and again until nothing is held."""
        arm, shop = job.binding.arm, self._shop
        bins = [name for name in shop.resources.suitability.bins(arm) if not shop.line.ways.zones_at(arm, name)]
        bins.sort(key=lambda name: name in shop.resources.out_of_service)
        if not bins:
            await self._cell.hold(Fault("HAND_NOT_EMPTY", arm, "there is no bin to drop the part into"))
            return
        unit, resources = job.unit, {"arm": arm, "bin": bins[0]}
        await self._cell.pass_through()
        await self._cell.acquire(bins[0], f"{unit.serial}/{job.chain.first}")
        tries = Tries()
        while True:
            result = await self._work.goal(unit.serial, unit.variant, DROP_PART, "place", {"target": "bin"}, resources)
            if result.outcome is Outcome.SUCCEEDED or (fault := fault_of(result)).code in HAND_IS_EMPTY:
                await self._cell.pass_through()
                return
            shop.saw_fault(fault)
            step = again_or_hold(fault.code, tries, shop.line_of(unit).recovery)
            shop.decided(unit.serial, DROP_PART, fault.code, step.action, str(fault))
            await (self._cell.hold(fault) if step.action == "hold" else self._cell.pass_through(step.pause_s))

    # which step

    def _step(self, failure: Failure) -> tuple[RecoveryStep, str]:
        """The step to take, and why where it is not the policy's; a source that failed too often is taken out of use."""
        shop, unit, operation, fault = self._shop, failure.unit, failure.operation, failure.fault
        line = shop.line_of(unit)
        budget = line.recovery_budget
        already = shop.attempts.tried(unit.serial, operation, fault.code)
        step = choose(fault.code, already, line.recovery, lambda step: self._possible(failure, step, step.action))
        action, why = "", ""
        if step.action in REPEATING:
            action, why = shop.attempts.spent(budget, unit.serial, operation, shop.clock.now())
        if action:
            step = STEPS["hold" if unit.scrapping else action]  # type: ignore[index]
        suspect = shop.sources.suspect(unit.serial, operation) if step.action != "hold" else ""
        if suspect and not self._may_stand_in(failure, suspect):  # one with the unit in it is not left for another
            self._service.take_out(suspect, fault)
            if step.action in ("retry", "look_again"):
                step, why = STEPS["next_part"], f"{suspect} is out of use"
        return step, why

    def _possible(self, failure: Failure, step: RecoveryStep, action: Action) -> bool:
        unit = failure.unit
        if action == "other":
            return bool(self._exchanged(failure, step))
        if action == "wait":
            return "feeder" in failure.resources
        if action == "rework":
            redo = step.redo and set(step.redo).issubset(unit.plan.operations)
            return bool(redo) and unit.reworks < self._shop.line_of(unit).max_reworks
        return True

    def _exchanged(self, failure: Failure, step: RecoveryStep) -> str:
        """The device or tool that the chain is to do without; "" where no other could do it."""
        name, unit, chain = self._barred(failure, step), failure.unit, failure.job.chain
        if not name or self._may_stand_in(failure, name):
            return ""
        stations = {kind: station for kind, station in unit.stations.items() if station != name}
        needs, draft = self._shop.needs(unit, chain), replace(unit, stations=stations)
        barred = frozenset({*unit.barred, name})
        others = [other for other in self._shop.at_work() if other is not unit]
        return name if self._shop.resources.could_bind(draft, chain, needs, [*others, draft], barred) else ""

    def _barred(self, failure: Failure, step: RecoveryStep) -> str:
        """What the step wants exchanged: of a kind, or what the fault names."""
        binding = failure.job.binding
        tool = self._shop.resources.mounted.get(binding.arm, "")
        if step.kind == "tool":
            return tool
        bound = {kind: name for devices in binding.operations.values() for kind, name in devices.items()}
        if step.kind is not None:
            return bound.get(step.kind, "")
        return failure.fault.where if failure.fault.where in {tool, *bound.values()} - {""} else ""

    def _may_stand_in(self, failure: Failure, station: str) -> bool:
        """Whether a unit may be in a station already, and not only has it reserved."""
        unit, code = failure.unit, failure.fault.code
        kinds = [kind for kind, name in unit.stations.items() if name == station]
        return any(unit.may_stand_in(kind, failure.operation, code) for kind in kinds)

    # what is done

    async def _do(
        self, failure: Failure, step: RecoveryStep, action: Action, why: str = "", question: Question | None = None
    ) -> bool:
        shop, unit, fault = self._shop, failure.unit, failure.fault
        told = {"question": question.question, "answered_by": question.by} if question else {}
        if action == "hold":
            reason = f"{fault} ({why})" if why else str(fault)
            shop.decided(unit.serial, failure.operation, fault.code, "hold", reason, **told)
            return await self._held(failure)
        if action in ("retry", "look_again"):
            number = shop.attempts.tried(unit.serial, failure.operation, fault.code) + 2
            shop.decided(unit.serial, failure.operation, fault.code, action, why or f"attempt {number}", **told)
            await self._cell.pass_through(step.pause_s)
            return failure.leased
        if action == "rework":
            await self._empty_if_need_be(failure)
            unit.done.difference_update(failure.job.chain.operations)
            shop.rework(unit, failure.operation, (fault.code,), step.redo, **told)
            return False
        await self._begin_again(failure, step, action, why, told)
        return False

    async def _held(self, failure: Failure) -> bool:
        """Hold the cell; then the operation is done again, unless once more could be twice."""
        fault = failure.fault
        await self._cell.hold(fault)
        if fault.code.startswith("TOOL_") and failure.job.binding.arm and failure.leased:
            await self._tooling.settle_after_hold(failure.job.binding.arm, failure.holder)  # a person may have changed it
        if fault.code == "OUTCOME_UNKNOWN":
            await self._begin_again(failure, STEPS["scrap"], "scrap", "", {})
            return False
        return failure.leased

    async def _begin_again(
        self, failure: Failure, step: RecoveryStep, action: Action, why: str, told: Mapping[str, str]
    ) -> None:
        """Empty the hand and give the chain, or the unit, up."""
        job, unit, fault, shop = failure.job, failure.unit, failure.fault, self._shop
        if action == "wait" and "feeder" in failure.resources:
            feeder = failure.resources["feeder"]
            if not await self._work.insist(lambda: self._feeders.take_for_empty(feeder)):
                await self._cell.hold(fault)  # it is full: nobody would see that it was refilled
        if action != "scrap":
            barred = self._exchanged(failure, step) if action == "other" else ""
            reason = why or f"{job.chain.first} is done again{f' without {barred}' if barred else ''}"
            shop.decided(unit.serial, failure.operation, fault.code, action, reason, barred=barred, **told)
            self._bar(unit, barred)
        await self._empty_if_need_be(failure)
        gone = failure.index + (fault.code == "GRIP_PART_LOST" and not unit.scrapping)
        unit_is_gone = any(unit.plan.operations[name].vacates for name in job.chain.operations[:gone])
        if action == "scrap" or unit_is_gone:
            shop.scrap(unit, failure.operation, fault.code, f"{fault} ({why})" if why else str(fault), **told)
        else:
            unit.done.difference_update(job.chain.operations)

    def _bar(self, unit: UnitWork, name: str) -> None:
        """Let a unit's next chain do without something; a station that it only has reserved is given back."""
        if name:
            unit.barred.add(name)
            for kind in [kind for kind, station in unit.stations.items() if station == name]:
                self._shop.leave(unit, kind, name)

    async def _empty_if_need_be(self, failure: Failure) -> None:
        if failure.job.binding.arm and failure.hand_may_be_full:
            await self.empty_hand(failure.job)

    # asking

    async def _ask(self, failure: Failure, step: RecoveryStep) -> bool:
        """Ask a person, and do what is answered. A chain with an empty hand gives back what it has while it waits."""
        shop, unit, fault = self._shop, failure.unit, failure.fault
        choices: dict[str, str] = {
            choice: CONSEQUENCES[choice]
            for choice in step.choices
            if choice == step.default or self._possible(failure, step, choice)
        }
        text = step.text or f"{fault.code} at {fault.where}: what is to be done with {unit.serial} at {failure.operation}?"
        if not failure.hand_may_be_full and not fault.code.startswith("TOOL_"):
            shop.resources.release([d for d, holder in shop.resources.holders.items() if holder == failure.holder])
            failure = replace(failure, leased=False)
            self._cell.freed()
        shop.decided(unit.serial, failure.operation, fault.code, "ask", text)
        number = shop.questions.ask(fault, text, choices, step.default or "", step.after_s, unit.serial, failure.operation)
        return await self._answered(failure, step, number)

    async def _answered(self, failure: Failure, step: RecoveryStep, number: str) -> bool:
        question = await self._cell.await_answer(self._shop.questions.answered(number))
        await self._cell.pass_through()
        action: Any = question.choice or "hold"
        if not self._possible(failure, step, action):
            action = "scrap" if action == "rework" else "next_part"
        if action == "retry" and failure.leased and failure.fault.code.startswith("TOOL_"):
            await self._tooling.settle_after_hold(failure.job.binding.arm, failure.holder)  # a person may have changed it
        return await self._do(failure, step, action, f"answer of {question.by}", question)

    async def _resume(self, unit: UnitWork, question: Question, used: Mapping[str, Mapping[str, str]]) -> None:
        """Wait for the answer to a question that an earlier run of the controller asked; nothing is leased meanwhile."""
        chain = next(chain for chain in unit.plan.chains if question.operation in chain.operations)
        steps = policy(question.fault.code, self._shop.line_of(unit).recovery)
        step = next((step for step in steps if step.action == "ask"), RecoveryStep(action="ask"))
        job = Job(unit, self._shop.orders[unit.order_id], chain, Binding("", "", "", dict(used), {}), False)
        index = chain.operations.index(question.operation)
        await self._answered(Failure(job, question.operation, index, question.fault, False), step, question.question)
