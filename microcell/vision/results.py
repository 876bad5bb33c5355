"""What a check of an image says: findings with place and size, measured values with limits, and one verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from microcell.measurement import Measurement

Verdict = Literal["accept", "rework", "scrap", "uncertain"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen.

    `box_px` is (x_min, y_min, x_max, y_max) in the inspected image. `score` is in the check's own measure, `confidence`
    between 0 and 1. The metric fields are None where the image has no scale.
    """

    kind: str
    box_px: tuple[float, float, float, float]
    area_px: float
    score: float
    confidence: float
    centre_m: tuple[float, float] | None = None
    size_m: float | None = None

    @property
    def centre_px(self) -> tuple[float, float]:
        return (self.box_px[0] + self.box_px[2]) / 2.0, (self.box_px[1] + self.box_px[3]) / 2.0

    @property
    def size_px(self) -> float:
        """The longer side."""
        return max(self.box_px[2] - self.box_px[0], self.box_px[3] - self.box_px[1])

    def scaled(self, m_px: float) -> Finding:
        """With place and size in metres from the image's corner, `m_px` metres a pixel."""
        x, y = self.centre_px
        return replace(self, centre_m=(x * m_px, y * m_px), size_m=self.size_px * m_px)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check on one image; `note` says in words why a verdict is uncertain."""

    check: str
    kind: str
    verdict: Verdict
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()
    note: str = ""


def decide(margin: float, guard: float, on_fail: Literal["rework", "scrap"] = "scrap") -> Verdict:
    """A verdict from the distance to the limit, positive where the part is good; within the guard, look again."""
    if margin != margin or abs(margin) < guard:
        return "uncertain"
    return "accept" if margin > 0 else on_fail
