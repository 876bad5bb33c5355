"""When an order will be done: the durations of the operations before its end, corrected by how long units really take.

The arms are what a unit waits for. So a unit takes the cell for the expected durations of its operations on an arm, shared
among the arms, and never less than the line's ideal cycle. The ratio of what the last units took to that is learned.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

from microcell import plugins
from microcell.events import (
    Event,
    LineChangeBegun,
    LineChangeEnded,
    LinesChanged,
    OrderAccepted,
    OrderControlled,
    OrderUpdated,
    StateChanged,
    UnitEnded,
    UnitStarted,
)
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import OrderWork, UnitWork

FORGETTING = 0.05
"""How much less the units before count with each unit that ends."""
PRIOR_S = 60.0
"""Work for which the durations are taken to be right at first."""
LEAST_RATIO, MOST_RATIO = 0.3, 5.0
QUEUE_CHANGES = (
    OrderAccepted, OrderUpdated, OrderControlled, UnitStarted, UnitEnded, LineChangeBegun, LinesChanged, LineChangeEnded
)  # fmt: skip
KEPT_S, KEPT_RATIO = 10.0, 0.05
"""A promise that would move by less than this, or by less than this share of the time left, stays as it was told."""


@dataclass(frozen=True)
class _Queue:
    """Work that is waiting: urgencies in order, and the sums of all before each, s."""

    urgencies: list[tuple[float, float, int]]
    sums_s: list[float]

    def before_s(self, urgency: tuple[float, float, int]) -> float:
        """Work of what is more urgent."""
        return self.sums_s[bisect_left(self.urgencies, urgency)]


class Promises:
    """Expected ends of orders, in cell time."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._unit_s: dict[tuple[str, str], float] = {}
        self._took_s = self._expected_s = PRIOR_S
        self._since_s: float | None = None
        self._queue: _Queue | None = None
        self._arms = max(1, len(shop.line.cell_description.of_kind("arm")))

    def apply(self, event: Event) -> None:
        """Learn from the ends of units; the time in which the cell does not work counts for nothing."""
        if isinstance(event, QUEUE_CHANGES):
            self._queue = None
        if isinstance(event, StateChanged):
            self._since_s = None
        elif isinstance(event, UnitStarted) and self._since_s is None:
            self._since_s = event.time_s
        elif isinstance(event, UnitEnded) and event.unit in self._shop.units:
            unit = self._shop.units[event.unit]
            if self._since_s is not None:
                self._learn(event.time_s - self._since_s, self.unit_s(unit.product, unit.variant))
            self._since_s = event.time_s

    def end_s(self, order: OrderWork) -> float | None:
        """When an order will have ended; None where that is not known: it is stored, paused or ended."""
        waits = not order.may_start_units and not order.in_work and order.released
        if order.status.ended or waits or not self._shop.lines.runs(order.product):
            order.promised_s = None
            return None
        now_s = self._shop.clock.now()
        begin_s = max(now_s, order.earliest_s or 0.0)
        ends_s = begin_s + self.ratio * self._work_until(order)
        kept = order.promised_s
        if kept is None or abs(ends_s - kept) > max(KEPT_S, KEPT_RATIO * abs(kept - now_s)):
            order.promised_s = ends_s
        return order.promised_s

    @property
    def ratio(self) -> float:
        """How long units really take, to what is expected."""
        return min(MOST_RATIO, max(LEAST_RATIO, self._took_s / self._expected_s))

    def _learn(self, took_s: float, expected_s: float) -> None:
        """Sums, not a mean of ratios: units that are made side by side end in pairs."""
        self._took_s = (1.0 - FORGETTING) * self._took_s + took_s
        self._expected_s = (1.0 - FORGETTING) * self._expected_s + expected_s

    def unit_s(self, product: str, variant: str) -> float:
        """For how long the cell is taken by one unit."""
        key = (product, variant)
        if key not in self._unit_s:
            unit, line = self._shop.specimen(product, variant), self._shop.lines.of(product)
            self._unit_s[key] = max(line.ideal_cycle_s, self._rest_s(unit) / self._arms)
        return self._unit_s[key]

    def _work_until(self, order: OrderWork) -> float:
        """Work of what is before an order, and its own, s."""
        if self._queue is None:
            self._queue = self._queued()
        own_s = self._new_s(order)
        before_s = self._queue.before_s(order.urgency)
        orders = self._shop.orders
        begun = [u for u in self._shop.units.values() if orders[u.order_id].urgency <= order.urgency]
        return before_s + own_s + sum(self.unit_s(unit.product, unit.variant) * self._share(unit) for unit in begun)

    def _queued(self) -> _Queue:
        """The units that are still to be begun, by urgency; one look at all orders, until one of them changes."""
        runs, orders = self._shop.lines.runs, self._shop.orders.values()
        found = sorted((o.urgency, self._new_s(o)) for o in orders if o.may_start_units and runs(o.product))
        return _Queue([urgency for urgency, _ in found], [0.0, *accumulate(work_s for _, work_s in found)])

    def _new_s(self, order: OrderWork) -> float:
        return sum(number * self.unit_s(order.product, variant) for variant, number in order.to_start.items())

    def _share(self, unit: UnitWork) -> float:
        """The share of a unit's work that is still to be done."""
        whole = self._rest_s(self._shop.specimen(unit.product, unit.variant))
        return self._rest_s(unit) / whole if whole else 0.0

    def _rest_s(self, unit: UnitWork) -> float:
        """Expected durations of a unit's operations on an arm that are not done."""
        total = 0.0
        for chain in unit.plan.chains:
            for name, need in self._shop.needs(unit, chain).items():
                if name not in unit.done and "arm" in need.kinds:
                    parameters = self._shop.parameters(unit, name)
                    total += plugins.skill(self._shop.skill_of(unit, name)).expected_s(parameters)
        return total
