"""What the orchestrator does about tools: makes certain what is on each flange, mounts, docks, and keeps unfit ones out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from microcell import events
from microcell.description.line import RecoveryStep
from microcell.devices.contract import Device
from microcell.devices.tool_changer.contract import ToolChanger
from microcell.errors import JournalError, UsageError
from microcell.faults import Fault, FaultError
from microcell.orchestration.dispatch import Job
from microcell.orchestration.packml import Mode, State
from microcell.orchestration.recovery import Tries, choose
from microcell.orchestration.shop import Shop
from microcell.orchestration.tool_choice import arm_to_dock, arm_to_fetch, check_arm, check_free, check_same_crib, check_tool
from microcell.skills.contract import Outcome, SkillGoal, SkillResult, Step

T = TypeVar("T")
BY_HAND = (State.IDLE, State.EXECUTE, State.HELD, State.SUSPENDED, State.COMPLETE)
"""States in which a person may have a tool changed."""


class Work(Protocol):
    """What tooling asks of the one that runs goals."""

    goals: dict[str, SkillGoal]

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
        """Run a goal with its intent and outcome recorded; `at_once` does not wait until the cell produces."""

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask a device until it answers."""

    async def empty_hand(self, job: Job) -> None:
        """Drop what the tool may hold."""


class Cell(Protocol):
    """What tooling asks of the controller."""

    @property
    def state(self) -> State:
        """The cell's PackML state."""

    @property
    def mode(self) -> Mode:
        """The cell's PackML mode."""

    async def hold(self, fault: Fault) -> None:
        """Hold the cell because of a fault; returns when a person let it go on."""

    async def pass_through(self, after_s: float = 0.0) -> None:
        """Return after so long, as soon as the cell is in Execute."""

    async def acquire(self, device: str, holder: str) -> None:
        """Lease one more device as soon as it is free."""

    def freed(self) -> None:
        """Something was given back."""

    def journal_failed(self, error: JournalError) -> None:
        """Abort: nothing can be written any more."""

    def beside(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run some work beside all other, as one of those that come to rest before the cell does."""


class Tooling:
    """The tool changes of a cell. `unsettled` are arms on whose flange nobody has looked since an interruption."""

    def __init__(self, shop: Shop, work: Work, cell: Cell, changers: Mapping[str, Device], restarted: bool) -> None:
        self._shop = shop
        self._work = work
        self._cell = cell
        self._changers = _typed(changers)
        self._restarted = restarted
        self.unsettled = shop.resources.unsettled

    async def start(self) -> None:
        """Read every coupling; what an earlier run, or somebody, left there is to be settled before anything else."""
        for arm, changer in self._changers.items():
            try:
                if self._restarted or (await changer.coupling()).locked:
                    self.unsettled.add(arm)
                elif arm not in self.unsettled:
                    await self.read(arm)
            except FaultError as error:
                self._shop.raised(error.fault)
                self.unsettled.add(arm)
        self._shop.resources.out_of_service |= set(self._shop.tools.out_of_service())

    async def read(self, arm: str) -> str:
        """Read what is on an arm's flange and record it when it is news; the tool's name, "" for none."""
        tool, serial = await self._look(arm)
        self._saw(arm, tool, serial)
        return tool

    async def _look(self, arm: str) -> tuple[str, str]:
        coupling = await self._changers[arm].coupling()
        serial = coupling.tool_serial if coupling.locked else ""
        tool = next((name for name, (_, p) in self._shop.tools.places.items() if serial and p.serial == serial), "")
        return tool, serial

    def _saw(self, arm: str, tool: str, serial: str) -> None:
        if self._shop.tools.serial_on(arm) != serial or self._shop.tools.is_changing(arm):
            self._shop.mounted(arm, tool, serial)

    async def not_as_told(self, arm: str, tool: str) -> Fault | None:
        """After a change that ended well: record what is on the flange, or tell that it is not the tool ("" = none)."""
        found, serial = await self._look(arm)
        wanted = self._shop.tools.serial_of(tool)
        if serial != wanted:
            detail = f"the coupling reads {serial or 'no tool'} after the change to {wanted or 'no tool'} had ended well"
            return Fault("TOOL_UNCERTAIN", arm, detail)
        self._saw(arm, found, serial)
        return None

    def settling(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What is to be run now, with names: the settling of each unsettled arm that is free, which is leased for it."""
        found, held = [], self._shop.resources
        for arm in sorted(self.unsettled):
            devices = self._with_crib(arm)
            if all(held.is_free(device) for device in devices.values()):
                held.take(devices.values(), f"{arm}/settle_{arm}")
                found.append((f"settle_{arm}", self._settle(arm, devices)))
        return found

    async def _settle(self, arm: str, devices: Mapping[str, str]) -> None:
        """Settle an arm that was leased for it, and give it back however that ends."""
        try:
            await self.settle(arm, devices)
        finally:
            self._shop.resources.release(devices.values())

    async def settle(self, arm: str, devices: Mapping[str, str]) -> None:
        """Make certain what is on a leased arm's flange, and take it out of a pocket; a person is asked as often as it
        fails. Until it has succeeded the arm is unsettled.
        """
        self.unsettled.add(arm)
        operation, tries = f"settle_{arm}", Tries()
        while True:
            result = await ended(self._work.goal("", "", operation, "settle_tool", self._known(arm), devices))
            if _succeeded(result):
                await self._work.insist(lambda: self.read(arm))
                self.unsettled.discard(arm)
                return
            fault = fault_of(result)
            if await self.recovered(operation, fault, tries) == "hold":
                self._person_has_looked(arm, operation, fault)

    def _known(self, arm: str) -> dict[str, Any]:
        """What `settle_tool` is told of the journal's knowledge."""
        return {"expected": list(self._shop.tools.expected(arm)), "last_step": self._shop.tools.last_step(arm)}

    def _person_has_looked(self, arm: str, operation: str, fault: Fault) -> None:
        """After a contradiction between journal and sensors, what the sensors agree on counts."""
        if fault.code in ("TOOL_UNCERTAIN", "TOOL_MISSING"):
            self._shop.tools.disregard(arm)
            reason = "a person has looked: what the sensors agree on counts, not what the journal expects"
            self._shop.decided("", operation, fault.code, "go_on", reason)

    async def settle_after_hold(self, arm: str, holder: str) -> None:
        """After a person was asked about the tool on a leased arm: settle the flange before its holder goes on.

        What the coupling says alone proves nothing: a sensor that lies would become the belief that the cell moves by.
        """
        devices, held = self._with_crib(arm), self._shop.resources
        crib = devices["tool_crib"]
        if held.holders.get(crib) == holder:  # its own, for the tool change that is still to come
            await self.settle(arm, devices)
            return
        await self._cell.acquire(crib, holder)
        try:
            await self.settle(arm, devices)
        finally:
            held.release([crib])
            self._cell.freed()

    async def mount(self, job: Job) -> bool:
        """Mount the tool that a chain needs; a person is asked as often as it fails. False when it may not be used any more.

        What a failed change left on the flange is settled with what the journal expects before anything else moves.
        """
        arm, tool, crib = job.binding.arm, job.binding.change_to, job.binding.crib
        operation, tries, resources = f"mount_{tool}", Tries(), {"arm": arm, "tool_crib": crib}
        while True:
            if not self._shop.tools.is_fit(tool):
                return False
            self.unsettled.add(arm)  # until it has ended well
            result = await ended(self._work.goal("", "", operation, "change_tool", {"tool": tool}, resources))
            fault = await self._work.insist(lambda: self.not_as_told(arm, tool)) if _succeeded(result) else fault_of(result)
            if fault is None:
                self.unsettled.discard(arm)
                self._shop.resources.release([crib])
                return True
            action = await self.recovered(operation, fault, tries, tool if self._could_do_without(job, tool) else "")
            await self.settle(arm, resources)
            if action == "other":
                self._shop.take_out(tool, fault, f"could not be mounted ({fault.code} at {fault.where})")
                return False
            if action != "hold" and fault.code == "HAND_NOT_EMPTY":
                await self._work.empty_hand(job)

    def is_fit(self, job: Job) -> bool:
        """Whether the mounted tool may still be used: it may be worn out, or have been put out of service just now."""
        return self._shop.tools.is_fit(self._shop.resources.mounted.get(job.binding.arm, ""))

    async def record_step(self, attempt_id: str, step: Step) -> None:
        """Make a step durable that a running skill is about to do; the fault that is raised forbids it."""
        goal = self._work.goals.get(attempt_id)
        if goal is None:
            detail = f"attempt {attempt_id} is not in work here: the step {step.name} is not taken"
            raise FaultError("SKILL_REFUSED", "orchestrator", detail)
        event = events.ToolChangeStep(
            time_s=self._shop.clock.now(),
            attempt_id=attempt_id,
            arm=goal.lease.resources["arm"],
            step=step.name,
            tool=step.tool,
            serial=step.serial,
            crib=step.crib,
            pocket=step.pocket,
        )
        try:
            self._shop.record(event)
        except JournalError as error:
            self._cell.journal_failed(error)
            raise FaultError("JOURNAL_UNWRITABLE", "journal", str(error)) from error

    # what a person asks for

    async def change(self, arm: str, tool: str) -> str:
        """Mount a tool now; what was done, in words. `UsageError` or `FaultError` say why not.

        Without an arm ("") it is the one that can fetch the tool, where there is but one.
        """
        check_tool(self._shop, tool)
        arm = arm_to_fetch(self._shop, self._changers, arm, tool)
        check_same_crib(self._shop, arm, tool)
        if refusal := self._shop.tools.refusal(tool):
            raise FaultError.of(refusal)
        return await self._by_hand(arm, f"mount_{tool}", "change_tool", {"tool": tool})

    async def dock(self, arm: str) -> str:
        """Put the mounted tool into its pocket now; what was done, in words.

        Without an arm ("") it is the one that holds a tool, where there is but one.
        """
        arm = arm_to_dock(self._shop, self._changers, arm)
        return await self._by_hand(arm, f"dock_{arm}", "dock_tool", {})

    def set_service(self, tool: str, in_service: bool, reason: str = "") -> str:
        """Put a tool out of service, so that it is not chosen any more, or back into it."""
        check_tool(self._shop, tool)
        serial = self._shop.tools.serial_of(tool)
        self._shop.set_service(tool, in_service, reason or ("put back" if in_service else "put out of service by hand"))
        self._cell.freed()
        return f"{tool} {serial} is {'in' if in_service else 'out of'} service"

    def renew(self, tool: str, reason: str = "") -> str:
        """Take note that a tool was overhauled, calibrated or replaced under its serial: its life begins anew."""
        check_tool(self._shop, tool)
        serial, reason = self._shop.tools.serial_of(tool), reason or "renewed by hand"
        self._shop.record(events.ToolRenewed(time_s=self._shop.clock.now(), tool=tool, serial=serial, reason=reason))
        self._cell.freed()
        return f"the life of {tool} {serial} begins anew"

    # inside

    async def _by_hand(self, arm: str, operation: str, skill: str, parameters: dict[str, Any]) -> str:
        check_arm(self._changers, arm)
        if self._cell.mode is Mode.MAINTENANCE:
            raise UsageError("nothing is moved by hand in Maintenance mode, only in Production and Manual.")
        if self._cell.state not in BY_HAND:
            states = ", ".join(state.title for state in BY_HAND)
            raise UsageError(f"nothing is moved by hand in {self._cell.state.title}, only in {states}.")
        resources, held = self._with_crib(arm, str(parameters.get("tool", ""))), self._shop.resources
        zones = self._shop.line.ways.zones_at(arm, resources["tool_crib"])
        check_free(self._shop, self._cell.state, arm, [*resources.values(), *sorted(zones)])
        leased = (*resources.values(), *zones)
        held.take(leased, f"{arm}/{operation}")
        held.enters(arm, zones)
        work = self._do_by_hand(arm, operation, skill, parameters, resources, leased)
        return await asyncio.shield(self._cell.beside(work, operation))

    async def _do_by_hand(
        self,
        arm: str,
        operation: str,
        skill: str,
        parameters: dict[str, Any],
        resources: Mapping[str, str],
        leased: Iterable[str],
    ) -> str:
        try:
            return await self._steps_by_hand(arm, operation, skill, parameters, resources)
        finally:
            self._shop.resources.release(leased)

    async def _steps_by_hand(
        self, arm: str, operation: str, skill: str, parameters: dict[str, Any], resources: Mapping[str, str]
    ) -> str:
        """Settle first what an interruption left; then do it. Whatever fails leaves the arm unsettled."""
        goals = [(operation, skill, parameters)]
        if arm in self.unsettled:
            goals.insert(0, (f"settle_{arm}", "settle_tool", self._known(arm)))
        self.unsettled.add(arm)  # until it has ended well
        for name, wanted, given in goals:
            if self._cell.state not in BY_HAND:
                raise FaultError("SKILL_CANCELLED", arm, f"the cell is {self._cell.state.title}")
            result = await ended(self._work.goal("", "", name, wanted, given, resources, at_once=True))
            if not _succeeded(result):
                self._shop.saw_fault(fault_of(result))
                raise FaultError.of(fault_of(result))
            if wanted == "settle_tool":
                await self.read(arm)
        if fault := await self.not_as_told(arm, parameters.get("tool", "")):
            self._shop.saw_fault(fault)
            raise FaultError.of(fault)
        self.unsettled.discard(arm)
        return result.message

    def _could_do_without(self, job: Job, tool: str) -> bool:
        """Whether a chain could be done with another tool."""
        unit, shop = job.unit, self._shop
        needs, barred = shop.needs(unit, job.chain), frozenset({*unit.barred, tool})
        return shop.resources.could_bind(unit, job.chain, needs, shop.units.values(), barred)

    async def recovered(self, operation: str, fault: Fault, tries: Tries, exchangeable: str = "") -> str:
        """Act on a fault of a tool change; what was decided, which is noted.

        `other` only for a tool that another can do the work of, and where it is the tool that the fault speaks against.
        """
        self._shop.saw_fault(fault)

        def possible(step: RecoveryStep) -> bool:
            if step.action == "other":
                return bool(exchangeable) and (step.kind == "tool" or (step.kind is None and fault.where == exchangeable))
            return step.action not in ("ask", "rework") and step.kind in (None, "tool")

        step = choose(fault.code, tries.of(fault.code), self._shop.line.recovery, possible)
        action = "retry" if step.action == "scrap" else step.action  # there is no unit to give up
        tries.note(fault.code, action)
        self._shop.decided("", operation, fault.code, action, str(fault))
        await (self._cell.hold(fault) if action == "hold" else self._cell.pass_through(step.pause_s))
        return action

    def _with_crib(self, arm: str, wanted: str = "") -> dict[str, str]:
        """The arm and the crib where the wanted tool belongs, or else where it was last, or its tool's, or the first one."""
        tool, suitability = self._shop.resources.mounted.get(arm, ""), self._shop.resources.suitability
        known = (suitability.crib_of(wanted), self._shop.tools.last_crib(arm), suitability.crib_of(tool))
        crib = next(filter(None, known), "") or suitability.devices("tool_crib", arm, {}, "")[0]
        return {"arm": arm, "tool_crib": crib}


def fault_of(result: SkillResult) -> Fault:
    """The fault that a result tells; SKILL_FAILED where a skill ended badly without one."""
    return result.fault or Fault(
        "SKILL_FAILED", "skill", f"ended as {result.outcome.name} without a fault: {result.message}"
    )


async def ended(goal: Awaitable[SkillResult]) -> SkillResult:
    """How a goal ended; a fault that it raises is a result as well, for nobody asked who could be told."""
    try:
        return await goal
    except FaultError as error:
        return SkillResult(Outcome.FAULT, str(error), error.fault)


def _succeeded(result: SkillResult) -> bool:
    return result.outcome is Outcome.SUCCEEDED


def _typed(changers: Mapping[str, Device]) -> dict[str, ToolChanger]:
    for arm, device in changers.items():
        if not isinstance(device, ToolChanger):
            raise TypeError(f"the tool changer of '{arm}' is a {type(device).__name__}")
    return changers  # type: ignore[return-value]
