"""What a journal is told about a run of the controller, and how one run follows another."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.records.packml import UnitRecord

SHUTDOWN, HURRIED = "shutdown", "the process was asked a second time to stop"
"""Why a cell stops, or aborts, when its program leaves."""
WAITING_FOR = "waiting for "
"""So begin the reasons for which a cell suspends itself."""
_BY_PERSON = "by hand: "
_BEFORE = " before the restart: "
_AT_REST = ("Holding", "Held", "Stopping", "Stopped", "Aborting", "Aborted", "Clearing", "Suspending", "Suspended")


@dataclass(frozen=True)
class Session:
    """The world and how it is simulated; with `autostart` the cell resets and starts by itself."""

    world: str
    camera: str = "rendered"
    seed: int = 0
    autostart: bool = True


def by_person(reason: str) -> str:
    """A person's reason for a command, never in the words by which the cell knows later that it was its own."""
    own = reason in (SHUTDOWN, HURRIED) or reason.startswith(WAITING_FOR)
    return f"{_BY_PERSON}{reason}" if own else reason


def at_rest(cell: UnitRecord, before: str) -> str:
    """Why a cell in this state is not to go on by itself with the next program: a person, or a fault, had brought it to
    rest, and a person lets it go on. "" where nothing speaks against it. A shutdown leaves it at what it was `before`.
    """
    state, reason = cell.state.name, cell.reason
    if reason in (SHUTDOWN, HURRIED):
        return before
    if state not in _AT_REST or reason.startswith(WAITING_FOR):
        return ""
    return reason if _BEFORE in reason else f"{state}{_BEFORE}{reason}"
