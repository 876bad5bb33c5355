"""The state and the counts of every order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from microcell import events
from microcell.events import Event
from microcell.records.units import GOOD, REWORK

NOT_STARTED, STORED, ALLOWED = "not_started", "stored", "allowed"
ENDED = ("completed", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One order. `state` is not_started, stored, running, paused, cancelling, stopping, completed, cancelled or failed."""

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

    @property
    def quantity(self) -> int:
        """Units ordered."""
        return sum(quantity for _, quantity in self.lines)

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED


class OrdersFold:
    """Folds orders out of events."""

    def __init__(self) -> None:
        self._orders: dict[str, OrderRecord] = {}
        self._order_of: dict[str, str] = {}
        self._reworked: set[str] = set()
        self._open: set[str] = set()

    def apply(self, event: Event) -> None:
        """Take the next event into account; what belongs to no known order is left aside."""
        if isinstance(event, events.OrderAccepted):
            self._orders[event.order_id] = OrderRecord(
                event.order_id, event.product, event.lines, event.priority, event.due_s, event.time_s,
                NOT_STARTED if event.allowed else STORED,
            )  # fmt: skip
            self._open.add(event.order_id)
        elif isinstance(event, events.OrderControlled):
            self._control(event)
        elif isinstance(event, events.OrderUpdated) and event.order_id in self._orders:
            known = self._orders[event.order_id]
            changed = replace(known, lines=event.lines, priority=event.priority, due_s=event.due_s)
            self._orders[event.order_id] = changed
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
    def any_open(self) -> bool:
        """Whether an order waits for something."""
        return bool(self._open)

    def _control(self, event: events.OrderControlled) -> None:
        order = self._orders.get(event.order_id)
        if order:
            ended_s = event.time_s if event.state in ENDED else None
            if event.state in ENDED:
                self._open.discard(event.order_id)
            else:
                self._open.add(event.order_id)
            state = NOT_STARTED if event.state == ALLOWED else event.state
            self._orders[event.order_id] = replace(order, state=state, reason=event.reason, ended_s=ended_s)

    def _count(self, unit: str, in_work: int = 0, good: int = 0, scrapped: int = 0, reworked: int = 0) -> None:
        order = self._orders.get(self._order_of.get(unit, ""))
        if order:
            self._orders[order.order_id] = replace(
                order,
                in_work=order.in_work + in_work,
                good=order.good + good,
                scrapped=order.scrapped + scrapped,
                reworked=order.reworked + reworked,
            )
