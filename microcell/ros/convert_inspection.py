"""Reports of inspections as messages."""

from __future__ import annotations

import math
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point

from microcell.ros.convert_skills import measurement_message
from microcell.vision.results import CheckResult, Finding, InspectionReport
from microcell_interfaces.msg import InspectedCheck, InspectionFinding
from microcell_interfaces.msg import InspectionReport as InspectionReportMsg


@dataclass(frozen=True)
class Subject:
    """What was inspected: the unit, and whether an order wanted it."""

    product: str
    variant: str
    unit: str
    of_order: bool


def report_message(report: InspectionReport, subject: Subject, stamp: Time) -> InspectionReportMsg:
    """An inspection's report; what is not known is NaN or empty, as the message's file says."""
    return InspectionReportMsg(
        stamp=stamp,
        product=subject.product,
        variant=subject.variant,
        unit=subject.unit,
        inspection=report.inspection,
        station=report.station,
        camera=report.camera,
        of_order=subject.of_order,
        verdict=report.verdict,
        checks=[_check_message(check) for check in report.checks],
        looks=len(report.looks),
        image_sha256=next((look.image_sha256 for look in reversed(report.looks) if look.usable), ""),
        evidence_sha256=report.evidence_sha256,
        note=report.note,
    )


def _check_message(check: CheckResult) -> InspectedCheck:
    return InspectedCheck(
        check=check.check,
        kind=check.kind,
        verdict=check.verdict,
        confidence=float(check.confidence),
        note=check.note,
        measurements=[measurement_message(measured) for measured in check.measurements],
        findings=[_finding_message(finding) for finding in check.findings],
    )


def _finding_message(finding: Finding) -> InspectionFinding:
    x, y = finding.centre_m or (math.nan, math.nan)
    return InspectionFinding(
        kind=finding.kind,
        box_px=[float(side) for side in finding.box_px],
        centre=Point(x=float(x), y=float(y), z=math.nan),
        size=math.nan if finding.size_m is None else float(finding.size_m),
        confidence=float(finding.confidence),
    )
