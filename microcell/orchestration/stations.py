"""The PackML units of a cell: the cell's own state machine and one for each station, with what a person commands them.

A station's machine follows what really happens, as `records.packml` folds it from the journal; a person's command of a
station is an event like any other. A station that was taken out, by a command or by its mode, gets no new work. The chain
that has it ends first; a fixture that is to stop lets its unit be finished. Only Abort of a station cancels what uses it;
the chain goes on when the station is Idle again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from microcell import events
from microcell.clock import Clock
from microcell.errors import UsageError
from microcell.orchestration.machine import StateMachine
from microcell.orchestration.packml import ACTING, WAY_ON, Command, Mode, State
from microcell.orchestration.shop import Record, Shop
from microcell.records.packml import CELL, STATION_KINDS, PackmlFold, Stopwatch, UnitRecord

_AT_REST = (State.ABORTING, State.ABORTED, State.CLEARING, State.STOPPED)
_UNTIL_GIVEN_BACK = (State.STOPPING, State.HOLDING, State.SUSPENDING)
_MUST_NOT_MOVE = (State.ABORTED, State.CLEARING, State.STOPPED, State.RESETTING)
_BACK = {**WAY_ON, State.SUSPENDED: (Command.UNSUSPEND,)}
"""What a person commands who lets a station work again."""


@dataclass(frozen=True)
class UnitStatus:
    """PackML status of the cell or a station at one moment. Times are s, by name of state or mode, and leave out the time
    in which no orchestrator ran. `processed` and `defective` are ProdProcessedCount and ProdDefectiveCount.
    """

    unit: str
    state: State
    mode: Mode
    reason: str
    legal_commands: tuple[Command, ...]
    state_current_s: float
    mode_current_s: float
    state_cumulative_s: Mapping[str, float]
    mode_cumulative_s: Mapping[str, float]
    processed: int
    defective: int
    mode_changes: int


class Stations:
    """State machines of a cell and its stations. `fold` has what the journal says of them so far."""

    def __init__(self, shop: Shop, fold: PackmlFold) -> None:
        self._shop = shop
        self._clock: Clock = shop.clock
        self._fold = fold
        self._commanded = ""
        self._ending: set[str] = set()
        self.machines = {name: self._machine(name) for name in _names(shop)}
        self.cell = self.machines[CELL]
        fold.enter = self._follow
        self._take_out()

    def apply(self, event: events.Event) -> None:
        """Follow an event that was recorded."""
        self._fold.apply(event)
        if isinstance(event, (events.StationStateChanged, events.ModeChanged, events.DeviceServiceChanged)):
            self._take_out()

    def command(self, station: str, command: Command, reason: str = "") -> State:
        """Command one station, or the cell (""); the acting state that it leads to. `UsageError` when it is illegal now."""
        machine = self.machine(station)
        if machine is self.cell:
            return machine.command(command, reason)
        if self.cell.state in _AT_REST and not machine.record.commanded and command in (Command.CLEAR, Command.RESET):
            raise UsageError(f"{station} is {machine.state.title} with the cell. {command.title} the cell.")
        self._commanded = station
        try:
            target = machine.command(command, reason)
        finally:
            self._commanded = ""
        self._fold.settle(machine.record, self._clock.now())
        return target

    def settle(self) -> None:
        """End the acting states of commanded stations that nobody has any more."""
        for name in [name for name in self._ending if not self._is_busy(self.machines[name])]:
            self._ending.discard(name)
            self._fold.settle(self.machines[name].record, self._clock.now())
        if any(name not in self._shop.resources.occupied for name in self._shop.resources.ending):
            self._take_out()

    def set_mode(self, unit: str, mode: Mode, reason: str = "") -> None:
        """Change the mode of the cell ("") or of a station; `UsageError` where that is not legal now."""
        self.machine(unit).set_mode(mode, reason or f"{mode.title} mode")

    def abort_unrecorded(self, reason: str) -> None:
        """Abort everything without the journal, which cannot be written any more."""
        for machine in self.machines.values():
            machine.go(State.ABORTED, reason)

    def machine(self, unit: str) -> StateMachine:
        """The state machine of a unit; the cell may be called by its name, too. `UsageError` for one that has none."""
        machine = self.cell if unit == self._shop.line.cell else self.machines.get(unit)
        if machine is None:
            known = ", ".join(name for name in self.machines if name)
            raise UsageError(f"'{unit}' has no state machine; there are: {known}; and the cell, without a name.")
        return machine

    def may_move(self, devices: Iterable[str]) -> bool:
        """Whether none of some devices was aborted on its own and is not yet Idle again."""
        ending = self._shop.resources.ending
        machines = (self.machines[name] for name in devices if name in self.machines and name not in ending)
        return not any(m.record.commanded and m.state in _MUST_NOT_MOVE for m in machines)

    def news(self) -> dict[str, tuple[object, ...]]:
        """What is worth telling of each unit when it changes: all but the times, which run on."""
        return {name: _news(machine) for name, machine in self.machines.items()}

    def status(self, unit: str) -> UnitStatus:
        """The cell ("") or one station."""
        return _status(self.machine(unit), self._clock.now())

    def statuses(self) -> tuple[UnitStatus, ...]:
        """The cell, then its stations."""
        return tuple(self.status(name) for name in self.machines)

    # inside

    def _machine(self, unit: str) -> StateMachine:
        def record_state(state: str, reason: str) -> None:
            now_s = self._clock.now()
            if unit == CELL:
                record(events.StateChanged(time_s=now_s, state=state, reason=reason))
            else:
                record(events.StationStateChanged(time_s=now_s, station=unit, state=state, reason=reason))

        def record_mode(mode: str, reason: str) -> None:
            record(events.ModeChanged(time_s=self._clock.now(), unit=unit, mode=mode, reason=reason))

        record: Record = self._shop.record
        folded = self._fold.units[CELL] if unit == CELL else self._fold.station(unit)
        return StateMachine(unit or self._shop.line.cell, self._clock, folded, record_state, record_mode)

    def _follow(self, record: UnitRecord, state: str, reason: str, now_s: float) -> None:
        """Bring a station to the state that the journal's events put it in; the cell and a commanded one go by themselves.

        A commanded state is reached when the station is given back; it may be leased between two operations.
        """
        if record.unit not in self.machines or record.unit in (CELL, self._commanded):
            return
        machine, target = self.machines[record.unit], State[state.upper()]
        if state == record.commanded and ACTING.get(machine.state) is target and self._is_busy(machine):
            self._ending.add(record.unit)
            return
        machine.go(target, reason)

    def _is_busy(self, machine: StateMachine) -> bool:
        """Whether somebody still has a station that is on the way to its commanded state."""
        name, resources = machine.record.unit, self._shop.resources
        stopping = machine.state is State.STOPPING and name in resources.occupied
        return stopping or (machine.state in _UNTIL_GIVEN_BACK and name in resources.holders)

    def _take_out(self) -> None:
        """Let the dispatcher choose the stations that produce, and no others of those that were taken out here."""
        resources = self._shop.resources
        resources.taken_out = {n: _why_out(m) for n, m in self.machines.items() if n and not m.record.produces}
        wanted = set(resources.taken_out)
        resources.ending = {n for n in wanted & set(resources.occupied) if self.machines[n].record.ending}
        wanted -= resources.ending
        resources.out_of_service.clear()
        resources.out_of_service.update(self._shop.sources.reasons, wanted)


def _names(shop: Shop) -> tuple[str, ...]:
    devices = shop.line.cell_description.devices
    return (CELL, *(name for name, spec in devices.items() if spec.kind in STATION_KINDS))


def _why_out(machine: StateMachine) -> str:
    """Why a station gets no work, and what lets it have some again."""
    if (mode := machine.mode) is not Mode.PRODUCTION:
        return f"it is in {mode.title} mode: 'microcell mode production --unit {machine.unit}'"
    way = _BACK.get(State[machine.record.commanded.upper()], ())
    commands = ", then ".join(f"'microcell command {command.name.lower()} --unit {machine.unit}'" for command in way)
    return f"{machine.record.commanded}: {machine.record.commanded_why}; {commands}"


def _news(machine: StateMachine) -> tuple[object, ...]:
    record = machine.record
    counts = (record.processed, record.defective, record.mode_changes)
    return (machine.state, record.mode.name, record.reason, *counts)


def _status(machine: StateMachine, now_s: float) -> UnitStatus:
    record = machine.record
    state: Stopwatch = record.state
    return UnitStatus(
        unit=machine.unit,
        state=machine.state,
        mode=machine.mode,
        reason=machine.reason,
        legal_commands=machine.legal_commands,
        state_current_s=state.current_s(now_s),
        mode_current_s=record.mode.current_s(now_s),
        state_cumulative_s=state.cumulative_s(now_s),
        mode_cumulative_s=record.mode.cumulative_s(now_s),
        processed=record.processed,
        defective=record.defective,
        mode_changes=record.mode_changes,
    )
