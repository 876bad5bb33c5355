"""The history of every unit: which operations, with which parts, tools and measurements, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from microcell import events
from microcell.events import Event

GOOD = "good"
IN_WORK = "in_work"
SUCCEEDED = "succeeded"
REJECTED = "rejected"
REWORK = "rework"
DROP_PART = "drop_part"
"""The operation that empties the hand into a bin."""
HAND_IS_EMPTY = ("GRIP_PART_LOST", "TOOL_UNSUITABLE")
"""What that ends in when the tool holds nothing, or when there is not even a tool: no failure of anything."""
PART_LOST = "GRIP_PART_LOST"
"""The fault of a hand that no longer holds what it held. Of a hand that is to be emptied it says nothing about the part."""
PICK = "pick"
"""The skill that ends with what it has taken in the hand."""
MEASURE = "measure"
"""The skill that tests what is in the hand, and ends with it there again."""
BACKED_OUT = frozenset(("FASTEN_CROSS_THREADED", "FASTEN_NOT_SEATED"))
"""Faults after which the screw is out of its thread, and in the bin where the attempt had one."""
NEVER_HELD = frozenset(("GRIP_NOTHING_HELD", "VACUUM_NOT_SEALED", "FASTEN_NO_SCREW"))
"""Faults of a hand that is empty: a part that left its feeder all the same fell on the way into it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one operation; `ended` is None while its outcome is not known, `unit` "" for set-up.

    `earlier` are outcomes that were told before the last one: a fault after which it was looked how the work stands.
    `left_s` is when the controller was gone that had begun it, None where it was there until the first outcome.
    """

    unit: str
    operation: str
    skill: str
    attempt_id: str
    resources: Mapping[str, str]
    started_s: float
    mounted_serial: str = ""
    ended: events.OperationEnded | None = None
    earlier: tuple[events.OperationEnded, ...] = ()
    left_s: float | None = None

    @property
    def tool_serial(self) -> str:
        """The tool that its outcome names, else the one on its arm's flange when it began; "" for none."""
        return (self.ended.tool_serial if self.ended else "") or self.mounted_serial

    @property
    def outcome(self) -> str:
        """succeeded, fault, cancelled or rejected; "" while in doubt."""
        return self.ended.outcome if self.ended else ""

    @property
    def ended_s(self) -> float | None:
        return self.ended.time_s if self.ended else None

    @property
    def duration_s(self) -> float:
        """From intent to outcome; 0 while in doubt.

        What comes after its controller was gone is not counted, unless the skill itself took longer: it may have ended
        meanwhile. Nor is the time between outcomes, in which somebody mended something.
        """
        if self.ended is None:
            return 0.0
        first, *later = self.outcomes
        passed_s = first.time_s - self.started_s
        seen_s = passed_s if self.left_s is None else max(self.left_s - self.started_s, min(passed_s, first.duration_s))
        return seen_s + math.fsum(outcome.duration_s for outcome in later)

    @property
    def outcomes(self) -> tuple[events.OperationEnded, ...]:
        """All that was told of its end, oldest first; none while in doubt."""
        return (*self.earlier, self.ended) if self.ended else ()

    @property
    def faults(self) -> tuple[dict[str, Any], ...]:
        """The faults of all its outcomes, as data; an empty hand that was to be emptied is none."""
        return tuple(told.fault for told in self.outcomes if told.fault and not found_nothing_to_drop(told))

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Parts (part, lot) that it took: who is asked later how it ended may not know of them any more."""
        return next((told.parts for told in reversed(self.outcomes) if told.parts), ())

    @property
    def thrown_away(self) -> bool:
        """Whether what the hand had last, of it or of an attempt before, went into a bin; of journals that do not say it, as
        far as operation and fault tell.
        """
        if self.operation == DROP_PART and self.outcome == SUCCEEDED:
            return True
        took = max((n for n, told in enumerate(self.outcomes) if told.parts), default=0)
        said = [told.thrown_away for told in self.outcomes[took:] if told.thrown_away is not None]
        return any(said) if said else self.fault_code in BACKED_OUT and "bin" in self.resources

    @property
    def fault_code(self) -> str:
        """Code of the fault it ended in, or ""."""
        return str((self.ended.fault or {}).get("code", "")) if self.ended else ""


@dataclass(frozen=True, slots=True)
class OperationHistory:
    """All attempts at one operation of one unit, oldest first."""

    operation: str
    skill: str
    attempts: tuple[Attempt, ...]

    @property
    def outcome(self) -> str:
        """Outcome of the last attempt."""
        return self.attempts[-1].outcome


@dataclass(frozen=True, slots=True)
class PartUsed:
    """A part taken for a unit, and where it came from."""

    part: str
    lot: str
    operation: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement of a unit: the fields of `microcell.measurement.Measurement`, and when it was taken."""

    operation: str
    time_s: float
    measurement: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnitHistory:
    """One unit. Times are production time, s."""

    serial: str
    order_id: str
    variant: str
    started_s: float
    ended_s: float | None = None
    state: str = IN_WORK
    reason: str = ""
    carton: str = ""
    reworks: int = 0
    attempts: tuple[Attempt, ...] = ()

    @property
    def cycle_s(self) -> float | None:
        """From the first operation's begin to the unit's end; None while it is in work."""
        return None if self.ended_s is None else self.ended_s - self.started_s

    @property
    def first_pass(self) -> bool:
        """Good, never rejected by an inspection and never reworked; a repeated grasp alone is no rework."""
        return self.state == GOOD and not self.reworks and all(a.outcome != REJECTED for a in self.attempts)

    @property
    def operations(self) -> tuple[OperationHistory, ...]:
        """Its operations in the order in which they were first begun."""
        found: dict[str, list[Attempt]] = {}
        for attempt in self.attempts:
            found.setdefault(attempt.operation, []).append(attempt)
        return tuple(OperationHistory(name, tries[0].skill, tuple(tries)) for name, tries in found.items())

    @property
    def parts(self) -> tuple[PartUsed, ...]:
        """What is in the unit: of each operation what its last attempt took that took anything, unless it is known to have
        fallen or been thrown away. What nobody knows the end of counts as in it.
        """
        return tuple(used for attempt, stays in self._taken() if stays for used in _parts(attempt))

    @property
    def discarded(self) -> tuple[PartUsed, ...]:
        """What was taken for it and fell, was thrown away, or was replaced."""
        return tuple(used for attempt, stays in self._taken() if not stays for used in _parts(attempt))

    def _taken(self) -> list[tuple[Attempt, bool]]:
        """Attempts that took parts, and whether these are in the unit."""
        took = [attempt for attempt in self.attempts if attempt.parts]
        last = {attempt.operation: attempt.attempt_id for attempt in took}
        taking, held, dropped = {attempt.attempt_id for attempt in took}, "", set()
        for attempt in self.attempts:
            takes = attempt.attempt_id in taking
            if takes:
                in_hand = attempt.outcome != SUCCEEDED or attempt.skill == PICK  # a screw that was driven is in the unit
                held = attempt.attempt_id if in_hand else ""
            if attempt.thrown_away or _fell(attempt, takes):
                dropped.add(held)
                held = ""
            elif attempt.outcome == SUCCEEDED and not takes and attempt.skill != MEASURE:
                held = ""
        return [(a, a.attempt_id == last[a.operation] and a.attempt_id not in dropped) for a in took]

    @property
    def tools(self) -> tuple[str, ...]:
        """Serials of the tools that touched it, each once."""
        return tuple(dict.fromkeys(a.tool_serial for a in self.attempts if a.tool_serial))

    @property
    def measurements(self) -> tuple[Measured, ...]:
        return tuple(
            Measured(a.operation, a.ended.time_s, m) for a in self.attempts if a.ended for m in a.ended.measurements
        )


class UnitsFold:
    """Folds units and attempts out of events."""

    def __init__(self) -> None:
        self._units: dict[str, UnitHistory] = {}
        self._attempts: dict[str, Attempt] = {}
        self._mounted: dict[str, str] = {}
        self._open: set[str] = set()
        self._last_s: float | None = None

    def apply(self, event: Event) -> None:
        """Take the next event into account."""
        if isinstance(event, events.JournalOpened) and self._last_s is not None:
            self._leave(self._last_s)
        self._last_s = event.time_s
        if isinstance(event, events.OperationStarted):
            self._attempts[event.attempt_id] = self._begun(event)
            self._open.add(event.attempt_id)
        elif isinstance(event, events.OperationEnded):
            begun = self._attempts.get(event.attempt_id) or _unannounced(event)
            self._attempts[event.attempt_id] = replace(begun, ended=event, earlier=begun.outcomes)
            self._open.discard(event.attempt_id)
        elif isinstance(event, events.ToolMounted):
            self._mounted[event.arm] = event.serial
        elif isinstance(event, events.UnitStarted):
            self._units[event.unit] = UnitHistory(event.unit, event.order_id, event.variant, event.time_s)
        elif isinstance(event, events.UnitEnded):
            self._units[event.unit] = replace(
                self._unit(event.unit, event.time_s),
                ended_s=event.time_s, state=event.disposition, reason=event.reason, carton=event.carton,
            )  # fmt: skip
        elif isinstance(event, events.RecoveryDecided) and event.unit and event.action == REWORK:
            unit = self._unit(event.unit, event.time_s)
            self._units[event.unit] = replace(unit, reworks=unit.reworks + 1)

    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts, set-up work included, in the order of their begin."""
        return tuple(self._attempts.values())

    def units(self) -> dict[str, UnitHistory]:
        """All units by serial, in the order of their begin."""
        attempts: dict[str, list[Attempt]] = {}
        for attempt in self._attempts.values():
            if attempt.unit:
                attempts.setdefault(attempt.unit, []).append(attempt)
        known = {**self._units}
        for serial, tries in attempts.items():
            known[serial] = replace(self._unit(serial, tries[0].started_s), attempts=tuple(tries))
        return known

    def _leave(self, time_s: float) -> None:
        """The controller was gone from then on."""
        for attempt_id in self._open:
            self._attempts[attempt_id] = replace(self._attempts[attempt_id], left_s=time_s)
        self._open.clear()

    def _begun(self, event: events.OperationStarted) -> Attempt:
        return Attempt(
            unit=event.unit,
            operation=event.operation,
            skill=event.skill,
            attempt_id=event.attempt_id,
            resources=event.resources,
            started_s=event.time_s,
            mounted_serial=self._mounted.get(event.resources.get("arm", ""), ""),
        )

    def _unit(self, serial: str, time_s: float) -> UnitHistory:
        """A unit; one that no event introduced is known from now on, so that a cut journal still reports."""
        return self._units.get(serial) or UnitHistory(serial, "", "", time_s)


def in_doubt(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Attempts whose intent is recorded and whose outcome is not."""
    return tuple(attempt for attempt in attempts if attempt.ended is None)


def _fell(attempt: Attempt, takes: bool) -> bool:
    """Whether what the hand had, of this attempt or of one before, fell in it."""
    if attempt.fault_code == PART_LOST:
        return attempt.operation != DROP_PART  # a hand that was to be emptied may have put its part into the unit
    return takes and attempt.fault_code in NEVER_HELD


def _parts(attempt: Attempt) -> Iterator[PartUsed]:
    for part, lot in attempt.parts:
        yield PartUsed(part, lot, attempt.operation)


def _unannounced(event: events.OperationEnded) -> Attempt:
    started_s = event.time_s - event.duration_s
    return Attempt(event.unit, event.operation, event.skill, event.attempt_id, {}, started_s)


def found_nothing_to_drop(event: events.OperationEnded) -> bool:
    """Whether the hand was to be emptied, and was empty."""
    return event.operation == DROP_PART and event.fault is not None and event.fault["code"] in HAND_IS_EMPTY
