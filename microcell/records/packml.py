"""State, mode, times and counts of the cell and of each of its stations, as PackML counts them, folded from events.

What a station does follows from what happens to it, so the journal holds no entry for each of its states: it is in Execute
while an operation uses it, Idle otherwise, Held after a fault of its own, Suspended while it is an empty feeder, Stopped and
Aborted with the cell, and what a person commanded wherever a person did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from microcell import events
from microcell.events import Event

CELL = ""
"""Stands for the cell among the units."""

STATION_KINDS = ("arm", "feeder", "fixture", "camera", "carton_station", "printer", "press", "turner", "tester")
"""Devices that do work of their own, and so have a state machine. Tool changer and force sensor work as a part of their arm;
crib and bin only stand there; a safety device only watches, and nobody may stop it."""

PRODUCTION = "Production"
STOPPED, IDLE, EXECUTE, HELD, SUSPENDED, ABORTED = "Stopped", "Idle", "Execute", "Held", "Suspended", "Aborted"
COMPLETE = "Complete"

ABORTING_FAULTS = ("EMERGENCY_STOP", "ARM_PROTECTIVE_STOP")
"""Faults that leave the station where they happen Aborted; all others leave it Held."""

_OF_NO_DEVICE = ("SKILL_", "JOURNAL_", "OUTCOME_", "CLOCK_")
"""How the codes begin of faults of programs."""
NOT_ITS_OWN = ("FEEDER_EMPTY", "SKILL_CANCELLED", "DEVICE_OUT_OF_SERVICE")
"""Codes that name a station and are no fault of it: it is empty, was cancelled, or a person took it out."""

_ACTING = {
    STOPPED: "Stopping", HELD: "Holding", SUSPENDED: "Suspending", ABORTED: "Aborting", COMPLETE: "Completing",
}  # fmt: skip
"""The acting state before each state that a person can command; it lasts until no operation uses the station."""

_COMMANDED = {acting: state for state, acting in _ACTING.items()} | {"Clearing": STOPPED}
_PERSON_HAS_LOOKED = ("Unholding", "Resetting", "Clearing")
_NO_MOTION = {"Aborting": ABORTED, ABORTED: ABORTED, "Clearing": STOPPED, STOPPED: STOPPED, "Stopping": STOPPED}
"""What the stations become in states of the cell in which it does not produce."""


@dataclass(slots=True)
class Stopwatch:
    """Time spent in each of several named states, s; the time in which nobody kept the journal is not counted."""

    name: str
    since_s: float | None = None
    stay_s: float = 0.0
    totals_s: dict[str, float] = field(default_factory=dict)

    def enter(self, name: str, now_s: float) -> None:
        """Be in another state from now on."""
        self.pause(now_s)
        self.since_s = now_s
        if name != self.name:
            self.name, self.stay_s = name, 0.0

    def pause(self, now_s: float) -> None:
        """Stop counting until the next `enter`."""
        if self.since_s is not None:
            passed_s = max(0.0, now_s - self.since_s)
            self.stay_s += passed_s
            self.totals_s[self.name] = self.totals_s.get(self.name, 0.0) + passed_s
            self.since_s = None

    def current_s(self, now_s: float) -> float:
        """Time in the present state."""
        return self.stay_s + (0.0 if self.since_s is None else max(0.0, now_s - self.since_s))

    def cumulative_s(self, now_s: float) -> dict[str, float]:
        """Time in each state by name."""
        running_s = self.current_s(now_s) - self.stay_s
        return {**self.totals_s, self.name: self.totals_s.get(self.name, 0.0) + running_s}


@dataclass(slots=True)
class UnitRecord:
    """One PackML unit. `processed` and `defective` are ProdProcessedCount and ProdDefectiveCount of the standard: units for
    the cell, operations for a station; the defective ones are among the processed.

    `commanded` is the state that a person commanded ("" = it follows its work), `attempts` are those that use it now.
    """

    unit: str
    state: Stopwatch = field(default_factory=lambda: Stopwatch(STOPPED))
    mode: Stopwatch = field(default_factory=lambda: Stopwatch(PRODUCTION))
    reason: str = ""
    processed: int = 0
    defective: int = 0
    mode_changes: int = 0
    commanded: str = ""
    commanded_why: str = ""
    ending: bool = False
    attempts: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    fault_text: str = ""
    starved: bool = False

    @property
    def produces(self) -> bool:
        """Whether production may use the station: nobody took it out, and it is in production mode."""
        return self.commanded in ("", COMPLETE) and self.mode.name == PRODUCTION


@dataclass(frozen=True, slots=True)
class UnitTimes:
    """One unit for the report. Times by name of state and mode, s; counts as in `UnitRecord`."""

    unit: str
    state: str
    mode: str
    processed: int
    defective: int
    mode_changes: int
    state_s: Mapping[str, float]
    mode_s: Mapping[str, float]


Enter = Callable[[UnitRecord, str, str, float], None]
"""Is told of the state that a unit has now, with the reason and the time."""


def _enter(record: UnitRecord, state: str, reason: str, now_s: float) -> None:
    record.state.enter(state, now_s)
    record.reason = reason


class PackmlFold:
    """Folds the cell's record and those of its stations. `enter` is told of a station's states instead of its stopwatch."""

    def __init__(self, enter: Enter = _enter) -> None:
        self.units: dict[str, UnitRecord] = {CELL: UnitRecord(CELL)}
        self.enter = enter
        self.last_s = 0.0
        self._unseen = UnitRecord("a station that nobody has used yet")
        self._stations = [self._unseen]
        self._used: dict[str, Mapping[str, str]] = {}
        self._handlers: Mapping[type[Event], Callable[[Any], None]] = {
            events.JournalOpened: self._opened,
            events.StateChanged: self._cell_changed,
            events.StationStateChanged: self._station_changed,
            events.ModeChanged: self._mode_changed,
            events.OperationStarted: self._started,
            events.OperationEnded: self._ended,
            events.FaultRaised: lambda event: self._fault(event.fault, event.time_s),
            events.FeederEmptied: lambda event: self._starve(event.feeder, True, event.time_s),
            events.FeederRefilled: lambda event: self._starve(event.feeder, event.level <= 0, event.time_s),
            events.LineChangeStepEnded: self._set_up,
            events.UnitEnded: self._unit_ended,
        }

    def station(self, name: str) -> UnitRecord:
        """The record of a station, a new one for one that nothing was told of yet."""
        record = self.units.get(name)
        if record is None:
            record = self.units[name] = deepcopy(self._unseen)
            record.unit = name
            self._stations.append(record)
        return record

    def times(self) -> tuple[UnitTimes, ...]:
        """The cell (as "") and the stations, up to the last event."""
        return tuple(
            UnitTimes(
                unit=record.unit,
                state=record.state.name,
                mode=record.mode.name,
                processed=record.processed,
                defective=record.defective,
                mode_changes=record.mode_changes,
                state_s=record.state.cumulative_s(self.last_s),
                mode_s=record.mode.cumulative_s(self.last_s),
            )
            for record in self.units.values()
        )

    def apply(self, event: Event) -> None:
        """Take the next event into account."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)
        self.last_s = event.time_s

    def power_off(self) -> None:
        """Nobody keeps the journal any more since its last event: all is Stopped and no time counts until it is opened."""
        for record in self._all():
            record.state.pause(self.last_s)
            record.mode.pause(self.last_s)
            record.state.name, record.state.stay_s = STOPPED, 0.0
            record.attempts.clear()
            record.fault, record.starved = "", False

    def settle(self, record: UnitRecord, now_s: float) -> None:
        """Tell which state a station has now."""
        self.enter(record, *self._state_of(record), now_s)

    def _state_of(self, record: UnitRecord) -> tuple[str, str]:
        """The state of a station and why."""
        cell = self.units[CELL]
        at_rest = _NO_MOTION.get(cell.state.name)
        if record.commanded:
            return (_ACTING if record.attempts else {}).get(record.commanded, record.commanded), record.commanded_why
        if at_rest == ABORTED:
            return ("Aborting" if record.attempts else ABORTED), cell.reason
        if record.attempts:
            return EXECUTE, next(reversed(record.attempts.values()))
        if at_rest:
            return at_rest, cell.reason
        if record.fault:
            return (ABORTED if record.fault in ABORTING_FAULTS else HELD), record.fault_text
        return (SUSPENDED, "no parts left") if record.starved else (IDLE, "free")

    # events

    def _opened(self, event: events.JournalOpened) -> None:
        self.power_off()
        for record in self._all():
            record.state.enter(STOPPED, event.time_s)
            record.mode.enter(record.mode.name, event.time_s)
            record.reason = "not started"
        self._settle_all(event.time_s)

    def _all(self) -> tuple[UnitRecord, ...]:
        return (self.units[CELL], *self._stations)

    def _cell_changed(self, event: events.StateChanged) -> None:
        before = self.units[CELL].state.name
        _enter(self.units[CELL], event.state, event.reason, event.time_s)
        looked = event.state in _PERSON_HAS_LOOKED
        if looked:
            for record in self._stations:
                record.fault = ""
        if looked or _NO_MOTION.get(before) != _NO_MOTION.get(event.state):
            self._settle_all(event.time_s)

    def _settle_all(self, now_s: float) -> None:
        for record in self._stations:
            self.settle(record, now_s)

    def _station_changed(self, event: events.StationStateChanged) -> None:
        record = self.station(event.station)
        record.commanded, record.commanded_why = _COMMANDED.get(event.state, ""), event.reason
        record.ending = event.state == "Stopping"
        if record.commanded == COMPLETE and not record.attempts:
            record.commanded = ""
        record.fault = ""
        self.settle(record, event.time_s)

    def _mode_changed(self, event: events.ModeChanged) -> None:
        record = self.units[CELL] if event.unit == CELL else self.station(event.unit)
        record.mode.enter(event.mode, event.time_s)
        record.mode_changes += 1

    def _started(self, event: events.OperationStarted) -> None:
        self._used[event.attempt_id] = event.resources
        doing = f"{event.operation} for {event.unit}" if event.unit else event.operation
        for name in _stations(event.resources):
            record = self.station(name)
            record.attempts[event.attempt_id] = doing
            record.fault = ""
            self.settle(record, event.time_s)

    def _ended(self, event: events.OperationEnded) -> None:
        if event.fault is not None and event.outcome == "fault":
            self._fault(event.fault, event.time_s)
        counts = event.unit and event.outcome != "cancelled"
        resources = self._used.pop(event.attempt_id, {})
        bad = _failed(resources, event)
        for name in _stations(resources):
            record = self.station(name)
            record.attempts.pop(event.attempt_id, None)
            if counts:
                record.processed += 1
                record.defective += name in bad
            if record.commanded == COMPLETE and not record.attempts:
                record.commanded = ""
            self.settle(record, event.time_s)

    def _fault(self, fault: Mapping[str, Any], now_s: float) -> None:
        code, detail = fault.get("code", ""), fault.get("detail", "")
        record = self.units.get(fault.get("where", CELL))
        if record is None or record.unit == CELL or code in NOT_ITS_OWN:
            return
        record.fault, record.fault_text = code, f"{code}: {detail}" if detail else code
        self.settle(record, now_s)

    def _starve(self, feeder: str, starved: bool, now_s: float) -> None:
        record = self.station(feeder)
        if record.starved != starved:
            record.starved = starved
            self.settle(record, now_s)

    def _set_up(self, event: events.LineChangeStepEnded) -> None:
        """A feeder that was set up anew tells afterwards whether it is empty."""
        if event.station != CELL and event.station in self.units:
            self._starve(event.station, False, event.time_s)

    def _unit_ended(self, event: events.UnitEnded) -> None:
        cell = self.units[CELL]
        cell.processed += 1
        cell.defective += event.disposition == "scrapped"


def _stations(resources: Mapping[str, str]) -> list[str]:
    """Those of an operation's resources that are PackML units."""
    return [name for kind, name in resources.items() if kind in STATION_KINDS]


def _failed(resources: Mapping[str, str], event: events.OperationEnded) -> set[str]:
    """The devices, of those by kind that an operation had, for which its end was a bad one.

    All for a rejection, for a fault the one that it names; the arm for one of what the arm carries.
    """
    if event.outcome == "rejected":
        return set(resources.values())
    code, where = ((event.fault or {}).get(key, "") for key in ("code", "where"))
    if event.outcome != "fault" or code in NOT_ITS_OWN:
        return set()
    if where in resources.values():
        return {where}
    return set() if code.startswith(_OF_NO_DEVICE) else {resources.get("arm", "")}
