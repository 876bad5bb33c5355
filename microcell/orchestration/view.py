"""What the orchestrator shows to the outside: immutable snapshots of cell, orders, stations and tools."""

from __future__ import annotations

from dataclasses import dataclass

from microcell.faults import Fault
from microcell.orchestration.packml import State
from microcell.orchestration.work import OrderStatus, OrderWork


@dataclass(frozen=True)
class OrderView:
    """One order as it stands; times are cell time in s."""

    order_id: str
    product: str
    status: OrderStatus
    priority: int
    due_s: float | None
    accepted_s: float
    ended_s: float | None
    quantity: int
    in_work: int
    good: int
    scrapped: int
    reworked: int
    serials: tuple[str, ...]
    last_fault: Fault | None

    @classmethod
    def of(cls, order: OrderWork, product: str) -> OrderView:
        return cls(
            order_id=order.order_id,
            product=product,
            status=order.status,
            priority=order.priority,
            due_s=order.due_s,
            accepted_s=order.accepted_s,
            ended_s=order.ended_s,
            quantity=order.quantity,
            in_work=len(order.in_work),
            good=len(order.good),
            scrapped=order.scrapped,
            reworked=order.reworked,
            serials=tuple(order.good),
            last_fault=order.last_fault,
        )


@dataclass(frozen=True)
class StationView:
    """One device: free, leased or out_of_service; `level` is -1 where nothing is counted."""

    name: str
    kind: str
    state: str
    holder: str
    contents: str
    level: int
    activity: str


@dataclass(frozen=True)
class ToolView:
    """One tool: its place is `flange of <arm>` or `<crib>`."""

    name: str
    serial: str
    place: str
    cycles: int
    cycles_limit: int


@dataclass(frozen=True)
class CellSnapshot:
    """The whole cell at one moment of cell time."""

    time_s: float
    cell: str
    line: str
    world: str
    state: State
    reason: str
    orders: tuple[OrderView, ...]
    stations: tuple[StationView, ...]
    tools: tuple[ToolView, ...]
    active_faults: tuple[Fault, ...]
    last_faults: tuple[Fault, ...]
    units_in_work: int
    units_good: int
    units_scrapped: int
