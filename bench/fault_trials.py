"""One injectable fault, one small order of the valve line in the virtual world, and what came of it.

Where the cell asks for a person, the trial is that person: it does what the fault's remedy says at the cell, and lets the
cell go on. `bench/faults.py` makes a table of trials, and the tests look at each one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from microcell import events
from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault, Scope
from microcell.description.injectable import INJECTABLE
from microcell.description.injectable_kinds import Injectable
from microcell.description.line import Line
from microcell.description.order import Order, OrderLine
from microcell.devices.guard import guarded
from microcell.errors import JournalError
from microcell.faults import CATALOGUE, Fault
from microcell.motion.planner import MotionPlanner
from microcell.orchestration.controller import Controller
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import Command, State
from microcell.orchestration.recovery import policy
from microcell.orchestration.session import Session
from microcell.orchestration.work import OrderStatus
from microcell.plant.injection import Injections
from microcell.records.journal import Journal
from microcell.virtual import VirtualCell, VirtualRun

A_LOOK_S = 60.0
PATIENCE_S = 50_000.0
MOST_LOOKS = 8
LATEST_NTH = 2
UNITS = 2

SCENES: dict[str, tuple[str, str]] = {
    "arm": ("arm", "insert_cap"),
    "gripper": ("parallel_gripper", "pick_cap"),
    "vacuum": ("vacuum_cup", "pick_membrane"),
    "screwdriver": ("screwdriver", "fasten_1"),
    "tool_changer": ("changer", "mount_vacuum_cup"),
    "tool_crib": ("crib", "mount_vacuum_cup"),
    "force_sensor": ("wrist_force", "insert_cap"),
    "camera": ("camera_1", "inspect_open"),
    "feeder": ("nest_2", "pick_cap"),
    "fixture": ("fixture_1", "insert_cap"),
    "printer": ("printer", "label_unit"),
    "carton_station": ("cartons", "pack_unit"),
    "journal": ("journal", "insert_cap"),
    "clock": ("clock", "insert_cap"),
    "skills": ("skills", "insert_cap"),
}
"""For each kind, a device of the valve line and an operation in which it is used."""

MORE_SCENES: tuple[tuple[str, str, str], ...] = (
    ("feeder", "tray_1", "pick_membrane"),
    ("feeder", "screws_1", "fasten_1"),
    ("camera", "camera_trays", "pick_membrane"),
    ("gripper", "parallel_gripper", "pick_body"),
    ("vacuum", "vacuum_cup", "label_unit"),
    ("force_sensor", "wrist_force", "insert_membrane"),
    ("fixture", "fixture_2", "insert_cap"),
)
"""Further places and operations, for the faults that have no special one and are told by a fault."""

SPECIAL_SCENES: dict[tuple[str, str], dict[str, Any]] = {
    ("fixture.not_clamped", "fixture_1"): {"operation": "place_body"},
    ("device.duplicate", "fixture_1"): {"operation": "place_body"},
    ("gripper.drop", "parallel_gripper"): {"operation": "insert_cap"},
    ("gripper.stuck", "parallel_gripper"): {"operation": "insert_cap"},
    ("vacuum.stuck", "vacuum_cup"): {"operation": "insert_membrane"},
    ("feeder.wrong_level", "nest_2"): {"operation": None, "condition": "holding"},
    ("journal.disk_full", "journal"): {"operation": None, "nth": 40},
    ("journal.locked", "journal"): {"operation": None, "nth": 40},
}
"""Faults that need another moment than their kind's usual one."""
ELSEWHERE: dict[str, tuple[str, str, str]] = {
    "feeder.broken_latch": ("controller", "nest_3", "pick_connector"),
    "feeder.weak_cell": ("battery", "nest_3", "pick_cell_1"),
    "feeder.short_count": ("stool", "nest_8", "pick_bag"),
    "dispenser.clogged": ("footwear", "dispenser", "cement_left"),
    "dispenser.bubble": ("footwear", "dispenser", "cement_left"),
    "dispenser.empty": ("footwear", "dispenser", "cement_left"),
    "press.weak": ("footwear", "press_1", "press_pair"),
    "welder.weak": ("battery", "spot_welder", "weld_top_1"),
    "welder.open_circuit": ("battery", "spot_welder", "weld_top_1"),
    "turner.stuck": ("battery", "turner_1", "flip_over"),
    "tester.blind": ("battery", "tester_1", "measure_cell_1"),
}
"""Faults of devices and parts that the valve line does not have: line, device, operation."""
MORE_UNITS = {("device.duplicate", "cartons"): 7}
"""Faults at what happens once in so many units."""


@dataclass(frozen=True)
class Trial:
    """A fault at a place, in an order of two units of the seed's plant, of a line; `variants` in turn, else its default."""

    fault: ScheduledFault
    seed: int = 0
    quantity: int = UNITS
    line: str = "valve"
    variants: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[OrderLine, ...]:
        """Lines of the order."""
        if not self.variants:
            return (OrderLine(quantity=self.quantity),)
        wanted = (self.variants[n % len(self.variants)] for n in range(self.quantity))
        return tuple(OrderLine(variant=variant, quantity=1) for variant in wanted)

    @property
    def entry(self) -> Injectable:
        return INJECTABLE[self.fault.fault]

    def __str__(self) -> str:
        return f"{self.fault.fault} at {self.fault.where}"


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    `released` is how often the fault happened; `told` the faults in the order in which they were told, `rejected` the checks
    at which inspections failed, `shown` the faults that the order showed to who submitted it. `looks` is how often a
    person was needed. `wrong` says in sentences what is not as it should be at the end.
    """

    trial: Trial
    released: int
    told: tuple[Fault, ...]
    rejected: tuple[str, ...]
    shown: tuple[Fault, ...]
    looks: int
    order: OrderView
    wrong: tuple[str, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(fault.code for fault in self.told))

    @property
    def detected(self) -> bool:
        """Whether the cell told what the catalogue says that it must: the right code first, an inspection, or nothing."""
        entry = self.trial.entry
        if entry.told == "fault":
            arrived = any(fault.code in entry.codes for fault in self.shown)
            return bool(self.told) and self.told[0].code in entry.codes and arrived
        if entry.told == "inspection":
            return bool(self.rejected)
        return not self.told

    @property
    def recovered(self) -> bool:
        """Whether the order ended well without a person."""
        return self.ended_well and not self.looks

    @property
    def ended_well(self) -> bool:
        return self.order.status is OrderStatus.COMPLETED and self.order.good == self.trial.quantity and not self.wrong


def trials(line: Line, seeds: int, first: int = 0) -> Iterator[Trial]:
    """Every fault of the virtual world, at one place of each kind that it fits, for so many seeds."""
    scope = Scope.of(line)
    for name, entry in INJECTABLE.items():
        if "virtual" not in entry.worlds:
            continue
        for where, operation in _scenes(name, entry):
            if where not in scope.fitting(name) or name in ELSEWHERE:
                continue
            for seed in range(first, first + seeds):
                nth = 1 if seed == 0 or not _repeats(entry) else Random(f"{seed}:{name}").randint(1, LATEST_NTH)
                moment = {"operation": operation, "nth": nth, **SPECIAL_SCENES.get((name, where), {})}
                quantity = MORE_UNITS.get((name, where), UNITS)
                yield Trial(ScheduledFault(fault=name, where=where, **moment), seed, quantity)


def trials_elsewhere(seeds: int, first: int = 0) -> Iterator[Trial]:
    """The faults that other lines have, for so many seeds."""
    for name, (line, where, operation) in ELSEWHERE.items():
        for seed in range(first, first + seeds):
            yield Trial(ScheduledFault(fault=name, where=where, operation=operation), seed, UNITS, line)


def _scenes(name: str, entry: Injectable) -> Iterator[tuple[str, str]]:
    """Device and operation for each kind that a fault fits, and further ones where any will do."""
    yield from (SCENES[kind] for kind in entry.fits if kind in SCENES)
    if entry.told == "fault" and not any(special == name for special, _ in SPECIAL_SCENES):
        yield from ((where, operation) for kind, where, operation in MORE_SCENES if kind in entry.fits)


def _repeats(entry: Injectable) -> bool:
    """Whether it makes no difference at which of the commands of an operation the fault happens."""
    return entry.fits in (("arm",), ("force_sensor",))


def carry_out(trial: Trial, line: Line, planners: dict[str, MotionPlanner] | None = None) -> Outcome:
    """Run a trial on virtual time."""
    return run_virtual(_carry_out(trial, line, planners))


async def _carry_out(trial: Trial, line: Line, planners: dict[str, MotionPlanner] | None) -> Outcome:
    with Journal.create_or_open(":memory:", durability="full") as journal:
        cell = VirtualCell(VirtualRun(line, (), trial.seed, faults=(trial.fault,)), journal)
        if planners is not None:
            cell.runner.planners = planners
        await cell.start()
        order_id = cell.controller.submit(Order(product=line.product, lines=trial.lines))
        person = _Person(cell, journal, order_id)
        await person.see_it_through()
        order, told = person.controller.order(order_id), person.told()
        await person.controller.close()
        for device in cell.devices.values():
            await device.disconnect()
        found = tuple(journal.events())
        wrong = (*_wrong(cell, order, found), *_over_budget(found, line))
        rejected, shown, count = _rejected(found), tuple(person.shown), released(cell.plant.injections)
        return Outcome(trial, count, told, rejected, shown, person.looks, order, wrong)


class _Person:
    """Who is called when the cell needs somebody."""

    def __init__(self, cell: VirtualCell, journal: Journal, order_id: str) -> None:
        self.controller = cell.controller
        self.looks = 0
        self._cell = cell
        self._journal = journal
        self._order_id = order_id
        self._seen: list[Fault] = []
        self.shown: list[Fault] = []
        cell.controller.add_listener(lambda entry: self._note_shown())

    async def see_it_through(self) -> None:
        """Look at the cell whenever it is held or aborted, until the order has ended or nothing helps."""
        while self.looks < MOST_LOOKS:
            ended = asyncio.ensure_future(self.controller.order_ended(self._order_id))
            stuck = asyncio.ensure_future(self.controller.until_state(State.HELD, State.ABORTED))
            await asyncio.wait({ended, stuck}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
            self._note()
            over = ended.done() or not stuck.done()
            ended.cancel()
            stuck.cancel()
            if over:
                return
            self.looks += 1
            await self._cell.clock.sleep(A_LOOK_S)
            await self._cell.plant.injections.mend()
            await self._go_on()

    def told(self) -> tuple[Fault, ...]:
        """Every fault in the journal and on the cell's display, once, in the order of their times."""
        kinds = (events.OperationEnded, events.FaultRaised)
        written = [Fault(**e.fault) for e in self._journal.events() if isinstance(e, kinds) and e.fault]
        found = dict.fromkeys((*self._seen, *written, *self.controller.shop.faults))
        return tuple(sorted(found, key=lambda fault: fault.time_s if fault.time_s is not None else -1.0))

    def _note(self) -> None:
        self._seen += self.controller.active_faults
        self._note_shown()

    def _note_shown(self) -> None:
        fault = self.controller.order(self._order_id).last_fault
        self.shown += [fault] if fault is not None and fault not in self.shown else []

    async def _go_on(self) -> None:
        """Leave Held or Aborted; where the journal cannot be written, start the orchestrator again, as its remedy says."""
        if not any(fault.code == "JOURNAL_UNWRITABLE" for fault in self.controller.active_faults):
            with suppress(JournalError):  # its next entry finds the disk full
                await self._leave()
            return
        cell = self._cell
        await self.controller.close()
        guards = guarded(cell.devices, cell.clock)
        self.controller = Controller(
            cell.plant.line, cell.clock, self._journal, cell.skills, guards, Session("virtual", "modelled")
        )
        cell.runner.record_step = self.controller.tooling.record_step
        await self.controller.start()

    async def _leave(self) -> None:
        """Unhold, or Clear and Reset."""
        if self.controller.state is not State.ABORTED:
            self.controller.command(Command.UNHOLD)
            return
        await self._cell.clock.sleep(1.0)  # until the cell has seen that the button is out
        self.controller.command(Command.CLEAR)
        await self.controller.until_state(State.STOPPED)
        self.controller.command(Command.RESET)


def released(injections: Injections) -> int:
    """How often scheduled faults happened."""
    return sum(waiting.released for waiting in injections.scheduled)


def _rejected(found: tuple[events.Event, ...]) -> tuple[str, ...]:
    ended = [e for e in found if isinstance(e, events.OperationEnded) and e.outcome == "rejected"]
    return tuple(check for e in ended for check in e.failed_checks)


def _wrong(cell: VirtualCell, order: OrderView, found: tuple[events.Event, ...]) -> Iterator[str]:
    """What is lost, made twice, delivered bad, or left somewhere."""
    variants = {e.unit: e.variant for e in found if isinstance(e, events.UnitStarted)}
    for serial in order.serials:
        truth = cell.plant.truth(serial)
        if truth is None or truth.place.kind != "carton" or not truth.is_good(cell.plant.line, variants[serial]):
            yield f"{serial} was delivered as good and is {truth}"
    packed = Counter(serial for serials in cell.plant.carton_contents().values() for serial in serials)
    yield from (f"{serial} is in {count} cartons" for serial, count in packed.items() if count > 1)
    strange = packed - Counter(order.serials)
    yield from (f"{serial or 'a unit without label'} is in a carton but in no record" for serial in strange)
    bench = cell.plant.bench
    yield from (f"{item.part_name} is left in {tool}" for tool in bench.tools for item in bench.inventory.at("tool", tool))
    units = {name: bench.unit_in(name) for name in bench.clamped}
    yield from (f"{unit.part_name} is left in {name}" for name, unit in units.items() if unit is not None)


def _over_budget(found: tuple[events.Event, ...], line: Line) -> Iterator[str]:
    """Recoveries that go on after the policy's steps are used up."""
    spent: Counter[tuple[str, str, str]] = Counter()
    for event in found:
        if not isinstance(event, events.RecoveryDecided) or event.code not in CATALOGUE:
            continue
        key = (event.unit, event.operation, event.code)
        if event.action in ("hold", "scrap", "go_on"):
            spent.pop(key, None)
            continue
        spent[key] += 1
        allowed = sum(step.times for step in policy(event.code, line.recovery) if step.action != "hold")
        if spent[key] > allowed:
            yield f"{event.code} at {event.operation} was dealt with {spent[key]} times, allowed are {allowed}"
