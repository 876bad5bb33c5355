"""Whether the parts are enough for an order before it starts: what is in the feeders, and what is expected.

A part is expected without limit where one of its feeders is refilled (`operator_refills`); of others, what deliveries were
announced counts as there. What units in work and other open orders still need is spoken for. Feeders that nobody has read
yet count as enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from microcell.description.line import Line
from microcell.orchestration.shop import Shop
from microcell.orchestration.work import OrderWork, UnitWork

Lines = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Short:
    """A part that is not enough: how many an order needs, and how many are left for it."""

    part: str
    needed: int
    there: int

    def __str__(self) -> str:
        return f"{self.part}: {self.needed} needed, {self.there} there"


class Stock:
    """What the parts of a shop are enough for."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._parts: dict[tuple[str, str], Counter[str]] = {}
        self._limited = {line.product: _limited(line) for line in shop.lines.line.every}

    def shortages(self, order: OrderWork) -> tuple[Short, ...]:
        """What is not enough for the units that an order has still to begin."""
        limited = self.limited(order.product)
        needed = self._needed(order.product, order.to_start.items()) if limited else Counter[str]()
        if not needed:
            return ()
        left = self._left(order)
        short = (part for part in limited if needed[part] > left.get(part, needed[part]))
        return tuple(Short(part, needed[part], left[part]) for part in short)

    def enough_for(self, order: OrderWork) -> Lines:
        """The order's lines with as many units as the parts are enough for, the first lines first."""
        left, lines = self._left(order), []
        begun = {variant: order.begun(variant) for variant in order.to_start}
        for variant, quantity in order.lines:
            already = min(quantity, begun.get(variant, 0))
            begun[variant] = begun.get(variant, 0) - already
            can = min(quantity - already, self._most(order.product, variant, left))
            self._use(order.product, variant, can, left)
            if already + can:
                lines.append((variant, already + can))
        return tuple(lines)

    def instead_of(self, order: OrderWork, variant: str) -> tuple[str, ...]:
        """What may be made in place of a variant, the best first: by the order's rule, then by the product's for parts."""
        own = dict(order.substitutes).get(variant, ())
        return tuple(dict.fromkeys((*own, *self._shop.lines.of(order.product).product_description.stand_ins(variant))))

    def substituted(self, order: OrderWork) -> Lines:
        """The order's lines with other variants, as the rules permit, for units whose parts are not enough."""
        left = self._left(order)
        lines: Counter[str] = Counter()
        for variant, _ in order.lines:
            lines[variant] += 0
        for variant, quantity in order.to_start.items():
            open_units = quantity
            for choice in (variant, *self.instead_of(order, variant)):
                can = min(open_units, self._most(order.product, choice, left))
                self._use(order.product, choice, can, left)
                lines[choice] += can
                open_units -= can
            lines[variant] += open_units + order.begun(variant)
        return tuple((variant, quantity) for variant, quantity in lines.items() if quantity)

    # inside

    def _left(self, order: OrderWork) -> dict[str, int]:
        """Limited parts that nobody else needs; a part of a feeder that was never read is left out."""
        levels, lines = self._shop.resources.levels, self._shop.lines
        left: dict[str, int] = {}
        for part in self.limited(order.product):
            feeders = lines.of(order.product).feeders_of(part)
            if all(name in levels and self._shop.part_in(name) == part for name in feeders):
                left[part] = sum(levels[name] for name in feeders) + self._shop.deliveries.of(part)
        spoken = Counter[str]()
        for other in self._shop.orders.values():
            if other is not order and not other.status.ended and other.allowed and lines.takes_units(other.product):
                spoken += self._needed(other.product, other.to_start.items())
        for unit in self._shop.at_work():
            spoken += self._rest_of(unit)
        return {part: max(0, number - spoken[part]) for part, number in left.items()}

    def _needed(self, product: str, lines: Iterable[tuple[str, int]]) -> Counter[str]:
        totals: Counter[str] = Counter()
        for variant, quantity in lines:
            totals[variant] += quantity
        needed: Counter[str] = Counter()
        for variant, quantity in totals.items():
            for part, number in self.parts_of(product, variant).items():
                needed[part] += number * quantity
        return needed

    def limited(self, product: str) -> tuple[str, ...]:
        """Parts of a product of which no more are expected than were announced."""
        return self._limited[product or self._shop.lines.line.product]

    def parts_of(self, product: str, variant: str) -> Mapping[str, int]:
        """Parts from feeders that one unit of a variant takes."""
        key = (product, variant)
        if key not in self._parts:
            self._parts[key] = self._rest_of(self._shop.specimen(product, variant))
        return self._parts[key]

    def _rest_of(self, unit: UnitWork) -> Counter[str]:
        """Parts that a unit has still to take."""
        needs = {name: need for chain in unit.plan.chains for name, need in self._shop.needs(unit, chain).items()}
        return Counter(need.part for name, need in needs.items() if need.part and name not in unit.done)

    def _most(self, product: str, variant: str, left: Mapping[str, int]) -> int:
        """Units of a variant that parts are enough for."""
        parts = self.parts_of(product, variant)
        return min((left[part] // number for part, number in parts.items() if part in left), default=10**9)

    def _use(self, product: str, variant: str, units: int, left: dict[str, int]) -> None:
        for part, number in self.parts_of(product, variant).items():
            if part in left:
                left[part] -= number * units


def _limited(line: Line) -> tuple[str, ...]:
    """Parts of a line of which no more are expected than were announced."""
    feeders = line.feeders.values()
    refilled = {setup.part for setup in feeders if setup.operator_refills}
    return tuple(dict.fromkeys(setup.part for setup in feeders if setup.part not in refilled))
