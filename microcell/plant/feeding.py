"""Feeders: their stock by lots, the parts at their places, and somebody who brings more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from microcell.description.cell import FeederSpec
from microcell.description.line import FeederSetup
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.plant.bench import Bench
from microcell.plant.chance import Delivery
from microcell.plant.items import Item, Place
from microcell.plant.layout import Zone

RefillListener = Callable[[str, str, str, int], None]
"""Called with feeder, part, lot and level after a refill."""


@dataclass
class Stock:
    """A feeder as it is now, for a product: pieces not yet at a place as (lot, count), lots and pieces brought so far."""

    spec: FeederSpec
    setup: FeederSetup
    zone: Zone
    lots: deque[tuple[str, int]]
    product: str
    lot_number: int = 0
    brought: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What a feeder offers next: part, lot, nominal pose, and whether it had to be brought."""

    part: str
    lot: str
    part_in_cell: Pose
    brought: bool


class Feeding:
    """All feeders of a cell that a line has set up."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._deliveries = {line.product: Delivery(line, bench.chance) for line in bench.line.every}
        self._listeners: list[RefillListener] = []
        specs = bench.line.cell_description.of_kind("feeder")
        self._stocks = {
            name: Stock(specs[name], bench.line.making(product).feeders[name], bench.layout.zones[name], deque(), product)
            for name, product in bench.layout.set_up.items()
            if name in specs
        }
        for name in self._in_order_of_the_line():
            self._fill(name)

    def _in_order_of_the_line(self) -> list[str]:
        """Feeders in the order in which the cell's lines name them."""
        return list(dict.fromkeys(name for line in self._bench.line.every for name in line.feeders))

    def _fill(self, feeder: str) -> None:
        stock = self._stocks[feeder]
        level = stock.spec.capacity if stock.setup.level is None else stock.setup.level
        self._add(feeder, min(level, stock.spec.capacity), "")

    def delivery(self, product: str = "") -> Delivery:
        """How parts of a product are delivered; "" for that of the cell's first line."""
        return self._deliveries[product or self._bench.line.product]

    def set_up(self, feeder: str, product: str) -> None:
        """Somebody takes every part out and fills in what the line of another product wants there."""
        stock = self._stock(feeder)
        self.take_all(feeder)
        stock.setup, stock.product = self._bench.line.making(product).feeders[feeder], product
        self._bench.layout.set_up_for(feeder, product)
        self._fill(feeder)

    def on_refill(self, listener: RefillListener) -> None:
        """Call a function after every refill."""
        self._listeners.append(listener)

    def as_data(self) -> dict[str, list[Any]]:
        """What is in stock in each feeder, in JSON's types."""
        return {name: [list(s.lots), s.lot_number, s.brought, s.product] for name, s in self._stocks.items()}

    def put_back(self, data: Mapping[str, list[Any]]) -> None:
        """Have in stock what there was."""
        for name, (lots, lot_number, brought, product) in data.items():
            stock = self._stocks[name]
            stock.setup, stock.product = self._bench.line.making(product).feeders[name], product
            stock.lots = deque((lot, count) for lot, count in lots)
            stock.lot_number, stock.brought = lot_number, brought
            self._bench.feeder_changed[name].notify()

    def is_set_up(self, feeder: str) -> bool:
        """Whether a line of the cell has a part for a feeder."""
        return feeder in self._stocks

    def setup(self, feeder: str) -> FeederSetup:
        """What the line says about a feeder."""
        return self._stock(feeder).setup

    def level(self, feeder: str) -> int:
        """Pieces left: in stock and at the places; none in a feeder that the line leaves empty."""
        if feeder not in self._stocks:
            return 0
        return sum(count for _, count in self._stock(feeder).lots) + self._bench.inventory.count("feeder", feeder)

    def needs_bringing(self, feeder: str) -> bool:
        """Whether no part is at a place, so that the next has to be brought."""
        return self._bench.inventory.count("feeder", feeder) == 0

    def present(self, feeder: str) -> Offer:
        """Bring parts when no place has one; what is to be picked next. Raises FEEDER_EMPTY."""
        stock = self._stock(feeder)
        bring = self.needs_bringing(feeder)
        if bring:
            self._fill_places(feeder)
        at_places = {item.place.slot: item for item in self._bench.inventory.at("feeder", feeder)}
        for number, nominal in enumerate(stock.zone.places):
            item = at_places.get(str(number))
            if item is not None:
                return Offer(stock.setup.part, item.lot, nominal, bring)
        raise FaultError("FEEDER_EMPTY", feeder, f"no {stock.setup.part} left")

    def take_all(self, feeder: str) -> None:
        """Somebody takes every part out of a feeder."""
        self._stock(feeder).lots.clear()
        for item in self._bench.inventory.at("feeder", feeder):
            self._bench.lose(item, item.pose, "taken out of the feeder")
        self._bench.feeder_changed[feeder].notify()

    def refill(self, feeder: str, quantity: int, lot: str) -> int:
        """Add pieces (0: up to capacity; lot "": the next number); the level after. Raises DEVICE_REFUSED."""
        free = self._stock(feeder).spec.capacity - self.level(feeder)
        if not 0 <= quantity <= free:
            raise FaultError("DEVICE_REFUSED", feeder, f"{quantity} pieces do not go in: there is room for {free}")
        lot = self._add(feeder, quantity or free, lot)
        level = self.level(feeder)
        for listener in self._listeners:
            listener(feeder, self._stock(feeder).setup.part, lot, level)
        return level

    async def wait_at_least(self, feeder: str, minimum: int) -> int:
        """The level as soon as it is that high."""
        while self.level(feeder) < minimum:
            await self._bench.feeder_changed[feeder].next()
        return self.level(feeder)

    async def keep_filled(self, feeder: str) -> None:
        """Be the operator: bring a full load some time after the level fell to the reorder level."""
        setup = self._stock(feeder).setup
        if not setup.operator_refills:
            return
        while True:
            while self.level(feeder) > setup.reorder_level:
                await self._bench.feeder_changed[feeder].next()
            await self._bench.clock.sleep(setup.refill_s)
            self.refill(feeder, 0, "")

    def _stock(self, feeder: str) -> Stock:
        if feeder not in self._stocks:
            raise FaultError("DEVICE_REFUSED", feeder, "the line has not set this feeder up with a part")
        return self._stocks[feeder]

    def _add(self, feeder: str, quantity: int, lot: str) -> str:
        stock = self._stocks[feeder]
        stock.lot_number += 1
        lot = lot or f"{feeder}-{self._bench.mark}L{stock.lot_number:04d}"
        if quantity:
            stock.lots.append((lot, quantity))
        if stock.spec.style == "tray" and self.needs_bringing(feeder):
            self._fill_places(feeder)
        self._bench.feeder_changed[feeder].notify()
        return lot

    def _fill_places(self, feeder: str) -> None:
        """Fill the empty places from stock: a whole tray, or the one place of the other styles."""
        stock = self._stocks[feeder]
        for number, nominal in enumerate(stock.zone.places):
            lot = _take_one(stock.lots)
            if lot is None:
                return
            self._bring(feeder, stock, number, nominal, lot)

    def _bring(self, feeder: str, stock: Stock, number: int, nominal: Pose, lot: str) -> Item:
        stock.brought += 1
        key = f"{feeder}:{stock.brought}"
        delivery = self.delivery(stock.product)
        name, part = delivery.part(stock.setup.part, key)
        offset = delivery.offset(name, stock.spec.scatter_m, stock.spec.scatter_rad, key)
        place = Place("feeder", feeder, str(number))
        flaws, edges, voltage_v = delivery.flaws(name, key), delivery.edges(name, key), delivery.voltage_v(name, key)
        return self._bench.inventory.make(
            name, part, lot, place, nominal @ offset, flaws=flaws, edges=edges, voltage_v=voltage_v, product=stock.product
        )


def _take_one(lots: deque[tuple[str, int]]) -> str | None:
    """Take one piece of the oldest lot."""
    if not lots:
        return None
    lot, count = lots.popleft()
    if count > 1:
        lots.appendleft((lot, count - 1))
    return lot
