"""Control charts for single values: individuals with moving range, and EWMA.

Individuals: centre and standard deviation from the first values (mean; mean moving range / 1.128), limits at three of them
(Shewhart; NIST/SEMATECH e-Handbook 6.3.2.2), and the rules by Nelson (1984) for patterns within the limits; rules 1, 2, 5
and 6 are those of the Western Electric handbook, whose rule of 8 on one side is Nelson's of 9. EWMA: z = ratio x value +
(1 - ratio) x z before, with the limits that its variance has after so many values (Lucas and Saccucci 1990; e-Handbook
6.3.2.4).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from microcell.records.capability import sd_of_ranges

BEYOND_EWMA = 0
"""In place of a rule's number: the exponentially weighted mean is beyond its limits."""

_LONGEST = 15
_ROUNDING = 1e-9
"""Differences that are so much smaller than the values are rounding."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a process is compared with: its centre and its standard deviation from unit to unit."""

    centre: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Basis:
        """From the first values of a process that is taken to be in order; two at the least.

        A scatter that is none but rounding counts as none.
        """
        centre, sd = fmean(values), sd_of_ranges(values)
        return cls(centre, sd if sd > _ROUNDING * abs(centre) else 0.0)

    def sds_off(self, value: float) -> float:
        """A value's distance from the centre in standard deviations; infinite where there never was any scatter."""
        off = value - self.centre
        if abs(off) <= _ROUNDING * abs(self.centre):
            return 0.0
        return off / self.sd if self.sd else math.copysign(math.inf, off)

    def limits(self, sds: float = 3.0) -> tuple[float, float]:
        """Control limits of single values."""
        return self.centre - sds * self.sd, self.centre + sds * self.sd


class Ewma:
    """An exponentially weighted moving average with its control limits."""

    def __init__(self, basis: Basis, ratio: float, width_sds: float) -> None:
        self.mean = basis.centre
        self._basis, self._ratio, self._width = basis, ratio, width_sds
        self._forgotten = 1.0

    def add(self, value: float) -> float:
        """Take the next value in; the new average."""
        self.mean = self._ratio * value + (1.0 - self._ratio) * self.mean
        self._forgotten *= (1.0 - self._ratio) ** 2
        return self.mean

    @property
    def limits(self) -> tuple[float, float]:
        """Control limits after the values so far; they widen to their asymptote."""
        variance = self._ratio / (2.0 - self._ratio) * (1.0 - self._forgotten)
        reach = self._width * self._basis.sd * math.sqrt(variance)
        return self._basis.centre - reach, self._basis.centre + reach

    @property
    def is_out(self) -> bool:
        """Whether the average is beyond its limits."""
        low, high = self.limits
        slack = _ROUNDING * abs(self._basis.centre)
        return not low - slack <= self.mean <= high + slack


Zs = Sequence[float]


def _same_side(zs: Zs, count: int, of: int, beyond: float) -> bool:
    last = zs[-of:]
    return len(last) == of and any(sum(side * z > beyond for z in last) >= count for side in (1, -1))


def _trend(zs: Zs) -> bool:
    last = zs[-6:]
    return len(last) == 6 and any(all(side * (b - a) > 0 for a, b in pairwise(last)) for side in (1, -1))


def _alternating(zs: Zs) -> bool:
    last = zs[-14:]
    steps = [b - a for a, b in pairwise(last)]
    return len(last) == 14 and all(a * b < 0 for a, b in pairwise(steps))


RULES: dict[int, tuple[str, Callable[[Zs], bool]]] = {
    1: ("beyond three standard deviations", lambda zs: abs(zs[-1]) > 3.0),
    2: ("nine in a row on one side of the centre", lambda zs: _same_side(zs, 9, 9, 0.0)),
    3: ("six in a row rising or falling", _trend),
    4: ("fourteen in a row alternating", _alternating),
    5: ("two of three beyond two standard deviations on one side", lambda zs: _same_side(zs, 2, 3, 2.0)),
    6: ("four of five beyond one standard deviation on one side", lambda zs: _same_side(zs, 4, 5, 1.0)),
    7: ("fifteen in a row within one standard deviation", lambda zs: len(zs) >= 15 and all(abs(z) < 1.0 for z in zs[-15:])),
    8: (
        "eight in a row beyond one standard deviation on either side",
        lambda zs: len(zs) >= 8 and all(abs(z) > 1.0 for z in zs[-8:]),
    ),
}
"""Nelson's rules by number: in words, and a function of the last values in standard deviations from the centre."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value on a chart: the average after it with its limits, and the numbers of the rules that it breaks."""

    value: float
    ewma: float
    ewma_low: float
    ewma_high: float
    broken: tuple[int, ...] = ()


class Chart:
    """A chart that values come to one by one. The first `baseline` of them set its basis, and break no rule."""

    def __init__(self, baseline: int, ratio: float = 0.2, width_sds: float = 3.0, rules: Sequence[int] = (1,)) -> None:
        self.basis: Basis | None = None
        self._baseline, self._ratio, self._width, self._rules = baseline, ratio, width_sds, tuple(rules)
        self._first: list[float] = []
        self._last: deque[float] = deque(maxlen=_LONGEST)
        self._ewma: Ewma | None = None

    def add(self, value: float) -> Point | None:
        """Take the next value in; None while the basis is not there yet."""
        if self.basis is None or self._ewma is None:
            self._first.append(value)
            if len(self._first) == self._baseline:
                self.begin(Basis.of(self._first))
                self._first.clear()
            return None
        mean = self._ewma.add(value)
        low, high = self._ewma.limits
        self._last.append(self.basis.sds_off(value))
        zs = tuple(self._last)
        broken = tuple(rule for rule in self._rules if RULES[rule][1](zs))
        return Point(value, mean, low, high, ((BEYOND_EWMA,) if self._ewma.is_out else ()) + broken)

    def begin(self, basis: Basis) -> None:
        """Set the basis: one that is known from elsewhere, such as a target."""
        self.basis = basis
        self._ewma = Ewma(basis, self._ratio, self._width)


def rule_in_words(rule: int) -> str:
    """What a rule's number means."""
    return "the weighted mean is beyond its limits" if rule == BEYOND_EWMA else RULES[rule][0]
