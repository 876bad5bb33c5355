"""A virtual cell whose programs can be killed at any instant, while the bench that they work on lives on.

The bench is the plant with its mock devices, which do what they were told to its end. The programs are the controller with
its journal, and the skill runner with its log of attempts; journal and log are files, so they survive. What a killed
program was about to do, it never does: the next thing that it touches ends it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from shared_planners import shared_planners

from microcell.clock import LoopClock, run_virtual
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, make_devices
from microcell.errors import UsageError
from microcell.events import Event, OperationEnded, RecoveryDecided, UnitEnded, UnitStarted
from microcell.orchestration.controller import Controller
from microcell.orchestration.packml import Command, State
from microcell.orchestration.session import Session
from microcell.orchestration.work import OrderStatus
from microcell.plant.plant import Plant
from microcell.records.journal import Entry, Journal
from microcell.skills.attempts import AttemptLog
from microcell.skills.contract import Feedback, SkillGoal, SkillResult
from microcell.skills.runner import SkillRunner
from microcell.virtual import VIRTUAL_EPOCH_S

WHO = ("orchestrator", "skills", "both")
PATIENCE_S = 5_000.0
LOOK_S = 5.0
TYPICAL = {"time": 58.0, "entry": 78.0, "fact": 81.0}
"""About how long a unit takes, and how many entries and facts: kills are spread over this."""
AGAIN_RATIO, AGAIN_S = 0.3, 15.0
"""So many die once more, within this time after they came back."""


class Killed(BaseException):
    """Raised in a program that is dead, at whatever it touches next."""


@dataclass
class Life:
    """Whether a program lives; `ended` is done when it has died."""

    dead: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    def check(self) -> None:
        if self.dead:
            raise Killed

    def end(self) -> None:
        self.dead = True
        self.ended.set()


@dataclass(frozen=True)
class Kill:
    """Who dies and when: `at` is time (cell seconds from the order on), entry (of the journal) or fact (of the attempts'
    log), `before` it is written or right after; and how long it takes until the program is there again. `again_s` is when
    it dies a second time, counted from its return; None for never.
    """

    who: str
    at: str
    number: float
    before: bool
    restart_s: float
    again_s: float | None = None

    @staticmethod
    def of(seed: int, quantity: int) -> Kill:
        chance = Random(f"kill:{seed}")
        at = chance.choice(("time", "time", "entry", "fact"))
        number = chance.uniform(0.0, TYPICAL[at] * quantity)
        return Kill(
            chance.choice(WHO),
            at,
            number if at == "time" else float(int(number) + 1),
            chance.random() < 0.5,
            chance.uniform(2.0, 15.0),
            chance.uniform(0.0, AGAIN_S) if chance.random() < AGAIN_RATIO else None,
        )


def mortal(device: Device, life: Life, plant: Plant) -> Device:
    """A device as a program sees it: what it has begun goes on after the program's death, and nothing else does."""

    def get(self: object, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        value = getattr(device, name)
        return _command(value, name, life, plant) if inspect.iscoroutinefunction(value) else value

    kind = type(device)
    return object.__new__(type(f"Mortal{kind.__name__}", (kind,), {"__getattribute__": get}))


def _command(command: Callable[..., Any], name: str, life: Life, plant: Plant) -> Callable[..., Any]:
    async def call(*arguments: Any) -> Any:
        life.check()
        task = asyncio.ensure_future(command(*arguments))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if name == "wait_pressing":  # the hardware's own reflex: it stops the arm, whoever waited for that
            task.add_done_callback(lambda done: _reflex(done, life, plant))
        try:
            result = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not life.dead:
                task.cancel()
                await asyncio.wait({task})
            raise
        finally:
            life.check()
        return result

    return call


def _reflex(done: asyncio.Future[Any], life: Life, plant: Plant) -> None:
    if life.dead and not done.cancelled() and done.exception() is None:
        for arm in plant.bench.arms.values():
            if arm.moving:
                arm.halt()


class _MortalLog(AttemptLog):
    def __init__(self, log: AttemptLog, cell: MortalCell, life: Life) -> None:
        self._log, self._cell, self._life = log, cell, life

    def of(self, attempt_id: str) -> Any:
        return self._log.of(attempt_id)

    def covers(self, attempt_id: str) -> bool:
        return self._log.covers(attempt_id)

    def write(self, attempt_id: str, what: str, data: Any = None) -> None:
        self._life.check()
        self._cell.count("fact", True)
        self._life.check()
        self._log.write(attempt_id, what, data)
        self._cell.count("fact", False)
        self._life.check()


class _MortalJournal:
    def __init__(self, journal: Journal, cell: MortalCell, life: Life) -> None:
        self._journal, self._cell, self._life = journal, cell, life

    def append(self, event: Event) -> Entry:
        self._life.check()
        self._cell.count("entry", True)
        self._life.check()
        entry = self._journal.append(event)
        self._cell.count("entry", False)
        self._life.check()
        return entry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class _Port:
    """What the orchestrator's way to a skill server does: a lost server is waited for, and asked how the attempt ended."""

    def __init__(self, cell: MortalCell, life: Life) -> None:
        self._cell, self._life = cell, life

    async def offered(self) -> frozenset[str]:
        return await self._cell.runner.offered()

    async def execute(self, goal: SkillGoal, on_feedback: Callable[[Feedback], None]) -> SkillResult:
        self._life.check()
        runner, server = self._cell.runner, self._cell.server
        task = asyncio.ensure_future(runner.execute(goal, on_feedback))
        self._cell.sent.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        lost = asyncio.ensure_future(server.ended.wait())
        try:
            await asyncio.wait({task, lost}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not self._life.dead:
                task.cancel()
                await asyncio.wait({task, lost}, return_when=asyncio.FIRST_COMPLETED)
            raise
        finally:
            lost.cancel()
        self._life.check()
        if server.dead:
            await self._cell.server_back.wait()
            return await self.settle(goal)
        return task.result()

    async def settle(self, goal: SkillGoal) -> SkillResult:
        while True:
            self._life.check()
            server = self._cell.server
            await self._cell.server_back.wait()
            try:
                result = await self._cell.runner.settle(goal)
            except Killed:
                if server is self._cell.server:
                    await self._cell.server_back.wait()
                continue
            self._life.check()
            return result


class MortalCell:
    """The bench, and the programs that live at present."""

    def __init__(self, line: Line, journal: Journal, seed: int, kill: Kill | None) -> None:
        asyncio.get_running_loop().set_exception_handler(_ignore_the_dead)
        self.line, self.journal, self.kill = line, journal, kill
        self.clock = LoopClock(VIRTUAL_EPOCH_S)
        self.plant = Plant(line, seed, self.clock)
        self.devices = make_devices(DeviceHost(line, self.clock, self.plant), "virtual", camera="modelled")
        self.log = AttemptLog()
        self.killed = asyncio.Event()
        self.deaths = 0
        self.server_back = asyncio.Event()
        self.sent: set[asyncio.Task[Any]] = set()
        self.counts = Counter[str]()
        self._armed = False

    async def start(self) -> None:
        for device in self.devices.values():
            await device.connect()
        self._serve()
        await self._control()

    def arm(self) -> None:
        """From now on the kill counts."""
        self._armed, self.counts = True, Counter()
        if self.kill and self.kill.at == "time":
            asyncio.get_running_loop().call_later(self.kill.number, self.die)

    def count(self, what: str, before: bool) -> None:
        """Note that an entry or a fact is about to be written, or was; die when it is the one."""
        kill = self.kill
        if not self._armed or self.killed.is_set():
            return
        self.counts[what] += before
        if kill and (kill.at, kill.before) == (what, before) and self.counts[what] == kill.number:
            self.die()

    def die(self) -> None:
        kill = self.kill
        if kill is None or self.killed.is_set():
            return
        if kill.who in ("orchestrator", "both"):
            self.program.end()
        if kill.who in ("skills", "both"):
            self.server_back.clear()
            self.server.end()
        self.deaths += 1
        self.killed.set()

    async def restart(self) -> None:
        """Start what died, which may die once more."""
        kill = self.kill
        self.killed.clear()
        self.kill = replace(kill, at="time", number=kill.again_s, again_s=None) if kill and kill.again_s else None
        if self.server.dead:
            self._serve()
        if self.program.dead:
            for task in self.sent:  # a new orchestrator takes the servers down first, which cancels what they do
                task.cancel()
            await asyncio.gather(*self.sent, return_exceptions=True)
            self.sent.clear()
            await self._control()
        if self.kill is not None:
            self.arm()

    def _serve(self) -> None:
        self.server = Life()
        devices = {name: mortal(device, self.server, self.plant) for name, device in self.devices.items()}
        self.runner = SkillRunner(self.line, self.clock, devices, _MortalLog(self.log, self, self.server))
        self.runner.planners = shared_planners(self.line)
        self.runner.record_step = self._record_step
        self.server_back.set()

    async def _control(self) -> None:
        self.program = Life()
        devices = {name: mortal(device, self.program, self.plant) for name, device in self.devices.items()}
        journal: Any = _MortalJournal(self.journal, self, self.program)
        port = _Port(self, self.program)
        self.controller = Controller(self.line, self.clock, journal, port, devices, Session("virtual", "modelled"))
        await self.controller.start()

    async def _record_step(self, attempt_id: str, step: Any) -> None:
        self.program.check()
        await self.controller.tooling.record_step(attempt_id, step)
        self.program.check()


def _ignore_the_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


@dataclass(frozen=True)
class Aftermath:
    """What came of a kill. `wrong` are sentences: empty when the cell converged."""

    kill: Kill
    deaths: int
    asked: tuple[str, ...]
    wrong: tuple[str, ...]
    repeated: tuple[str, ...]
    lost: tuple[str, ...]
    thrown_away: int
    scrapped: int


def aftermath(line: Line, kill: Kill, quantity: int = 2, seed: int = 0) -> Aftermath:
    """Produce an order during which somebody dies and is started again; what the plant and the journal then say."""

    async def story() -> Aftermath:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = MortalCell(line, journal, seed, kill)
            await cell.start()
            order_id = cell.controller.submit(_order(line, quantity))
            cell.arm()
            asked = await _work_off(cell, order_id, kill)
            return _judged(cell, order_id, quantity, asked, kill)

    return run_virtual(story())


async def _work_off(cell: MortalCell, order_id: str, kill: Kill) -> list[str]:
    """Wait for the order's end as an operator who confirms every question; the questions."""
    asked: list[str] = []
    end_s = cell.clock.now() + PATIENCE_S
    while cell.clock.now() < end_s:
        if cell.killed.is_set():
            await cell.clock.sleep(kill.restart_s)
            await cell.restart()
        controller = cell.controller
        if controller.order(order_id).status.ended:
            break
        if controller.state is State.HELD:
            asked += [f"{fault.code} {fault.operation}" for fault in controller.active_faults]
            with suppress(UsageError):
                controller.command(Command.UNHOLD)
        elif controller.state is State.STOPPED:  # it was held when it died
            with suppress(UsageError):
                controller.command(Command.RESET)
        watch = asyncio.ensure_future(cell.killed.wait())
        await asyncio.wait({watch}, timeout=LOOK_S)
        watch.cancel()
    return asked


def _judged(cell: MortalCell, order_id: str, quantity: int, asked: list[str], kill: Kill) -> Aftermath:
    plant, order, events = cell.plant, cell.controller.order(order_id), list(cell.journal.events())
    wrong = list(disagreements(cell.line, plant, events))
    if order.status is not OrderStatus.COMPLETED or order.good != quantity:
        wrong.append(f"the order is {order.status.name} with {order.good} good, {cell.controller.reason}")
    bench = plant.bench
    thrown = sum(bench.inventory.count("bin", name) for name in cell.line.cell_description.of_kind("bin"))
    return Aftermath(
        kill,
        cell.deaths,
        tuple(asked),
        tuple(wrong),
        tuple(repeated(plant, events)),
        tuple(lost(plant, events)),
        thrown + len(bench.inventory.losses),
        order.scrapped,
    )


def disagreements(line: Line, plant: Plant, events: list[Event]) -> Iterator[str]:
    """Where the plant is not what the journal tells when all orders have ended."""
    variants = {e.unit: e.variant for e in events if isinstance(e, UnitStarted)}
    good = sorted(e.unit for e in events if isinstance(e, UnitEnded) and e.disposition == "good")
    for serial in good:
        truth = plant.truth(serial)
        if truth is None or truth.place.kind != "carton" or not truth.is_good(line, variants[serial]):
            yield f"{serial} is delivered as good and is {truth}"
    packed = sorted(serial for serials in plant.carton_contents().values() for serial in serials)
    if packed != good:
        yield f"packed are {packed}, told as good {good}"
    bench = plant.bench
    yield from (f"{item.part_name} is left in {tool}" for tool in bench.tools for item in bench.inventory.at("tool", tool))
    yield from (f"a unit is left in {name}" for name in bench.clamped if bench.unit_in(name) is not None)


def lost(plant: Plant, events: list[Event]) -> Iterator[str]:
    """Units that were begun and never ended, and those that fell where nobody finds them."""
    ended = {e.unit for e in events if isinstance(e, UnitEnded)}
    yield from (f"{e.unit} was begun and never ended" for e in events if isinstance(e, UnitStarted) and e.unit not in ended)
    for loss in plant.bench.inventory.losses:
        if plant.inventory.installed(plant.inventory[loss.item_id]):
            yield f"the unit on {loss.part_name} {loss.item_id} {loss.reason}"


def repeated(plant: Plant, events: list[Event]) -> list[str]:
    """Operations of a unit that ended well twice though nothing had been undone, and sites with two parts."""
    found, done = [], Counter[tuple[str, str]]()
    for event in events:
        if isinstance(event, RecoveryDecided) and event.unit:
            done = Counter({key: n for key, n in done.items() if key[0] != event.unit})
        planned = isinstance(event, OperationEnded) and event.operation in plant.line.product_description.plan
        if isinstance(event, OperationEnded) and planned and event.outcome == "succeeded":
            done[event.unit, event.operation] += 1
            if done[event.unit, event.operation] > 1:
                found.append(f"{event.operation} of {event.unit} was done twice")
    sites = Counter((i.place.holder, i.place.slot) for i in plant.inventory if i.place.kind == "unit")
    return found + [f"{site} of unit {unit} has {n} parts" for (unit, site), n in sites.items() if n > 1]


def _order(line: Line, quantity: int) -> Order:
    variants = list(line.product_description.variants)
    counts = Counter(variants[n % len(variants)] for n in range(quantity))
    return Order(product=line.product, lines=tuple(OrderLine(variant=v, quantity=n) for v, n in counts.items()))
