"""The cell's orders: every open one and the last ended ones, and for each variant the most urgent order that wants it.

However many orders wait, what dispatching asks for costs a look at one of them per variant: an order behind another one of
the same variant would get exactly the same devices, so it cannot begin before that one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush

from microcell.errors import UsageError
from microcell.events import Event
from microcell.orchestration.limits import KEPT_ENDED_ORDERS, some
from microcell.orchestration.work import OrderWork, UnitWork

Waiting = tuple[tuple[float, float, int], str]
"""Urgency and id of an order."""


class OrderBook(Mapping[str, OrderWork]):
    """Orders by id, in the order of their arrival. Ended ones leave it when `KEPT_ENDED_ORDERS` others ended after them.

    `changed` are the orders of which something may have changed since `take_changed`.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self._orders: dict[str, OrderWork] = {}
        self._known: set[str] = set()
        self._ended: deque[str] = deque()
        self._just_ended: list[OrderWork] = []
        self._changed: dict[str, None] = {}
        self._waiting: dict[str, list[Waiting]] = {}
        self._queued: set[tuple[str, str]] = set()

    def __getitem__(self, order_id: str) -> OrderWork:
        return self._orders[order_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._orders)

    def __len__(self) -> int:
        return len(self._orders)

    @property
    def open(self) -> int:
        """How many are not ended."""
        return len(self._orders) - len(self._ended)

    def find(self, order_id: str) -> OrderWork:
        """One order; `UsageError` for one that is not here."""
        if order_id in self._orders:
            return self._orders[order_id]
        if self.is_known(order_id):
            raise UsageError(f"order '{order_id}' has ended long ago; the journal has it: microcell report JOURNAL.")
        raise UsageError(f"no order '{order_id}'; there are: {some(list(self._orders))}.")

    def is_known(self, order_id: str) -> bool:
        """Whether there ever was an order of this id."""
        return order_id in self._known

    def add(self, order: OrderWork) -> None:
        """Put a new order among the open ones."""
        self._orders[order.order_id] = order
        self._known.add(order.order_id)
        self._changed[order.order_id] = None
        self.accepted += 1
        self.offer(order)

    def offer(self, order: OrderWork) -> None:
        """Let an order wait for the units that it has still to begin: it is new, goes on, or needs another one."""
        for variant, left in order.to_start.items():
            if left > 0 and (variant, order.order_id) not in self._queued:
                self._queued.add((variant, order.order_id))
                heappush(self._waiting.setdefault(variant, []), (order.urgency, order.order_id))

    def ended(self, order: OrderWork) -> None:
        """Keep an order that has ended for a while, and let the oldest of those go."""
        self._ended.append(order.order_id)
        self._just_ended.append(order)
        while len(self._ended) > KEPT_ENDED_ORDERS:
            oldest = self._ended.popleft()
            del self._orders[oldest]
            self._changed.pop(oldest, None)

    def next_of_each_variant(self) -> list[tuple[OrderWork, str]]:
        """For each variant that somebody waits for the most urgent order that may begin a unit of it; most urgent first."""
        heads = [(order, variant) for variant in self._waiting if (order := self._head(variant)) is not None]
        return sorted(heads, key=lambda head: (head[0].urgency, list(head[0].to_start).index(head[1])))

    def touched_by(self, event: Event, units: Mapping[str, UnitWork]) -> None:
        """Note which order an event is about."""
        unit = units.get(getattr(event, "unit", ""))
        order_id = getattr(event, "order_id", "") or (unit.order_id if unit else "")
        if order_id in self._orders:
            self._changed[order_id] = None

    def take_changed(self) -> list[OrderWork]:
        """The orders of which something may have changed since the last call."""
        changed, self._changed = self._changed, {}
        return [self._orders[order_id] for order_id in changed if order_id in self._orders]

    def tell_ended(self) -> None:
        """Set `end` of the orders that have ended since the last call."""
        for order in self._just_ended:
            order.end.set()
        self._just_ended.clear()

    def _head(self, variant: str) -> OrderWork | None:
        waiting = self._waiting[variant]
        while waiting:
            order = self._orders.get(waiting[0][1])
            if order is not None and order.may_start_units and order.to_start.get(variant, 0) > 0:
                return order
            _, order_id = heappop(waiting)  # it paused, ended or needs no more; `offer` brings it back
            self._queued.discard((variant, order_id))
        return None
