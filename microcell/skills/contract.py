"""What a skill is: parameters, needs, conditions, faults and `run`. No ROS in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from microcell.clock import Clock
from microcell.description.base import Description
from microcell.description.line import Line
from microcell.description.product import Grasp
from microcell.description.tool import Capability, Task, Tool
from microcell.devices.contract import Device
from microcell.devices.factory import Work, at_once
from microcell.faults import Fault, FaultError
from microcell.measurement import Measurement
from microcell.motion.planner import MotionPlanner
from microcell.vision.results import InspectionReport

if TYPE_CHECKING:
    from microcell.skills.traffic import Traffic

D = TypeVar("D", bound=Device)

DEVICE_FAULTS = (
    "DEVICE_SILENT", "DEVICE_STALE", "DEVICE_MALFORMED", "DEVICE_FAILED", "SENSOR_IMPLAUSIBLE", "CLOCK_JUMPED",
)  # fmt: skip
"""What asking any device can end in. After it nobody has seen how the work stands: it is settled before it is repeated."""


class Outcome(IntEnum):
    """How a skill ended; numbered as in ExecuteSkill.action, where 0 is an empty result and means nothing."""

    SUCCEEDED = 1
    FAULT = 2
    CANCELLED = 3
    REJECTED = 4


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one holder to use resources: device name by kind (`{"fixture": "fixture_1"}`).

    `mounted` is the serial of the tool that the holder believes to be on the arm's flange, "" for none; None where the
    holder does not say.
    """

    holder: str
    resources: Mapping[str, str]
    epoch: int = 0
    mounted: str | None = None


@dataclass(frozen=True, slots=True)
class SkillGoal:
    """One attempt at one operation.

    `attempt_id` is unique: a repeated goal gets the stored result and moves nothing. `product` is the unit's; "" for that of
    the cell's first line.
    """

    skill: str
    unit: str
    variant: str
    operation: str
    attempt_id: str
    parameters: Mapping[str, Any]
    lease: Lease
    product: str = ""


@dataclass(frozen=True, slots=True)
class PartUse:
    """A part that the skill took from a feeder, for the genealogy."""

    part: str
    lot: str


@dataclass(frozen=True, slots=True)
class SkillResult:
    """How an attempt ended and what is to be recorded of it.

    `motion_s` is the part of `duration_s` in which an arm moved. `thrown_away`: what the hand had last went into a bin.
    SUCCEEDED with a `fault` means: the work is done, and on the way back from it something went wrong.
    """

    outcome: Outcome
    message: str
    fault: Fault | None = None
    disposition: str = ""
    measurements: tuple[Measurement, ...] = ()
    failed_checks: tuple[str, ...] = ()
    duration_s: float = 0.0
    motion_s: float = 0.0
    parts: tuple[PartUse, ...] = ()
    thrown_away: bool = False
    tool_serial: str = ""
    carton: str = ""
    image_sha256: str = ""
    inspection: InspectionReport | None = None

    def lasting(self, duration_s: float, motion_s: float) -> SkillResult:
        """The same result with its duration, and how long of it an arm moved."""
        return replace(self, duration_s=duration_s, motion_s=motion_s)


@dataclass(frozen=True, slots=True)
class Step:
    """A micro-step of a skill: what is about to be done, with which tool at which pocket (number from 1; 0 = none)."""

    name: str
    tool: str = ""
    serial: str = ""
    crib: str = ""
    pocket: int = 0


@dataclass(frozen=True, slots=True)
class Feedback:
    """Progress of a running skill: phase, 0 to 1, one human sentence."""

    phase: str
    progress: float
    message: str


@dataclass(frozen=True, slots=True)
class Needs:
    """Resources of an operation: a device of each kind, a tool that can do something, parts from a feeder.

    Fingers must open to `width_m` and close with `force_n`; a bit must turn with `torque_n_m` and at `speed_rad_s`.
    """

    kinds: tuple[str, ...]
    capability: Capability | None = None
    part: str | None = None
    width_m: float = 0.0
    force_n: float = 0.0
    torque_n_m: float = 0.0
    speed_rad_s: float = 0.0

    @classmethod
    def to_grasp(cls, kinds: tuple[str, ...], grasp: Grasp, part: str | None = None) -> Needs:
        """Resources of an operation that takes or holds something so."""
        return cls(kinds, grasp.capability, part, grasp.width_m, grasp.force_n)

    @property
    def task(self) -> Task | None:
        """What is asked of a tool; None where none is needed."""
        if self.capability is None:
            return None
        return Task(self.capability, self.width_m, self.force_n, self.torque_n_m, self.speed_rad_s)

    def can_use(self, tool: Tool) -> bool:
        """Whether a tool can do it; where no tool is needed, any."""
        return self.task is None or tool.can(self.task)


RecordStep = Callable[[str, Step], Awaitable[None]]
"""Makes a step of an attempt (by its id) durable; raises a fault where that fails."""


Note = Callable[[str, Any], None]
"""Makes a fact of an attempt outlive the program: its kind (see `AttemptLog.write`) and its data."""


Keep = Callable[[bytes], None]
"""Keeps a picture, PNG, as evidence, under its own SHA-256."""


@dataclass(frozen=True)
class SkillContext:
    """What a running skill may use.

    A skill whose every step counts records each one with `checkpoint` before it does it.

    A skill notes in `taken` each part at the moment it takes it from a feeder, so that the result tells of it
    however the attempt ends; and with `accomplish` what its result is once nothing but the way back is left.
    `motions_s` are the times of its arm motions. `planners` by arm outlive the goal: they remember the motions of the line.
    `work` does what computes for long: where time is real, beside the event loop, which has to react to contact and stop.
    `note` makes facts outlive this program; `noted` are the attempt's own so far (see `Skill.reconcile`).
    `keep` stores pictures; None where nobody wants any.
    `traffic` knows what other arms do; None where an arm is tried by itself.
    """

    goal: SkillGoal
    line: Line
    clock: Clock
    devices: Mapping[str, Device]
    report: Callable[[Feedback], None] = field(default=lambda feedback: None)
    taken: list[PartUse] = field(default_factory=list)
    accomplished: list[SkillResult] = field(default_factory=list)
    motions_s: list[float] = field(default_factory=list)
    record_step: RecordStep | None = None
    planners: dict[str, MotionPlanner] = field(default_factory=dict)
    work: Work = at_once
    note: Note = field(default=lambda what, data: None)
    noted: dict[str, Any] = field(default_factory=dict)
    keep: Keep | None = None
    traffic: Traffic | None = None

    def leased(self, kind: str) -> str:
        """Name of the leased device of a kind."""
        return self.goal.lease.resources[kind]

    def device(self, name: str, contract: type[D]) -> D:
        """A device by name, as its kind's contract."""
        found = self.devices[name]
        if not isinstance(found, contract):
            raise TypeError(f"device '{name}' is a {type(found).__name__}, not a {contract.__name__}")
        return found

    def accomplish(self, result: SkillResult) -> SkillResult:
        """Note the result that stands from now on, provided that the end conditions (`Skill.after`) hold.

        A cancel or a fault that comes later no longer undoes the work: it is told in the result's `fault`.
        """
        self.note("done", result)
        self.accomplished.append(result)
        return result

    def remember(self, **facts: Any) -> None:
        """Note facts, of JSON's types, by which an interrupted attempt can be judged."""
        self.note("note", facts)
        self.noted.update(facts)

    def take_part(self, use: PartUse) -> None:
        """Note a part that has left its feeder."""
        self.keep_held()
        self.note("taken", use)
        self.taken.append(use)

    @property
    def thrown_away(self) -> bool:
        """Whether what the hand had last went into a bin."""
        return bool(self.noted.get("thrown_away"))

    def throw_away(self) -> None:
        """Note that what the hand has goes into a bin."""
        self.remember(thrown_away=True)

    def keep_held(self) -> None:
        """Note that what the hand has is not thrown away."""
        if self.thrown_away:
            self.remember(thrown_away=False)

    def recorded(self, result: SkillResult) -> SkillResult:
        """A result with what was taken, and whether the last of it went into a bin."""
        return replace(result, parts=tuple(self.taken), thrown_away=self.thrown_away)

    async def checkpoint(self, step: Step) -> None:
        """Record a step that is about to be done; returns when the record is durable.

        Where it cannot be recorded, the fault that is raised says why, and the step must not be done. Nothing is
        recorded where nobody keeps a journal, as when a skill is tried by hand.
        """
        if self.record_step is not None:
            await self.record_step(self.goal.attempt_id, step)

    def say(self, phase: str, progress: float, message: str) -> None:
        """Report progress."""
        self.report(Feedback(phase, progress, message))


class Skill(ABC):
    """Base of all skills. `PLUGIN` of the module names the class; the module's name is the skill's.

    A new instance is made for each goal.

    Conditions: `before` checks what must hold at the start, `run` watches what must hold during, `after`
    checks the end. Each raises `FaultError` with one of `faults`. After a cancel or a fault `make_safe` runs, then
    `account`.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    summary: ClassVar[str]
    Parameters: ClassVar[type[Description]]
    faults: ClassVar[tuple[str, ...]]
    repeatable: ClassVar[bool] = False
    """Whether a new attempt does no harm however far an interrupted one came, so that none is ever in doubt."""
    once_only: ClassVar[bool] = False
    """Whether what was begun must not be begun again: an attempt that a cancel or a fault breaks off is looked at at once
    (`reconcile`), and ends in what is found.
    """

    @classmethod
    @abstractmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """What the operation needs before it may start; called by the dispatcher, so no I/O."""

    @classmethod
    @abstractmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        """Expected duration, s."""

    @classmethod
    def timeout_s(cls, parameters: Mapping[str, Any]) -> float:
        """Duration after which the skill is stopped with SKILL_TIMEOUT, s."""
        return 5.0 * cls.expected_s(parameters) + 30.0

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Parameters of another approach to the same work, for its `attempt`-th repetition (from 1).

        By default everything goes slower. A skill that knows better says what else it does; all of it within the bounds
        of its parameters.
        """
        return {**parameters, **slower(cls.Parameters, parameters, attempt)}

    @classmethod
    def repeated(cls, parameters: Mapping[str, Any], code: str) -> dict[str, Any]:
        """Parameters of an attempt after one that ended in a fault: what is to be made sure of first.

        By default nothing: `before` checks the world anyway.
        """
        return dict(parameters)

    async def before(self, context: SkillContext) -> None:
        """Check what must hold at the start."""

    @abstractmethod
    async def run(self, context: SkillContext) -> SkillResult:
        """Do it."""

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        """Check what must hold at the end."""

    async def reconcile(self, context: SkillContext) -> SkillResult | None:
        """Find out how an attempt stands that was broken off with its program, after its `before` had held; of work that is
        done `once_only`, also one that was broken off otherwise, however early.

        No arm moves here: sensors are read, and what the context remembers (`noted`, `taken`, `accomplished`); a hand may
        let go what is noted as being in its place. Returns the result when the work is done; None when it is not and a new
        attempt will take it up where it is. Where nobody can know, as for a skill that does not say more, it is
        OUTCOME_UNKNOWN.
        """
        if self.repeatable:
            return None
        raise FaultError("OUTCOME_UNKNOWN", context.goal.skill, f"{context.goal.operation} was interrupted")

    async def make_safe(self, context: SkillContext) -> None:
        """Bring the devices to rest after a cancel or a fault: nothing moves, what is held stays held."""
        await stop_all(context, context.goal.lease.resources.values())

    async def account(self, context: SkillContext) -> None:
        """After a cancel or a fault, with the devices at rest: note in `taken` what was taken when nobody could say so."""


async def stop_all(context: SkillContext, names: Iterable[str]) -> None:
    """Stop devices, each of them also where one before it cannot be stopped; then raise what the first one said."""
    failed: FaultError | None = None
    for name in names:
        try:
            await context.devices[name].stop()
        except FaultError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def slower(model: type[Description], parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
    """The speeds of some parameters for a repetition: half of them, a quarter from the second one on."""
    ratio, fields = 0.5 ** min(attempt, 2), model.model_fields
    return {key: ratio * parameters.get(key, fields[key].default) for key in _SPEEDS if key in fields}


def wider(
    model: type[Description], parameters: Mapping[str, Any], attempt: int, key: str, most: float, ratio: float = 1.5
) -> dict[str, Any]:
    """A parameter for a repetition: by the ratio more each time, up to the most that is permitted."""
    return {key: min(most, ratio**attempt * parameters.get(key, model.model_fields[key].default))}


_SPEEDS = ("speed_m_s", "speed_ratio")


class SkillPort(Protocol):
    """How the orchestrator reaches skills: in the same process, or through ROS actions."""

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        """Run a goal to its end. Cancelling this call cancels the skill and waits until it is safe."""

    async def settle(self, goal: SkillGoal) -> SkillResult:
        """How an attempt ended that was interrupted, or ended in one of `DEVICE_FAULTS`: as it is remembered, else as the
        devices tell. Nothing moves.

        SUCCEEDED when it was done after all, SKILL_CANCELLED when it was not and can be done again, OUTCOME_UNKNOWN when
        nobody can know.
        """

    async def offered(self) -> frozenset[str]:
        """Names of the skills that somebody offers now."""
