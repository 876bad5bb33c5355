"""A measured value with the limits that it was judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

GUARD_SDS = 1.65
"""Width of the guard band at a limit, in standard deviations of the measuring.

Beyond it a value conforms, or does not, with 95 % probability: the default decision rule of ISO 14253-1 for a normally
distributed error and one limit.
"""

Conformity = Literal["conforming", "nonconforming", "uncertain"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value.

    `name` is `<check>.<feature>`; `value` is in `unit` (SI or derived, "1" for a ratio); a read text stands in `text` and
    then `value` is 1.0 where it was the expected one, 0.0 otherwise. A missing limit is None.
    `uncertainty` is one standard deviation in `unit`, None where it is not known.
    """

    name: str
    value: float
    unit: str
    lower: float | None = None
    upper: float | None = None
    text: str = ""
    uncertainty: float | None = None
    source: str = ""

    @property
    def within_limits(self) -> bool:
        """Whether the value lies in [lower, upper]; NaN never does."""
        return (
            (self.lower is None or self.value >= self.lower)
            and (self.upper is None or self.value <= self.upper)
            and self.value == self.value
        )

    @property
    def margin(self) -> float:
        """Distance to the nearer limit, negative outside of them; infinite without any, NaN where nothing was measured."""
        below = math.inf if self.lower is None else self.value - self.lower
        above = math.inf if self.upper is None else self.upper - self.value
        return math.nan if math.isnan(self.value) else min(below, above)

    @property
    def conformity(self) -> Conformity:
        """Whether the value is within its limits, as far as its uncertainty lets anybody say."""
        if math.isnan(self.value) or abs(self.margin) < GUARD_SDS * (self.uncertainty or 0.0):
            return "uncertain"
        return "conforming" if self.within_limits else "nonconforming"

    @property
    def confidence(self) -> float:
        """Probability that the true value lies on the same side of the limit; 1 where no uncertainty is known."""
        if math.isnan(self.value):
            return 0.5
        if not self.uncertainty:
            return 1.0
        return 0.5 * (1.0 + math.erf(abs(self.margin) / (self.uncertainty * math.sqrt(2.0))))
