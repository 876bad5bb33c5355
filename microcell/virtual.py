"""The whole cell in one process on virtual time: plant, mock devices, skills and controller, faster than real time."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from microcell.clock import LoopClock, VirtualTimeLoop, run_virtual
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.line import Line
from microcell.description.order import Order
from microcell.devices.factory import DeviceHost, make_devices
from microcell.devices.guard import guarded
from microcell.errors import UsageError
from microcell.events import QuestionAsked
from microcell.injecting import FaultyJournal, FaultySkills, schedule
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import State
from microcell.orchestration.session import Session
from microcell.orchestration.view import CellSnapshot
from microcell.plant.plant import Plant
from microcell.records.evidence import EvidenceStore, evidence_folder
from microcell.records.journal import Entry, Head, Journal
from microcell.simulated_person import SimulatedPerson
from microcell.skills.runner import SkillRunner
from microcell.truth_log import TruthLog, truth_path

CameraKind = Literal["modelled", "rendered"]
VIRTUAL_EPOCH_S = 1_767_225_600.0
"""2026-01-01T00:00:00Z: virtual runs begin here, so that a seed gives the same journal on every day."""


@dataclass(frozen=True)
class VirtualRun:
    """What to run. `stop_after_s` ends an unfinished run at a cell time: a shift. `faults` happen to it."""

    line: Line
    orders: tuple[Order, ...]
    seed: int = 0
    camera: CameraKind = "modelled"
    journal: Path | None = None
    stop_after_s: float | None = None
    faults: tuple[ScheduledFault, ...] = ()


@dataclass(frozen=True)
class VirtualResult:
    """How it ended: the cell's last state, the journal's digest, and whether it was interrupted."""

    snapshot: CellSnapshot
    head: Head
    interrupted: bool


class VirtualCell:
    """A line's controller over its mock devices, in one event loop."""

    def __init__(self, run: VirtualRun, journal: Journal) -> None:
        self.clock = LoopClock(VIRTUAL_EPOCH_S)
        self.plant = Plant(run.line, run.seed, LoopClock(VIRTUAL_EPOCH_S))  # nobody can set the clock of physics
        host = DeviceHost(run.line, self.clock, self.plant)
        self.devices = make_devices(host, "virtual", camera=run.camera)
        guards = guarded(self.devices, self.clock)
        self.runner = SkillRunner(run.line, self.clock, guards)
        self.skills = FaultySkills(self.runner, self.plant, self.clock)
        self.journal = FaultyJournal(journal, self.plant)
        schedule(self.plant, run.faults)
        session = Session("virtual", run.camera, run.seed)
        self.controller = Controller(run.line, self.clock, journal, self.skills, guards, session)
        self.truth_log = TruthLog(run.line, self.plant, truth_path(run.journal)) if run.journal is not None else None
        if self.truth_log is not None:
            self.controller.add_listener(self.truth_log.saw)
        self.runner.record_step = self.controller.tooling.record_step
        if run.journal is not None:
            most = run.line.evidence.pictures
            self.runner.keep = EvidenceStore(evidence_folder(run.journal), most, durable=False).keep

    async def start(self) -> None:
        """Connect every device and bring the cell to Idle."""
        for device in self.devices.values():
            await device.connect()
        await self.controller.start()

    async def close(self) -> None:
        """Bring the cell to Stopped and disconnect."""
        await self.controller.close()
        if self.truth_log is not None:
            self.truth_log.close()
        for device in self.devices.values():
            await device.disconnect()


def run_line(run: VirtualRun, on_entry: Callable[[Entry], None] | None = None) -> VirtualResult:
    """Produce orders on virtual time. Ctrl-C ends in Stopped and is told in the result.

    Raises `UsageError` when the journal's file is there already: a simulated plant cannot go on where another one ended.
    """
    if run.journal is not None and run.journal.exists() and run.journal.stat().st_size:
        raise UsageError(f"'{run.journal}' is there already. Give --journal a new file, or remove that one.")
    if run.journal is not None:
        run.journal.parent.mkdir(parents=True, exist_ok=True)
    with Journal.create_or_open(run.journal or ":memory:", durability="batch") as journal:
        return run_virtual(_produce(run, journal, on_entry))


async def _produce(run: VirtualRun, journal: Journal, on_entry: Callable[[Entry], None] | None) -> VirtualResult:
    cell = VirtualCell(run, journal)
    if on_entry:
        cell.controller.add_listener(on_entry)
    await cell.start()
    try:
        work = asyncio.ensure_future(_work_off(cell.controller, run.orders))
        interrupted = not await _wait(work, run.stop_after_s)
    finally:
        await cell.close()
    return VirtualResult(cell.controller.snapshot(), journal.head(), interrupted)


async def _work_off(controller: Controller, orders: tuple[Order, ...]) -> None:
    """Hand in the orders and wait for them. A cell that waits for a person ends the run, nobody is there: held, aborted,
    with a question that has no default, with orders that are stored, or short of parts that nobody brings.
    """
    asked = asyncio.Event()
    controller.add_listener(lambda entry: asked.set() if _waits_for_ever(entry) else None)
    person = SimulatedPerson(controller)
    ids = [controller.submit(order) for order in orders]
    ended = asyncio.gather(*(controller.order_ended(order_id) for order_id in ids))
    held = asyncio.ensure_future(controller.until_state(State.HELD, State.ABORTED))
    unanswered = asyncio.ensure_future(asked.wait())
    loop = asyncio.get_running_loop()
    resting = loop.at_rest() if isinstance(loop, VirtualTimeLoop) else loop.create_future()
    try:
        await asyncio.wait({_any(ended), held, unanswered, resting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in (ended, held, unanswered, resting):
            waiting.cancel()
        await asyncio.gather(ended, held, unanswered, resting, person.close(), return_exceptions=True)


def _waits_for_ever(entry: Entry) -> bool:
    """Whether a unit waits for an answer that has no default."""
    if entry.kind != QuestionAsked.kind:
        return False
    event = entry.event()
    first_article = isinstance(event, QuestionAsked) and event.fault["code"] == "FIRST_ARTICLE_FAILED"
    return isinstance(event, QuestionAsked) and (bool(event.unit) or first_article) and not event.default


def _any(future: Awaitable[Any]) -> asyncio.Future[Any]:
    return asyncio.ensure_future(future)


async def _wait(work: asyncio.Future[None], stop_after_s: float | None) -> bool:
    """Wait for the work; False when Ctrl-C ended it."""
    loop, interrupt = asyncio.get_running_loop(), asyncio.Event()
    with suppress(NotImplementedError, RuntimeError, ValueError):  # not in a thread, not on every system
        loop.add_signal_handler(signal.SIGINT, interrupt.set)
    stop = asyncio.ensure_future(interrupt.wait())
    try:
        await asyncio.wait({_any(work), _any(stop)}, timeout=stop_after_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
        stop.cancel()
    if work.done():
        work.result()
    else:
        work.cancel()
    return not interrupt.is_set()
