"""Count separate things on an even ground; things that touch are told apart by their area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.checks import Count
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.vision.results import CheckResult, Finding
from microcell.vision.template import binary

if TYPE_CHECKING:
    import numpy.typing as npt


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
    """Learn the area from one photo in which the things lie apart, as many as expected."""
    areas = sorted((area for _, area in _blobs(image, options)), reverse=True)[: max(1, options.expected)]
    if len(areas) < options.expected or not areas:
        detail = f"{len(areas)} separate things in the photo, {options.expected} expected; lay them apart"
        raise FaultError("INSPECTION_NOT_CONFIGURED", where, detail)
    return CountModel(options, float(np.median(areas)))


def _blobs(image: npt.NDArray[Any], options: Count) -> list[tuple[tuple[float, float, float, float], float]]:
    """Boxes and areas of what stands out."""
    mask = cv2.morphologyEx(binary(image, options.dark), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return [
        ((float(x), float(y), float(x + width), float(y + height)), float(area))
        for x, y, width, height, area in stats[1:].tolist()
    ]
