"""What can be told of a trial even where parts of it are damaged: who needs which parts, and where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from microcell.description.source import Source, Where
from microcell.gateways.ariac_model import Colour, PartType
from microcell.gateways.imported import StockItem

TASKS = {"kitting": "kitting_task", "assembly": "assembly_task", "combined": "combined_task"}
TYPES: tuple[str, ...] = PartType.__args__  # type: ignore[attr-defined]
COLOURS: tuple[str, ...] = Colour.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Need:
    """A part that an order wants, and where the file says so; from a carrier when `carriers` are named."""

    part: str
    where: Where
    carriers: tuple[int, ...] = ()


@dataclass(frozen=True)
class OrderFacts:
    """The parts of an order that rules look at; `task` is "" where the type is not known."""

    order_id: str
    where: Where
    task: str
    data: dict[str, Any]
    body: dict[str, Any]

    def needs(self) -> Iterator[Need]:
        """Every part that it wants."""
        carriers: tuple[int, ...] = ()
        if self.task == "assembly_task":
            carriers = tuple(n for n in listed(self.body.get("agv_number")) if isinstance(n, int))
        for i, product in enumerate(listed(self.body.get("products"))):
            if name := part_name(product):
                yield Need(name, (*self.where, self.task, "products", i), carriers)


class TrialFacts:
    """A trial as plain data, with whatever of it has the right form."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data = mapping(source.data)
        self.trays = mapping(self.data.get("kitting_trays"))
        parts = mapping(self.data.get("parts"))
        self.bins, self.agvs = mapping(parts.get("bins")), mapping(parts.get("agvs"))
        self.belt = mapping(parts.get("conveyor_belt"))
        self.orders = tuple(self._orders())

    def _orders(self) -> Iterator[OrderFacts]:
        for i, order in enumerate(listed(self.data.get("orders"))):
            if isinstance(order, dict):
                task = TASKS.get(str(order.get("type")), "")
                yield OrderFacts(str(order.get("id", "")), ("orders", i), task, order, mapping(order.get(task)))

    def stock(self) -> Iterator[StockItem]:
        """Parts in bins, on carriers, and on a belt that runs."""
        for name, lots in self.bins.items():
            for lot in listed(lots):
                if part := part_name(lot):
                    slots = len(listed(lot.get("slots")))
                    yield StockItem(part, slots, name, lot.get("flipped") is True)
        for name, agv in self.agvs.items():
            for lot in listed(mapping(agv).get("parts")):
                if part := part_name(lot):
                    yield StockItem(part, 1, name, lot.get("flipped") is True)
        for lot in listed(self.belt.get("parts_to_spawn")) if self.belt.get("active") is True else ():
            if (part := part_name(lot)) and isinstance(lot.get("number"), int):
                yield StockItem(part, lot["number"], "conveyor_belt", lot.get("flipped") is True)

    def free_stock(self) -> Counter[str]:
        """Parts by name that a robot can take from bins and belt."""
        free: Counter[str] = Counter()
        for item in self.stock():
            if not item.place.startswith("agv"):
                free[item.part] += item.quantity
        return free

    def on_agv(self, number: int) -> Counter[str]:
        """Parts that stand on a carrier at the start."""
        agv = mapping(self.agvs.get(f"agv{number}"))
        return Counter(name for lot in listed(agv.get("parts")) if (name := part_name(lot)))


def mapping(value: Any) -> dict[str, Any]:
    """A mapping as it is, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """A list as it is, an empty one for anything else."""
    return value if isinstance(value, list) else []


def part_name(value: Any) -> str:
    """`colour_type` of a part, "" where one of them is no known one."""
    data = mapping(value)
    known = data.get("type") in TYPES and data.get("color") in COLOURS
    return f"{data['color']}_{data['type']}" if known else ""
