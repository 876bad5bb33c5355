"""The cell's controller: PackML state, orders in, work out. Acts on events, never on a tick."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from microcell import events
from microcell.clock import Clock
from microcell.description.line import Line
from microcell.description.order import Order
from microcell.devices.contract import Device
from microcell.errors import JournalError, MicrocellError, UsageError
from microcell.faults import Fault, FaultError
from microcell.orchestration.dispatch import Dispatcher, Job
from microcell.orchestration.execution import ChainRunner, check_skills
from microcell.orchestration.feeders import FeederWatch
from microcell.orchestration.interlock import Interlock
from microcell.orchestration.leasing import lease
from microcell.orchestration.line_change import LineChange
from microcell.orchestration.order_desk import OrderDesk
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.own_commands import OwnCommands
from microcell.orchestration.packml import CHAINS_GO_ON, COMMANDED, Command, Mode, State
from microcell.orchestration.restore import opening, restore
from microcell.orchestration.resumption import Resumption
from microcell.orchestration.service import Service
from microcell.orchestration.session import HURRIED, SHUTDOWN, Session, by_person
from microcell.orchestration.shop import Shop
from microcell.orchestration.stations import Stations
from microcell.orchestration.tasks import Tasks
from microcell.orchestration.view import CellSnapshot, order_views, snapshot
from microcell.orchestration.waiting import Waiting
from microcell.orchestration.work import UnitWork
from microcell.records.journal import Entry, Journal
from microcell.records.packml import PackmlFold
from microcell.skills.contract import SkillPort

log = logging.getLogger(__name__)
Listener = Callable[[Entry], None]
T = TypeVar("T")


class Controller:
    """Runs one cell.

    `start` reads the devices and brings the cell to Idle; from then on orders are worked off until `close`. `devices`
    are those that the controller watches itself: feeders, tool changers and safety devices, by name, connected.
    """

    def __init__(
        self,
        line: Line,
        clock: Clock,
        journal: Journal,
        port: SkillPort,
        devices: Mapping[str, Device],
        session: Session,
    ) -> None:
        self.line, self.clock, self.session = line, clock, session
        self.active_faults: list[Fault] = []
        self._journal = journal
        self._port = port
        self._listeners: list[Listener] = []
        self._held_for_person, self._waiting = asyncio.Event(), Waiting(self._wake)
        self._tasks = Tasks(self._waiting, self._ended)
        self._wake_pending = self._started = False
        self.shop = Shop(line, clock, self._record)
        self._dispatcher = Dispatcher(self.shop)
        packml = PackmlFold()
        restored = restore(self.shop, packml, journal, session.world)
        self.epoch, self.in_doubt = restored.epoch, dict[str, str]()
        self._resumption, self._restored = Resumption(self.shop, restored), restored
        self.packml = Stations(self.shop, packml)
        at_work = (self._tasks, self._waiting)
        self._own = OwnCommands(
            self.packml.cell, self._dispatcher, self._resumption, at_work, session.autostart, self._give, self.active_faults
        )
        safety = {name: devices[name] for name in line.cell_description.of_kind("safety")}
        self._interlock = Interlock(safety, clock, self._stop_at_once)
        changers = {arm: devices[spec.tool_changer] for arm, spec in line.cell_description.of_kind("arm").items()}
        self._feeders = FeederWatch(self.shop, devices, self._wake, self.journal_failed)
        self.service = Service(self.shop, self._wake)
        self.desk = OrderDesk(self.shop, self._wake)
        self._runner = ChainRunner(self.shop, port, self, changers, self._feeders, self.service, self.epoch)
        self.tooling = self._runner.tooling
        parts = (self.tooling, self._feeders)
        acts = (self._waiting.until, self._wake, self.journal_failed, lambda: self._resumption.units)
        self.line_change = LineChange(self.shop, port, devices, parts, *acts)

    # life

    async def start(self) -> None:
        """Check that somebody offers every skill of the plan, read tools and feeders, and reset to Idle.

        Where a person or a fault had brought the cell to rest it stays Stopped until a person resets it.

        Raises `UsageError` before anything moves when a skill is missing. Until it returns nothing begins, and no command
        but Abort is taken: what an earlier controller left, and what there is to work with, is not known before.
        """
        for product in self.shop.lines.active:
            await check_skills(self.shop.lines.of(product), self._port)
        self._record(opening(self.shop, self.session, self.epoch))
        if why := self._restored.at_rest:
            self._record(events.StateChanged(time_s=self.clock.now(), state=self.state.title, reason=why))
        self.shop.settle()
        self.desk.start()
        self._resumption.start()
        self._runner.parking.start(self._restored.in_view)
        await self._feeders.start()
        await self.tooling.start()
        for unit, waiting in self._runner.recovering.resume(self._resumption.units, self._resumption.used):
            self.beside(waiting, f"{unit.serial}/question", unit)
        await self._interlock.start()
        self.line_change.start()
        self._started = True
        self._wake()
        if self.session.autostart and self.state is State.STOPPED and not self._restored.at_rest:
            self._give(Command.RESET, "start-up")

    async def close(self) -> None:
        """Stop in an orderly way: chains in work reach their safe point, then nothing moves any more."""
        try:
            if (self.state, Command.STOP) in COMMANDED:
                self._give(Command.STOP, SHUTDOWN)
        except JournalError as error:
            self.journal_failed(error)
        await self._waiting.until(lambda: not self._tasks.moving)
        await self.line_change.close()
        await self._tasks.cancel()
        await asyncio.gather(self.desk.close(), self._feeders.close(), self._interlock.close())
        self._look()

    # orders

    def submit(self, order: Order) -> str:
        """Take an order in; its id. `UsageError` says what is wrong. It is in the journal when this returns."""
        return self.desk.submit(order).order_id

    def control(self, order_id: str, command: str, reason: str = "") -> None:
        """Start, pause, resume, stop or cancel one order; the others go on. `UsageError` says what is wrong."""
        self.desk.control(order_id, command, reason)

    async def order_ended(self, order_id: str) -> OrderView:
        """Wait until an order has ended."""
        order = self.shop.orders.find(order_id)
        if not order.status.ended:
            await order.end.wait()
        return self.desk.view(order)

    async def until_state(self, *states: State) -> State:
        """Wait until the cell is in one of some states; the state."""
        await self._waiting.until(lambda: self.state in states)
        return self.state

    def order(self, order_id: str) -> OrderView:
        """One order as it stands."""
        return self.desk.view(self.shop.orders.find(order_id))

    def orders(self, include_ended: bool = True) -> tuple[OrderView, ...]:
        """Open orders, the most urgent first, then the ended ones."""
        return tuple(view for view in order_views(self.shop, self.desk) if include_ended or not view.status.ended)

    # PackML

    @property
    def state(self) -> State:
        """The cell's PackML state."""
        return self.packml.cell.state

    @property
    def reason(self) -> str:
        """Why the cell is in its state."""
        return self.packml.cell.reason

    @property
    def mode(self) -> Mode:
        """The cell's PackML mode."""
        return self.packml.cell.mode

    def command(self, command: Command, reason: str = "", unit: str = "") -> State:
        """Carry out a person's PackML command of the cell or a station; the state it leads to. `UsageError` when it is not
        legal.
        """
        return self._give(command, by_person(reason), unit)

    def hurry(self) -> None:
        """Abort because the process is to leave at once. `UsageError` where the cell aborts already."""
        self._give(Command.ABORT, HURRIED)

    def _give(self, command: Command, reason: str = "", unit: str = "") -> State:
        if self._journal_is_lost:
            raise UsageError(f"{self.reason} Mend that and start the orchestrator again: nothing moves before.")
        if not self._started and command is not Command.ABORT:
            raise UsageError("the cell is starting and does not know yet what there is. Command it again when it is Idle.")
        of_cell = self.packml.machine(unit) is self.packml.cell
        self.packml.machine(unit).check(command)
        if of_cell:
            self._interlock.check(command)
        if command is Command.ABORT:
            self._runner.cancel_all("" if of_cell else unit)
        try:
            target = self.packml.command(unit, command, reason)
        except JournalError as error:
            self.journal_failed(error)
            raise
        if of_cell:
            self._commanded(command)
        self._wake()
        return target

    def _commanded(self, command: Command) -> None:
        self._own.commanded()
        if command in (Command.UNHOLD, Command.CLEAR, Command.RESET):
            self.service.cleared(self.active_faults)
            self.active_faults.clear()
            self._held_for_person.set()
            if self.state is State.UNHOLDING:  # a person has looked: what nobody can know leaves through the reject bin
                self.shop.put_aside(self.in_doubt)

    def set_mode(self, mode: Mode, reason: str = "", unit: str = "") -> Mode:
        """Change the PackML mode of the cell or a station. `UsageError` when that is not legal now."""
        if self._tasks.moving and self.packml.machine(unit) is self.packml.cell:
            raise UsageError("the mode cannot change while something moves. Wait for that.")
        self.packml.set_mode(unit, mode, reason)
        self._wake()
        return mode

    async def hold(self, fault: Fault) -> None:
        """Hold the cell because of a fault and wait until a person lets it go on (see `execution.Gate`)."""
        self._stand_for(fault)
        self._held_for_person.clear()
        await self.park(self._held_for_person.wait())
        await self.pass_through()

    async def may_move(self, devices: Iterable[str] = ()) -> None:
        """Wait where nothing may begin to move, not even to reach a safe point (see `execution.Gate`)."""
        if self.state not in CHAINS_GO_ON or not self.packml.may_move(devices):
            await self.park(self._waiting.until(lambda: self.state is State.EXECUTE and self.packml.may_move(devices)))

    async def pass_through(self, after_s: float = 0.0) -> None:
        """Wait so long, and while the cell is held, stopped or aborted (see `execution.Gate`)."""
        if after_s > 0.0:
            await self.park(self.clock.sleep(after_s))
        if self.state is not State.EXECUTE:
            await self._waiting.go_on(lambda: self.state is State.EXECUTE)

    async def acquire(self, device: str, holder: str) -> None:
        """Lease one more device as soon as it is free (see `execution.Gate`)."""
        await lease(self.shop, self, self._waiting.until, device, holder)

    def freed(self) -> None:
        """Something was given back (see `execution.Gate`)."""
        self._wake()

    def work_without(self, missing: Mapping[str, str]) -> None:
        """Let work wait that needs one of these skills, each with the server that is gone; the rest goes on."""
        self.shop.missing_skills = dict(missing)
        self._wake()

    # seeing

    def add_listener(self, listener: Listener) -> None:
        """Be told of every journal entry, right after it was written."""
        self._listeners.append(listener)

    def snapshot(self, with_orders: bool = True) -> CellSnapshot:
        """The cell at this moment, with all of its orders or only their number."""
        told = (self.state, self.mode, self.reason, self.session.world, tuple(self.active_faults))
        return snapshot(self.shop, *told, self._runner.activity, self.desk if with_orders else None)

    # inside

    @property
    def _journal_is_lost(self) -> bool:
        return any(fault.code == "JOURNAL_UNWRITABLE" for fault in self.active_faults)

    def _record(self, event: events.Event) -> None:
        if self._journal_is_lost:  # even where there is room again for this one: what came before is missing
            raise JournalError(self.reason)
        entry = self._journal.append(event)
        self.desk.apply(event)
        self.shop.apply(event)
        self.shop.orders.touched_by(event, self.shop.units)
        self.packml.apply(event)
        for listener in self._listeners:
            listener(entry)
        for drift in self.shop.drifts.due(event.time_s):
            self._record(drift)

    def _wake(self) -> None:
        """Look at everything once, soon."""
        if not self._wake_pending:
            self._wake_pending = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._wake_pending = False
        if not self._started:
            return
        try:
            self.packml.settle()
            self.shop.tell_missing()
            self._own.advance()
            for serial, operation in self.in_doubt.items() if self.state is State.EXECUTE else ():
                self._raise(Fault("OUTCOME_UNKNOWN", "orchestrator", "", serial, operation))
            for name, work in self.tooling.settling() if self.state is State.EXECUTE else ():
                self.beside(work, name)
            while self.state is State.EXECUTE and (job := self._resumption.next_job(self._dispatcher)) is not None:
                self._begin(job)
            for name, work in self._runner.between_jobs(self._dispatcher) if self.state is State.EXECUTE else ():
                self.beside(work, name)
            self._rest()
        except JournalError as error:
            self.journal_failed(error)
        self.shop.orders.tell_ended()
        self._waiting.looked()

    def _rest(self) -> None:
        """In Execute with nothing that moves: see `own_commands`; a person is asked about what cannot be gone on with."""
        if self.state is State.EXECUTE and not self._tasks.moving and (lacking := self._resumption.lacking()):
            self._raise(self.shop.lacking(lacking[0]))
        if self._own.rest(self._raise):
            self.in_doubt = self._resumption.give_up()
            self._wake()

    def _stop_at_once(self, fault: Fault) -> None:
        """Abort because of an emergency stop or the like (see `interlock`)."""
        try:
            self._raise(fault, Command.ABORT)
        except JournalError as error:
            self.journal_failed(error)

    def _raise(self, fault: Fault, command: Command = Command.HOLD) -> None:
        """Record a fault of the cell itself and hold, or abort, until a person lets it go on."""
        fault = fault.at(fault.unit, fault.operation, self.clock.now())
        self.shop.raised(fault)
        self._stand_for(fault, command)

    def _stand_for(self, fault: Fault, command: Command = Command.HOLD) -> None:
        self.active_faults.append(fault)
        if (self.state, command) in COMMANDED:
            self._give(command, str(fault))

    def _begin(self, job: Job) -> None:
        unit = self.shop.begin_unit(job.order, job.unit.variant) if job.new else job.unit
        for kind, station in job.binding.taken.items():
            self.shop.enter(unit, kind, station)
        self._dispatcher.begun(job)
        self.shop.resources.take(job.binding.devices(), f"{unit.serial}/{job.chain.first}")
        self.beside(self._runner.run(job.of(unit)), f"{unit.serial}/{job.chain.first}", unit)

    def beside(self, work: Coroutine[Any, Any, T], name: str, unit: UnitWork | None = None) -> asyncio.Task[T]:
        """Run some work beside all other, as one of those that come to rest before the cell does."""
        return self._tasks.begin(work, name, unit)

    def _ended(self, name: str, unit: UnitWork | None, error: BaseException | None) -> None:
        if isinstance(error, JournalError):
            self.journal_failed(error)
        elif error is not None and not (unit is None and isinstance(error, FaultError)):  # that is told to who asked
            self._failed(error, name)
        self._wake()

    def _failed(self, error: BaseException, name: str) -> None:
        """An error of the program itself: the unit is put aside when a person lets the cell go on."""
        unit, _, operation = name.partition("/")
        if unit in self.shop.units:
            self.in_doubt[unit] = operation
        log.error("%s failed", name, exc_info=error)
        detail = str(error) if isinstance(error, MicrocellError) else f"{type(error).__name__}: {error}"
        self._raise(Fault("SKILL_FAILED", "orchestrator", detail, unit, operation, self.clock.now()))

    def journal_failed(self, error: JournalError) -> None:
        """Without a journal nothing may move: abort, and do not try to write."""
        if self._journal_is_lost:
            return
        log.error("the journal cannot be written: %s", error)
        self.active_faults.append(self.shop.saw_fault(Fault("JOURNAL_UNWRITABLE", "journal", str(error))))
        self.packml.abort_unrecorded(str(error))
        self._runner.cancel_all()

    async def park(self, waiting: Awaitable[T]) -> T:
        """Wait at a safe point (see `execution.Gate`)."""
        return await self._waiting.park(waiting)

    async def await_answer(self, waiting: Awaitable[T]) -> T:
        """Wait for a person's answer at a safe point (see `recovering.Cell`)."""
        return await self._waiting.answer(waiting)
