"""The report on a journal: typed, as JSON and as text.

A journal of a killed controller reports as far as it goes, with what is in doubt; one that was tampered with,
up to where its chain breaks. Events that this release does not know are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from microcell.errors import JournalError
from microcell.records.changes import ChangeRow
from microcell.records.journal import GENESIS, Break, Head, JournalReader
from microcell.records.kpis import Kpis, key_figures
from microcell.records.orders import OrderRecord
from microcell.records.packml import UnitTimes
from microcell.records.production import Production, ProductionFold
from microcell.records.quality import InspectedUnit, Quality, quality
from microcell.records.questions import QuestionRow
from microcell.records.units import PartUsed, UnitHistory
from microcell.records.verifying import first_break

REPORT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Header:
    """Where the journal comes from, by its last controller. `began` is an ISO 8601 date in UTC."""

    line: str
    cell: str
    product: str
    world: str
    camera: str
    seed: int
    release: str
    began: str
    runs: int
    last_s: float
    state: str
    state_reason: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order with its good units' serials; times are production time, s.

    `late_s`: how long after its due date it ended or, while it is open, the journal ends; negative before that date.
    """

    order_id: str
    product: str
    lines: tuple[tuple[str, int], ...]
    quantity: int
    priority: int
    due_s: float | None
    earliest_s: float | None
    late_s: float | None
    accepted_s: float
    ended_s: float | None
    state: str
    reason: str
    in_work: int
    good: int
    scrapped: int
    reworked: int
    serials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation of a unit: outcome of its last attempt, number of attempts and the faults on the way."""

    operation: str
    skill: str
    outcome: str
    attempts: int
    started_s: float
    ended_s: float | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One measured value of a unit."""

    operation: str
    time_s: float
    name: str
    value: float | None
    unit: str
    lower: float | None
    upper: float | None
    text: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """The history of one unit; times are production time, s."""

    serial: str
    order_id: str
    variant: str
    state: str
    reason: str
    carton: str
    started_s: float
    ended_s: float | None
    cycle_s: float | None
    first_pass: bool
    reworks: int
    operations: tuple[OperationRow, ...]
    parts: tuple[PartUsed, ...]
    discarded: tuple[PartUsed, ...]
    tools: tuple[str, ...]
    measurements: tuple[MeasuredRow, ...]


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """An attempt that was begun and whose outcome is not recorded."""

    unit: str
    operation: str
    skill: str
    attempt_id: str
    resources: Mapping[str, str]
    started_s: float


@dataclass(frozen=True, slots=True)
class Digest:
    """Number and hash of the last entry reported on; `broken` is the one after it, where the chain breaks."""

    sequence: int
    hash: str
    broken: Break | None
    unknown_events: int


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `production` is what the rest was made from; it is not part of the JSON."""

    header: Header | None
    orders: tuple[OrderRow, ...]
    units: tuple[UnitRow, ...]
    in_doubt: tuple[DoubtRow, ...]
    questions: tuple[QuestionRow, ...]
    changes: tuple[ChangeRow, ...]
    packml: tuple[UnitTimes, ...]
    kpis: Kpis
    quality: Quality
    digest: Digest
    production: Production


def report(journal: Path | str | JournalReader, truth: Sequence[InspectedUnit] | None = None) -> Report:
    """Read a journal, by path or as opened, and report on it; `JournalError` where there is none.

    `truth` is what the units of a simulated cell truly were.
    """
    if isinstance(journal, JournalReader):
        return _report(journal, truth)
    with JournalReader.open(journal) as opened:
        return _report(opened, truth)


def as_json(of: Report) -> dict[str, Any]:
    """The report as data of JSON's types: the field names of `Report` and its parts are the keys.

    Added: `report_version`, raised when a key changes its meaning or goes, and with each figure that is
    computed (`kpis.oee`, yields) its factors by name. Times are s, tuples are lists, what is not known is
    null.
    """
    data = {
        "report_version": REPORT_VERSION,
        **{field.name: _plain(getattr(of, field.name)) for field in fields(of) if field.name != "production"},
    }
    oee, yields = of.kpis.oee, of.kpis.yields
    for name in ("availability", "performance", "quality", "oee"):
        data["kpis"]["oee"][name] = getattr(oee, name)
    for name in ("first_pass_yield", "final_yield"):
        data["kpis"]["yields"][name] = getattr(yields, name)
        for variant, of_variant in of.kpis.variants.items():
            data["kpis"]["variants"][variant][name] = getattr(of_variant, name)
    return data


def _report(journal: JournalReader, truth: Sequence[InspectedUnit] | None) -> Report:
    broken = first_break(journal)
    trusted = journal.entries(until=broken.sequence - 1) if broken else journal.entries()
    folded, head, unknown = ProductionFold(), Head(0, GENESIS), 0
    for entry in trusted:
        head = Head(entry.sequence, entry.hash)
        try:
            folded.apply(entry.event())
        except JournalError:  # written by a later release
            unknown += 1
    return describe(folded.production(), head, broken, unknown, truth)


def describe(
    production: Production,
    head: Head,
    broken: Break | None = None,
    unknown_events: int = 0,
    truth: Sequence[InspectedUnit] | None = None,
) -> Report:
    """The report on a production that was folded already."""
    serials = production.good_serials
    return Report(
        header=_header(production),
        orders=tuple(_order(order, serials[order.order_id], production.last_s) for order in production.orders.values()),
        units=tuple(_unit(unit) for unit in production.units.values()),
        in_doubt=tuple(
            DoubtRow(a.unit, a.operation, a.skill, a.attempt_id, a.resources, a.started_s) for a in production.in_doubt
        ),
        questions=production.questions,
        changes=production.changes,
        packml=production.packml,
        kpis=key_figures(production),
        quality=quality(production, truth),
        digest=Digest(head.sequence, head.hash, broken, unknown_events),
        production=production,
    )


def _header(production: Production) -> Header | None:
    """None for a journal that no controller ever opened."""
    if not production.openings:
        return None
    first, last = production.openings[0], production.openings[-1]
    began = datetime.fromtimestamp(first.epoch_s + first.time_s, timezone.utc)
    return Header(
        line=last.line,
        cell=last.cell,
        product=last.product,
        world=last.world,
        camera=last.camera,
        seed=last.seed,
        release=last.release,
        began=began.isoformat(timespec="seconds"),
        runs=len(production.openings),
        last_s=production.last_s,
        state=production.state,
        state_reason=production.state_reason,
    )


def _order(order: OrderRecord, serials: tuple[str, ...], now_s: float) -> OrderRow:
    same = {field.name: getattr(order, field.name) for field in fields(order)}
    until_s = now_s if order.ended_s is None else order.ended_s
    late_s = None if order.due_s is None else until_s - order.due_s
    return OrderRow(**same, quantity=order.quantity, late_s=late_s, serials=serials)


def _unit(unit: UnitHistory) -> UnitRow:
    return UnitRow(
        serial=unit.serial,
        order_id=unit.order_id,
        variant=unit.variant,
        state=unit.state,
        reason=unit.reason,
        carton=unit.carton,
        started_s=unit.started_s,
        ended_s=unit.ended_s,
        cycle_s=unit.cycle_s,
        first_pass=unit.first_pass,
        reworks=unit.reworks,
        operations=_operations(unit),
        parts=unit.parts,
        discarded=unit.discarded,
        tools=unit.tools,
        measurements=_measurements(unit),
    )


def _operations(unit: UnitHistory) -> tuple[OperationRow, ...]:
    return tuple(
        OperationRow(
            operation=history.operation,
            skill=history.skill,
            outcome=history.outcome,
            attempts=len(history.attempts),
            started_s=history.attempts[0].started_s,
            ended_s=history.attempts[-1].ended_s,
            faults=tuple(fault["code"] for attempt in history.attempts for fault in attempt.faults),
        )
        for history in unit.operations
    )


def _measurements(unit: UnitHistory) -> tuple[MeasuredRow, ...]:
    return tuple(
        MeasuredRow(
            operation=measured.operation,
            time_s=measured.time_s,
            name=measured.measurement.get("name", ""),
            value=measured.measurement.get("value"),
            unit=measured.measurement.get("unit", ""),
            lower=measured.measurement.get("lower"),
            upper=measured.measurement.get("upper"),
            text=measured.measurement.get("text", ""),
        )
        for measured in unit.measurements
    )


def _plain(value: Any) -> Any:
    """Dataclasses, mappings and tuples as dictionaries and lists."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
