"""Draw what was asked and read into an image, as evidence for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.extents import top_m
from microcell.vision.optics import Optics, placed
from microcell.vision.outline import polygon
from microcell.vision.requests import CheckRequest, Reading

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Image = npt.NDArray[np.uint8]

PASSED_RGB = (40, 200, 90)
FAILED_RGB = (255, 60, 50)

_LINE_PX = 24
_SCALES = {"m": (1000.0, "mm"), "rad": (180.0 / np.pi, "deg"), "1": (1.0, "")}


def annotate(
    pixels: Image,
    camera: CameraSpec,
    requests: Sequence[CheckRequest],
    readings: Sequence[Reading],
    verdicts: Sequence[bool],
) -> Image:
    """Return a copy of the image with the outline of every requested part, and a list of the readings.

    Passed and failed differ in colour, in line width and in words. The three sequences are in the same
    order.
    """
    image = np.ascontiguousarray(pixels).copy()
    optics = Optics.of(camera)
    checks = sorted(zip(requests, readings, verdicts, strict=True), key=lambda check: not check[2])
    for request, _, passed in reversed(checks):
        _outline(image, optics, request, passed)
    _darken_left(image, len(checks))
    for row, (request, reading, passed) in enumerate(checks):
        words = f"{'ok  ' if passed else 'FAIL'} {request.name}: {_shown(reading)}"
        _write(image, words, (10, (row + 1) * _LINE_PX), PASSED_RGB if passed else FAILED_RGB)
    return image


def _outline(image: Image, optics: Optics, request: CheckRequest, passed: bool) -> None:
    corners = polygon(request.part, 0.0005)
    heights = np.full((len(corners), 1), top_m(request.part))
    pixels: Floats = optics.project(placed(request.part_in_cell, np.hstack((corners, heights))))
    if not np.all(np.isfinite(pixels)):
        return
    points = [np.round(pixels).astype(np.int32)]
    cv2.polylines(image, points, True, PASSED_RGB if passed else FAILED_RGB, 1 if passed else 3, cv2.LINE_AA)


def _shown(reading: Reading) -> str:
    if reading.feature == "code":
        return f"'{reading.text}'" if reading.text else "unreadable"
    factor, unit = _SCALES.get(reading.unit, (1.0, reading.unit))
    return f"{reading.feature} {reading.value * factor:.2f} {unit}".rstrip()


def _darken_left(image: Image, rows: int) -> None:
    """A dark ground for the list, so that it can be read over any image."""
    ground = image[: (rows + 1) * _LINE_PX - _LINE_PX // 3, : image.shape[1] // 3]
    ground[:] = ground // 4


def _write(image: Image, words: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
