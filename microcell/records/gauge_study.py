"""Gauge R&R: how much of what is seen comes from the measuring itself.

The ANOVA method of AIAG's Measurement Systems Analysis, 4th edition, chapter III B: parts x appraisers x trials, crossed and
balanced; where some were measured more often than others, as many parts and trials are used as make the most readings. An
appraiser of an automatic gauge is a place to measure at: a camera with its fixture. The interaction of part and appraiser is
pooled with the repeatability where it is not significant (p > 0.25). With one appraiser, parts x trials.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from microcell.errors import UsageError

POOLED_ABOVE = 0.25
"""Significance above which the interaction is noise."""
_ROUNDING = 1e-9
"""A scatter that is so much smaller than the values is rounding."""
STUDY_SDS = 6.0
"""Width of a study variation, in standard deviations."""
GOOD_RATIO, USABLE_RATIO, LEAST_CATEGORIES = 0.10, 0.30, 5
"""AIAG: under 10 % a gauge is good, up to 30 % it may do, and it should tell 5 categories apart."""

LEAST_USED_RATIO, MOST_LOST_RATIO = 0.80, 0.10
"""Of fewer of the readings nothing is said; a gauge of which more were left out or failed is not called good."""
COARSE_RATIO = 0.10
"""AIAG: a gauge should resolve a tenth of the tolerance, or else of the parts' variation."""

Reading = tuple[str, str, float]
"""Part, appraiser and measured value."""


@dataclass(frozen=True, slots=True)
class Source:
    """One row of the analysis of variance."""

    name: str
    freedom: int
    squares: float
    f: float | None = None
    p: float | None = None

    @property
    def mean_square(self) -> float:
        return self.squares / self.freedom if self.freedom else 0.0


@dataclass(frozen=True, slots=True)
class GaugeStudy:
    """Standard deviations of the sources of variation, in the feature's unit; `rr` is that of the whole gauge.

    `trials` of each part at each place make `used` of the `readings`; `failed` more gave no number. `resolution` is the
    least difference between two readings: however little the trials scatter, `rr` is not less than rounding to it makes.

    `grr_of_variation` and `grr_of_tolerance` are ratios; the latter is None without a tolerance. With only an upper limit,
    of values that are never negative, the tolerance reaches from 0 to it; with any other single limit it is twice the
    distance from the mean of all values.
    """

    feature: str
    unit: str
    parts: int
    appraisers: int
    trials: int
    table: tuple[Source, ...]
    pooled: bool
    repeatability: float
    reproducibility: float
    interaction: float
    rr: float
    part_variation: float
    total: float
    tolerance: float | None
    readings: int
    used: int
    failed: int
    resolution: float

    @property
    def grr_of_variation(self) -> float:
        return self.rr / self.total

    @property
    def grr_of_tolerance(self) -> float | None:
        return STUDY_SDS * self.rr / self.tolerance if self.tolerance else None

    @property
    def categories(self) -> int:
        """Distinct categories that the gauge can tell apart (ndc)."""
        return math.floor(math.sqrt(2.0) * self.part_variation / self.rr)

    @property
    def is_coarse(self) -> bool:
        """Whether the trials scatter by less than the resolution, and that is too coarse to tell how good the gauge is."""
        width = self.tolerance or STUDY_SDS * self.total
        return self.repeatability < rounding_sd(self.resolution) and self.resolution > COARSE_RATIO * width

    @property
    def verdict(self) -> str:
        """good, usable or unfit: by the tolerance where there is one, for an inspection compares with it."""
        ratio = self.grr_of_variation if self.grr_of_tolerance is None else self.grr_of_tolerance
        if ratio > USABLE_RATIO:
            return "unfit"
        lost = self.readings - self.used + self.failed
        return "good" if ratio <= GOOD_RATIO and lost <= MOST_LOST_RATIO * (self.readings + self.failed) else "usable"


def study(
    feature: str,
    readings: Iterable[Reading],
    unit: str = "",
    lower: float | None = None,
    upper: float | None = None,
    failed: int = 0,
) -> GaugeStudy:
    """Analyse the readings of one feature, beside which `failed` gave no number; `UsageError` says what a study lacks."""
    if lower is not None and upper is not None and lower >= upper:
        raise UsageError(f"{feature}: the lower limit {lower:g} is not below the upper one, {upper:g}.")
    readings = list(readings)
    table = balanced(feature, readings)
    parts = list(dict.fromkeys(part for part, _ in table))
    appraisers = list(dict.fromkeys(appraiser for _, appraiser in table))
    trials = len(next(iter(table.values())))
    sources, pooled = _anova(table, parts, appraisers, trials)
    by_name = {source.name: source for source in sources}
    everything = [value for values in table.values() for value in values]
    if max(everything) - min(everything) <= _ROUNDING * max(map(abs, everything)):
        raise UsageError(
            f"{feature}: every reading is {everything[0]:g}, as of a gauge that is stuck; take parts that span the process."
        )
    rounding = (_ROUNDING * max(map(abs, everything))) ** 2
    error, part = by_name["repeatability"].mean_square, by_name["part"].mean_square
    error = error if error > rounding else 0.0
    ap, pa = by_name.get("appraiser"), by_name.get("part x appraiser")
    crossed = pa.mean_square if pa and not pooled else error
    interaction = max(0.0, (crossed - error) / trials) if pa and not pooled else 0.0
    appraising = max(0.0, (ap.mean_square - crossed) / (len(parts) * trials)) if ap else 0.0
    between = max(0.0, (part - crossed) / (len(appraisers) * trials))
    resolution = _least_step(everything)
    rr = max(error, rounding_sd(resolution) ** 2) + appraising + interaction
    return GaugeStudy(
        feature, unit, len(parts), len(appraisers), trials, sources, pooled,
        repeatability=math.sqrt(error),
        reproducibility=math.sqrt(appraising + interaction),
        interaction=math.sqrt(interaction),
        rr=math.sqrt(rr),
        part_variation=math.sqrt(between),
        total=math.sqrt(rr + between),
        tolerance=_tolerance(everything, lower, upper),
        readings=len(readings),
        used=len(everything),
        failed=failed,
        resolution=resolution,
    )  # fmt: skip


def rounding_sd(resolution: float) -> float:
    """Standard deviation of what is rounded off in steps of a resolution."""
    return resolution / math.sqrt(12.0)


def _least_step(values: Sequence[float]) -> float:
    """The least difference between two values, other than rounding."""
    ordered, rounding = sorted(values), _ROUNDING * max(map(abs, values))
    return min(step for step in (b - a for a, b in pairwise(ordered)) if step > rounding)


def balanced(feature: str, readings: Iterable[Reading]) -> Mapping[tuple[str, str], Sequence[float]]:
    """The trials of each part by each appraiser, equally many; `UsageError` where that cannot be."""
    found: dict[tuple[str, str], list[float]] = {}
    for part, appraiser, value in readings:
        if not math.isfinite(value):
            raise UsageError(f"{feature}: part '{part}' has a value that is no number; measure it again or leave it out.")
        found.setdefault((part, appraiser), []).append(value)
    parts = list(dict.fromkeys(part for part, _ in found))
    appraisers = list(dict.fromkeys(appraiser for _, appraiser in found))
    if len(parts) < 2:
        raise UsageError(f"{feature}: {len(parts)} part(s); a study needs 2 at the least, 10 for a figure to rely on.")
    missing = [f"part '{p}' by '{a}'" for p in parts for a in appraisers if (p, a) not in found]
    if missing:
        raise UsageError(f"{feature}: nobody measured {missing[0]}; each part is to be measured by each appraiser.")
    fewest = {part: min(len(found[part, a]) for a in appraisers) for part in parts}
    # Of a part that was measured less often than the others all is left out, where that leaves more than cutting them all.
    choices = [(trials, [part for part in parts if fewest[part] >= trials]) for trials in set(fewest.values())]
    trials, kept = max(
        ((trials, some) for trials, some in choices if trials >= 2 and len(some) >= 2),
        key=lambda choice: choice[0] * len(choice[1]), default=(0, []),
    )  # fmt: skip
    if not kept:
        raise UsageError(f"{feature}: a part was measured only once by one appraiser; repeat each measurement.")
    used, count = trials * len(kept) * len(appraisers), sum(map(len, found.values()))
    if used < LEAST_USED_RATIO * count:
        raise UsageError(f"{feature}: {_unbalanced(found)}, of which a study can use only {used} of {count}: {_REMEDY}")
    return {(p, a): tuple(found[p, a][:trials]) for p in kept for a in appraisers}


_REMEDY = "measure each part equally often at each place, or leave out those that were not."


def _unbalanced(found: Mapping[tuple[str, str], Sequence[float]]) -> str:
    """Who measured what the most and the least often, in words."""
    counts = {cell: len(values) for cell, values in found.items()}
    (part, appraiser), (other, another) = min(counts, key=lambda c: counts[c]), max(counts, key=lambda c: counts[c])
    least, most = counts[part, appraiser], counts[other, another]
    return f"there are {least} readings of part '{part}' by '{appraiser}' and {most} of '{other}' by '{another}'"


def _anova(
    table: Mapping[tuple[str, str], Sequence[float]], parts: Sequence[str], appraisers: Sequence[str], trials: int
) -> tuple[tuple[Source, ...], bool]:
    """The rows of the table, and whether the interaction was pooled into the repeatability."""
    p, a, r = len(parts), len(appraisers), trials
    cell = {key: fmean(values) for key, values in table.items()}
    grand = fmean(cell.values())
    part_mean = {part: fmean(cell[part, other] for other in appraisers) for part in parts}
    appraiser_mean = {other: fmean(cell[part, other] for part in parts) for other in appraisers}
    ss_part = a * r * math.fsum((mean - grand) ** 2 for mean in part_mean.values())
    ss_error = math.fsum((value - cell[key]) ** 2 for key, values in table.items() for value in values)
    error = Source("repeatability", p * a * (r - 1), ss_error)
    if a == 1:
        return (_tested(Source("part", p - 1, ss_part), error), error), True
    ss_appraiser = p * r * math.fsum((mean - grand) ** 2 for mean in appraiser_mean.values())
    ss_crossed = r * math.fsum(
        (cell[part, other] - part_mean[part] - appraiser_mean[other] + grand) ** 2 for part in parts for other in appraisers
    )
    crossed = _tested(Source("part x appraiser", (p - 1) * (a - 1), ss_crossed), error)
    # Without any scatter of the trials there is no F; then whatever the interaction is, it is no noise.
    pooled = not crossed.mean_square if crossed.p is None else crossed.p > POOLED_ABOVE
    if pooled:
        error = Source("repeatability", error.freedom + crossed.freedom, ss_error + ss_crossed)
    against = error if pooled else crossed
    part = _tested(Source("part", p - 1, ss_part), against)
    appraiser = _tested(Source("appraiser", a - 1, ss_appraiser), against)
    return (part, appraiser, crossed, error), pooled


def _tested(source: Source, against: Source) -> Source:
    """A row with its F ratio and its significance; neither where there is nothing to compare with."""
    if not against.mean_square:
        return source
    from scipy.special import fdtrc  # importing scipy takes a while

    f = source.mean_square / against.mean_square
    p = float(fdtrc(source.freedom, against.freedom, f))
    return Source(source.name, source.freedom, source.squares, f, p)


def _tolerance(values: Sequence[float], lower: float | None, upper: float | None) -> float | None:
    if lower is not None and upper is not None:
        return upper - lower
    if upper is not None and lower is None and min(values) >= 0.0 and upper > 0.0:
        return upper
    limit = upper if lower is None else lower
    return None if limit is None else 2.0 * abs(limit - fmean(values))
