"""Key figures of production: yield, OEE, times, faults, tools, lots and the spread of measured values.

OEE is availability x performance x quality (Nakajima 1988; ISO 22400-2 calls its parts availability,
effectiveness and quality ratio). Each figure's definition stands at its field. Figures are reported as they
come out: a performance above 1 means that the line's `ideal_cycle_s` is not ideal, and is not hidden. A
figure whose divisor is nothing is None.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from statistics import fmean, median, stdev

from microcell.faults import CATALOGUE
from microcell.records.production import Production
from microcell.records.states import EXECUTE, OFFLINE, StateSpan
from microcell.records.tools import ToolLifeRow
from microcell.records.units import GOOD, REJECTED, SUCCEEDED, Attempt, UnitHistory

_Judged = tuple[str, str, "float | None", "float | None"]
"""Name, unit, lower and upper limit of a measurement."""

WAITING_STATES = ("Idle", "Complete", "Stopped", OFFLINE)
"""States whose time is not planned while no order is open."""

TOOL_CHANGE = "change_tool"
"""The skill whose successes are counted as tool changes."""


@dataclass(frozen=True, slots=True)
class Oee:
    """The three factors and what they are made of.

    `planned_s`: from the first Execute to the last event, less the time in Idle, Complete, Stopped or without
    a controller while no order waited for the cell (see `OrderRecord.waits`). `execute_s`: time in Execute.
    `units`: units that ended, good or scrapped; `first_pass`: good ones that no inspection ever rejected.
    """

    planned_s: float
    execute_s: float
    ideal_cycle_s: float
    units: int
    first_pass: int

    @property
    def availability(self) -> float | None:
        """Execute time / planned time."""
        return _ratio(self.execute_s, self.planned_s)

    @property
    def performance(self) -> float | None:
        """Ideal cycle time x units / Execute time; above 1 where the ideal is too slow."""
        return _ratio(self.ideal_cycle_s * self.units, self.execute_s)

    @property
    def quality(self) -> float | None:
        """Units good at the first time / units."""
        return _ratio(self.first_pass, self.units)

    @property
    def oee(self) -> float | None:
        """Availability x performance x quality, equal to ideal time of first-pass units / planned time."""
        factors = (self.availability, self.performance, self.quality)
        return None if None in factors else math.prod(f for f in factors if f is not None)


@dataclass(frozen=True, slots=True)
class Yield:
    """Units by how they ended; `started` counts those in work too."""

    started: int
    good: int
    scrapped: int
    first_pass: int

    @property
    def first_pass_yield(self) -> float | None:
        """Good without any rejection or rework / ended."""
        return _ratio(self.first_pass, self.good + self.scrapped)

    @property
    def final_yield(self) -> float | None:
        """Good, reworked ones included / ended."""
        return _ratio(self.good, self.good + self.scrapped)


@dataclass(frozen=True, slots=True)
class Spread:
    """Statistics of values; `sd` is that of a sample (0 for one value), `p95` the nearest rank."""

    count: int
    mean: float
    sd: float
    low: float
    median: float
    p95: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """The spread of the values, None where there are none."""
        rising = sorted(values)
        if not rising:
            return None
        sd = stdev(rising) if len(rising) > 1 else 0.0
        p95 = rising[math.ceil(0.95 * len(rising)) - 1]
        return cls(len(rising), fmean(rising), sd, rising[0], median(rising), p95, rising[-1])


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """How long operations held a resource; `utilisation` is so much of that time as was planned / planned time."""

    resource: str
    operations: int
    busy_s: float
    set_up_s: float
    utilisation: float | None


@dataclass(frozen=True, slots=True)
class WorkTime:
    """What the operations' time went into, s: tool changes, arm motion of all others, and the rest, their process time."""

    motion_s: float
    tool_change_s: float
    process_s: float
    units: int


@dataclass(frozen=True, slots=True)
class FaultCount:
    """How often a fault came, where, and what was decided about it (by action)."""

    code: str
    count: int
    places: Mapping[str, int]
    recoveries: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rejection:
    """How often a check failed, and what was decided (by action)."""

    check: str
    count: int
    decisions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """Operations that a tool took part in, by its serial; `tool` is "" where no event named it."""

    serial: str
    tool: str
    uses: int
    busy_s: float


@dataclass(frozen=True, slots=True)
class LotUse:
    """Pieces of a lot that were taken, and units that they are in."""

    part: str
    lot: str
    pieces: int
    units: int


@dataclass(frozen=True, slots=True)
class CheckSpread:
    """All values of one measurement that were judged by the same limits, reworked units' included.

    `out` counts values outside of the limits and those that could not be measured; the latter are not in
    `spread`.
    """

    name: str
    unit: str
    lower: float | None
    upper: float | None
    count: int
    out: int
    spread: Spread | None


@dataclass(frozen=True, slots=True)
class Kpis:
    """All key figures.

    `unit_times`: from each ended unit's begin to its end, s; several units are in work at once, so the cell's
    rhythm is `intervals`: between the ends of successive units, s. `throughput_per_h`: good units per hour of
    planned time.
    """

    oee: Oee
    yields: Yield
    variants: Mapping[str, Yield]
    throughput_per_h: float | None
    unit_times: Spread | None
    intervals: Spread | None
    state_s: Mapping[str, float]
    resources: tuple[ResourceUse, ...]
    faults: tuple[FaultCount, ...]
    rejections: tuple[Rejection, ...]
    work_time: WorkTime
    tool_changes: Spread | None
    tools: tuple[ToolUse, ...]
    tool_life: tuple[ToolLifeRow, ...]
    lots: tuple[LotUse, ...]
    checks: tuple[CheckSpread, ...]


def key_figures(production: Production) -> Kpis:
    """Compute all key figures of a production."""
    units = tuple(production.units.values())
    oee = _oee(production)
    ended_s = sorted(unit.ended_s for unit in units if unit.ended_s is not None)
    return Kpis(
        oee=oee,
        yields=_yield(units),
        variants={name: _yield(u for u in units if u.variant == name) for name in sorted({u.variant for u in units})},
        throughput_per_h=_ratio(3600.0 * sum(unit.state == GOOD for unit in units), oee.planned_s),
        unit_times=Spread.of(unit.cycle_s for unit in units if unit.cycle_s is not None),
        intervals=Spread.of(after - before for before, after in pairwise(ended_s)),
        state_s=_state_times(production.spans),
        resources=_resources(production.attempts, tuple(planned_spans(production.spans))),
        faults=_faults(production),
        rejections=_rejections(production),
        work_time=_work_time(production.attempts, oee.units),
        tool_changes=Spread.of(
            a.duration_s for a in production.attempts if a.skill == TOOL_CHANGE and a.outcome == SUCCEEDED
        ),
        tools=_tools(production),
        tool_life=production.tool_life,
        lots=_lots(units),
        checks=_checks(production.attempts),
    )


def planned_spans(spans: Iterable[StateSpan]) -> Iterator[StateSpan]:
    """The spans that count as planned time (see `Oee`)."""
    running = False
    for span in spans:
        running = running or span.state == EXECUTE
        if running and (span.orders_open or span.state not in WAITING_STATES):
            yield span


def _oee(production: Production) -> Oee:
    planned = tuple(planned_spans(production.spans))
    ended = [unit for unit in production.units.values() if unit.ended_s is not None]
    return Oee(
        planned_s=math.fsum(span.duration_s for span in planned),
        execute_s=math.fsum(span.duration_s for span in planned if span.state == EXECUTE),
        ideal_cycle_s=_ideal_cycle_s(production, ended),
        units=len(ended),
        first_pass=sum(unit.first_pass for unit in ended),
    )


def _ideal_cycle_s(production: Production, ended: Sequence[UnitHistory]) -> float:
    """The ideal cycle of the line, s; where units of several were made, their mean."""
    if not production.openings:
        return 0.0
    last = production.openings[-1]
    cycles_s = {last.product: last.ideal_cycle_s, **{product: cycle_s for _, product, cycle_s in last.also}}
    orders = production.orders
    products = (orders[unit.order_id].product if unit.order_id in orders else last.product for unit in ended)
    ideal_s = [cycles_s.get(product, last.ideal_cycle_s) for product in products]
    return math.fsum(ideal_s) / len(ideal_s) if ideal_s else last.ideal_cycle_s


def _yield(units: Iterable[UnitHistory]) -> Yield:
    group = tuple(units)
    good = sum(unit.state == GOOD for unit in group)
    ended = sum(unit.ended_s is not None for unit in group)
    return Yield(len(group), good, ended - good, sum(unit.first_pass for unit in group))


def _state_times(spans: Iterable[StateSpan]) -> dict[str, float]:
    times: dict[str, float] = {}
    for span in spans:
        times[span.state] = times.get(span.state, 0.0) + span.duration_s
    return times


def _resources(attempts: Iterable[Attempt], planned: Sequence[StateSpan]) -> tuple[ResourceUse, ...]:
    held: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        for name in attempt.resources.values():
            held.setdefault(name, []).append(attempt)
    return tuple(_resource(name, tries, planned) for name, tries in sorted(held.items()))


def _resource(name: str, attempts: Iterable[Attempt], planned: Sequence[StateSpan]) -> ResourceUse:
    ended = [attempt for attempt in attempts if attempt.ended]
    busy_s = math.fsum(attempt.duration_s for attempt in ended)
    set_up_s = math.fsum(attempt.duration_s for attempt in ended if not attempt.unit)
    used = _ratio(math.fsum(_planned_s(a, planned) for a in ended), math.fsum(span.duration_s for span in planned))
    return ResourceUse(name, len(ended), busy_s, set_up_s, used)


def _planned_s(attempt: Attempt, planned: Sequence[StateSpan]) -> float:
    """How much of an attempt's time was planned: a tool that is changed by hand while no order waits is none of it."""
    start_s, end_s = attempt.started_s, attempt.started_s if attempt.ended_s is None else attempt.ended_s
    first = bisect_right(planned, start_s, key=lambda span: span.end_s)
    spans = takewhile(lambda span: span.start_s < end_s, islice(planned, first, None))
    within_s = math.fsum(min(end_s, span.end_s) - max(start_s, span.start_s) for span in spans)
    return min(attempt.duration_s, within_s)


def _work_time(attempts: Iterable[Attempt], units: int) -> WorkTime:
    ended = [(attempt, attempt.ended.motion_s) for attempt in attempts if attempt.ended]
    others = [(attempt.duration_s, motion_s) for attempt, motion_s in ended if attempt.skill != TOOL_CHANGE]
    return WorkTime(
        motion_s=math.fsum(motion_s for _, motion_s in others),
        tool_change_s=math.fsum(attempt.duration_s for attempt, _ in ended if attempt.skill == TOOL_CHANGE),
        process_s=math.fsum(duration_s - motion_s for duration_s, motion_s in others),
        units=units,
    )


def _faults(production: Production) -> tuple[FaultCount, ...]:
    faults = [fault for attempt in production.attempts for fault in attempt.faults]
    faults += [event.fault for event in production.cell_faults]
    places: dict[str, dict[str, int]] = {}
    for fault in faults:
        _count(places.setdefault(str(fault.get("code", "")), {}), str(fault.get("where", "")))
    recoveries: dict[str, dict[str, int]] = {}
    for decision in production.recoveries:
        if decision.code in CATALOGUE:
            _count(recoveries.setdefault(decision.code, {}), decision.action)
    return tuple(
        FaultCount(code, sum(where.values()), dict(sorted(where.items())), recoveries.get(code, {}))
        for code, where in sorted(places.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    )


def _rejections(production: Production) -> tuple[Rejection, ...]:
    counts: dict[str, int] = {}
    for attempt in production.attempts:
        if attempt.ended and attempt.outcome == REJECTED:
            for check in attempt.ended.failed_checks:
                _count(counts, check)
    decisions: dict[str, dict[str, int]] = {}
    for decision in production.recoveries:
        if decision.code not in CATALOGUE:  # then it names the failed checks
            for check in decision.code.split(","):
                _count(decisions.setdefault(check, {}), decision.action)
    return tuple(Rejection(check, counts[check], decisions.get(check, {})) for check in sorted(counts))


def _tools(production: Production) -> tuple[ToolUse, ...]:
    used: dict[str, list[float]] = {serial: [] for serial in production.tools}
    for attempt in production.attempts:
        if attempt.ended and attempt.unit and attempt.tool_serial:
            used.setdefault(attempt.tool_serial, []).append(attempt.duration_s)
    return tuple(
        ToolUse(serial, production.tools.get(serial, ""), len(times), math.fsum(times))
        for serial, times in sorted(used.items())
    )


def _lots(units: Iterable[UnitHistory]) -> tuple[LotUse, ...]:
    pieces, within = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for unit in units:
        pieces.update((used.part, used.lot) for used in (*unit.parts, *unit.discarded))
        within.update({(used.part, used.lot) for used in unit.parts})
    return tuple(LotUse(*lot, pieces=count, units=within[lot]) for lot, count in sorted(pieces.items()))


def _checks(attempts: Iterable[Attempt]) -> tuple[CheckSpread, ...]:
    groups: dict[_Judged, list[float | None]] = {}
    for attempt in attempts:
        for measured in attempt.ended.measurements if attempt.ended else ():
            key = (measured["name"], measured.get("unit", ""), measured.get("lower"), measured.get("upper"))
            groups.setdefault(key, []).append(measured.get("value"))
    return tuple(_check(key, values) for key, values in sorted(groups.items(), key=lambda item: str(item[0])))


def _check(judged: _Judged, values: list[float | None]) -> CheckSpread:
    name, unit, lower, upper = judged
    known = [value for value in values if value is not None]
    within = sum((lower is None or v >= lower) and (upper is None or v <= upper) for v in known)
    return CheckSpread(name, unit, lower, upper, len(values), len(values) - within, Spread.of(known))


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
