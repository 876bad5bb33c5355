"""Which chain starts next: the most urgent one that can, unless another saves a tool change.

A chain that has been overtaken `max_tool_run` times by less urgent ones that took something of what it waits for is
overtaken no more: what it needs is kept for it until it has begun. Of several arms, a free one that has the tool does the
work; an arm that would be idle changes its tool rather than wait for a busy one, which makes more changes and more units.
An idle arm puts a tool away that another waits for, unless it can do that work itself. The tool is then kept for who waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from microcell.events import OperationStarted
from microcell.faults import Fault
from microcell.orchestration.binding import Binding, Docking
from microcell.orchestration.plan import Chain
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import OrderWork, UnitWork

Key = tuple[str, str]


@dataclass(frozen=True)
class Job:
    """A chain of a unit with everything that it needs; `new` when the unit is not yet in work.

    `overtakes` are more urgent chains that wait for something of what this one takes. `resumed`: an earlier program had
    begun it; `interrupted` is the attempt that it left.
    """

    unit: UnitWork
    order: OrderWork
    chain: Chain
    binding: Binding
    new: bool
    overtakes: tuple[Key, ...] = ()
    resumed: bool = False
    interrupted: OperationStarted | None = None

    def of(self, unit: UnitWork) -> Job:
        """The same for the unit that has been begun for it."""
        return replace(self, unit=unit)

    @property
    def key(self) -> Key:
        """Names what waits: a chain of a unit, or the next unit of a variant."""
        return _key(self.unit, self.order, self.chain, self.new)


@dataclass
class Dispatcher:
    """Chooses jobs. It starts nothing itself; `begun` tells it what was started. `missing_servers` hold up work, too."""

    shop: Shop
    missing_parts: tuple[str, ...] = ()
    missing_servers: tuple[str, ...] = ()
    dockings: tuple[tuple[Key, Docking], ...] = ()
    overtaken: dict[Key, int] = field(default_factory=dict)

    def next_job(self) -> Job | None:
        """The job to start now, or None; `missing_parts` then tells the parts that hold up work, `dockings` the tools that
        idle arms should put away for it.
        """
        startable = self._startable()
        if not startable:
            return None
        first = startable[0]
        if not first.binding.change_to or self._is_late(first.order):
            return first
        return next((job for job in startable if _saves(job, first)), first)

    def begun(self, job: Job) -> None:
        """Count whom a started job has overtaken."""
        for key in job.overtakes:
            self.overtaken[key] = self.overtaken.get(key, 0) + 1
        self.overtaken.pop(job.key, None)

    def next_docking(self) -> Docking | None:
        """The tool to put away now, or None; to be asked where there is no next job. It is kept for the chain that waits."""
        if not self.dockings:
            return None
        key, docking = self.dockings[0]
        self.overtaken[key] = max(self.overtaken.get(key, 0), self.shop.line.max_tool_run)
        return docking

    def waits_for(self) -> str:
        """What holds up work, in words; "" for nothing that could come by itself."""
        parts = f"parts: {', '.join(self.missing_parts)}" if self.missing_parts else ""
        servers = f"skill servers: {', '.join(self.missing_servers)}" if self.missing_servers else ""
        return " and ".join(text for text in (parts, servers) if text)

    def has_work(self) -> bool:
        """Whether any unit is in work or may be begun."""
        return bool(self.shop.at_work()) or bool(self.shop.orders.next_of_each_variant())

    def why_blocked(self) -> list[Fault]:
        """Why nothing can go on: a tool that must not be used, devices out of service, or CELL_BLOCKED."""
        shop, waiting = self.shop, list(self._waiting())
        for unit, chain in waiting:
            for tool in shop.resources.unfit_tools(unit, shop.needs(unit, chain)):
                if refused := shop.tools.refusal(tool):
                    return [refused]
        lacking = dict.fromkeys(name for unit, chain in waiting for name in self._lacks(unit, chain))
        blocked = Fault("CELL_BLOCKED", shop.line.cell, f"units in work: {', '.join(shop.units) or 'none'}")
        return [shop.lacking(name) for name in lacking] or [blocked]

    def _startable(self) -> list[Job]:
        """Jobs that have all they need, the most urgent first."""
        jobs: list[Job] = []
        missing: list[str] = []
        servers: list[str] = []
        waiting: dict[Key, frozenset[str]] = {}
        seen: set[Key] = set()
        dockings: list[tuple[Key, Docking]] = []
        kept: frozenset[str] = frozenset()
        for unit, order, chain, new in self._candidates():
            seen.add(key := _key(unit, order, chain, new))
            if server := self.shop.missing_server(unit, chain):
                servers.append(server)
                continue
            found = self.shop.resources.bind(unit, chain, self.shop.needs(unit, chain), self.shop.at_work())
            if isinstance(found, Binding):
                wish = found.claims()
                if not wish & kept:
                    overtakes = tuple(other for other, wanted in waiting.items() if wanted & wish)
                    jobs.append(Job(unit, order, chain, found, new, overtakes))
            else:
                wish = found.wish
                missing += [found.parts] if found.parts else []
                if (docking := self._docking_for(unit, chain)) and not docking.claims & kept:
                    dockings.append((key, docking))
            if wish:
                waiting[key] = wish
                if self.overtaken.get(key, 0) >= self.shop.line.max_tool_run:
                    kept |= wish
        self.missing_parts = tuple(dict.fromkeys(missing))
        self.missing_servers = tuple(dict.fromkeys(servers))
        self.dockings = tuple(dockings)
        self.overtaken = {key: count for key, count in self.overtaken.items() if key in seen}
        return jobs

    def _docking_for(self, unit: UnitWork, chain: Chain) -> Docking | None:
        shop = self.shop
        return shop.resources.docking_for(unit, chain, shop.needs(unit, chain), shop.at_work())

    def _is_late(self, order: OrderWork) -> bool:
        return order.due_s is not None and order.due_s <= self.shop.clock.now()

    def _candidates(self) -> list[tuple[UnitWork, OrderWork, Chain, bool]]:
        """Every chain that the plans allow now."""
        shop = self.shop
        running = sorted(shop.at_work(), key=lambda u: (shop.orders[u.order_id].urgency, u.sequence))
        found = [(u, shop.orders[u.order_id], chain, False) for u in running for chain in u.ready_chains()]
        for order, variant in shop.orders.next_of_each_variant() if self._any_may_begin() else ():
            unit = shop.draft_unit(order, variant)
            if self._may_begin(order) and self._could_be_made(unit):
                found += [(unit, order, chain, True) for chain in unit.ready_chains()[:1]]
        return sorted(found, key=lambda c: c[1].urgency) if len(shop.orders) > 1 else found

    def _any_may_begin(self) -> bool:
        """Whether looking at those that wait is worth while: there is room, or units in work may be overtaken."""
        shop = self.shop
        most = sum(shop.lines.of(product).max_units_in_work for product in shop.lines.active)
        return len(shop.units) < most or len(shop.orders) > 1

    def _may_begin(self, order: OrderWork) -> bool:
        """Whether an order may begin a unit: units of less urgent orders that are in work take no room from it."""
        shop = self.shop
        mine = (unit for unit in shop.units.values() if unit.product == order.product)
        ahead = sum(shop.orders[unit.order_id].priority >= order.priority for unit in mine)
        return ahead < shop.lines.of(order.product).max_units_in_work

    def _could_be_made(self, unit: UnitWork) -> bool:
        """Whether nothing that a unit needs is out of use: one that is begun all the same takes the place of another."""
        shop = self.shop
        if not shop.resources.out_of_service and all(map(shop.tools.is_fit, shop.tools.places)):
            return True
        return not any(
            self._lacks(unit, chain) or shop.resources.unfit_tools(unit, shop.needs(unit, chain))
            for chain in unit.plan.chains
        )

    def _lacks(self, unit: UnitWork, chain: Chain) -> tuple[str, ...]:
        shop = self.shop
        return shop.resources.lacking(unit, chain, shop.needs(unit, chain), shop.at_work())

    def _waiting(self) -> Iterator[tuple[UnitWork, Chain]]:
        """Every chain of the units in work that the plans allow now, and all chains of those that might be begun."""
        for unit in self.shop.at_work():
            yield from ((unit, chain) for chain in unit.ready_chains())
        for order, variant in self.shop.orders.next_of_each_variant():
            unit = self.shop.draft_unit(order, variant)
            yield from ((unit, chain) for chain in unit.plan.chains)


def _saves(job: Job, first: Job) -> bool:
    """Whether a job goes without the tool change that the first one needs; none of lower priority does so."""
    same_arm = job.binding.arm == first.binding.arm
    return same_arm and not job.binding.change_to and job.order.priority == first.order.priority


def _key(unit: UnitWork, order: OrderWork, chain: Chain, new: bool) -> Key:
    return (order.order_id, unit.variant) if new else (unit.serial, chain.first)
