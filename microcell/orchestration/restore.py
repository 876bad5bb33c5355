"""State of a shop from its journal: what a restarted controller goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import microcell
from microcell import events
from microcell.description.fault_schedule import operations_of
from microcell.description.wording import listed
from microcell.errors import UsageError
from microcell.orchestration.session import Session, at_rest
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import OrderStatus, OrderWork, UnitWork
from microcell.records.journal import Journal
from microcell.records.packml import CELL, PackmlFold
from microcell.records.tools import TOOLING_SKILLS
from microcell.skills.contract import DEVICE_FAULTS

UNKNOWN = "OUTCOME_UNKNOWN"
OPEN = (UNKNOWN, *DEVICE_FAULTS)
"""Faults of attempts of which nobody knows how they ended."""


@dataclass(frozen=True)
class Restored:
    """What a restarted controller has to settle: attempts of which it does not know how they ended, by id, and units in
    the midst of a chain with the arm that may still hold something of theirs. `used` are devices by unit and operation.
    `at_rest` says why the cell is not to go on by itself, "" where it may. `in_view` are devices, by unit, of operations
    that were done though their arm may not have left.
    """

    epoch: int
    interrupted: Mapping[str, events.OperationStarted]
    midway: Mapping[str, str]
    used: Mapping[str, Mapping[str, Mapping[str, str]]]
    at_rest: str = ""
    in_view: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class _Restorer:
    shop: Shop
    packml: PackmlFold
    epoch: int = 0
    open_attempts: dict[str, events.OperationStarted] = field(default_factory=dict)
    arms: dict[str, str] = field(default_factory=dict)
    used: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    at_rest: str = ""
    in_view: dict[str, Mapping[str, str]] = field(default_factory=dict)
    begun: dict[str, dict[str, None]] = field(default_factory=dict)
    chains: events.Chains = ()
    """Of the plans by which was worked last; none where the journal does not have them."""
    too_early: dict[str, dict[str, str]] = field(default_factory=dict)
    """By unit and operation, one that the plan has before it and the journal does not."""

    def apply(self, event: events.Event) -> None:
        self.shop.apply(event)
        self.packml.apply(event)
        if isinstance(event, events.StateChanged):
            self.at_rest = at_rest(self.packml.units[CELL], self.at_rest)
        elif isinstance(event, events.JournalOpened):
            self.epoch = max(self.epoch, event.epoch)
            self.chains = event.chains
        elif isinstance(event, events.OrderAccepted):
            self.shop.add_order(event)
        elif isinstance(event, events.OrderControlled):
            self._order(event)
        elif isinstance(event, events.OrderUpdated):
            self.shop.apply_update(self.shop.orders[event.order_id], event.lines, event.priority, event.due_s)
        elif isinstance(event, events.UnitStarted):
            self._unit_started(event)
        elif isinstance(event, events.UnitEnded):
            self._unit_ended(event)
        elif isinstance(event, events.OperationStarted):
            self._close(event.unit, event.operation)
            self._moves(event)
            self.open_attempts[event.attempt_id] = event
            self.used.setdefault(event.unit, {})[event.operation] = event.resources
            self._begun(event)
        elif isinstance(event, events.OperationEnded):
            self._operation_ended(event)
        elif isinstance(event, events.ToolMounted):
            self.shop.resources.mounted[event.arm] = event.tool
        elif isinstance(event, events.RecoveryDecided) and event.unit in self.shop.units:
            self._answered(event)
            self._recovery(event, self.shop.units[event.unit])

    def _order(self, event: events.OrderControlled) -> None:
        order = self.shop.orders[event.order_id]
        order.reason = event.reason
        if self.shop.noted(order, event.state):
            return
        self.shop.order_is(order, OrderStatus[event.state.upper()], event.time_s)

    def _unit_started(self, event: events.UnitStarted) -> None:
        order = self.shop.orders[event.order_id]
        unit = self.shop.draft_unit(order, event.variant)
        unit.serial = event.unit
        self.shop.add_unit(unit, order)

    def _unit_ended(self, event: events.UnitEnded) -> None:
        unit = self.shop.units[event.unit]
        unit.scrapping = event.reason if event.disposition == "scrapped" else ""
        self.shop.remove_unit(unit, self.shop.orders[event.order_id])
        self.used.pop(event.unit, None)
        self.begun.pop(event.unit, None)
        self.too_early.pop(event.unit, None)
        self.in_view.pop(event.unit, None)

    def _begun(self, event: events.OperationStarted) -> None:
        """Note what a unit has had and, where it was planned otherwise, what it lacked then.

        Within a chain, what comes before may be undone meanwhile.
        """
        self.begun.setdefault(event.unit, {})[event.operation] = None
        unit = self.shop.units.get(event.unit)
        chain = unit and next((chain for chain in unit.plan.chains if event.operation in chain.operations), None)
        if unit is None or not chain or not self.chains:
            return
        if (self.shop.line_of(unit).product, chain.operations, tuple(sorted(chain.after))) in self.chains:
            return
        index = chain.operations.index(event.operation)
        before = chain.operations[index - 1 : index] if index else sorted(chain.after)
        if lacking := [name for name in before if name not in unit.done]:
            self.too_early.setdefault(event.unit, {})[event.operation] = lacking[0]

    def _moves(self, event: events.OperationStarted) -> None:
        """An arm that begins other work leaves where it was."""
        if event.skill not in TOOLING_SKILLS and (arm := event.resources.get("arm")):
            self.in_view = {unit: had for unit, had in self.in_view.items() if had["arm"] != arm}

    def _may_be_in_view(self, event: events.OperationEnded, unit: UnitWork, resources: Mapping[str, str]) -> None:
        """Note an operation that was broken off when its work was done, or that a later run has found done."""
        ends_chain = any(chain.operations[-1] == event.operation for chain in unit.plan.chains)
        later = not event.attempt_id.startswith(f"{self.epoch}.")
        if ends_chain and "arm" in resources and (later or event.fault is not None):
            self.in_view[unit.serial] = resources

    def _operation_ended(self, event: events.OperationEnded) -> None:
        unit = self.shop.units.get(event.unit)
        if (event.skill, event.outcome) == ("stand_back", "succeeded"):
            self.in_view.pop(event.unit, None)
        if unit is not None and event.outcome == "fault" and event.fault is not None and event.fault["code"] in OPEN:
            return  # it is still not known how it ended
        started = self.open_attempts.pop(event.attempt_id, None)
        if started is None or unit is None:
            return
        if event.outcome != "succeeded":
            return
        spec = unit.plan.operations.get(event.operation)
        if spec is None:
            return
        unit.done.add(event.operation)
        self.arms[unit.serial] = started.resources.get("arm", "")
        if any(chain.operations[-1] == event.operation for chain in unit.plan.chains):
            unit.barred.clear()
        self._may_be_in_view(event, unit, started.resources)
        unit.carton = event.carton or unit.carton
        if spec.occupies:
            self.shop.enter(unit, spec.occupies, started.resources[spec.occupies])
        if spec.vacates and spec.vacates in unit.stations:
            self.shop.leave(unit, spec.vacates, unit.stations[spec.vacates])

    def _recovery(self, event: events.RecoveryDecided, unit: UnitWork) -> None:
        if event.action == "scrap":
            self._keep_station(event, unit)
            self.shop.begin_scrapping(unit, event.operation, event.code, event.reason)
            self._settled(unit)
        elif event.action == "rework":
            unit.reworks += 1
            self.shop.orders[unit.order_id].reworked += unit.reworks == 1
            unit.plan.redo(unit.done, event.operation, event.redo or self._redo(event, unit))
        elif event.action in ("next_part", "wait", "other"):
            unit.barred.update({event.barred} - {""})
            for chain in unit.plan.chains:
                if event.operation in chain.operations:
                    unit.done.difference_update(chain.operations)

    def _keep_station(self, event: events.RecoveryDecided, unit: UnitWork) -> None:
        """The station that a failed operation was putting the unit into was the unit's when it was given up."""
        spec, had = unit.plan.operations.get(event.operation), self.used.get(unit.serial, {}).get(event.operation, {})
        if event.code == "FIXTURE_OCCUPIED":
            return  # somebody else's
        if spec and spec.occupies and spec.occupies in had and spec.occupies not in unit.stations:
            self.shop.enter(unit, spec.occupies, had[spec.occupies])

    def _redo(self, event: events.RecoveryDecided, unit: UnitWork) -> tuple[str, ...]:
        """What an inspection's failed checks have done again; older journals do not say it themselves."""
        inspection = unit.plan.operations[event.operation].parameters.get("inspection", "")
        checks = self.shop.line_of(unit).product_description.inspections[inspection].checks
        return tuple(name for check in event.code.split(",") for name in checks[check].redo)

    def _answered(self, event: events.RecoveryDecided) -> None:
        """What was decided about an operation of which nobody knew how it had ended; to hold decides nothing, nor does a
        repetition, before which it is found out.
        """
        again = ("hold",) if event.code == UNKNOWN else ("hold", "retry", "look_again")
        if event.code in OPEN and event.action not in again:
            self._close(event.unit, event.operation)

    def _close(self, unit: str, operation: str) -> None:
        """An operation's attempt is no question any more."""
        which = (unit, operation)
        self.open_attempts = {k: a for k, a in self.open_attempts.items() if (a.unit, a.operation) != which}

    def _settled(self, unit: UnitWork) -> None:
        """What was interrupted on a unit before it was given up is no question any more."""
        self.open_attempts = {key: a for key, a in self.open_attempts.items() if a.unit != unit.serial}

    def strange(self) -> list[str]:
        """What the journal tells of open orders and of units in work and the line does not have, in words. What was done
        under another name, or before its turn, would be done once more or for nothing.
        """
        return list(self._strange_products()) or list(self._strange_names()) or list(self._strange_turns())

    def _strange_names(self) -> Iterator[str]:
        """Variants, operations and stations that are not there."""
        for order in self._open_orders():
            known = self.shop.lines.of(order.product).product_description.variants
            yield from (f"the variant '{name}' of {order.order_id}" for name, _ in order.lines if name not in known)
        for unit in self.shop.units.values():
            line, devices = self.shop.line_of(unit), self.shop.line.cell_description.devices
            product, arms = line.product_description, line.cell_description.of_kind("arm")
            known_operations = operations_of((*product.plan, *product.scrap_plan), arms, line.tools)
            done = (name for name in self.begun.get(unit.serial, ()) if name not in known_operations)
            yield from (f"the operation '{name}' of {unit.serial}" for name in done)
            yield from (f"the station '{s}' of {unit.serial}" for s in unit.stations.values() if s not in devices)

    def _strange_turns(self) -> Iterator[str]:
        """Operations that came before their turn, and chains that go on otherwise."""
        for unit in self.shop.units.values():
            early = self.too_early.get(unit.serial, {}).items()
            yield from (f"the operation '{name}' of {unit.serial} without '{missing}' before it" for name, missing in early)
            yield from (f"the chain {listed(map(repr, chain))} of {unit.serial}" for chain in self._broken_chains(unit))

    def _broken_chains(self, unit: UnitWork) -> Iterator[tuple[str, ...]]:
        """Chains that the unit was in the midst of and the plan does not have: the part in the hand would go elsewhere."""
        had, have = (
            dict.fromkeys(chain for product, chain, _ in chains if product == self.shop.line_of(unit).product)
            for chains in (self.chains, self.shop.chains())
        )
        for chain in had:
            if chain not in have and unit.done.intersection(chain) and not unit.done.issuperset(chain):
                yield chain

    def _strange_products(self) -> Iterator[str]:
        """Products that no line makes: of open orders, and those that the cell is set up for."""
        lines = self.shop.lines
        wanted = {order.order_id: order.product for order in self._open_orders()} | lines.set_up
        yield from (f"the product '{name}' of {whose}" for whose, name in wanted.items() if not lines.line.makes(name))
        yield from (f"the product '{name}' that it made" for name in lines.active if not lines.line.makes(name))

    def _open_orders(self) -> list[OrderWork]:
        return [order for order in self.shop.orders.values() if not order.status.ended]

    def midway(self) -> dict[str, str]:
        """Units of which a chain is begun and not ended, with its arm, "" where it has none."""
        found = {}
        for unit in self.shop.units.values():
            for chain in unit.plan.chains:
                done = unit.done.intersection(chain.operations)
                if done and len(done) < len(chain.operations):
                    found[unit.serial] = self.arms.get(unit.serial, "")
        return found


def opening(shop: Shop, session: Session, epoch: int) -> events.JournalOpened:
    """The first event of a run."""
    line, clock = shop.lines.line, shop.clock
    return events.JournalOpened(
        time_s=clock.now(),
        cell=line.cell,
        line=line.name,
        product=line.product,
        world=session.world,
        camera=session.camera,
        seed=session.seed,
        epoch=epoch,
        epoch_s=clock.epoch_s,
        ideal_cycle_s=line.ideal_cycle_s,
        also=tuple((other.name, other.product, other.ideal_cycle_s) for other in line.also),
        release=microcell.__version__,
        tools=shop.tools.limits(),
        pictures=line.evidence.pictures,
        chains=shop.chains(),
    )


def refuse_other(opened: events.JournalOpened, line: str, world: str) -> None:
    """`UsageError` for the journal of another line or world."""
    if (opened.line, opened.world) != (line, world):
        raise UsageError(
            f"the journal is that of line '{opened.line}' in world '{opened.world}', not of '{line}' in '{world}'. "
            "Name another one: --journal FILE (launch: journal:=FILE)."
        )


def _misfit(what: str, shop: Shop) -> UsageError:
    return UsageError(
        f"the journal speaks of {what}, which the line '{shop.lines.line.name}' does not have any more. Finish its "
        "orders with the old description, or name another journal."
    )


def restore(shop: Shop, packml: PackmlFold, journal: Journal, world: str) -> Restored:
    """Fold a journal into an empty shop and empty PackML records; what is still to be settled.

    Times of earlier runs are brought to the present clock, so that dates stay what they were.

    Raises `UsageError` for the journal of another line or world, and for one that the line's plan does not fit any more.
    """
    restorer = _Restorer(shop, packml)
    by_s, epoch_s = 0.0, shop.clock.epoch_s
    for event in journal.events():
        if isinstance(event, events.JournalOpened):
            refuse_other(event, shop.lines.line.name, world)
            by_s = event.epoch_s - epoch_s
            event = replace(event, epoch_s=epoch_s)
        try:
            restorer.apply(events.moved(event, by_s))
        except KeyError as error:
            raise _misfit(str(error), shop) from error
    if strange := dict.fromkeys(restorer.strange()):
        raise _misfit(" and ".join(strange), shop)
    shop.orders.tell_ended()
    packml.power_off()
    return Restored(
        restorer.epoch + 1,
        restorer.open_attempts,
        restorer.midway(),
        restorer.used,
        restorer.at_rest,
        restorer.in_view,
    )
