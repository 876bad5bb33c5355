"""Count separate things on an even ground; things that touch are told apart by their area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.checks import Count
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.vision.registration import grey
from microcell.vision.results import CheckResult, Finding
from microcell.vision.template import binary

if TYPE_CHECKING:
    import numpy.typing as npt

_BORDER_PX, _BORDER_RATIO = 4.0, 0.07
"""How far beside a thing's border it is looked, at least, and by the side of a square of its area."""
_LEAST_STEP_RATIO = 0.33
"""Share of the contrast that lies so near to the border: edges are steep, shading is not."""

_SMOOTH_PX = 2.0
"""What is brighter by noise alone falls on one side of the border: without noise there is no such step."""


@dataclass(frozen=True)
class CountModel:
    """The area of one thing, px."""

    options: Count
    area_px: float

    def check(self, image: npt.NDArray[Any], name: str = "count") -> CheckResult:
        """Judge one image: as many as there should be."""
        found = self.things(image)
        number = float(sum(round(thing.score) for thing in found))
        wanted = float(self.options.expected)
        verdict = "accept" if number == wanted else self.options.on_fail
        measured = (Measurement(f"{name}.count", number, "1", wanted, wanted),)
        return CheckResult(name, "count", verdict, measured, found)

    def things(self, image: npt.NDArray[Any]) -> tuple[Finding, ...]:
        """Each blob; its score is how many things its area makes."""
        return tuple(
            Finding("thing", box, area, max(1.0, area / self.area_px), 1.0)
            for box, area in _blobs(image, self.options)
            if area >= self.options.min_area_ratio * self.area_px
        )


def teach(image: npt.NDArray[Any], options: Count, where: str = "teach") -> CountModel:
    """Learn the area from one photo in which the things lie apart, as many as expected: one or more."""
    if options.expected == 0:
        detail = "where none is expected, a good photo shows no thing to learn the size from: teach with 'expected' as many"
        remedy = "as lie apart in the first good photo, and set it to 0 afterwards; the model holds for any number"
        raise FaultError("INSPECTION_NOT_CONFIGURED", where, f"{detail} {remedy}")
    areas = sorted((area for _, area in _blobs(image, options)), reverse=True)[: options.expected]
    if len(areas) < options.expected:
        detail = f"{len(areas)} separate things in the photo, {options.expected} expected; lay them apart"
        raise FaultError("INSPECTION_NOT_CONFIGURED", where, detail)
    return CountModel(options, float(np.median(areas)))


def _blobs(image: npt.NDArray[Any], options: Count) -> list[tuple[tuple[float, float, float, float], float]]:
    """Boxes and areas of what stands out from what is around it: the darker half of a shaded ground does not."""
    mask = cv2.morphologyEx(binary(image, options.dark), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return []
    steps = _steps(cv2.GaussianBlur(grey(image), (0, 0), _SMOOTH_PX), labels, stats[:, cv2.CC_STAT_AREA])
    return [
        ((float(x), float(y), float(x + width), float(y + height)), float(area))
        for (x, y, width, height, area), step in zip(stats[1:].tolist(), steps[1:], strict=True)
        if step >= _LEAST_STEP_RATIO
    ]


def _steps(values: npt.NDArray[Any], labels: npt.NDArray[Any], areas: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(n,): how far the brightness on each blob's border is from that beside it, as a share of the whole contrast."""
    things, reach = labels > 0, np.maximum(_BORDER_PX, _BORDER_RATIO * np.sqrt(areas))
    contrast = abs(float(values[things].mean()) - float(values[~things].mean())) if not things.all() else 0.0
    inner = things & (cv2.distanceTransform(things.astype(np.uint8), cv2.DIST_L2, 5) <= reach[labels])
    away, nearest = cv2.distanceTransformWithLabels(
        (~things).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owners = np.zeros(int(nearest.max()) + 1, np.intp)
    owners[nearest[things]] = labels[things]
    around = owners[nearest]
    outer = ~things & (away <= reach[around])
    sides = []
    for where, owner in ((inner, labels), (outer, around)):
        pixels = np.bincount(owner[where], minlength=len(areas))
        sides.append(np.bincount(owner[where], values[where], minlength=len(areas)) / np.maximum(pixels, 1))
    steps: npt.NDArray[np.float64] = np.abs(sides[0] - sides[1]) / max(contrast, 1e-6)
    return steps
