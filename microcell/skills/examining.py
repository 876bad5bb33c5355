"""An inspection in progress: look, and look again while a check is uncertain, then decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.description.product import Inspection
from microcell.measurement import Measurement
from microcell.skills.judging import judged, settled
from microcell.vision.requests import CheckRequest, Reading
from microcell.vision.results import CheckResult, Disposition, InspectionReport, Look, worst


@dataclass
class Examination:
    """All looks at one unit by one camera. A check that was certain once stands; the others take further readings in."""

    name: str
    inspection: Inspection
    requests: Sequence[CheckRequest]
    camera: str
    spec: CameraSpec
    looks: list[Look] = field(default_factory=list)
    _readings: dict[str, list[Reading]] = field(default_factory=dict)
    _results: dict[str, CheckResult] = field(default_factory=dict)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Names of the checks that are not decided; all of them before the first look."""
        return tuple(request.name for request in self.requests if self._is_open(request.name))

    def take(
        self, readings: Sequence[Reading], exposure_ratio: float, image_sha256: str = "", light: str = USUAL_LIGHT
    ) -> None:
        """Judge one image's readings, in the order of the requests."""
        for request, reading in zip(self.requests, readings, strict=True):
            if self._is_open(request.name):
                found = self._readings.setdefault(request.name, [])
                found.append(reading)
                check = self.inspection.checks[request.name]
                self._results[request.name] = judged(check, request, found, self.camera, self.spec)
        self.looks.append(Look(exposure_ratio, image_sha256, self.uncertain, light=light))

    def saw_nothing(self, exposure_ratio: float, light: str = USUAL_LIGHT) -> None:
        """Note a look whose image could not be judged."""
        self.looks.append(Look(exposure_ratio, "", self.uncertain, usable=False, light=light))

    def report(self) -> InspectionReport:
        """The decision. What is still uncertain is not accepted."""
        seen = sum(look.usable for look in self.looks)
        checks = tuple(
            settled(self._results[request.name], self.inspection.checks[request.name], seen) for request in self.requests
        )
        verdict = worst(_decided(check) for check in checks)
        station = self.requests[0].station if self.requests else ""
        return InspectionReport(self.name, station, self.camera, verdict, checks, tuple(self.looks))

    def _is_open(self, name: str) -> bool:
        return name not in self._results or self._results[name].verdict == "uncertain"


def measurements_of(report: InspectionReport) -> tuple[Measurement, ...]:
    """The measured values of all checks, in their order."""
    return tuple(measured for check in report.checks for measured in check.measurements)


def failed_in(report: InspectionReport) -> tuple[str, ...]:
    """Names of the checks that were not accepted."""
    return tuple(check.check for check in report.checks if check.verdict != "accept")


def summary(report: InspectionReport) -> str:
    """One sentence."""
    failed = failed_in(report)
    if not failed:
        return f"all {len(report.checks)} checks passed"
    unsure = [check.check for check in report.checks if check.verdict != "accept" and check.note]
    return f"failed: {', '.join(failed)}" + (f" (uncertain: {', '.join(unsure)})" if unsure else "")


def _decided(check: CheckResult) -> Disposition:
    return "scrap" if check.verdict == "uncertain" else check.verdict
