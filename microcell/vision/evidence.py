"""Pictures for people: findings drawn into the photo, and the scores that teaching found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.vision.registration import grey
from microcell.vision.results import CheckResult

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

GOOD_RGB, BAD_RGB, LIMIT_RGB = (30, 130, 70), (200, 40, 30), (60, 60, 60)
VERDICT_RGB = {
    "accept": GOOD_RGB, "rework": (200, 120, 0), "scrap": BAD_RGB, "recycle": (0, 110, 170), "uncertain": (90, 60, 160),
}  # fmt: skip
_WIDTH_PX, _HEIGHT_PX, _EDGE_PX = 1000, 320, 60


def drawn(image: npt.NDArray[Any], result: CheckResult) -> Image:
    """A copy of the photo, RGB, with a numbered box around each finding and the verdict in words above it."""
    shown = rgb(image)
    colour = VERDICT_RGB[result.verdict]
    for finding in result.findings:
        x1, y1, x2, y2 = (round(side) for side in finding.box_px)
        cv2.rectangle(shown, (x1, y1), (x2, y2), colour, 2)
        write(shown, f"{finding.kind} {100 * finding.confidence:.0f} %", (max(2, x1), max(14, y1 - 5)), colour)
    measured = ", ".join(f"{m.name.rpartition('.')[2]} {m.value:.3g}" for m in result.measurements[:4])
    banner = np.full((34, shown.shape[1], 3), 255, np.uint8)
    write(banner, f"{result.verdict.upper()}  {result.check}: {measured} {result.note}", (8, 23), colour, 0.5)
    return np.vstack((banner, shown))


def score_picture(
    title: str, good: Sequence[tuple[str, float]], bad: Sequence[tuple[str, float]], shown: Sequence[Image] = ()
) -> Image:
    """The scores as dots on a line from 0, the limit at 1; below it, photos side by side."""
    picture = np.full((_HEIGHT_PX, _WIDTH_PX, 3), 255, np.uint8)
    most = max((min(score, 10.0) for _, score in (*good, *bad)), default=1.0)
    scale = (_WIDTH_PX - 2 * _EDGE_PX) / max(2.0, 1.05 * most)
    limit = round(_EDGE_PX + scale)
    cv2.line(picture, (limit, 50), (limit, _HEIGHT_PX - 50), LIMIT_RGB, 2)
    write(picture, "limit", (limit + 6, 62), LIMIT_RGB)
    write(picture, title, (12, 28), LIMIT_RGB, 0.6)
    for name, scores, colour, y in (("good", good, GOOD_RGB, 130), ("bad", bad, BAD_RGB, 230)):
        write(picture, f"{name} ({len(scores)})", (8, y + 5), colour)
        for index, (_, score) in enumerate(scores):
            at = (round(_EDGE_PX + scale * min(score, most)), y + 22 - 11 * (index % 5))
            cv2.circle(picture, at, 5, colour, 2, cv2.LINE_AA)
    return np.vstack((picture, _side_by_side(shown))) if shown else picture


def _side_by_side(shown: Sequence[Image]) -> Image:
    """Photos scaled to one height, as wide as the picture together."""
    width = _WIDTH_PX // len(shown)
    scaled = [cv2.resize(image, (width, round(image.shape[0] * width / image.shape[1]))) for image in shown]
    row = np.full((max(image.shape[0] for image in scaled), _WIDTH_PX, 3), 255, np.uint8)
    for index, image in enumerate(scaled):
        row[: image.shape[0], index * width : (index + 1) * width] = image
    return row


def rgb(image: npt.NDArray[Any]) -> Image:
    """A copy for drawing, (height, width, 3) uint8 RGB, of a grey, 8 or 16 bit image."""
    if image.ndim == 3 and image.dtype == np.uint8:
        return np.ascontiguousarray(image).copy()
    if image.ndim == 3:
        return np.clip(image / 257.0, 0, 255).astype(np.uint8)
    return cv2.cvtColor(np.clip(grey(image), 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)


def write(image: Image, words: str, place: tuple[int, int], colour: tuple[int, int, int], size: float = 0.45) -> None:
    """Write into an image, the text's lower left corner at `place`."""
    cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
