"""What the orchestrator shows to the outside: immutable snapshots of cell, orders, stations and tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from microcell.events import ProcessDrift
from microcell.faults import Fault
from microcell.orchestration.order_desk import OrderDesk
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import Mode, State
from microcell.orchestration.questions import Question
from microcell.orchestration.shop import Shop, open_orders
from microcell.records.tools import HOUR_S
from microcell.skills.contract import Feedback


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
    """One tool: its place is `flange of <arm>` or `<crib>`. What is left is None where no limit or no rate is known.

    `refusal` says why it must not be used, "" when it may.
    """

    name: str
    serial: str
    place: str
    cycles: int
    cycles_limit: int
    torque_n_m_h: float
    calibration_due_s: float | None
    uses_left: int | None
    hours_left: float | None
    refusal: str


@dataclass(frozen=True)
class CellSnapshot:
    """The whole cell at one moment of cell time."""

    time_s: float
    cell: str
    line: str
    lines: tuple[str, ...]
    change: str
    world: str
    state: State
    mode: Mode
    reason: str
    orders: tuple[OrderView, ...]
    orders_open: int
    stations: tuple[StationView, ...]
    tools: tuple[ToolView, ...]
    active_faults: tuple[Fault, ...]
    last_faults: tuple[Fault, ...]
    questions: tuple[Question, ...]
    drifts: tuple[ProcessDrift, ...]
    units_in_work: int
    units_good: int
    units_scrapped: int


def snapshot(
    shop: Shop,
    state: State,
    mode: Mode,
    reason: str,
    world: str,
    active: tuple[Fault, ...],
    activity: Mapping[str, Feedback],
    desk: OrderDesk | None,
) -> CellSnapshot:
    """The cell at this moment; without a desk `orders` stays empty: nobody needs all of them."""
    return CellSnapshot(
        time_s=shop.clock.now(),
        cell=shop.line.cell,
        line=shop.line.name,
        lines=tuple(shop.lines.of(product).name for product in shop.lines.active),
        change=shop.lines.told(),
        world=world,
        state=state,
        mode=mode,
        reason=reason,
        orders=order_views(shop, desk) if desk else (),
        orders_open=shop.orders.open,
        stations=tuple(_station(shop, name, activity) for name in shop.line.cell_description.devices),
        tools=_tools(shop),
        active_faults=active,
        last_faults=tuple(shop.faults),
        questions=shop.questions.open(),
        drifts=shop.drifts.drifting(),
        units_in_work=len(shop.units),
        units_good=shop.units_good,
        units_scrapped=shop.units_scrapped,
    )


def order_views(shop: Shop, desk: OrderDesk) -> tuple[OrderView, ...]:
    """Open orders, the most urgent first, then the ended ones."""
    ended = [order for order in shop.orders.values() if order.status.ended]
    found = (*open_orders(shop.orders), *ended)
    return tuple(desk.view(order) for order in found)


def _station(shop: Shop, name: str, activity: Mapping[str, Feedback]) -> StationView:
    resources = shop.resources
    holder = resources.holders.get(name, "")
    state = "out_of_service" if name in resources.out_of_service else "leased" if holder else "free"
    contents = resources.occupied.get(name) or resources.mounted.get(name, "")
    contents = shop.part_in(name) or contents
    unit = holder.partition("/")[0]
    message = next((f.message for key, f in activity.items() if holder and key.partition("/")[0] == unit), "")
    kind = shop.line.cell_description.devices[name].kind
    return StationView(name, kind, state, holder, contents, resources.levels.get(name, -1), message)


def _tools(shop: Shop) -> tuple[ToolView, ...]:
    flanges = {tool: f"flange of {arm}" for arm, tool in shop.resources.mounted.items()}
    return tuple(_tool(shop, tool, flanges.get(tool, crib)) for tool, (crib, _) in shop.tools.places.items())


def _tool(shop: Shop, tool: str, place: str) -> ToolView:
    wear, left, refusal = shop.tools.wear(tool), shop.tools.remaining(tool), shop.tools.refusal(tool)
    return ToolView(
        name=tool,
        serial=wear.serial,
        place=place,
        cycles=wear.uses,
        cycles_limit=shop.line.tools[tool].life.cycles,
        torque_n_m_h=round(wear.torque_n_m_s / HOUR_S, 6),
        calibration_due_s=left.calibration_due_s,
        uses_left=left.uses_left,
        hours_left=None if left.hours_left is None else round(left.hours_left, 1),
        refusal=str(refusal) if refusal else "",
    )
