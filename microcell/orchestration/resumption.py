"""Goes on with what an earlier controller left in the midst: each interrupted chain on its own arm, before anything else.

The interrupted attempt itself is not sent again. The chain asks its server how it ended (`SkillPort.settle`), and then
treats the answer like any other result: done, to be tried again, or a fault with its policy, which for OUTCOME_UNKNOWN asks
a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from microcell import events
from microcell.orchestration.binding import Binding
from microcell.orchestration.dispatch import Dispatcher, Job
from microcell.orchestration.plan import Chain
from microcell.orchestration.restore import Restored
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import Lease, SkillGoal


class Resumption:
    """The chains that are to be gone on with. Until all are begun (`pending` is false) nothing else may begin."""

    def __init__(self, shop: Shop, restored: Restored) -> None:
        self._shop = shop
        self._interrupted = dict(restored.interrupted)
        self._midway = dict(restored.midway)
        self.used = restored.used
        self._left: dict[str, events.OperationStarted | None] = {}

    @property
    def pending(self) -> bool:
        return bool(self._left)

    @property
    def units(self) -> frozenset[str]:
        """Serials of the units that are still to be gone on with."""
        return frozenset(self._left)

    def start(self) -> None:
        """Take the chains up, and close the attempts that decide about nothing: tool changes, settled in another way."""
        units = self._shop.units
        for attempt in self._interrupted.values():
            unit = units.get(attempt.unit)
            if unit is not None and attempt.operation in unit.plan.operations:
                self._left[attempt.unit] = attempt
                self._keep_stations(unit, attempt)
            else:
                self._shop.record(_closed(attempt, self._shop.clock.now()))
        self._left.update({serial: None for serial in self._midway if serial not in self._left and serial in units})
        for serial in self._left:
            self._stay(serial)

    def next_job(self, dispatcher: Dispatcher) -> Job | None:
        """What comes next: chains that were interrupted, until all of them are begun, and then what the dispatcher says."""
        job = self._next() if self._left else None
        return dispatcher.next_job() if job is None and not self._left else job

    def _next(self) -> Job | None:
        """The next chain whose arm is free and settled; it counts as begun."""
        for serial, attempt in self._left.items():
            job = self._job(self._shop.units[serial], attempt)
            if job is not None:
                del self._left[serial]
                self._shop.resources.resuming.discard(job.binding.arm)
                return job
        return None

    def lacking(self) -> tuple[str, ...]:
        """Devices out of service that an interrupted operation had, or in which a unit stands, and tools on their arms."""
        had = {device for attempt in self._left.values() if attempt for device in attempt.resources.values()}
        had |= {station for serial in self._left for station in self._shop.units[serial].stations.values()}
        had |= {self._shop.resources.mounted.get(self._arm(serial), "") for serial in self._left}
        return tuple(sorted(had & self._shop.resources.out_of_service))

    def give_up(self) -> dict[str, str]:
        """Units that cannot be gone on with, for what they need is not there, with their operation: a person is asked."""
        left, self._left = self._left, {}
        self._shop.resources.resuming.clear()
        return {serial: attempt.operation if attempt else "" for serial, attempt in left.items()}

    def _keep_stations(self, unit: UnitWork, attempt: events.OperationStarted) -> None:
        """The station that an interrupted operation was putting the unit into is the unit's."""
        kind = unit.plan.operations[attempt.operation].occupies
        if kind and kind not in unit.stations and kind in attempt.resources:
            self._shop.enter(unit, kind, attempt.resources[kind])

    def _arm(self, serial: str) -> str:
        attempt = self._left[serial]
        return attempt.resources.get("arm", "") if attempt else self._midway[serial]

    def _stay(self, serial: str) -> None:
        """Let the arm of a chain stay where it is until it has been looked what it holds: somewhere in the chain's zones."""
        unit, arm = self._shop.units[serial], self._arm(serial)
        if not arm:
            return
        chain, _ = _where(unit, self._left[serial])
        devices = {d for name in chain.operations for d in self.used.get(serial, {}).get(name, {}).values()}
        zones = [self._shop.line.ways.zones_at(arm, device) for device in devices | {*unit.stations.values()}]
        self._shop.resources.stands_in(arm, frozenset().union(*zones))
        self._shop.resources.resuming.add(arm)

    def _job(self, unit: UnitWork, attempt: events.OperationStarted | None) -> Job | None:
        chain, index = _where(unit, attempt)
        arm = self._arm(unit.serial)
        resources = self._shop.resources
        if arm and (not resources.is_free(arm) or arm in resources.unsettled):
            return None
        if resources.mounted.get(arm, "") in resources.out_of_service:
            return None  # something may be in its hand: see `lacking`
        binding = self._binding(unit, chain, index, arm, attempt)
        if binding is None or not all(resources.is_free(device) for device in binding.devices()):
            return None
        return Job(unit, self._shop.orders[unit.order_id], chain, binding, False, resumed=True, interrupted=attempt)

    def _binding(
        self, unit: UnitWork, chain: Chain, index: int, arm: str, attempt: events.OperationStarted | None
    ) -> Binding | None:
        """What the rest of a chain gets; an interrupted operation goes on with what it had."""
        shop = self._shop
        if not unit.done.issuperset(chain.operations[:index]):
            return None  # the journal does not say how it came so far
        rest = Chain(chain.operations[index + (attempt is not None) :], chain.after, chain.position)
        needs = {name: need for name, need in shop.needs(unit, chain).items() if name in rest.operations}
        bound = shop.resources.bind_on(arm, unit, rest, needs, shop.at_work())
        if not isinstance(bound, Binding):
            return None
        if attempt is None:
            return bound
        operations = {attempt.operation: dict(attempt.resources), **bound.operations}
        zones = dict(bound.zones)
        if shop.line.cell_description.zones:
            ways = [shop.line.ways.zones_at(arm, device) for device in attempt.resources.values()]
            zones[attempt.operation] = frozenset().union(*ways)
        return replace(bound, operations=operations, zones=zones)


def goal_again(
    started: events.OperationStarted, unit: UnitWork, parameters: Mapping[str, object], mounted: str | None, epoch: int
) -> SkillGoal:
    """The goal of an attempt that is in the journal, to ask how it ended; `mounted` is the serial on its arm's flange."""
    lease = Lease(f"{unit.serial}/{started.operation}", started.resources, epoch, mounted)
    return SkillGoal(
        started.skill,
        unit.serial,
        unit.variant,
        started.operation,
        started.attempt_id,
        dict(parameters),
        lease,
        unit.product,
    )


def _where(unit: UnitWork, attempt: events.OperationStarted | None) -> tuple[Chain, int]:
    """The chain that a unit is in the midst of, and the position of the operation to go on with."""
    for chain in unit.plan.chains:
        if attempt is not None and attempt.operation in chain.operations:
            return chain, chain.operations.index(attempt.operation)
        done = unit.done.intersection(chain.operations)
        if attempt is None and done and len(done) < len(chain.operations):
            return chain, next(n for n, name in enumerate(chain.operations) if name not in unit.done)
    raise ValueError(f"{unit.serial} is in the midst of no chain")


def _closed(attempt: events.OperationStarted, now_s: float) -> events.OperationEnded:
    return events.OperationEnded(
        time_s=now_s,
        unit=attempt.unit,
        operation=attempt.operation,
        skill=attempt.skill,
        attempt_id=attempt.attempt_id,
        outcome="cancelled",
        message="interrupted; what it left is looked at before anything moves",
        duration_s=0.0,
    )
