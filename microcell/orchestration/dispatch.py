"""Which chain starts next: the most urgent one that can, unless another saves a tool change."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.orchestration.plan import Chain
from microcell.orchestration.resources import Binding, Blocked
from microcell.orchestration.shop import Shop, open_orders
from microcell.orchestration.work import OrderWork, UnitWork


@dataclass(frozen=True)
class Job:
    """A chain of a unit with everything that it needs; `new` when the unit is not yet in work."""

    unit: UnitWork
    order: OrderWork
    chain: Chain
    binding: Binding
    new: bool


@dataclass
class Dispatcher:
    """Chooses jobs. It starts nothing itself."""

    shop: Shop
    jumped: int = 0
    missing_parts: tuple[str, ...] = ()

    def next_job(self) -> Job | None:
        """The job to start now, or None; `missing_parts` then tells the parts that hold up work."""
        startable = self._startable()
        if not startable:
            return None
        first = startable[0]
        if not first.binding.change_to:
            self.jumped = 0
            return first
        saving = next((job for job in startable if job.binding.arm == first.binding.arm and not job.binding.change_to), None)
        if saving is None or self.jumped >= self.shop.line.max_tool_run:
            self.jumped = 0
            return first
        self.jumped += 1
        return saving

    def has_work(self) -> bool:
        """Whether any unit is in work or may be begun."""
        return bool(self.shop.units) or any(
            order.may_start_units and order.next_variant() is not None for order in self.shop.orders.values()
        )

    def _startable(self) -> list[Job]:
        """Jobs that have all they need, the most urgent first."""
        jobs: list[Job] = []
        missing: list[str] = []
        for unit, order, chain, new in self._candidates():
            found = self.shop.resources.bind(unit, chain, self.shop.needs(unit, chain), self.shop.units.values())
            if isinstance(found, Blocked):
                missing += [found.parts] if found.parts else []
            else:
                jobs.append(Job(unit, order, chain, found, new))
        self.missing_parts = tuple(dict.fromkeys(missing))
        return jobs

    def _candidates(self) -> list[tuple[UnitWork, OrderWork, Chain, bool]]:
        """Every chain that the plans allow now."""
        shop = self.shop
        running = sorted(shop.units.values(), key=lambda u: (shop.orders[u.order_id].urgency, u.sequence))
        found = [(u, shop.orders[u.order_id], chain, False) for u in running for chain in u.ready_chains()]
        if len(shop.units) < shop.line.max_units_in_work:
            for order in open_orders(shop.orders):
                if order.may_start_units:
                    found += self._beginnings(order)
        return sorted(found, key=lambda c: c[1].urgency) if len(shop.orders) > 1 else found

    def _beginnings(self, order: OrderWork) -> list[tuple[UnitWork, OrderWork, Chain, bool]]:
        """The first chain of one new unit of each variant that is still to be begun."""
        drafts = [self.shop.draft_unit(order, variant) for variant, left in order.to_start.items() if left > 0]
        return [(unit, order, chain, True) for unit in drafts for chain in unit.ready_chains()[:1]]
