"""One PackML unit, the cell or a station: its state, mode, times and counts, and which commands are legal now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache

from microcell.clock import Clock
from microcell.errors import UsageError
from microcell.orchestration.packml import (
    ACTING,
    COMMANDED,
    MODE_CHANGES,
    WORKS_NOT,
    Command,
    Mode,
    State,
    after_command,
    legal_commands,
)
from microcell.records.packml import UnitRecord

Record = Callable[[str, str], None]
"""Makes a new state or mode, by its name, and the reason durable before the machine is in it."""

_ONLY_ON_THE_WAY_TO = {
    Command.STOP: (State.STOPPING, State.STOPPED),
    Command.ABORT: (State.ABORTING, State.ABORTED, State.CLEARING),
}


def _unwritten(name: str, reason: str) -> None:
    """Nothing is recorded."""


class StateMachine:
    """State and mode of one unit. It takes legal transitions only; times and counts are kept in its `record`.

    `record_state` and `record_mode` are called before a change; when they raise, nothing has changed.
    """

    def __init__(
        self,
        unit: str,
        clock: Clock,
        record: UnitRecord | None = None,
        record_state: Record = _unwritten,
        record_mode: Record = _unwritten,
    ) -> None:
        self.unit = unit
        self.record = record or _begun(unit, clock.now())
        self.listeners: list[Callable[[State, State], None]] = []
        self._clock = clock
        self._record_state = record_state
        self._record_mode = record_mode
        self.state = State[self.record.state.name.upper()]

    @property
    def mode(self) -> Mode:
        return Mode[self.record.mode.name.upper()]

    @property
    def reason(self) -> str:
        """Why it is in its state."""
        return self.record.reason

    @property
    def legal_commands(self) -> tuple[Command, ...]:
        """Commands that are accepted now."""
        return tuple(c for c in legal_commands(self.state) if c not in WORKS_NOT.get(self.mode, ()))

    def check(self, command: Command) -> State:
        """The state that a command leads to; `UsageError` with the legal ones when it is illegal now."""
        target = after_command(self.state, command)
        if command in WORKS_NOT.get(self.mode, ()):
            legal = ", ".join(c.title for c in self.legal_commands)
            raise UsageError(
                f"{command.title} is not legal in {self.mode.title} mode, only in Production. Legal now: {legal}."
            )
        return target

    def command(self, command: Command, reason: str = "") -> State:
        """Carry out a command; the acting state that it leads to."""
        target = self.check(command)
        reason = reason or command.title
        self._record_state(target.title, reason)
        self._enter(target, reason)
        return target

    def finish(self) -> State:
        """End an acting state; the state that follows. `UsageError` in a state that does not end by itself."""
        if self.state not in ACTING:
            raise UsageError(f"{self.state.title} does not end by itself.")
        target = ACTING[self.state]
        self._record_state(target.title, self.reason)
        self._enter(target, self.reason)
        return target

    def go(self, target: State, reason: str) -> None:
        """Come to a state by the shortest legal way, without staying on it and without recording it."""
        self.record.reason = reason
        if target is self.state:
            return
        states = way(self.state, target)
        self.record.state.enter(target.title, self._clock.now())
        for state in states:
            self._tell(state)

    def set_mode(self, mode: Mode, reason: str = "") -> None:
        """Change the mode; `UsageError` where that is not legal now."""
        if self.state not in MODE_CHANGES:
            states = ", ".join(state.title for state in MODE_CHANGES)
            raise UsageError(f"the mode cannot change in {self.state.title}, only in {states}.")
        if mode is not self.mode:
            self._record_mode(mode.title, reason)
        if mode is not self.mode:  # nobody has folded that into the record
            self.record.mode.enter(mode.title, self._clock.now())
            self.record.mode_changes += 1

    def _enter(self, state: State, reason: str) -> None:
        self.record.reason = reason
        self.record.state.enter(state.title, self._clock.now())
        self._tell(state)

    def _tell(self, state: State) -> None:
        before, self.state = self.state, state
        for listener in self.listeners:
            listener(before, state)


def _begun(unit: str, now_s: float) -> UnitRecord:
    record = UnitRecord(unit)
    record.state.enter(record.state.name, now_s)
    record.mode.enter(record.mode.name, now_s)
    return record


@cache
def way(start: State, target: State) -> tuple[State, ...]:
    """States after `start` on the shortest legal way to a target; Stop and Abort are taken only to come there."""
    came_from: dict[State, State] = {}
    waiting = deque([start])
    while waiting and target not in came_from and start is not target:
        state = waiting.popleft()
        for following in _after(state, target):
            if following not in came_from and following is not start:
                came_from[following] = state
                waiting.append(following)
    states: list[State] = []
    while target is not start:
        states.append(target)
        target = came_from[target]
    return tuple(reversed(states))


def _after(state: State, target: State) -> list[State]:
    """States that may follow one on the way to a target."""
    commands = (c for c in Command if target in _ONLY_ON_THE_WAY_TO.get(c, (target,)))
    found = [COMMANDED[state, command] for command in commands if (state, command) in COMMANDED]
    return [*found, *([ACTING[state]] if state in ACTING else [])]
