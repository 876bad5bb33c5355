"""What a journal says of quality, value by value: distribution, limits, capability, drift, and verdicts beside the truth."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from microcell.records.capability import Capability, capability
from microcell.records.control_chart import BEYOND_EWMA, Chart, Point
from microcell.records.drift import STATION, is_charted
from microcell.records.production import Production
from microcell.records.units import Attempt

BINS = 14
BASELINE, LEAST_BASELINE, WIDTH_SDS, RATIO = 40, 25, 3.0, 0.2
"""Limits from fewer values than the least are themselves too uncertain: from 5, every ninth value in order breaks a rule."""
USUAL_RULES = (1, 2, 5, 6)
"""Nelson's rules that a report counts: those of the Western Electric handbook."""

Judged = tuple[str, str, "float | None", "float | None"]
"""Name, unit, lower and upper limit of a measurement."""


class InspectedUnit(Protocol):
    """The truth about a unit when it was inspected: what was wrong with it, as `<site>: <what>`."""

    @property
    def unit(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def attempt_id(self) -> str: ...
    @property
    def failed_checks(self) -> tuple[str, ...]: ...
    @property
    def faults(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values fell into bins of equal width from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Histogram | None:
        """None for no values at all; values that are all equal have one bin."""
        if not values:
            return None
        low, high = min(values), max(values)
        if high - low <= 1e-12 * max(abs(low), abs(high)):
            return cls(low, high, (len(values),))
        counts = [0] * BINS
        for value in values:
            counts[min(BINS - 1, math.floor(BINS * (value - low) / (high - low)))] += 1
        return cls(low, high, tuple(counts))


@dataclass(frozen=True, slots=True)
class Charted:
    """What charts of the values that passed show, one for each variant and station; values over all of them.

    `unjudged` of them are of variants and stations with no more values than a baseline needs, where no rule can be broken.
    `drifts` are the alarms that the cell told while it ran: of what mattered, and by its own limits.
    """

    processes: int
    charted: int
    unjudged: int
    ewma_out: int
    broken: Mapping[int, int]
    drifts: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A check's verdicts beside the plant's truth. Counts are of inspected units, a reworked one counts each time.

    `escapes`: something was wrong at the check's site, and no check of that site failed. `false_rejects`: the check failed,
    and nothing at all was wrong with the unit.
    """

    bad: int
    escapes: int
    good: int
    false_rejects: int


@dataclass(frozen=True, slots=True)
class CheckQuality:
    """One measured value that was judged by the same limits throughout."""

    name: str
    unit: str
    lower: float | None
    upper: float | None
    count: int
    out: int
    uncertain: int
    histogram: Histogram | None
    capability: Capability | None
    chart: Charted
    verified: Verified | None = None


@dataclass(frozen=True, slots=True)
class UnitVerdicts:
    """All inspections of each unit taken together, beside the truth.

    `escapes`: bad at its last inspection, which accepted it. `false_rejects`: rejected by an inspection with nothing wrong.
    """

    units: int
    bad: int
    escapes: int
    false_rejects: int
    escaped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """All measured values; `verdicts` where the truth is known: of simulated cells."""

    checks: tuple[CheckQuality, ...]
    verdicts: UnitVerdicts | None


@dataclass(slots=True)
class Values:
    """The values of one measurement in the order of time; None where nothing could be measured."""

    values: list[float | None] = field(default_factory=list)
    processes: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    attempts: set[str] = field(default_factory=set)
    uncertain: int = 0

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]


def quality(production: Production, truth: Sequence[InspectedUnit] | None = None) -> Quality:
    """Quality of a production, as far as its journal, and the truth about its units, tell."""
    sites, known = _sites(production.attempts), truth or ()
    drifts: dict[str, int] = {}
    for drift in production.drifts:
        drifts[drift.measurement] = drifts.get(drift.measurement, 0) + drift.drifting
    checks = tuple(
        _check(judged, found, drifts.get(judged[0], 0), _verified(judged[0], sites, found.attempts, known))
        for judged, found in series(production).items()
    )
    return Quality(checks, _verdicts(known) if known else None)


def series(production: Production) -> dict[Judged, Values]:
    """All measured values by what they are and their limits, sorted by name, each in the order of time."""
    found: dict[Judged, Values] = {}
    variants = {unit.serial: unit.variant for unit in production.units.values()}
    for attempt in sorted((a for a in production.attempts if a.ended), key=lambda a: a.ended_s or 0.0):
        told = (attempt.ended.inspection or {}).get("checks", ()) if attempt.ended else ()
        doubtful = {check.get("check") for check in told if check.get("note")}
        process = (variants.get(attempt.unit, ""), attempt.resources.get(STATION, ""))
        for measured in attempt.ended.measurements if attempt.ended else ():
            key = (measured["name"], measured.get("unit", ""), measured.get("lower"), measured.get("upper"))
            values = found.setdefault(key, Values())
            values.values.append(measured.get("value"))
            values.attempts.add(attempt.attempt_id)
            values.uncertain += _check_name(key[0]) in doubtful
            if is_charted(measured):
                values.processes.setdefault(process, []).append(measured["value"])
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def charted(values: Sequence[float]) -> tuple[Chart, list[Point | None]]:
    """A chart of values, with a point for each one after the baseline: a shorter one where there are few values, and none
    where there are too few.
    """
    baseline = min(BASELINE, max(LEAST_BASELINE, len(values) // 2))
    chart = Chart(baseline, RATIO, WIDTH_SDS, USUAL_RULES)
    return chart, [chart.add(value) for value in values]


def _check(judged: Judged, found: Values, drifts: int, verified: Verified | None) -> CheckQuality:
    name, unit, lower, upper = judged
    known = found.known
    within = sum((lower is None or v >= lower) and (upper is None or v <= upper) for v in known)
    broken: dict[int, int] = {}
    for values in found.processes.values():
        for point in charted(values)[1]:
            for rule in point.broken if point else ():
                broken[rule] = broken.get(rule, 0) + 1
    charted_values = sum(len(values) for values in found.processes.values())
    out = broken.pop(BEYOND_EWMA, 0)
    unjudged = sum(len(values) for values in found.processes.values() if len(values) <= LEAST_BASELINE)
    shown = Charted(len(found.processes), charted_values, unjudged, out, dict(sorted(broken.items())), drifts)
    return CheckQuality(
        name, unit, lower, upper, len(found.values), len(found.values) - within, found.uncertain,
        Histogram.of(known), capability(known, lower, upper) if lower != upper else None, shown, verified,
    )  # fmt: skip


def _check_name(measurement: str) -> str:
    return measurement.partition(".")[0]


def _sites(attempts: Iterable[Attempt]) -> dict[str, str]:
    """The site that each check looks at, as inspections told it."""
    found: dict[str, str] = {}
    for attempt in attempts:
        told: Mapping[str, Any] = (attempt.ended.inspection or {}) if attempt.ended else {}
        found.update(told.get("sites", {}))
    return found


def _verified(
    measurement: str, sites: Mapping[str, str], attempts: Container[str], truth: Sequence[InspectedUnit]
) -> Verified | None:
    """A check's verdicts beside the truth; None for what no inspection measured."""
    check = _check_name(measurement)
    if check not in sites or not truth:
        return None
    site = sites[check]
    same_site = {other for other, where in sites.items() if where == site}
    looked = [look for look in truth if look.attempt_id in attempts]
    bad = [look for look in looked if any(fault.partition(":")[0] == site for fault in look.faults)]
    good = [look for look in looked if not look.faults]
    return Verified(
        bad=len(bad),
        escapes=sum(not same_site & set(look.failed_checks) for look in bad),
        good=len(good),
        false_rejects=sum(check in look.failed_checks for look in good),
    )


def _verdicts(truth: Sequence[InspectedUnit]) -> UnitVerdicts:
    units: dict[str, list[InspectedUnit]] = {}
    for look in truth:
        units.setdefault(look.unit, []).append(look)
    escaped = tuple(name for name, looks in units.items() if looks[-1].faults and looks[-1].outcome == "succeeded")
    return UnitVerdicts(
        units=len(units),
        bad=sum(any(look.faults for look in looks) for looks in units.values()),
        escapes=len(escaped),
        false_rejects=sum(any(look.outcome == "rejected" and not look.faults for look in looks) for looks in units.values()),
        escaped=escaped,
    )
