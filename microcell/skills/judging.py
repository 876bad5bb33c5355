"""What an inspection asks of an image, and what it says of the answers: limits, guard bands, one verdict for each check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from microcell.description.cell import CameraSpec, FixtureSpec
from microcell.description.checks import TAUGHT, Check, Code, MeasuredBase
from microcell.description.driver_parameters import camera_parameters
from microcell.description.ground import ground_of
from microcell.description.line import Line
from microcell.description.product import Inspection
from microcell.faults import FaultError
from microcell.measurement import GUARD_SDS, Measurement
from microcell.skills.workplace import part_name_of
from microcell.vision.places import box_px, located
from microcell.vision.requests import CheckRequest, Reading
from microcell.vision.results import CheckResult, Finding, Verdict

SHARED_RATIO = 0.5
"""Share of a reading's variance that all looks at a unit have in common: scale, lens, and how the light falls.

Only the rest averages out. Chosen, not measured: looking ten times must not make a borderline unit a good one.
"""


NEAR_MISS_RATIO = 0.5
"""What is smaller than this part of its limit is not told of a unit that passes."""


def inspection_of(line: Line, name: str) -> Inspection:
    """An inspection of the line's product; INSPECTION_NOT_CONFIGURED."""
    inspections = line.product_description.inspections
    if name not in inspections:
        detail = f"'{name}'; there are: {', '.join(inspections) or 'none'}"
        raise FaultError("INSPECTION_NOT_CONFIGURED", "inspect", detail)
    return inspections[name]


def requests_of(line: Line, variant: str, inspection: str, station: str, expected_text: str) -> tuple[CheckRequest, ...]:
    """One request for each check of an inspection, at the nominal pose of its site in a fixture.

    Faults: INSPECTION_NOT_CONFIGURED, and SKILL_REFUSED for a site that the product does not have.
    """
    spec = line.cell_description.devices.get(station)
    if not isinstance(spec, FixtureSpec):
        raise FaultError("SKILL_REFUSED", "inspect", f"'{station}' is no fixture of the cell")
    product, unit_in_cell = line.product_description, spec.seat_in_cell.pose
    background_rgb = _background_of(line, station)
    requests = []
    for name, check in inspection_of(line, inspection).checks.items():
        if check.site not in product.sites:
            detail = f"the product has no site '{check.site}', only {', '.join(product.sites)}"
            raise FaultError("SKILL_REFUSED", "inspect", detail)
        site = product.sites[check.site]
        request = CheckRequest(
            name=name,
            kind=check.kind,
            station=station,
            site=check.site,
            part=product.parts[part_name_of(line, variant, site.item)],
            part_in_cell=unit_in_cell @ site.part_in_unit.pose,
            expected_text=expected_text if check.kind in ("code", "text") else "",
            taught=check if isinstance(check, TAUGHT) else None,
            measured=check if isinstance(check, MeasuredBase) else None,
            code=check if isinstance(check, Code) else None,
            parts=product.parts if check.kind == "right_part" else {},
            ground_rgb=ground_of(product, check.site, variant or product.default_variant, background_rgb),
        )
        requests.append(request)
    return tuple(requests)


def _background_of(line: Line, station: str) -> tuple[int, int, int]:
    """The colour of the bench at a station, as its camera is told."""
    cameras: dict[str, CameraSpec] = line.cell_description.of_kind("camera")
    parameters = next((camera.parameters for camera in cameras.values() if station in camera.sees), {})
    return camera_parameters(parameters, "background_rgb").background_rgb


def judged(check: Check, request: CheckRequest, readings: Sequence[Reading], camera: str, spec: CameraSpec) -> CheckResult:
    """What all readings of one check say together: within its limits, outside of them, or uncertain.

    A value that lies nearer to a limit than the guard band is uncertain, and so is what the measuring itself could not say.
    """
    reading = pooled(readings)
    lower, upper = limits_of(check)
    measured = Measurement(
        f"{reading.name}.{reading.feature}", reading.value, reading.unit, lower, upper, reading.text,
        reading.uncertainty, camera,
    )  # fmt: skip
    conformity = "uncertain" if reading.uncertain else measured.conformity
    verdict: Verdict = "accept"
    if conformity != "conforming":
        verdict = "uncertain" if conformity == "uncertain" else check.on_fail
    confidence = 0.5 if reading.uncertain else measured.confidence
    findings = _telling(reading, upper, verdict)
    if verdict != "accept" and not findings:
        findings = (_whole_part(request, spec, confidence),)
    return CheckResult(
        reading.name,
        check.kind,
        verdict,
        (measured,),
        tuple(located(finding, request, spec) for finding in findings),
        _doubt(measured, reading) if verdict == "uncertain" else "",
        confidence,
        check.site,
    )


def pooled(readings: Sequence[Reading]) -> Reading:
    """One reading from several looks: their mean, with what does not average out left in its uncertainty.

    Looks that could not say anything count only where all are such. A text is the last one that was read.
    """
    clear = [reading for reading in readings if not reading.uncertain and not math.isnan(reading.value)]
    if not clear:
        return replace(readings[-1], uncertain=True)
    last = clear[-1]
    if last.uncertainty is None:
        return last
    mean = math.fsum(reading.value for reading in clear) / len(clear)
    variance = math.fsum((reading.uncertainty or 0.0) ** 2 for reading in clear) / len(clear)
    left = SHARED_RATIO + (1.0 - SHARED_RATIO) / len(clear)
    return replace(last, value=mean, uncertainty=math.sqrt(variance * left))


def settled(result: CheckResult, check: Check, looks: int) -> CheckResult:
    """The verdict of a check that is still uncertain when nothing more is to be seen: never accept."""
    if result.verdict != "uncertain":
        return result
    note = f"uncertain after {looks} look{'s' if looks > 1 else ''}: {result.note}"
    return replace(result, verdict=check.on_uncertain or check.on_fail, note=note)


def limits_of(check: Check) -> tuple[float | None, float | None]:
    """Lower and upper limit of a check's reading, in the reading's unit."""
    if isinstance(check, MeasuredBase):
        return check.limits
    if check.kind == "presence":
        return check.min_ratio, None
    if check.kind == "position":
        return None, check.max_offset_m
    if check.kind == "orientation":
        return None, check.max_angle_rad
    if check.kind == "colour":
        return None, check.max_delta_e_ratio
    if check.kind == "surface":
        return None, check.max_flaw_m
    if check.kind == "outline":
        return None, check.max_deviation_m
    if check.kind == "anomaly":
        return None, check.max_score_ratio
    if check.kind == "taught_presence":
        return 0.0, None
    if check.kind == "template":
        return None, 0.0
    if check.kind == "count":
        return float(check.expected), float(check.expected)
    return 1.0, None


def _telling(reading: Reading, upper: float | None, verdict: Verdict) -> tuple[Finding, ...]:
    """The findings that say something: of those judged by their size, what is over the limit, or came near to it."""
    if reading.unit != "m" or upper is None:
        return reading.findings
    least_m = upper if verdict not in ("accept", "uncertain") else NEAR_MISS_RATIO * upper
    return tuple(finding for finding in reading.findings if finding.size_m is None or finding.size_m >= least_m)


def _whole_part(request: CheckRequest, spec: CameraSpec, confidence: float) -> Finding:
    """A finding that is as large as the part: what is wrong has no place of its own on it."""
    box = box_px(request, spec)
    return Finding(request.kind, box, (box[2] - box[0]) * (box[3] - box[1]), 0.0, confidence)


def _doubt(measured: Measurement, reading: Reading) -> str:
    """Why a check is uncertain, in words."""
    if reading.uncertain or math.isnan(measured.value):
        return reading.text or "it could not be measured"
    guard = GUARD_SDS * (measured.uncertainty or 0.0)
    return f"{abs(measured.margin):.3g} {measured.unit} from its limit, within the guard band of {guard:.3g}"
