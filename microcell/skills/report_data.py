"""An inspection's report in JSON's types: whole for who waits for it, short for the journal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from microcell.measurement import Measurement
from microcell.vision.results import CheckResult, Finding, InspectionReport, Look

_DIGITS = 3


def report_data(report: InspectionReport, whole: bool = False) -> dict[str, Any]:
    """A report as data. The short form has no measurements, which the journal has anyway, and only checks that say more:
    that were not accepted, were uncertain, or found something.
    """
    data = asdict(report)
    told = [check for check in report.checks if whole or check.verdict != "accept" or check.findings or check.note]
    data["checks"] = [_check_data(check, whole) for check in told]
    if not whole:
        data["sites"] = {check.check: check.site for check in report.checks}
    return data


def report_of(data: Mapping[str, Any]) -> InspectionReport:
    """The report of `report_data` in its whole form."""
    return InspectionReport(
        **{
            **data,
            "checks": tuple(_check_of(check) for check in data["checks"]),
            "looks": tuple(Look(**{**look, "uncertain": tuple(look["uncertain"])}) for look in data["looks"]),
        }
    )


def _check_data(check: CheckResult, whole: bool) -> dict[str, Any]:
    data = asdict(check)
    if whole:
        for measured in data["measurements"]:
            measured["value"] = measured["value"] if math.isfinite(measured["value"]) else None
        return data
    del data["measurements"], data["site"]
    data["confidence"] = round(check.confidence, _DIGITS)
    data["findings"] = [_short(finding) for finding in check.findings]
    return data


def _short(finding: Finding) -> dict[str, Any]:
    """A finding with no more digits than say something: tenths of a pixel, micrometres."""
    centre = finding.centre_m
    return {
        "kind": finding.kind,
        "box_px": [round(side, 1) for side in finding.box_px],
        "centre_m": None if centre is None else [round(axis, 6) for axis in centre],
        "size_m": None if finding.size_m is None else round(finding.size_m, 6),
        "confidence": round(finding.confidence, _DIGITS),
        "score": round(finding.score, _DIGITS) if math.isfinite(finding.score) else None,
    }


def _check_of(data: Mapping[str, Any]) -> CheckResult:
    return CheckResult(
        **{
            **data,
            "measurements": tuple(_measured_of(measured) for measured in data["measurements"]),
            "findings": tuple(_finding_of(finding) for finding in data["findings"]),
        }
    )


def _measured_of(data: Mapping[str, Any]) -> Measurement:
    """A value that JSON could not hold was none."""
    return Measurement(**{**data, "value": math.nan if data["value"] is None else data["value"]})


def _finding_of(data: Mapping[str, Any]) -> Finding:
    centre = data["centre_m"]
    x1, y1, x2, y2 = data["box_px"]
    return Finding(**{**data, "box_px": (x1, y1, x2, y2), "centre_m": None if centre is None else (centre[0], centre[1])})
