"""A measured value with the limits that it was judged by."""

from __future__ import annotations

from dataclasses import dataclass


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
