"""Does a process drift before it makes scrap? A fold of the measured values in a journal, in every variant and station.

A chart takes the values that passed; what failed is a defect of one unit, and is told as such. Its first values say where
the process is in order. After that a drift is told once, and once more when it is over. Maintenance of a station, or of the
cell, makes its processes new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from microcell import events
from microcell.description.checks import ChartSpec
from microcell.description.line import Line
from microcell.events import Event, ProcessDrift
from microcell.faults import Fault
from microcell.records.control_chart import Basis, Chart, Point, rule_in_words
from microcell.records.packml import PRODUCTION

Key = tuple[str, str, str]
"""Measurement, variant and station. Before the variants of another product than the cell's first stands `<product>/`."""
SpecOf = Callable[[str], ChartSpec]

CODE = "PROCESS_DRIFTING"
STATION = "fixture"
"""Kind of the device that tells a unit's processes apart."""


def chart_of(line: Line) -> SpecOf:
    """How a measurement of a line is watched, by its name `<check>.<feature>`; before those of the cell's other lines stands
    `<product>/`.
    """
    inspections = line.product_description.inspections.values()
    own = {name: check.chart for inspection in inspections for name, check in inspection.checks.items() if check.chart}
    others = {other.product: chart_of(other) for other in line.also}

    def spec_of(measurement: str) -> ChartSpec:
        product, _, name = measurement.rpartition("/")
        return others[product](name) if product in others else own.get(name.partition(".")[0], line.chart)

    return spec_of


@dataclass
class _Process:
    """One measured value in one variant and station."""

    spec: ChartSpec
    chart: Chart
    told: ProcessDrift | None = None


@dataclass(frozen=True)
class _Seen:
    """What a new value says: whether it drifts, where to, and why it is thought so."""

    drifting: bool
    over: bool
    limit: float
    used_ratio: float
    why: str


@dataclass
class DriftFold:
    """Charts of all processes. `due` has what is to be told; it is told when its event comes back through `apply`.

    `main` is the product whose variants stand alone in the keys.
    """

    spec_of: SpecOf
    main: str = ""
    _processes: dict[Key, _Process] = field(default_factory=dict)
    _variants: dict[str, str] = field(default_factory=dict)
    _stations: dict[str, str] = field(default_factory=dict)
    _due: dict[Key, ProcessDrift] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Take the next event into account."""
        if isinstance(event, events.UnitStarted):
            other = event.product not in ("", self.main)
            self._variants[event.unit] = f"{event.product}/{event.variant}" if other else event.variant
        elif isinstance(event, events.UnitEnded):
            self._variants.pop(event.unit, None)
        elif isinstance(event, events.OperationStarted):
            self._stations[event.attempt_id] = event.resources.get(STATION, "")
        elif isinstance(event, events.OperationEnded):
            self._ended(event)
        elif isinstance(event, ProcessDrift):
            self._told(event)
        elif isinstance(event, events.ModeChanged) and event.mode == PRODUCTION:
            self._begin_anew(event.unit, "the station was in maintenance")
        elif isinstance(event, events.LineChangeStepEnded) and event.station:
            self._begin_anew(event.station, "the station was set up for another line")

    def due(self, time_s: float) -> list[ProcessDrift]:
        """Events to record now."""
        if not self._due:
            return []
        found = [replace(drift, time_s=time_s) for drift in self._due.values()]
        self._due.clear()
        return found

    def drifting(self) -> tuple[ProcessDrift, ...]:
        """The drifts that were told and are not over."""
        return tuple(process.told for process in self._processes.values() if process.told is not None)

    def _ended(self, event: events.OperationEnded) -> None:
        station = self._stations.pop(event.attempt_id, "")
        for measured in event.measurements:
            if is_charted(measured):
                self._take(event, measured, (measured["name"], self._variants.get(event.unit, ""), station))

    def _take(self, event: events.OperationEnded, measured: Mapping[str, Any], key: Key) -> None:
        process = self._processes.get(key)
        if process is None:
            product = key[1].rpartition("/")[0]
            spec = self.spec_of(f"{product}/{key[0]}" if product else key[0])
            process = _Process(spec, Chart(spec.baseline, spec.weight_ratio, spec.width_ratio, spec.rules))
            self._processes[key] = process
        point, basis = process.chart.add(measured["value"]), process.chart.basis
        if point is None or basis is None or not process.spec.alarm:
            return
        seen = _judged(point, basis, process.spec, measured.get("lower"), measured.get("upper"))
        if seen is None:
            return
        if (process.told is None and seen.drifting) or (process.told is not None and seen.over):
            self._due[key] = _event(event, measured, key, (point, basis, seen))
        elif key in self._due:
            del self._due[key]

    def _told(self, event: ProcessDrift) -> None:
        key = (event.measurement, event.variant, event.station)
        self._due.pop(key, None)
        if key in self._processes:
            self._processes[key].told = event if event.drifting else None

    def _begin_anew(self, station: str, why: str) -> None:
        """Forget the processes of a station, or of the whole cell; what drifted is told as over."""
        for key in [key for key in self._processes if station in ("", key[2])]:
            told = self._processes.pop(key).told
            if told is not None:
                self._due[key] = _over(told, f"{why}: its process begins anew")


def is_charted(measured: Mapping[str, Any]) -> bool:
    """Whether a measurement is a number that passed, with room to its limit."""
    value, lower, upper = (measured.get(name) for name in ("value", "lower", "upper"))
    if value is None or measured.get("text") or (lower is None and upper is None) or lower == upper:
        return False
    return (lower is None or value >= lower) and (upper is None or value <= upper)


def _judged(point: Point, basis: Basis, spec: ChartSpec, lower: float | None, upper: float | None) -> _Seen | None:
    """What a point says about the limit that the mean has moved towards; None where there is none on that side."""
    limit = upper if point.ewma >= basis.centre else lower
    over = not point.broken
    if limit is None or limit == basis.centre:
        return _Seen(False, over, basis.centre, 0.0, "") if over else None
    used = (point.ewma - basis.centre) / (limit - basis.centre)
    near = abs(limit - point.ewma) < spec.near_ratio * basis.sd
    matters = used >= spec.used_ratio or near
    return _Seen(bool(point.broken) and matters, over, limit, used, "; ".join(map(rule_in_words, point.broken)))


def _event(
    event: events.OperationEnded, measured: Mapping[str, Any], key: Key, found: tuple[Point, Basis, _Seen]
) -> ProcessDrift:
    point, basis, seen = found
    measurement, variant, station = key
    unit_of_value = measured.get("unit", "")
    way = f"its mean went from {basis.centre:.4g} to {point.ewma:.4g} {unit_of_value}, limit {seen.limit:.4g}"
    where = ", ".join(name for name in (variant, station) if name)
    reason = f"{measurement}{f' ({where})' if where else ''}: {way}"
    fault = Fault(CODE, station or measurement, f"{reason}; {seen.why}", event.unit, event.operation, event.time_s)
    drift = ProcessDrift(
        time_s=event.time_s,
        measurement=measurement,
        variant=variant,
        station=station,
        drifting=True,
        unit=event.unit,
        mean=point.ewma,
        centre=basis.centre,
        sd=basis.sd,
        limit=seen.limit,
        used_ratio=seen.used_ratio,
        unit_of_value=unit_of_value,
        reason=reason,
        fault=fault.as_data(),
    )
    return drift if seen.drifting else _over(drift, f"{reason}; it is within its control limits again")


def _over(drift: ProcessDrift, reason: str) -> ProcessDrift:
    return replace(drift, drifting=False, reason=reason, fault=None)
