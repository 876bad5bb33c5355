"""PackML state model (ISA-TR88.00.02, numbered as in OPC 30050): 17 states, 51 legal transitions."""

from __future__ import annotations

from enum import IntEnum

from microcell.errors import UsageError


class State(IntEnum):
    """States by their StateNumber."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17

    @property
    def title(self) -> str:
        """The name as the standard writes it: Execute."""
        return self.name.capitalize()


class Command(IntEnum):
    """Commands by their number in the command word."""

    RESET = 1
    START = 2
    STOP = 3
    HOLD = 4
    UNHOLD = 5
    SUSPEND = 6
    UNSUSPEND = 7
    ABORT = 8
    CLEAR = 9
    COMPLETE = 10

    @property
    def title(self) -> str:
        return self.name.capitalize()


class Mode(IntEnum):
    """Modes by their number in ProductionMaintenanceModeEnum, which calls the first one Produce."""

    PRODUCTION = 1
    MAINTENANCE = 2
    MANUAL = 3

    @property
    def title(self) -> str:
        return self.name.capitalize()


S, C = State, Command

ACTING = {
    S.RESETTING: S.IDLE,
    S.STARTING: S.EXECUTE,
    S.HOLDING: S.HELD,
    S.UNHOLDING: S.EXECUTE,
    S.SUSPENDING: S.SUSPENDED,
    S.UNSUSPENDING: S.EXECUTE,
    S.COMPLETING: S.COMPLETE,
    S.STOPPING: S.STOPPED,
    S.ABORTING: S.ABORTED,
    S.CLEARING: S.STOPPED,
}
"""Acting states and the state that each ends in by itself."""

RUNNING = (
    S.RESETTING, S.IDLE, S.STARTING, S.EXECUTE, S.HOLDING, S.HELD, S.UNHOLDING,
    S.SUSPENDING, S.SUSPENDED, S.UNSUSPENDING, S.COMPLETING, S.COMPLETE,
)  # fmt: skip
"""States in which Stop is legal; Abort is, too, in Stopping, Stopped and Clearing."""

COMMANDED: dict[tuple[State, Command], State] = {
    (S.STOPPED, C.RESET): S.RESETTING,
    (S.COMPLETE, C.RESET): S.RESETTING,
    (S.IDLE, C.START): S.STARTING,
    (S.EXECUTE, C.COMPLETE): S.COMPLETING,
    (S.EXECUTE, C.SUSPEND): S.SUSPENDING,
    (S.SUSPENDED, C.UNSUSPEND): S.UNSUSPENDING,
    (S.HELD, C.UNHOLD): S.UNHOLDING,
    (S.ABORTED, C.CLEAR): S.CLEARING,
    **{
        (state, C.HOLD): S.HOLDING
        for state in (S.EXECUTE, S.STARTING, S.UNHOLDING, S.SUSPENDING, S.SUSPENDED, S.UNSUSPENDING)
    },
    **{(state, C.STOP): S.STOPPING for state in RUNNING},
    **{(state, C.ABORT): S.ABORTING for state in (*RUNNING, S.STOPPING, S.STOPPED, S.CLEARING)},
}

WAY_ON: dict[State, tuple[Command, ...]] = {S.HELD: (C.UNHOLD,), S.ABORTED: (C.CLEAR, C.RESET), S.STOPPED: (C.RESET,)}
"""What a person commands who has looked, for the cell to go on: where it does not do so by itself."""

MODE_CHANGES = (S.STOPPED, S.IDLE, S.ABORTED)
"""States in which the mode may change: in each of them nothing is in progress that the new mode would have to end.

The standard leaves the choice to the machine's builder (ISA-TR88.00.02, mode manager: only in states that are common to both
modes, usually waiting ones). Complete, Held and Suspended wait too, but for something to go on with: Reset or Stop first.
"""

WORKS_NOT: dict[Mode, tuple[Command, ...]] = {Mode.MAINTENANCE: (C.START,), Mode.MANUAL: (C.START,)}
"""Commands that a mode does without: outside of production there is no Execute, and so no order is worked off."""

CHAINS_GO_ON = (S.EXECUTE, S.HOLDING, S.STOPPING, S.SUSPENDING, S.COMPLETING, S.UNHOLDING, S.UNSUSPENDING)
"""States of the cell in which a chain that has begun goes on to its safe point."""

WAITS_FOR_REST = (S.HOLDING, S.STOPPING, S.ABORTING, S.SUSPENDING, S.COMPLETING)
"""Acting states that last until nothing moves."""


def transitions() -> frozenset[tuple[State, State]]:
    """All legal transitions as (from, to)."""
    return frozenset({(start, end) for (start, _), end in COMMANDED.items()} | set(ACTING.items()))


def legal_commands(state: State) -> tuple[Command, ...]:
    """Commands that are accepted in a state."""
    return tuple(command for command in Command if (state, command) in COMMANDED)


def after_command(state: State, command: Command) -> State:
    """The state that a command leads to; `UsageError` with the legal ones when it is illegal."""
    if (state, command) not in COMMANDED:
        legal = ", ".join(c.title for c in legal_commands(state)) or "none"
        raise UsageError(f"{command.title} is not legal in {state.title}. Legal now: {legal}.")
    return COMMANDED[state, command]
