"""How orders come in, are controlled and updated: each change of one is recorded first."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from microcell import events
from microcell.clock import Clock
from microcell.description.order import Order
from microcell.errors import UsageError
from microcell.orchestration.limits import MAX_OPEN_ORDERS, MAX_ORDER_UNITS
from microcell.orchestration.lines import Lines as CellLines
from microcell.orchestration.order_book import OrderBook
from microcell.orchestration.work import OrderStatus, OrderWork

COMMANDS = ("start", "revoke_start", "pause", "resume", "stop", "cancel")
Lines = tuple[tuple[str, int], ...]
_DUE_TOO_SOON = "the order is due before its earliest start. Correct one of the two."


class OrderKeeping:
    """The orders of a shop."""

    lines: CellLines
    clock: Clock
    record: Callable[[events.Event], None]
    orders: OrderBook

    def accept(self, order: Order) -> OrderWork:
        """Take an order in; `UsageError` says what is wrong with it."""
        self.check(order)
        due, earliest = order.due, order.earliest
        accepted = events.OrderAccepted(
            time_s=self.clock.now(),
            order_id=order.order_id or self._next_order_id(),
            product=order.product,
            lines=self.lines_of(order),
            priority=order.priority,
            due_s=due.timestamp() - self.clock.epoch_s if due else None,
            replace_scrapped=order.replace_scrapped,
            allowed=order.allowed_to_start,
            earliest_s=earliest.timestamp() - self.clock.epoch_s if earliest else None,
            substitutes=tuple(order.substitutes.items()),
        )
        self.record(accepted)
        return self.add_order(accepted)

    def check(self, order: Order) -> None:
        """Raise `UsageError` for an order that cannot be taken in."""
        if order.product not in self.lines.products:
            made = " and ".join(f"'{product}'" for product in self.lines.products)
            raise UsageError(f"this line makes {made}, not '{order.product}'. Send the order to its line.")
        if order.order_id and self.orders.is_known(order.order_id):
            raise UsageError(f"order '{order.order_id}' is known already. Choose another order_id.")
        if self.orders.open >= MAX_OPEN_ORDERS:
            raise UsageError(f"{MAX_OPEN_ORDERS} orders are open, which is the limit. Order again when some have ended.")
        others = [(variant, 1) for key, instead in order.substitutes.items() for variant in (key, *instead)]
        self._check_lines(order.product, (*self.lines_of(order), *others), order.quantity)
        if order.due and order.earliest and order.earliest >= order.due:
            raise UsageError(_DUE_TOO_SOON)

    def lines_of(self, order: Order) -> Lines:
        """An order's lines, each with its variant."""
        default = self.lines.of(order.product).product_description.default_variant
        return tuple((line.variant or default, line.quantity) for line in order.lines)

    def _check_lines(self, product: str, lines: Lines, quantity: int) -> None:
        variants = self.lines.of(product).product_description.variants
        if quantity > MAX_ORDER_UNITS:
            raise UsageError(f"{quantity} units are too many for one order ({MAX_ORDER_UNITS}). Split it.")
        unknown = sorted({variant for variant, _ in lines} - set(variants))
        if unknown:
            raise UsageError(f"no variant '{unknown[0]}'; there are: {', '.join(variants)}.")

    def _next_order_id(self) -> str:
        numbers = (f"order-{number:04d}" for number in count(self.orders.accepted + 1))
        return next(order_id for order_id in numbers if not self.orders.is_known(order_id))

    def add_order(self, accepted: events.OrderAccepted) -> OrderWork:
        """Put an accepted order among the open ones."""
        order = OrderWork(
            order_id=accepted.order_id,
            lines=accepted.lines,
            priority=accepted.priority,
            due_s=accepted.due_s,
            accepted_s=accepted.time_s,
            sequence=self.orders.accepted,
            replace_scrapped=accepted.replace_scrapped,
            product=accepted.product,
            allowed=accepted.allowed,
            earliest_s=accepted.earliest_s,
            released=accepted.earliest_s is None or accepted.earliest_s <= self.clock.now(),
            substitutes=accepted.substitutes,
        )
        self.orders.add(order)
        return order

    def update(self, order: OrderWork, lines: Lines, priority: int, due_s: float | None, reason: str) -> str:
        """Change an order by the difference to what it was; what has changed. `UsageError` says why not."""
        if order.status.ended or order.cancelling or order.stopping:
            raise UsageError(f"order '{order.order_id}' begins no more units, so that nothing can be changed.")
        self._check_lines(order.product, lines, sum(quantity for _, quantity in lines))
        if due_s != order.due_s and due_s is not None and order.earliest_s is not None and order.earliest_s >= due_s:
            raise UsageError(_DUE_TOO_SOON)
        wanted = dict.fromkeys((*order.to_start, *(variant for variant, _ in lines)), 0)
        for variant, quantity in lines:
            wanted[variant] += quantity
        for variant, quantity in wanted.items():
            if quantity < (begun := order.begun(variant)):
                raise UsageError(f"{begun} units of '{variant}' are begun, there cannot be {quantity}. Give more.")
        changed = _difference(order, lines, priority, due_s)
        if not changed:
            return f"order '{order.order_id}' is so already"
        now_s = self.clock.now()
        self.record(
            events.OrderUpdated(
                time_s=now_s, order_id=order.order_id, lines=lines, priority=priority, due_s=due_s, reason=reason
            )
        )
        self.apply_update(order, lines, priority, due_s)
        self.end_order_when_done(order)
        return f"order '{order.order_id}': {', '.join(changed)}"

    def apply_update(self, order: OrderWork, lines: Lines, priority: int, due_s: float | None) -> None:
        """Take note of an order's change."""
        order.change(lines, priority, due_s)
        self.orders.moved(order)

    def set_order(self, order: OrderWork, status: OrderStatus, reason: str) -> None:
        """Change an order's state."""
        self._controlled(order, status.name.lower(), reason)
        self.order_is(order, status, self.clock.now())

    def _controlled(self, order: OrderWork, state: str, reason: str) -> None:
        self.record(events.OrderControlled(time_s=self.clock.now(), order_id=order.order_id, state=state, reason=reason))
        order.reason = reason

    def order_is(self, order: OrderWork, status: OrderStatus, time_s: float) -> None:
        """Take note of an order's state."""
        order.status = status
        if status.ended:
            order.ended_s = time_s
            self.orders.ended(order)
        else:
            self.orders.offer(order)

    def noted(self, order: OrderWork, state: str) -> bool:
        """Take note of what is told of an order and is no state of its own; whether it is such."""
        if state in ("stored", "allowed"):
            order.allowed = state == "allowed"
            self.orders.offer(order)
        elif state in ("cancelling", "stopping"):
            order.cancelling, order.stopping = state == "cancelling", state == "stopping"
        else:
            return False
        return True

    def control(self, order: OrderWork, command: str, reason: str) -> None:
        """Carry out a command of ISA-95 job control; `UsageError` says why not."""
        if order.status.ended:
            raise UsageError(f"order '{order.order_id}' has ended already ({order.status.name.lower()}).")
        leaving = order.cancelling or order.stopping
        begun = order.status is not OrderStatus.NOT_STARTED
        if command == "pause" and order.status in (OrderStatus.NOT_STARTED, OrderStatus.RUNNING) and not leaving:
            self.set_order(order, OrderStatus.PAUSED, reason)
        elif command == "resume" and order.status is OrderStatus.PAUSED:
            self.set_order(order, OrderStatus.NOT_STARTED if order.untouched else OrderStatus.RUNNING, reason)
        elif command == "start" and not order.allowed and not leaving:
            self._controlled(order, "allowed", reason)
            self.noted(order, "allowed")
        elif command == "revoke_start" and order.allowed and not begun and not leaving:
            self._controlled(order, "stored", reason)
            self.noted(order, "stored")
        elif command == "cancel" and not order.cancelling:
            self.wind_down(order, "cancelling", reason)
        elif command == "stop" and not leaving and not order.untouched:
            self.wind_down(order, "stopping", reason)
        else:
            commands = ", ".join(COMMANDS)
            raise UsageError(f"cannot {command} order '{order.order_id}': it is {_state(order)}. Commands: {commands}.")

    def cancel(self, order: OrderWork, reason: str) -> None:
        """Begin no more units of an order; it ends as cancelled when those in work are finished."""
        self.wind_down(order, "cancelling", reason)

    def wind_down(self, order: OrderWork, state: str, reason: str) -> None:
        """Begin no more units; what becomes of the order when those in work are finished, the state says."""
        self._controlled(order, state, reason)
        self.noted(order, state)
        self.end_order_when_done(order)

    def end_order_when_done(self, order: OrderWork) -> None:
        """End an order that has nothing in work and nothing to begin."""
        if order.in_work or order.status.ended:
            return
        made = f"{len(order.good)} of {order.quantity} units were made"
        if order.cancelling:
            self.set_order(order, OrderStatus.CANCELLED, made)
        elif order.stopping:
            self.set_order(order, OrderStatus.COMPLETED, f"stopped: {made}")
        elif len(order.good) >= order.quantity and order.next_variant() is None:
            self.set_order(order, OrderStatus.COMPLETED, f"{len(order.good)} good, {order.scrapped} scrapped")
        elif order.out_of_replacements:
            scrapped = f"{order.scrapped} units were scrapped; find the cause, then order again"
            self.set_order(order, OrderStatus.FAILED, scrapped)
        elif order.next_variant() is None:
            self.set_order(order, OrderStatus.COMPLETED, f"{len(order.good)} good, {order.scrapped} scrapped")


def _state(order: OrderWork) -> str:
    if order.cancelling:
        return "being cancelled"
    if order.stopping:
        return "being stopped"
    return order.status.name.lower().replace("_", " ") if order.allowed else "stored"


def _difference(order: OrderWork, lines: Lines, priority: int, due_s: float | None) -> list[str]:
    """What an update changes, in words."""
    changed = []
    before, now = dict.fromkeys((v for v, _ in (*order.lines, *lines)), 0), dict[str, int]()
    now.update(before)
    for variant, quantity in order.lines:
        before[variant] += quantity
    for variant, quantity in lines:
        now[variant] += quantity
    for variant, quantity in now.items():
        if more := quantity - before[variant]:
            changed.append(f"{more:+d} {variant}")
    if priority != order.priority:
        changed.append(f"priority {priority}")
    if due_s != order.due_s:
        changed.append("due date changed" if due_s is not None else "no due date")
    return changed
