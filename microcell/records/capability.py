"""How capable a process is of its limits: Cp, Cpk, Pp, Ppk with confidence intervals.

Definitions as in the NIST/SEMATECH e-Handbook, 6.1.6, and ISO 22514-2: the limits' distance from the mean in units of three
standard deviations. Cp and Cpk take the scatter from one unit to the next (mean moving range / 1.128), Pp and Ppk that of
all values together, drift included. They mean what they say only for values that are about normally distributed; `skewness`
far from 0 says that they are not, as of distances and angles that have no sign.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean, stdev

D2_OF_TWO = 1.128
"""Mean range of two normally distributed values, in standard deviations."""
RANGE_FREEDOM_RATIO = 0.62
"""Degrees of freedom of a scatter from moving ranges, for each value but the first (Burr 1976)."""
CONFIDENCE = 0.95
LEAST = 3
"""Of fewer values nothing is said."""


@dataclass(frozen=True, slots=True)
class Index:
    """A capability index with its confidence interval (95 %, two-sided)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Capability:
    """Indices of `count` values. One limit gives no Cp and no Pp; no scatter at all gives no index."""

    count: int
    mean: float
    sd: float
    sd_within: float
    skewness: float
    cp: Index | None
    cpk: Index | None
    pp: Index | None
    ppk: Index | None


def capability(values: Sequence[float], lower: float | None, upper: float | None) -> Capability | None:
    """The capability of values in their order of time; None for fewer than `LEAST`, or without any limit."""
    if len(values) < LEAST or (lower is None and upper is None):
        return None
    count, mean, sd, within = len(values), fmean(values), stdev(values), sd_of_ranges(values)
    return Capability(
        count=count,
        mean=mean,
        sd=sd,
        sd_within=within,
        skewness=_skewness(values, mean),
        cp=_width_index(lower, upper, within, RANGE_FREEDOM_RATIO * (count - 1)),
        cpk=_nearer_index(mean, lower, upper, within, count, RANGE_FREEDOM_RATIO * (count - 1)),
        pp=_width_index(lower, upper, sd, count - 1),
        ppk=_nearer_index(mean, lower, upper, sd, count, count - 1),
    )


def sd_of_ranges(values: Sequence[float]) -> float:
    """Standard deviation from one value to the next: mean moving range / 1.128."""
    return fmean(abs(after - before) for before, after in pairwise(values)) / D2_OF_TWO


def _width_index(lower: float | None, upper: float | None, sd: float, freedom: float) -> Index | None:
    """Cp or Pp: (upper - lower) / 6 sd; the interval is that of the standard deviation, by chi-square."""
    if lower is None or upper is None or not _scatters(sd):
        return None
    from scipy.special import chdtri  # importing scipy takes a while

    value, tail = (upper - lower) / (6.0 * sd), (1.0 - CONFIDENCE) / 2.0
    low, high = (math.sqrt(float(chdtri(freedom, share)) / freedom) for share in (1.0 - tail, tail))
    return Index(value, value * low, value * high)


def _nearer_index(
    mean: float, lower: float | None, upper: float | None, sd: float, count: int, freedom: float
) -> Index | None:
    """Cpk or Ppk: the nearer limit's distance / 3 sd; interval after Bissell (1990)."""
    if not _scatters(sd):
        return None
    below = math.inf if lower is None else mean - lower
    above = math.inf if upper is None else upper - mean
    value = min(below, above) / (3.0 * sd)
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0)
    half = z * math.sqrt(1.0 / (9.0 * count) + value**2 / (2.0 * freedom))
    return Index(value, value - half, value + half)


def _scatters(sd: float) -> bool:
    """Whether there is a scatter that can be divided by; rounding alone is none."""
    return sd > 1e-15


def _skewness(values: Sequence[float], mean: float) -> float:
    """Third standardised moment: 0 for a symmetrical distribution, about 1 for distances that are never negative."""
    variance = fmean((value - mean) ** 2 for value in values)
    return fmean((value - mean) ** 3 for value in values) / variance**1.5 if _scatters(variance**0.5) else 0.0
