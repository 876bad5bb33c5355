"""What a check of an image says: findings with place and size, measured values with limits, and one verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from microcell.description.cell import USUAL_LIGHT
from microcell.measurement import Measurement

Disposition = Literal["accept", "rework", "scrap", "recycle"]
Verdict = Literal[Disposition, "uncertain"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen.

    `box_px` is (x_min, y_min, x_max, y_max) in the inspected image. `score` is in the check's own measure, `confidence`
    between 0 and 1. `centre_m` counts from the image's corner, or in the cell's frame where the camera has a place in it.
    The metric fields are None where the image has no scale.
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

    def moved(self, x_px: float, y_px: float) -> Finding:
        """The same in an image of which the inspected one was cut out at this corner."""
        x1, y1, x2, y2 = self.box_px
        return replace(self, box_px=(x1 + x_px, y1 + y_px, x2 + x_px, y2 + y_px))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check; `note` says in words why a verdict is or was uncertain.

    `confidence` is the probability that the verdict is right as far as the measuring goes.
    """

    check: str
    kind: str
    verdict: Verdict
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()
    note: str = ""
    confidence: float = 1.0
    site: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One image of an inspection: its exposure, of the usual one, its light, and the checks that it left uncertain.

    `usable` is False where the image could not be judged at all; `image_sha256` is "" where the camera makes none.
    """

    exposure_ratio: float
    image_sha256: str
    uncertain: tuple[str, ...] = ()
    usable: bool = True
    light: str = USUAL_LIGHT


@dataclass(frozen=True, slots=True)
class InspectionReport:
    """What an inspection says of a unit: one verdict, and how it came about.

    `evidence_sha256` is that of the picture that was kept, "" where there is none; `note` says why.
    """

    inspection: str
    station: str
    camera: str
    verdict: Disposition
    checks: tuple[CheckResult, ...]
    looks: tuple[Look, ...]
    evidence_sha256: str = ""
    note: str = ""


def worst(verdicts: Iterable[Disposition]) -> Disposition:
    """The verdict on the whole: what one check scraps, no other one saves; recycling comes before rework."""
    found = set(verdicts)
    order: tuple[Disposition, ...] = ("scrap", "recycle", "rework")
    return next((verdict for verdict in order if verdict in found), "accept")


def decide(margin: float, guard: float, on_fail: Literal["rework", "scrap", "recycle"] = "scrap") -> Verdict:
    """A verdict from the distance to the limit, positive where the part is good; within the guard, look again."""
    if margin != margin or abs(margin) < guard:
        return "uncertain"
    return "accept" if margin > 0 else on_fail
