"""Teach the anomaly check from good photos, keep what was learned, and judge photos by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.checks import Anomaly
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.vision.anomaly import (
    LAYERS,
    NOT_ALIGNED,
    Aligner,
    Features,
    Golden,
    Scored,
    pair_distances,
    structure_axis,
    structure_of,
    working_lab,
)
from microcell.vision.results import CheckResult, Finding, Verdict, decide

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

LEAST_GOLDEN = 5
"""Fewer good photos say nothing of what good parts differ by."""

OVER_GOOD_RATIO = 1.05
"""So far over the most unusual taught part the threshold lies at the least."""

THRESHOLD_SDS = 3.0
"""The threshold lies so many standard deviations over the mean of good parts' scores, as judged by the others; of their
logarithms, for scores have a long tail. Of normally distributed ones, one good part in 740 is beyond it.
"""

_LEAST_SCORE = 1e-3
_SPREAD, _SPREAD_WORTH = 0.5, 20
"""The standard deviation of such logarithms that is expected beforehand, and how many photos this expectation is worth.

Without it, one odd photo more or less among twenty would move the threshold by a third.
"""


@dataclass(frozen=True)
class AnomalyModel:
    """What was learned: ready to judge images of the taught size."""

    options: Anomaly
    aligner: Aligner
    golden: Golden
    threshold: float

    def score(self, image: npt.NDArray[Any]) -> Scored:
        """How far an image differs, in units of what good parts permit; `threshold` is the taught limit."""
        return self.golden.score(self.aligner.features(image))

    def check(self, image: npt.NDArray[Any], name: str = "anomaly") -> CheckResult:
        """Judge one image."""
        scored = self.score(image)
        ratio = min(scored.score, NOT_ALIGNED) / self.threshold
        limit = self.options.max_score_ratio
        measured = (Measurement(f"{name}.score", ratio, "1", None, limit),)
        if not scored.registration.found:
            quality = scored.registration.quality
            note = f"the part was not found as taught (correlation {quality:.2f})"
            return CheckResult(name, "anomaly", self.options.on_fail, measured, note=note)
        guard = self.options.guard_ratio * limit
        verdict: Verdict = decide(limit - ratio, guard, self.options.on_fail)
        note = f"score within {guard:g} of its limit" if verdict == "uncertain" else ""
        found = tuple(self._findings(scored, image.shape)) if ratio > limit - guard else ()
        return CheckResult(name, "anomaly", verdict, measured, found, note)

    def _findings(self, scored: Scored, shape: tuple[int, ...]) -> Sequence[Finding]:
        """Connected places over the limit, worst first, in the image's pixels."""
        limit = self.threshold * (self.options.max_score_ratio - self.options.guard_ratio)
        found = []
        for layer, scores in zip(LAYERS, scored.maps, strict=True):
            count, labels, stats, _ = cv2.connectedComponentsWithStats((scores > limit).astype(np.uint8))
            for index in range(1, count):
                score = float(scores[labels == index].max()) / self.threshold
                box, area = self._box(stats[index], scored, shape)
                found.append(Finding(layer, box, area, score, min(1.0, max(0.0, score - 0.5))))
        return sorted(found, key=lambda finding: -finding.score)

    def _box(
        self, stats: npt.NDArray[Any], scored: Scored, shape: tuple[int, ...]
    ) -> tuple[tuple[float, float, float, float], float]:
        """A box of cells, and its area, in the image's pixels."""
        cell = self.options.cell_px
        x, y, width, height, area = (float(value) for value in stats[:5])
        corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]) * cell - 0.5
        factor = max(1.0, max(shape[:2]) / self.options.work_px)
        there = (scored.registration.to_image(corners) + 0.5) * factor - 0.5
        low, high = there.min(axis=0), there.max(axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1])), area * (cell * factor) ** 2


@dataclass(frozen=True)
class Taught:
    """A model, each good photo's score by a model of the others, and the thresholds that those would have given."""

    model: AnomalyModel
    good_scores: tuple[float, ...]
    thresholds_without: tuple[float, ...]

    @property
    def false_reject_ratio(self) -> float:
        """Share of the good photos that a model made without them would have rejected."""
        pairs = zip(self.good_scores, self.thresholds_without, strict=True)
        return sum(score > threshold for score, threshold in pairs) / len(self.good_scores)


def teach(images: Sequence[npt.NDArray[Any]], options: Anomaly, where: str = "teach", names: Sequence[str] = ()) -> Taught:
    """Learn from good photos of one size; INSPECTION_NOT_CONFIGURED where they will not do, by their `names` or numbers."""
    if len(images) < LEAST_GOLDEN:
        detail = f"{len(images)} good photos; at least {LEAST_GOLDEN} are needed"
        raise FaultError("INSPECTION_NOT_CONFIGURED", where, detail)
    if len({image.shape[:2] for image in images}) > 1:
        raise FaultError("INSPECTION_NOT_CONFIGURED", where, "the good photos are not all of one size")
    named = names or [f"number {index + 1}" for index in range(len(images))]
    aligner = _aligner([working_lab(image, options.work_px) for image in images], options, where, named)
    parts = [aligner.features(image) for image in images]
    return _taught(aligner, parts, options)


def _taught(aligner: Aligner, parts: list[Features], options: Anomaly) -> Taught:
    pairs = pair_distances(parts)
    scores = [_score_without(parts, pairs, index, options.flexible) for index in range(len(parts))]
    without = [threshold_of(scores[:index] + scores[index + 1 :]) for index in range(len(parts))]
    model = AnomalyModel(options, aligner, Golden.of(parts, pairs, options.flexible), threshold_of(scores))
    return Taught(model, tuple(scores), tuple(without))


def threshold_of(good_scores: Sequence[float]) -> float:
    """The score beyond which hardly any good part is, from some good parts' scores by the others."""
    logs = np.log(np.maximum(good_scores, _LEAST_SCORE))
    squares = float(np.sum((logs - logs.mean()) ** 2)) + _SPREAD_WORTH * _SPREAD**2
    expected = float(np.exp(logs.mean() + THRESHOLD_SDS * np.sqrt(squares / (len(logs) - 1 + _SPREAD_WORTH))))
    return max(expected, OVER_GOOD_RATIO * max(good_scores))


def _score_without(parts: list[Features], pairs: Floats, index: int, flexible: bool) -> float:
    """A good part's score by the others alone."""
    rest = [k for k in range(len(parts)) if k != index]
    golden = Golden.of([parts[k] for k in rest], pairs[np.ix_(rest, [0, 1], rest)], flexible)
    return golden.score(parts[index], pairs[index][:, rest]).score


def _aligner(labs: list[Floats], options: Anomaly, where: str, names: Sequence[str]) -> Aligner:
    """Lays photos over their own median, found from the first photo's place."""
    axis = structure_axis(labs)
    first = Aligner(axis, structure_of(labs[0], axis), options)
    found = [first.register(lab) for lab in labs]
    lost = [name for name, registration in zip(names, found, strict=True) if not registration.found]
    if lost:
        which = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
        detail = f"the good photos {which} do not show the part of the first, {names[0]}, as the options permit"
        raise FaultError("INSPECTION_NOT_CONFIGURED", where, detail)
    size = (labs[0].shape[1], labs[0].shape[0])
    laid = [registration.rectified(lab, size) for lab, registration in zip(labs, found, strict=True)]
    return Aligner(axis, structure_of(np.median(laid, axis=0).astype(np.float32), axis), options)
