"""The PackML commands that a cell gives itself: ready, start, complete, wait for parts, go on."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Protocol

from microcell.faults import Fault
from microcell.orchestration.dispatch import Dispatcher
from microcell.orchestration.packml import ACTING, WAITS_FOR_REST, Command, Mode, State
from microcell.orchestration.resumption import Resumption
from microcell.orchestration.session import WAITING_FOR
from microcell.orchestration.tasks import Tasks
from microcell.orchestration.waiting import Waiting


class Machine(Protocol):
    """The cell's own state machine, as far as it is driven from here."""

    @property
    def state(self) -> State: ...

    @property
    def mode(self) -> Mode: ...

    def finish(self) -> State:
        """Leave an acting state."""
        ...


class OwnCommands:
    """Looks what the cell should do by itself. `autostart`: without it a person resets and starts. A cell that is Complete
    with `faults` that nobody has looked at is not ready for the next order: a reset is a person's word that they are mended.
    """

    def __init__(
        self,
        machine: Machine,
        dispatcher: Dispatcher,
        resumption: Resumption,
        work: tuple[Tasks, Waiting],
        autostart: bool,
        give: Callable[[Command, str], State],
        faults: Sized,
    ) -> None:
        self._machine, self._give, self._autostart, self._faults = machine, give, autostart, faults
        self._dispatcher, self._resumption = dispatcher, resumption
        self._tasks, self._waiting = work
        self._starved = False

    def commanded(self) -> None:
        """The cell was commanded by whomever: it no longer waits for parts."""
        self._starved = False

    def advance(self) -> None:
        """Leave acting states whose work is done, and start by itself when there is work."""
        machine = self._machine
        while machine.state in ACTING and not (self._tasks.moving and machine.state in WAITS_FOR_REST):
            machine.finish()
        if machine.state is State.COMPLETE and self._autostart and not self._faults:
            self._give(Command.RESET, "ready for the next order")
        elif machine.state is State.IDLE and self._may_start and self._has_work:
            self._give(Command.START, "work to do")
        elif machine.state is State.SUSPENDED and self._starved and (why := self._no_longer_starved()):
            self._give(Command.UNSUSPEND, why)

    @property
    def _has_work(self) -> bool:
        """Whether anything is to be begun, or gone on with: also a chain of a line that is being left."""
        waits = self._waiting.parked > self._waiting.asked
        return waits or self._resumption.pending or self._dispatcher.has_work()

    @property
    def _may_start(self) -> bool:
        return self._autostart and self._machine.mode is Mode.PRODUCTION

    def _no_longer_starved(self) -> str:
        if not self._dispatcher.has_work():
            return "no order needs what is missing any more"
        if self._waiting.eager:
            return "a question was answered"
        if self._dispatcher.next_job() is None and self._dispatcher.waits_for():
            return ""
        return "what was missing is there again"

    def rest(self, nothing_to_do: Callable[[Fault], None]) -> bool:
        """In Execute with nothing that moves: complete, wait for parts, or say what is in the way.

        True where what was interrupted cannot be gone on with, so that a person is to be asked about it.
        """
        if self._machine.state is not State.EXECUTE or self._busy:
            return False
        if self._resumption.pending:
            return True
        if not self._dispatcher.has_work():
            self._give(Command.COMPLETE, "all orders are ended")
        elif waits := self._dispatcher.waits_for():
            self._give(Command.SUSPEND, f"{WAITING_FOR}{waits}")
            self._starved = True
        else:
            for fault in self._dispatcher.why_blocked():
                if not (len(self._tasks) and fault.code == "CELL_BLOCKED"):  # an answer lets it go on
                    nothing_to_do(fault)
        return False

    @property
    def _busy(self) -> bool:
        """Something is at work that does not only wait for an answer."""
        return len(self._tasks) > self._waiting.asked * (not self._resumption.pending)
