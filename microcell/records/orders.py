"""The state and the counts of every order."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from microcell import events
from microcell.events import Event
from microcell.records.units import GOOD, REWORK

NOT_STARTED, STORED, ALLOWED, RUNNING, PAUSED = "not_started", "stored", "allowed", "running", "paused"
ENDED = ("completed", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One order; times are production time, s.

    `state` is not_started, stored, running, paused, cancelling, stopping, completed, cancelled or failed.
    """

    order_id: str
    product: str
    lines: tuple[tuple[str, int], ...]
    priority: int
    due_s: float | None
    accepted_s: float
    state: str = NOT_STARTED
    reason: str = ""
    ended_s: float | None = None
    in_work: int = 0
    good: int = 0
    scrapped: int = 0
    reworked: int = 0
    earliest_s: float | None = None

    @property
    def quantity(self) -> int:
        """Units ordered."""
        return sum(quantity for _, quantity in self.lines)

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    def waits(self, now_s: float) -> bool:
        """Whether it is the cell that it waits for: not a person who has stored or paused it, nor its earliest start."""
        if self.in_work:
            return True
        return self.is_open and self.state not in (STORED, PAUSED) and (self.earliest_s is None or self.earliest_s <= now_s)


class OrdersFold:
    """Folds orders out of events."""

    def __init__(self) -> None:
        self._orders: dict[str, OrderRecord] = {}
        self._order_of: dict[str, str] = {}
        self._reworked: set[str] = set()
        self._stored: set[str] = set()
        self._waiting: set[str] = set()
        self._starts: list[tuple[float, str]] = []
        self._now_s = -math.inf

    def apply(self, event: Event) -> None:
        """Take the next event into account; what belongs to no known order is left aside."""
        self._now_s = event.time_s
        if isinstance(event, events.OrderAccepted):
            if not event.allowed:
                self._stored.add(event.order_id)
            self._put(
                OrderRecord(
                    event.order_id,
                    event.product,
                    event.lines,
                    event.priority,
                    event.due_s,
                    event.time_s,
                    NOT_STARTED if event.allowed else STORED,
                    earliest_s=event.earliest_s,
                )
            )
            if event.earliest_s is not None and event.earliest_s > event.time_s:
                heapq.heappush(self._starts, (event.earliest_s, event.order_id))
        elif isinstance(event, events.OrderControlled):
            self._control(event)
        elif isinstance(event, events.OrderUpdated) and event.order_id in self._orders:
            known = self._orders[event.order_id]
            self._put(replace(known, lines=event.lines, priority=event.priority, due_s=event.due_s))
        elif isinstance(event, events.UnitStarted):
            self._order_of[event.unit] = event.order_id
            self._count(event.unit, in_work=1)
        elif isinstance(event, events.UnitEnded):
            good = event.disposition == GOOD
            self._count(event.unit, in_work=-1, good=int(good), scrapped=int(not good))
        elif isinstance(event, events.RecoveryDecided) and event.action == REWORK:
            self._count(event.unit, reworked=int(event.unit not in self._reworked))
            self._reworked.add(event.unit)

    def orders(self) -> dict[str, OrderRecord]:
        """All orders by id, in the order of their arrival."""
        return dict(self._orders)

    @property
    def any_waits(self) -> bool:
        """Whether an order waits for the cell."""
        return bool(self._waiting)

    def released_by(self, now_s: float) -> Iterator[float]:
        """Earliest starts that have come since this was asked before, each when its order waits, in their order."""
        while self._starts and self._starts[0][0] <= now_s:
            start_s, order_id = heapq.heappop(self._starts)
            self._now_s = start_s
            self._put(self._orders[order_id])
            if order_id in self._waiting:
                yield start_s

    def _put(self, order: OrderRecord) -> None:
        self._orders[order.order_id] = order
        (self._waiting.add if order.waits(self._now_s) else self._waiting.discard)(order.order_id)

    def _control(self, event: events.OrderControlled) -> None:
        order = self._orders.get(event.order_id)
        if order:
            ended_s = event.time_s if event.state in ENDED else None
            state = self._told(order, event.state)
            self._put(replace(order, state=state, reason=event.reason, ended_s=ended_s))

    def _told(self, order: OrderRecord, told: str) -> str:
        """The state of an order of which something is told; one may be stored and paused at once."""
        if told in (STORED, ALLOWED):
            (self._stored.add if told == STORED else self._stored.discard)(order.order_id)
            told = PAUSED if order.state == PAUSED else NOT_STARTED
        return STORED if told in (NOT_STARTED, RUNNING) and order.order_id in self._stored else told

    def _count(self, unit: str, in_work: int = 0, good: int = 0, scrapped: int = 0, reworked: int = 0) -> None:
        order = self._orders.get(self._order_of.get(unit, ""))
        if order:
            self._put(
                replace(
                    order,
                    in_work=order.in_work + in_work,
                    good=order.good + good,
                    scrapped=order.scrapped + scrapped,
                    reworked=order.reworked + reworked,
                )
            )
