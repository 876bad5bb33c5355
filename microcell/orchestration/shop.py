"""The work of a cell: orders, units and resources, each change of them recorded first. No decisions about time here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from microcell import events
from microcell.clock import Clock
from microcell.description.line import Line
from microcell.faults import Fault
from microcell.orchestration.budget import Attempts
from microcell.orchestration.deliveries import Deliveries
from microcell.orchestration.lines import Lines
from microcell.orchestration.measured import Measured
from microcell.orchestration.order_book import OrderBook
from microcell.orchestration.order_keeping import OrderKeeping
from microcell.orchestration.plan import Chain, Plan
from microcell.orchestration.questions import Questions
from microcell.orchestration.resources import Resources
from microcell.orchestration.sources import Sources
from microcell.orchestration.tools import ToolLedger
from microcell.orchestration.work import OrderStatus, OrderWork, UnitWork, plan_of
from microcell.records.drift import DriftFold, chart_of
from microcell.skills.contract import Needs
from microcell.skills.needed import needs_of

Record = Callable[[events.Event], None]
PUT_BACK, LEAVE_OUT = "put_back", "leave_out"
NOTICE = {
    PUT_BACK: "It is used again from now on.",
    LEAVE_OUT: "It stays out of use until somebody puts it back into service.",
}
"""Choices of a notice that something was taken out of use, with their consequences."""


class Shop(OrderKeeping):
    """Mutable state of production. Every method that changes it writes its event before it returns."""

    def __init__(self, line: Line, clock: Clock, record: Record) -> None:
        self.lines = Lines(line)
        self.clock = clock
        self.record = record
        self.tools = ToolLedger(line, clock)
        self.resources = Resources(self.lines, self.needs, self.tools.is_fit)
        self.orders = OrderBook(self.lines.takes_units)
        self.units: dict[str, UnitWork] = {}
        self.faults: list[Fault] = []
        self.missing_skills: dict[str, str] = {}
        self._told_missing: set[str] = set()
        self.cell_state = ""
        self.units_started = 0
        self.units_good = 0
        self.units_scrapped = 0
        self.attempts = Attempts()
        self.sources = Sources(line)
        self.questions = Questions(clock, record)
        self.measured = Measured(line)
        self.deliveries = Deliveries(line)
        self._counts: dict[str, int] = {}  # of feeders that are taken for empty
        self.drifts = DriftFold(chart_of(line), line.product)
        self._needs: dict[tuple[str, str, str], Needs] = {}
        self._plans = {each.product: (plan_of(each), plan_of(each, scrap=True)) for each in line.every}

    @property
    def line(self) -> Line:
        """The line that the cell makes now; of several, the first."""
        return self.lines.main

    def line_of(self, unit: UnitWork) -> Line:
        """The line that makes a unit."""
        return self.lines.of(unit.product)

    def at_work(self) -> list[UnitWork]:
        """The units in work that are worked on: all but those that are parked until their line comes back."""
        return [unit for unit in self.units.values() if self.lines.is_worked_on(unit.product)]

    def part_in(self, feeder: str) -> str:
        """The part that a feeder is set up with; "" for a feeder that no line uses."""
        product = self.lines.set_up.get(feeder)
        setup = self.lines.of(product).feeders.get(feeder) if product is not None else None
        return setup.part if setup else ""

    def chains(self) -> events.Chains:
        """The plans of all products."""
        made = ((name, chain) for name, plans in self._plans.items() for plan in plans for chain in plan.chains)
        return tuple(dict.fromkeys((name, chain.operations, tuple(sorted(chain.after))) for name, chain in made))

    def apply(self, event: events.Event) -> None:
        """Take an event into account that is in the journal: its folds, and what is in service."""
        folds = (self.lines, self.tools, self.sources, self.attempts, self.questions, self.measured, self.drifts)
        for fold in (*folds, self.deliveries):
            fold.apply(event)
        if isinstance(event, events.StateChanged):
            self.cell_state = event.state
        if isinstance(event, (events.DeviceServiceChanged, events.ToolServiceChanged)):
            name = event.tool if isinstance(event, events.ToolServiceChanged) else event.device
            (self.resources.out_of_service.discard if event.in_service else self.resources.out_of_service.add)(name)

    # units

    def begin_unit(self, order: OrderWork, variant: str) -> UnitWork:
        """Give a unit its serial and put it in work."""
        unit = self.draft_unit(order, variant)
        now_s, product = self.clock.now(), order.product or self.lines.line.product
        self.record(
            events.UnitStarted(time_s=now_s, unit=unit.serial, order_id=order.order_id, variant=variant, product=product)
        )
        self.add_unit(unit, order)
        if order.status is OrderStatus.NOT_STARTED:
            self.set_order(order, OrderStatus.RUNNING, "first unit begun")
        return unit

    def draft_unit(self, order: OrderWork, variant: str) -> UnitWork:
        """The unit that would come next, not yet in work."""
        prefix, number = self.lines.of(order.product).product_description.serial_prefix, self.units_started + 1
        plan, _ = self._plans_of(order.product)
        return UnitWork(f"{prefix}-{number:06d}", order.order_id, variant, self.units_started, plan, product=order.product)

    def specimen(self, product: str, variant: str) -> UnitWork:
        """A unit that nobody makes, to ask what one of a product's variant needs."""
        return UnitWork("", "", variant, 0, self._plans_of(product)[0], product=product)

    def _plans_of(self, product: str) -> tuple[Plan, Plan]:
        return self._plans[product or self.lines.line.product]

    def add_unit(self, unit: UnitWork, order: OrderWork) -> None:
        """Count a begun unit."""
        self.units[unit.serial] = unit
        self.units_started += 1
        order.in_work.add(unit.serial)
        order.to_start[unit.variant] -= 1

    def rework(self, unit: UnitWork, inspection: str, checks: tuple[str, ...], redo: tuple[str, ...], **told: str) -> None:
        """Send a unit back to the operations that mend it. `checks` are those that failed, or the code of a fault."""
        reason = f"redo {', '.join(redo)}"
        self.decided(unit.serial, inspection, ",".join(checks), "rework", reason, redo=redo, **told)
        unit.reworks += 1
        self.orders[unit.order_id].reworked += unit.reworks == 1
        unit.plan.redo(unit.done, inspection, redo)

    def scrap(self, unit: UnitWork, operation: str, code: str, reason: str, **told: str) -> None:
        """Send a unit to the reject bin; one of which nothing stands in a station is gone at once."""
        self.decided(unit.serial, operation, code, "scrap", reason, **told)
        self.begin_scrapping(unit, operation, code, reason)
        if not unit.stations or unit.complete:
            self.end_unit(unit)

    def begin_scrapping(self, unit: UnitWork, operation: str, code: str, reason: str) -> None:
        """Turn a unit over to the scrap plan because of a fault of an operation, or begin that plan anew.

        A station that it only had reserved is free again, and so is that of a unit on its way out that is not there any
        more. One where it may stand stays its own: the scrap plan finds out whether it does.
        """
        gone = bool(unit.scrapping) and code == "FIXTURE_EMPTY"
        for kind, station in list(unit.stations.items()):
            if gone or not unit.may_stand_in(kind, operation, code):
                self.leave(unit, kind, station)
        unit.scrapping, unit.plan, unit.done = reason, self._plans_of(unit.product)[1], set()

    def end_unit(self, unit: UnitWork) -> None:
        """Take a finished unit out of work, and end its order when it was the last."""
        order = self.orders[unit.order_id]
        self.record(
            events.UnitEnded(
                time_s=self.clock.now(),
                unit=unit.serial,
                order_id=order.order_id,
                disposition="scrapped" if unit.scrapping else "good",
                reason=unit.scrapping,
                carton=unit.carton,
            )
        )
        self.remove_unit(unit, order)
        self.end_order_when_done(order)

    def remove_unit(self, unit: UnitWork, order: OrderWork) -> None:
        """Count an ended unit."""
        for kind, station in list(unit.stations.items()):
            self.leave(unit, kind, station)
        del self.units[unit.serial]
        order.in_work.discard(unit.serial)
        if unit.scrapping:
            order.count_scrapped(unit.variant)
            self.units_scrapped += 1
            self.orders.offer(order)
        else:
            order.good.append(unit.serial)
            self.units_good += 1

    def settle(self) -> None:
        """After a restart: end the units and orders that were finished but for being told so."""
        for unit in list(self.units.values()):
            if unit.complete or (unit.scrapping and not unit.stations and not unit.done):
                self.end_unit(unit)
        for order in list(self.orders.values()):
            self.end_order_when_done(order)

    def enter(self, unit: UnitWork, kind: str, station: str) -> None:
        """Let a unit have a station."""
        unit.stations[kind] = station
        self.resources.occupied[station] = unit.serial

    def leave(self, unit: UnitWork, kind: str, station: str) -> None:
        """Take a station back from a unit."""
        del unit.stations[kind]
        self.resources.occupied.pop(station, None)

    # what operations need

    def needs(self, unit: UnitWork, chain: Chain) -> dict[str, Needs]:
        """Needs of each operation of a chain for this unit's variant."""
        return {name: self._needs_of(name, unit) for name in chain.operations}

    def missing_server(self, unit: UnitWork, chain: Chain) -> str:
        """The server that a chain would need and that is gone; "" when all are there."""
        skills = (self.skill_of(unit, name) for name in chain.operations) if self.missing_skills else ()
        return next((self.missing_skills[skill] for skill in skills if skill in self.missing_skills), "")

    def parameters(self, unit: UnitWork, operation: str) -> dict[str, Any]:
        """Parameters of an operation's goal."""
        given = unit.plan.operations[operation].given
        measured = {key: self.measured.values(unit.serial, features) for key, features in given.items()}
        return {**self.line_of(unit).product_description.parameters_of(operation, unit.variant), **measured}

    def skill_of(self, unit: UnitWork, operation: str) -> str:
        return unit.plan.operations[operation].skill

    def _needs_of(self, operation: str, unit: UnitWork) -> Needs:
        key = (operation, unit.product, unit.variant)
        if key not in self._needs:
            self._needs[key] = needs_of(self.line_of(unit), operation, unit.variant)
        return self._needs[key]

    # facts

    def decided(self, unit: str, operation: str, code: str, action: str, reason: str, **more: Any) -> None:
        """Record a recovery decision; `more` are further fields of the event."""
        self.record(
            events.RecoveryDecided(
                time_s=self.clock.now(), unit=unit, operation=operation, code=code, action=action, reason=reason, **more
            )
        )

    def set_service(self, name: str, in_service: bool, reason: str, code: str = "") -> None:
        """Record that a device or a tool is out of service or back in it; `code` is the fault for which the cell did it."""
        now_s = self.clock.now()
        for question in self.questions.open() if in_service else ():
            if question.device == name:
                self.questions.withdraw(question.question, reason)
        if name in self.tools.places:
            serial = self.tools.serial_of(name)
            self.record(
                events.ToolServiceChanged(time_s=now_s, tool=name, serial=serial, in_service=in_service, reason=reason)
            )
        else:
            self.record(
                events.DeviceServiceChanged(time_s=now_s, device=name, in_service=in_service, reason=reason, code=code)
            )

    def take_out(self, source: str, fault: Fault, reason: str) -> None:
        """Take a device or a tool out of use because of a fault, and give the operator notice."""
        self.set_service(source, False, reason, fault.code)
        text = f"{source} {reason}: it is out of use, and the cell goes on without it. Is it in order?"
        self.questions.ask(fault, text, NOTICE, device=source)

    def lacking(self, device: str) -> Fault:
        """The fault of a device or a tool that work waits for and that is out of service."""
        if (refused := self.tools.refusal(device)) is not None:
            return refused
        why = self.sources.reasons.get(device, "") or self.resources.taken_out.get(device, "")
        return Fault("DEVICE_OUT_OF_SERVICE", device, why)

    def saw_fault(self, fault: Fault) -> Fault:
        """Keep a fault among the last ones and with its order; one of no unit concerns every open order. Returns it."""
        self.faults = [*self.faults[-15:], fault]
        if fault.unit in self.units:
            self.orders[self.units[fault.unit].order_id].last_fault = fault
        elif not fault.unit:
            for order in self.orders.values():
                order.last_fault = order.last_fault if order.status.ended else fault
        return fault

    def raised(self, fault: Fault) -> None:
        """Record a fault of the cell itself."""
        self.record(events.FaultRaised(time_s=self.clock.now(), fault=fault.as_data()))
        self.saw_fault(fault)

    def tell_missing(self) -> None:
        """Record which servers are gone whose skills are missing, each once."""
        gone = {*self.missing_skills.values()}
        for server in sorted(gone - self._told_missing):
            self.raised(Fault("SKILL_UNAVAILABLE", server, "its process is gone or does not answer"))
        self._told_missing = gone

    def put_aside(self, doubtful: dict[str, str]) -> None:
        """A person has looked: units whose state nobody can know, each with its operation, leave through the reject bin."""
        for serial, operation in doubtful.items():
            self.scrap(self.units[serial], operation, "OUTCOME_UNKNOWN", "put aside after an interruption")
        doubtful.clear()

    def takes_for_empty(self, feeder: str, level: int) -> None:
        """Take a feeder for empty that counts so many, until it counts more."""
        if feeder not in self._counts:
            self.saw_level(feeder, 0)
        self._counts[feeder] = level

    def forget_level(self, feeder: str) -> None:
        """Nothing is known any more of what is in a feeder."""
        self.resources.levels.pop(feeder, None)
        self._counts.pop(feeder, None)

    def saw_level(self, feeder: str, level: int) -> None:
        """Take note of a feeder's level; more than before means that it was refilled."""
        if level <= self._counts.get(feeder, -1):
            self._counts[feeder] = level
            return
        before = self._counts.pop(feeder, self.resources.levels.get(feeder))
        self.resources.levels[feeder] = level
        part = self.part_in(feeder)
        if level == 0 and before != 0:
            self.record(events.FeederEmptied(time_s=self.clock.now(), feeder=feeder, part=part))
        elif before is not None and level > before:
            self.record(
                events.FeederRefilled(
                    time_s=self.clock.now(), feeder=feeder, part=part, lot="", level=level, added=level - before
                )
            )

    def mounted(self, arm: str, tool: str, serial: str) -> None:
        """Take note of the tool on an arm's flange."""
        self.resources.mounted[arm] = tool
        self.record(events.ToolMounted(time_s=self.clock.now(), arm=arm, tool=tool, serial=serial))


def open_orders(orders: Mapping[str, OrderWork]) -> list[OrderWork]:
    """Orders that are not ended, the most urgent first."""
    return sorted((o for o in orders.values() if not o.status.ended), key=lambda o: o.urgency)
