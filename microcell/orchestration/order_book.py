"""The cell's orders: every open one and the last ended ones, and for each variant the most urgent order that wants it.

However many orders wait, what dispatching asks for costs a look at one of them per variant: an order behind another one of
the same variant would get exactly the same devices, so it cannot begin before that one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush

from microcell.errors import UsageError
from microcell.events import Event, OrderAccepted, OrderControlled, OrderUpdated, StateChanged
from microcell.orchestration.limits import KEPT_ENDED_ORDERS, some
from microcell.orchestration.work import OrderStatus, OrderWork, UnitWork

Wanted = tuple[str, str]
"""Product and variant."""
Waiting = tuple[tuple[float, float, int], str]
"""Urgency and id of an order."""


class OrderBook(Mapping[str, OrderWork]):
    """Orders by id, in the order of their arrival. Ended ones leave it when `KEPT_ENDED_ORDERS` others ended after them.

    `changed` are the orders of which something may have changed since `take_changed`. `may_begin` tells of which products
    units may be begun now.
    """

    def __init__(self, may_begin: Callable[[str], bool] = lambda product: True) -> None:
        self._may_begin = may_begin
        self.accepted = 0
        self._orders: dict[str, OrderWork] = {}
        self._known: set[str] = set()
        self._ended: deque[str] = deque()
        self._just_ended: list[OrderWork] = []
        self._changed: dict[str, None] = {}
        self._waiting: dict[Wanted, list[Waiting]] = {}
        self._queued: set[tuple[Wanted, str]] = set()
        self._begun: dict[str, None] = {}

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
        if order.status is not OrderStatus.NOT_STARTED:
            self._begun[order.order_id] = None
        for variant, left in order.to_start.items():
            wanted = (order.product, variant)
            if left > 0 and (wanted, order.order_id) not in self._queued:
                self._queued.add((wanted, order.order_id))
                heappush(self._waiting.setdefault(wanted, []), (order.urgency, order.order_id))

    def moved(self, order: OrderWork) -> None:
        """Let an order whose urgency or lines have changed wait at its new place; the old one is passed over."""
        for variant in order.to_start:
            self._queued.discard(((order.product, variant), order.order_id))
        self.touch(order)
        self.offer(order)

    def touch(self, order: OrderWork) -> None:
        """Something about an order has changed."""
        self._changed[order.order_id] = None

    def touch_begun(self) -> None:
        """Something that concerns every begun order has changed: the cell's state, or which order goes first."""
        self._changed.update(dict.fromkeys(self._begun))

    def going_first(self, order: OrderWork, units: Mapping[str, UnitWork]) -> str:
        """An order of higher priority that has units in work or may begin some; "" for none."""
        heads = (head for head, _ in self.next_of_each_variant())
        busy = (self._orders[unit.order_id] for unit in units.values())
        return next((other.order_id for other in (*heads, *busy) if other.priority > order.priority), "")

    def ended(self, order: OrderWork) -> None:
        """Keep an order that has ended for a while, and let the oldest of those go."""
        self._ended.append(order.order_id)
        self._begun.pop(order.order_id, None)
        self._just_ended.append(order)
        while len(self._ended) > KEPT_ENDED_ORDERS:
            oldest = self._ended.popleft()
            del self._orders[oldest]
            self._changed.pop(oldest, None)

    def next_of_each_variant(self) -> list[tuple[OrderWork, str]]:
        """For each variant that somebody waits for the most urgent order that may begin a unit of it; most urgent first."""
        open_ = [wanted for wanted in self._waiting if self._may_begin(wanted[0])]
        heads = [(order, wanted[1]) for wanted in open_ if (order := self._head(wanted)) is not None]
        return sorted(heads, key=lambda head: (head[0].urgency, list(head[0].to_start).index(head[1])))

    def touched_by(self, event: Event, units: Mapping[str, UnitWork]) -> None:
        """Note which orders an event is about."""
        if isinstance(event, (StateChanged, OrderAccepted, OrderControlled, OrderUpdated)):
            self.touch_begun()
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

    def _head(self, wanted: Wanted) -> OrderWork | None:
        waiting, variant = self._waiting[wanted], wanted[1]
        while waiting:
            urgency, order_id = waiting[0]
            order = self._orders.get(order_id)
            moved = order is not None and urgency != order.urgency
            if order is not None and not moved and order.may_start_units and order.to_start.get(variant, 0) > 0:
                return order
            heappop(waiting)  # it paused, ended or needs no more; `offer` brings it back
            if not moved:
                self._queued.discard((wanted, order_id))
        return None
