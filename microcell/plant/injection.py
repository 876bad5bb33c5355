"""Faults to order: what is to happen to which command of which device, and when. Seeded and replayable.

Nothing here does anything to the plant. Who carries a command out asks `due` first, and lets happen what it is told
(`devices/mocking.py`, `injecting.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from microcell.description.fault_schedule import ScheduledFault
from microcell.description.injectable import INJECTABLE
from microcell.faults import CATALOGUE


@dataclass
class Injection:
    """A device's command ends in `code`, as its own controller may report at any time.

    From its `nth` call on (1 = the next), counted from `after_s`, for `times` calls.
    """

    device: str
    command: str
    code: str
    nth: int = 1
    after_s: float = 0.0
    times: int = 1

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"'{self.code}' is not in the fault catalogue (microcell/faults.py)")


@dataclass
class Waiting:
    """A scheduled fault: how many commands are still to pass, how often it is still to happen, how often it did."""

    fault: ScheduledFault
    nth: int
    left: int
    released: int = 0

    @property
    def spent(self) -> bool:
        return self.left <= 0


@dataclass(frozen=True)
class Happening:
    """A fault that happens now: its id and size, and where."""

    fault: str
    size: float
    where: str
    command: str
    time_s: float
    source: Waiting = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Work:
    """An operation that is going on: of which unit, with which devices."""

    operation: str
    unit: str
    devices: frozenset[str]


Mend = Callable[[], Awaitable[object]]
"""What a person does at the cell after a fault."""

Holds = Callable[[str], bool]
"""Whether a condition of the closed set holds now."""


@dataclass
class Injections:
    """The faults still to come, those that were, and what a person has to mend after them."""

    holds: Holds = field(default=lambda condition: True)
    scheduled: list[Waiting] = field(default_factory=list)
    happened: list[Happening] = field(default_factory=list)
    work: dict[str, Work] = field(default_factory=dict)
    _refusing: list[Injection] = field(default_factory=list)
    _to_mend: list[Mend] = field(default_factory=list)

    def add(self, injection: Injection) -> None:
        """Order that a command ends in a code."""
        self._refusing.append(injection)

    def schedule(self, fault: ScheduledFault) -> None:
        """Order a fault of the catalogue."""
        self.scheduled.append(Waiting(fault, fault.nth, fault.how_often))

    @property
    def idle(self) -> bool:
        """Whether nothing is to come."""
        return not self._refusing and all(waiting.spent for waiting in self.scheduled)

    def begins(self, attempt_id: str, operation: str, unit: str, resources: Mapping[str, str]) -> None:
        """Note that an operation begins: faults may wait for it."""
        self.work[attempt_id] = Work(operation, unit, frozenset(resources.values()))

    def ends(self, attempt_id: str) -> None:
        """Note that an operation has ended."""
        self.work.pop(attempt_id, None)

    def refusal(self, device: str, command: str, now_s: float) -> str | None:
        """Count one call of a command; the code that it ends in, if any."""
        for injection in self._refusing:
            if (injection.device, injection.command) != (device, command) or now_s < injection.after_s:
                continue
            injection.nth -= 1
            if injection.nth > 0:
                continue
            injection.times -= 1
            if injection.times <= 0:
                self._refusing.remove(injection)
            return injection.code
        return None

    def due(self, where: str, kind: str, command: str, now_s: float) -> Happening | None:
        """Count one command for every scheduled fault that could happen at it; the fault that does, if any."""
        for waiting in self.scheduled:
            if waiting.spent or not self._fits(waiting.fault, where, kind, command, now_s):
                continue
            waiting.nth -= 1
            if waiting.nth > 0:
                continue
            waiting.left -= 1
            waiting.released += 1
            happening = Happening(waiting.fault.fault, waiting.fault.how_large, where, command, now_s, waiting)
            self.happened.append(happening)
            return happening
        return None

    def not_after_all(self, happening: Happening) -> None:
        """Take a fault back that found nothing to happen to: it happens at the next command instead."""
        self.happened.remove(happening)
        waiting = happening.source
        waiting.left, waiting.released, waiting.nth = waiting.left + 1, waiting.released - 1, 1

    def leaves(self, mend: Mend) -> None:
        """Note what a person will have to do after a fault."""
        self._to_mend.append(mend)

    async def mend(self) -> None:
        """Be that person: do all that is to be done at the cell, what happened last first."""
        to_do, self._to_mend = self._to_mend, []
        for mend in reversed(to_do):
            await mend()

    def _fits(self, fault: ScheduledFault, where: str, kind: str, command: str, now_s: float) -> bool:
        return (
            INJECTABLE[fault.fault].happens_at(kind, command)
            and fault.where in (None, where)
            and now_s >= fault.after_s
            and self._during(fault, where)
            and (fault.condition is None or self.holds(fault.condition))
        )

    def _during(self, fault: ScheduledFault, device: str) -> bool:
        """Whether the operation and unit that a fault waits for are at work, and not another one with this very device."""
        if fault.operation is None and fault.unit is None:
            return True
        mine = [work for work in self.work.values() if device in work.devices]
        return any(
            fault.operation in (None, work.operation) and fault.unit in (None, work.unit)
            for work in (mine or self.work.values())
        )


def condition_of(bench: object) -> Holds:
    """How the closed set of conditions is asked of a plant's bench."""
    return lambda condition: _ASKED[condition](bench)


_ASKED: dict[str, Callable[..., bool]] = {
    "holding": lambda bench: any(bench.held(tool) is not None for tool in bench.tools.values() if tool.arm is not None),
    "empty_handed": lambda bench: all(bench.held(tool) is None for tool in bench.tools.values()),
    "moving": lambda bench: any(arm.moving for arm in bench.arms.values()),
    "resting": lambda bench: not any(arm.moving for arm in bench.arms.values()),
    "unit_seated": lambda bench: any(bench.unit_in(fixture) is not None for fixture in bench.clamped),
    "no_unit": lambda bench: all(bench.unit_in(fixture) is None for fixture in bench.clamped),
}
