"""What is in work: orders and units with how far they are."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from microcell.description.line import Line
from microcell.faults import Fault
from microcell.orchestration.limits import KEPT_SERIALS
from microcell.orchestration.plan import Chain, Plan


class OrderStatus(IntEnum):
    """State of an order, numbered as in OrderState.msg."""

    NOT_STARTED = 0
    RUNNING = 1
    PAUSED = 2
    COMPLETED = 3
    CANCELLED = 4
    FAILED = 5

    @property
    def ended(self) -> bool:
        return self >= OrderStatus.COMPLETED


class Serials:
    """Serials of an order's good units: counted all, the last ones kept."""

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=KEPT_SERIALS)
        self._count = 0

    def append(self, serial: str) -> None:
        """One more."""
        self._last.append(serial)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)


@dataclass
class OrderWork:
    """One order. `to_start` counts the units of each variant that are still to be begun; `end` is set when it has ended.

    `unreplaced` counts those that were scrapped when too many had been to go on replacing them.
    `allowed` is whether it may start at all, `released` whether its earliest start has come. `cancelling` begins no more
    units; `stopping` ends it as completed then.
    """

    order_id: str
    lines: tuple[tuple[str, int], ...]
    priority: int
    due_s: float | None
    accepted_s: float
    sequence: int
    replace_scrapped: bool
    product: str = ""
    status: OrderStatus = OrderStatus.NOT_STARTED
    reason: str = ""
    cancelling: bool = False
    stopping: bool = False
    allowed: bool = True
    earliest_s: float | None = None
    released: bool = True
    substitutes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    promised_s: float | None = field(default=None, compare=False)
    ended_s: float | None = None
    to_start: dict[str, int] = field(default_factory=dict)
    unreplaced: dict[str, int] = field(default_factory=dict)
    in_work: set[str] = field(default_factory=set)
    good: Serials = field(default_factory=Serials, compare=False)
    scrapped: int = 0
    reworked: int = 0
    last_fault: Fault | None = None
    end: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.to_start = self.to_start or _counted(self.lines)

    @property
    def quantity(self) -> int:
        return sum(quantity for _, quantity in self.lines)

    @property
    def urgency(self) -> tuple[float, float, int]:
        """Sorts the most urgent order first: priority, then due date, then arrival."""
        return (-self.priority, float("inf") if self.due_s is None else self.due_s, self.sequence)

    @property
    def untouched(self) -> bool:
        """Whether no unit was ever begun."""
        return not self.in_work and not len(self.good) and not self.scrapped

    @property
    def may_start_units(self) -> bool:
        waits = self.cancelling or self.stopping or not (self.allowed and self.released)
        return self.status in (OrderStatus.NOT_STARTED, OrderStatus.RUNNING) and not waits

    def change(self, lines: tuple[tuple[str, int], ...], priority: int, due_s: float | None) -> None:
        """Take new lines, priority and due date: what is to be begun changes by the difference."""
        before, now = _counted(self.lines), _counted(lines)
        for variant in {**before, **now}:
            more = now.get(variant, 0) - before.get(variant, 0)
            self.to_start[variant] = max(0, self.to_start.get(variant, 0) + more)
        self.lines, self.priority, self.due_s = lines, priority, due_s
        if not self.out_of_replacements:
            for variant, number in self.unreplaced.items():
                self.to_start[variant] = self.to_start.get(variant, 0) + number
            self.unreplaced.clear()

    @property
    def out_of_replacements(self) -> bool:
        """Whether scrapped units are replaced no more: there were as many as were ordered, and 5 at the least."""
        return self.replace_scrapped and self.scrapped >= max(5, self.quantity)

    def count_scrapped(self, variant: str) -> None:
        """One more is scrapped, and to be begun again where it is replaced."""
        self.scrapped += 1
        if self.out_of_replacements:
            self.unreplaced[variant] = self.unreplaced.get(variant, 0) + 1
        elif self.replace_scrapped:
            self.to_start[variant] += 1

    def begun(self, variant: str) -> int:
        """Units of a variant that are begun and not scrapped, or scrapped and not to be replaced."""
        return _counted(self.lines).get(variant, 0) - self.to_start.get(variant, 0)

    def next_variant(self) -> str | None:
        """Variant of the next unit to begin."""
        return next((variant for variant, left in self.to_start.items() if left > 0), None)


def _counted(lines: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Ordered units of each variant."""
    found: dict[str, int] = {}
    for variant, quantity in lines:
        found[variant] = found.get(variant, 0) + quantity
    return found


@dataclass
class UnitWork:
    """One unit in work: what is done, where it stands, and devices that its next chain should do without."""

    serial: str
    order_id: str
    variant: str
    sequence: int
    plan: Plan
    done: set[str] = field(default_factory=set)
    stations: dict[str, str] = field(default_factory=dict)
    scrapping: str = ""
    reworks: int = 0
    running: bool = False
    carton: str = ""
    product: str = ""
    barred: set[str] = field(default_factory=set)

    def ready_chains(self) -> list[Chain]:
        """What could be done next with this unit; nothing while an operation of it runs."""
        return [] if self.running else self.plan.ready(self.done)

    @property
    def complete(self) -> bool:
        return self.plan.is_complete(self.done)

    def may_stand_in(self, kind: str, operation: str, code: str) -> bool:
        """Whether the unit may stand in its station of a kind after a fault of an operation, and not only has it reserved.

        The fault may have come after the unit was put there, unless it says that somebody else's part is. A unit on its way
        out has no other station but the one that it may stand in.
        """
        if self.scrapping:
            return kind in self.stations
        put = {*self.done, *(() if code == "FIXTURE_OCCUPIED" else (operation,))}
        return any(op.occupies == kind and name in put for name, op in self.plan.operations.items())


def plan_of(line: Line, scrap: bool = False) -> Plan:
    """The line's process plan, or the way out for a scrapped unit."""
    product = line.product_description
    return Plan(product.scrap_plan if scrap else product.plan)
