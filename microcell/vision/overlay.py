"""The picture that an inspection leaves: what the camera saw of the unit, what was found, and the verdicts in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.cell import CameraSpec
from microcell.measurement import Measurement
from microcell.vision.evidence import VERDICT_RGB, rgb, write
from microcell.vision.places import box_px, outline_px
from microcell.vision.requests import CheckRequest
from microcell.vision.results import CheckResult, InspectionReport

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

TEXT_RGB, GROUND_RGB = (40, 40, 40), (255, 255, 255)
_AROUND_RATIO = 0.12
"""Surroundings that are shown with the unit, of its size."""
_TALLEST_PX, _PANEL_PX, _HEAD_PX, _ROW_PX = 560, 430, 84, 38
_UNITS = {"m": (1000.0, "mm"), "rad": (180.0 / math.pi, "deg"), "1": (1.0, "")}
_COMPRESSION = 4


def annotate(
    pixels: npt.NDArray[Any],
    camera: CameraSpec,
    requests: Sequence[CheckRequest],
    report: InspectionReport,
    title: str = "",
) -> Image:
    """A new RGB picture: the part of the image with the unit, and beside it one paragraph for each check, the worst first.

    Outlines are where the parts should be, boxes what was found. Colour, line width and words say the same.
    """
    shown = rgb(pixels)
    verdicts = {check.check: check for check in report.checks}
    for request in sorted(requests, key=lambda request: verdicts[request.name].verdict != "accept"):
        _outline(shown, camera, request, verdicts[request.name])
    for check in report.checks:
        _boxes(shown, check)
    left, top, right, bottom = _window(shown, camera, requests)
    view = shown[top:bottom, left:right]
    scale = _TALLEST_PX / view.shape[0]
    size = (max(1, round(view.shape[1] * scale)), _TALLEST_PX)
    view = cv2.resize(view, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return _beside(view, _panel(report, title))


def as_png(picture: Image) -> bytes:
    """An RGB picture as the bytes of a PNG file."""
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION))[1]
    return bytes(encoded)


def value_in_words(measured: Measurement) -> str:
    """A value with its limits, in the units that people use: `0.032 +/- 0.013 mm, at most 0.6`."""
    if measured.text and measured.name.endswith(".code"):
        return f"'{measured.text}'"
    factor, unit = _UNITS.get(measured.unit, (1.0, measured.unit))
    words = f"{factor * measured.value:.3f}"
    if measured.uncertainty:
        words += f" +/- {factor * measured.uncertainty:.3f}"
    limits = [
        f"{name} {factor * limit:.3g}"
        for name, limit in (("at least", measured.lower), ("at most", measured.upper))
        if limit is not None
    ]
    return ", ".join((f"{words} {unit}".rstrip(), *limits, *filter(None, (measured.text,))))


def _outline(image: Image, camera: CameraSpec, request: CheckRequest, check: CheckResult) -> None:
    corners = outline_px(request, camera)
    if np.all(np.isfinite(corners)):
        width = 1 if check.verdict == "accept" else 3
        points = [np.round(corners).astype(np.int32)]
        cv2.polylines(image, points, True, VERDICT_RGB[check.verdict], width, cv2.LINE_AA)


def _boxes(image: Image, check: CheckResult) -> None:
    colour = VERDICT_RGB[check.verdict]
    for finding in check.findings:
        x1, y1, x2, y2 = (round(side) for side in finding.box_px)
        cv2.rectangle(image, (x1 - 3, y1 - 3), (x2 + 3, y2 + 3), colour, 1 if check.verdict == "accept" else 2)
        write(image, finding.kind, (max(2, x1), max(14, y1 - 8)), colour, 0.6)


def _window(image: Image, camera: CameraSpec, requests: Sequence[CheckRequest]) -> tuple[int, int, int, int]:
    """What is shown: all requested parts with their surroundings; the whole image for a check that looks at all of it."""
    height, width = image.shape[:2]
    if not requests or any(request.taught is not None and request.taught.window_m == 0.0 for request in requests):
        return 0, 0, width, height
    boxes = np.array([box_px(request, camera) for request in requests])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    around = _AROUND_RATIO * float(np.max(high - low))
    left, top = (max(0, math.floor(side - around)) for side in low)
    right, bottom = (min(most, math.ceil(side + around)) for side, most in zip(high, (width, height), strict=True))
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else (0, 0, width, height)


def _panel(report: InspectionReport, title: str) -> Image:
    """The verdict, what was inspected, and a paragraph for each check."""
    checks = sorted(report.checks, key=lambda check: check.verdict == "accept")
    panel = np.full((max(_TALLEST_PX, _HEAD_PX + _ROW_PX * len(checks)), _PANEL_PX, 3), GROUND_RGB, np.uint8)
    write(panel, report.verdict.upper(), (12, 30), VERDICT_RGB[report.verdict], 0.9)
    looks = f"{len(report.looks)} look{'s' if len(report.looks) > 1 else ''}"
    write(panel, f"{title}  {report.inspection}", (12, 52), TEXT_RGB, 0.5)
    write(panel, f"{report.station}, {report.camera}, {looks}", (12, 70), TEXT_RGB, 0.42)
    for row, check in enumerate(checks):
        top = _HEAD_PX + row * _ROW_PX
        colour = VERDICT_RGB[check.verdict]
        words = "ok" if check.verdict == "accept" else check.verdict
        sure = f"  {100 * check.confidence:.0f} %" if any(measured.uncertainty for measured in check.measurements) else ""
        write(panel, f"{words:<8}{check.check}{sure}", (12, top + 12), colour, 0.46)
        told = "; ".join(value_in_words(measured) for measured in check.measurements)
        write(panel, told[:64], (28, top + 28), TEXT_RGB, 0.4)
    return panel


def _beside(view: Image, panel: Image) -> Image:
    height = max(view.shape[0], panel.shape[0])
    padded = [
        cv2.copyMakeBorder(part, 0, height - part.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=GROUND_RGB)
        for part in (view, panel)
    ]
    return np.hstack(padded)
