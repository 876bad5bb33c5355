"""The orchestrator's views of cell, orders and tools as messages, and orders from messages."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any, cast

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import Point, Pose, Quaternion

from microcell.description.line import Line
from microcell.description.order import Order
from microcell.description.problems import in_words, validate
from microcell.errors import UsageError
from microcell.orchestration.order_desk import OrderChange
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import Mode, State
from microcell.orchestration.stations import UnitStatus
from microcell.orchestration.view import CellSnapshot, StationView, ToolView
from microcell.records.journal import Entry
from microcell.ros.convert_skills import fault_message, stamp, unix_s
from microcell_interfaces.msg import (
    CellState,
    OrderLine,
    OrderState,
    PackMLStatus,
    ProductionEvent,
    StationState,
    Substitute,
    ToolState,
)

SHOWN_FAULTS = 16
_ERRORS = (State.ABORTING, State.ABORTED, State.CLEARING)
_WARNINGS = (State.HOLDING, State.HELD, State.UNHOLDING, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING)


def order_of(asked: Any, product: str) -> Order:
    """The order that a request asks for, of a product; `UsageError` with everything that is wrong with it."""
    try:
        dates = {"due": _date(asked.due), "earliest": _date(asked.earliest)}
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"due is no date: {error}. Leave it zero for none.") from error
    data = {
        "order_id": asked.order_id or None,
        "product": product,
        "lines": [{"variant": line.variant or None, "quantity": line.quantity} for line in asked.lines],
        "priority": asked.priority,
        "replace_scrapped": not asked.exact_quantity,
        "allowed_to_start": not asked.stored,
        "on_shortage": asked.on_shortage or "wait",
        "substitutes": {rule.variant: list(rule.instead) for rule in asked.substitutes},
    }
    order, problems = validate(Order, {**data, **dates})
    if problems:
        raise UsageError(f"the order is malformed: {in_words(problems)}")
    return cast(Order, order)


def request_of(order: Order) -> dict[str, Any]:
    """The fields of SubmitOrder and of produce_order's goal that hand in an order."""
    return {
        "order_id": order.order_id or "",
        "product": order.product,
        "lines": [OrderLine(variant=line.variant or "", quantity=line.quantity) for line in order.lines],
        "priority": order.priority,
        "due": stamp(order.due.timestamp() if order.due else None),
        "earliest": stamp(order.earliest.timestamp() if order.earliest else None),
        "exact_quantity": not order.replace_scrapped,
        "stored": not order.allowed_to_start,
        "on_shortage": order.on_shortage,
        "substitutes": [Substitute(variant=variant, instead=list(names)) for variant, names in order.substitutes.items()],
    }


def _date(time: Time) -> str | None:
    time_s = unix_s(time)
    return None if time_s is None else datetime.fromtimestamp(time_s, timezone.utc).isoformat()


def change_of(asked: Any, epoch_s: float) -> OrderChange:
    """What a request wants changed of an order."""
    due_s = unix_s(asked.due)
    return OrderChange(
        lines=tuple((line.variant, line.quantity) for line in asked.lines) or None,
        priority=asked.priority if asked.change_priority else None,
        changes_due=asked.change_due,
        due_s=None if due_s is None else due_s - epoch_s,
    )


def order_message(view: OrderView, epoch_s: float) -> OrderState:
    """One order; cell times become Unix times."""
    return OrderState(
        order_id=view.order_id,
        product=view.product,
        state=int(view.status),
        job_state=int(view.job.state),
        job_state_name=view.job.state.title,
        job_sub_state=view.job.sub_state,
        reason=view.job.why,
        priority=view.priority,
        due=stamp(None if view.due_s is None else epoch_s + view.due_s),
        earliest=stamp(None if view.earliest_s is None else epoch_s + view.earliest_s),
        accepted=stamp(epoch_s + view.accepted_s),
        promised=stamp(None if view.promised_s is None else epoch_s + view.promised_s),
        lines=[OrderLine(variant=variant, quantity=quantity) for variant, quantity in view.lines],
        progress=view.progress_ratio,
        shortages=list(view.shortages),
        ended=stamp(None if view.ended_s is None else epoch_s + view.ended_s),
        quantity=view.quantity,
        in_work=view.in_work,
        good=view.good,
        scrapped=view.scrapped,
        reworked=view.reworked,
        serials=list(view.serials),
        last_fault=fault_message(view.last_fault, epoch_s),
    )


def cell_message(snapshot: CellSnapshot, epoch_s: float) -> CellState:
    """The whole cell."""
    return CellState(
        stamp=stamp(epoch_s + snapshot.time_s),
        cell=snapshot.cell,
        line=snapshot.line,
        lines=list(snapshot.lines),
        change=snapshot.change,
        world=snapshot.world,
        state=int(snapshot.state),
        state_name=snapshot.state.title,
        mode=int(snapshot.mode),
        mode_name=snapshot.mode.title,
        reason=snapshot.reason,
        orders_open=snapshot.orders_open,
        units_in_work=snapshot.units_in_work,
        units_good=snapshot.units_good,
        units_scrapped=snapshot.units_scrapped,
        stations=[station_message(station) for station in snapshot.stations],
        active_faults=[fault_message(fault, epoch_s) for fault in snapshot.active_faults[-SHOWN_FAULTS:]],
    )


def packml_message(status: UnitStatus, time_s: float) -> PackMLStatus:
    """PackML status of one unit; `time_s` is its stamp, Unix time."""
    state_s, mode_s = status.state_cumulative_s, status.mode_cumulative_s
    return PackMLStatus(
        stamp=stamp(time_s),
        unit=status.unit,
        state=int(status.state),
        state_name=status.state.title,
        mode=int(status.mode),
        mode_name=status.mode.title,
        reason=status.reason,
        legal_commands=[command.title for command in status.legal_commands],
        state_current_time=status.state_current_s,
        mode_current_time=status.mode_current_s,
        state_cumulative_times=[0.0, *(state_s.get(state.title, 0.0) for state in State)],
        mode_cumulative_times=[0.0, *(mode_s.get(mode.title, 0.0) for mode in Mode)],
        units_processed=status.processed,
        units_defective=status.defective,
        mode_change_count=status.mode_changes,
    )


def station_message(view: StationView) -> StationState:
    return StationState(
        name=view.name,
        kind=view.kind,
        state=view.state,
        holder=view.holder,
        contents=view.contents,
        activity=view.activity,
        level=view.level,
    )


def tool_message(view: ToolView, line: Line) -> ToolState:
    """One tool with what its description says of it."""
    tool = line.tools[view.name]
    pose = tool.tcp_in_flange.pose
    (x, y, z), (qx, qy, qz, qw) = map(tuple, (pose.position, pose.orientation))
    return ToolState(
        name=view.name,
        serial=view.serial,
        place=view.place,
        capabilities=list(tool.capabilities),
        coupling=tool.coupling,
        cycles=view.cycles,
        cycles_limit=view.cycles_limit,
        torque_hours=view.torque_n_m_h,
        torque_hours_limit=tool.life.torque_n_m_h,
        calibration_due=stamp(view.calibration_due_s),
        uses_left=-1 if view.uses_left is None else view.uses_left,
        hours_left=math.inf if view.hours_left is None else view.hours_left,
        in_service=not view.refusal,
        refusal=view.refusal,
        mass=tool.mass_kg,
        centre_of_gravity=Point(**dict(zip("xyz", tool.centre_of_gravity_m, strict=True))),
        tcp=Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw)),
    )


def event_message(entry: Entry, epoch_s: float) -> ProductionEvent:
    """A journal entry as it was written."""
    data: dict[str, Any] = json.loads(entry.data_json)
    return ProductionEvent(
        sequence=entry.sequence,
        stamp=stamp(epoch_s + entry.time_s),
        kind=entry.kind,
        order_id=data.get("order_id", ""),
        unit=data.get("unit", ""),
        operation=data.get("operation", ""),
        data_json=entry.data_json,
        hash=entry.hash,
    )


def diagnostic_status(snapshot: CellSnapshot) -> DiagnosticStatus:
    """The cell for /diagnostics."""
    level = DiagnosticStatus.OK
    if snapshot.state in _WARNINGS or snapshot.drifts:
        level = DiagnosticStatus.WARN
    if snapshot.state in _ERRORS or any(not fault.kind.recoverable for fault in snapshot.active_faults):
        level = DiagnosticStatus.ERROR
    values: list[tuple[str, object]] = [
        ("orders open", snapshot.orders_open),
        ("units in work", snapshot.units_in_work),
        ("units good", snapshot.units_good),
        ("units scrapped", snapshot.units_scrapped),
        *((f"fault {fault.code} at {fault.where}", fault) for fault in snapshot.active_faults[-SHOWN_FAULTS:]),
        *((f"drift {d.measurement} {d.variant} {d.station}".rstrip(), d.reason) for d in snapshot.drifts),
    ]
    return DiagnosticStatus(
        level=level,
        name=f"microcell: cell {snapshot.cell}",
        message=f"{snapshot.state.title}: {snapshot.reason}",
        hardware_id=snapshot.cell,
        values=[KeyValue(key=key, value=str(value)) for key, value in values],
    )
