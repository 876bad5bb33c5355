"""The desk where orders come in: shortages found before the start, updates, release at a time, promised ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from microcell.description.order import Order
from microcell.errors import UsageError
from microcell.events import Event
from microcell.orchestration.job_control import job_of
from microcell.orchestration.limits import check_text
from microcell.orchestration.order_keeping import Lines
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.promise import Promises
from microcell.orchestration.shop import Shop
from microcell.orchestration.stock import Short, Stock
from microcell.orchestration.work import OrderWork

PARTIAL, SUBSTITUTE = "partial", "substitute"


@dataclass(frozen=True)
class OrderChange:
    """What is to change of an order; None: it stays as it is. `due_s` counts where `changes_due`."""

    lines: Lines | None = None
    priority: int | None = None
    changes_due: bool = False
    due_s: float | None = None


class OrderDesk:
    """Takes orders in and follows them. `wake` is called when something may be begun."""

    def __init__(self, shop: Shop, wake: Callable[[], None]) -> None:
        self.stock = Stock(shop)
        self.promises = Promises(shop)
        self._shop = shop
        self._wake = wake
        self._timers: dict[str, asyncio.Task[None]] = {}

    def apply(self, event: Event) -> None:
        """Take an event into account, before the shop's counts change."""
        self.promises.apply(event)

    def start(self) -> None:
        """Watch the clock for orders of an earlier program that are to start later."""
        for order in self._shop.orders.values():
            self._release_in_time(order)

    async def close(self) -> None:
        """Watch no more."""
        timers = list(self._timers.values())
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)

    def submit(self, order: Order) -> OrderWork:
        """Take an order in and do what it says about shortages; `UsageError` says why not."""
        if order.on_shortage == "refuse":
            self._refuse_short(order)
        if order.on_shortage == "hold" and order.allowed_to_start and self._short_before(order):
            order = order.model_copy(update={"allowed_to_start": False})
        accepted = self._shop.accept(order)
        if order.on_shortage in (PARTIAL, SUBSTITUTE):
            self._adapt(accepted, order.on_shortage, "parts are short")
        self._release_in_time(accepted)
        self._wake()
        return accepted

    def control(self, order_id: str, command: str, reason: str) -> None:
        """Carry out a command for an order; `UsageError` says why not."""
        check_text("the reason", reason)
        order = self._shop.orders.find(order_id)
        if command in (PARTIAL, SUBSTITUTE):
            self._decide(order, command, reason)
        else:
            self._shop.control(order, command, reason)
        self._wake()

    def update(self, order_id: str, change: OrderChange, reason: str) -> str:
        """Change an order by the difference; what has changed. `UsageError` says why not."""
        check_text("the reason", reason)
        order = self._shop.orders.find(order_id)
        lines = order.lines if change.lines is None else self._named(order, change.lines)
        priority = order.priority if change.priority is None else change.priority
        if not -100 <= priority <= 100:
            raise UsageError(f"the priority {priority} is out of range: -100 to 100 is possible.")
        said = self._shop.update(order, lines, priority, change.due_s if change.changes_due else order.due_s, reason)
        self._wake()
        return said

    def view(self, order: OrderWork) -> OrderView:
        """An order as it stands, and what is to be expected of it."""
        cell, product = self._shop.cell_state, order.product or self._shop.line.product
        if order.status.ended:
            return OrderView.of(order, product, job_of(order, cell), None, ())
        short = tuple(map(str, self.stock.shortages(order)))
        waits = "; ".join(f"short of {part}" for part in short)
        if not order.released:
            waits = "its earliest start has not come"
        waits = self._shop.lines.why_not(order.product) or waits
        first = self._shop.orders.going_first(order, self._shop.units)
        return OrderView.of(order, product, job_of(order, cell, first, waits), self.promises.end_s(order), short)

    # inside

    def _named(self, order: OrderWork, lines: Lines) -> Lines:
        """Lines with the product's default variant where they name none."""
        if any(quantity < 1 for _, quantity in lines):
            raise UsageError("a line has at least 1 unit. Leave out the lines that are not wanted.")
        default = self._shop.lines.of(order.product).product_description.default_variant
        return tuple((variant or default, number) for variant, number in lines)

    def _short_before(self, order: Order) -> tuple[Short, ...]:
        """What would be short for an order that is not taken in yet."""
        self._shop.check(order)
        lines, scrapped = self._shop.lines_of(order), order.replace_scrapped
        draft = OrderWork("", lines, order.priority, None, 0.0, 0, scrapped, order.product)
        return self.stock.shortages(draft)

    def _refuse_short(self, order: Order) -> None:
        if short := self._short_before(order):
            told = "; ".join(map(str, short))
            raise UsageError(f"parts are short: {told}. Order less, or say what to do: wait, hold, partial, substitute.")

    def _decide(self, order: OrderWork, choice: str, reason: str) -> None:
        """Carry out a choice for an order whose parts are short, and let it begin."""
        if order.status.ended or order.cancelling or order.stopping:
            raise UsageError(f"order '{order.order_id}' begins no more units.")
        if choice == SUBSTITUTE and not any(self.stock.instead_of(order, variant) for variant in order.to_start):
            raise UsageError(f"order '{order.order_id}' has no rule for substitutes. Choose start (it waits) or partial.")
        self._adapt(order, choice, reason or "parts are short")
        if not order.allowed and not order.status.ended:
            self._shop.control(order, "start", reason)

    def _adapt(self, order: OrderWork, choice: str, reason: str) -> None:
        """Change an order's lines to what the parts are enough for, if they are short."""
        if not self.stock.shortages(order):
            return
        lines = self.stock.enough_for(order) if choice == PARTIAL else self.stock.substituted(order)
        if not lines:  # an order of nothing would be done at once: it rather waits
            return
        self._shop.update(order, lines, order.priority, order.due_s, f"{choice}: {reason}")

    def _release_in_time(self, order: OrderWork) -> None:
        if not order.released and not order.status.ended and order.order_id not in self._timers:
            timer = asyncio.get_running_loop().create_task(self._release(order), name=f"release {order.order_id}")
            self._timers[order.order_id] = timer
            timer.add_done_callback(lambda done: self._timers.pop(order.order_id, None))

    async def _release(self, order: OrderWork) -> None:
        """Let an order begin as soon as its earliest start has come."""
        while (left_s := (order.earliest_s or 0.0) - self._shop.clock.now()) > 0:
            await self._shop.clock.sleep(left_s)
        order.released = True
        self._shop.orders.offer(order)
        self._shop.orders.touch(order)
        self._wake()
