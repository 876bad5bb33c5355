"""Where a textured part lies, anywhere in an image: by its features first, then to a fraction of a pixel by registration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from microcell.errors import MissingCapabilityError
from microcell.vision.registration import Registrar, Registration, grey

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FeatureKind = Literal["orb", "sift", "akaze"]

MIN_PAIRS = 8
"""Pairs of alike features that must agree on one place."""

_MAX_FEATURES = 1500
_DISTINCT_RATIO = 0.8
"""Of the second best likeness, how far the best one must lie below it (Lowe, IJCV 2004)."""

_WITHIN_PX = 4.0


@dataclass(frozen=True)
class FeatureModel:
    """A golden image's features: (n, 2) places and their descriptors, and the image prepared for the last step."""

    kind: FeatureKind
    points: Floats
    descriptors: npt.NDArray[Any]
    registrar: Registrar

    @classmethod
    def of(cls, golden: npt.NDArray[Any], kind: FeatureKind = "sift") -> FeatureModel:
        """Prepare a golden image, mono or RGB; MissingCapabilityError where this OpenCV lacks the kind of feature."""
        points, descriptors = _features(golden, kind)
        return cls(kind, points, descriptors, Registrar(golden))

    def locate(self, image: npt.NDArray[Any]) -> Registration | None:
        """Where the golden image lies in an image, under any shift and turn and a scale of a half to two; None where not."""
        points, descriptors = _features(image, self.kind)
        start = self._start(points, descriptors)
        return None if start is None else self.registrar.refined(image, start)

    def _start(self, points: Floats, descriptors: npt.NDArray[Any]) -> Floats | None:
        """The transform that most pairs of alike features agree on."""
        if len(points) < MIN_PAIRS or len(self.points) < MIN_PAIRS:
            return None
        norm = cv2.NORM_L2 if self.kind == "sift" else cv2.NORM_HAMMING
        pairs = cv2.BFMatcher(norm).knnMatch(self.descriptors, descriptors, k=2)
        good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _DISTINCT_RATIO * p[1].distance]
        if len(good) < MIN_PAIRS:
            return None
        here = self.points[[match.queryIdx for match in good]]
        there = points[[match.trainIdx for match in good]]
        cv2.setRNGSeed(0)
        matrix, inside = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=_WITHIN_PX, maxIters=5000)
        if matrix is None or int(inside.sum()) < MIN_PAIRS:
            return None
        scale = math.hypot(matrix[0, 0], matrix[1, 0])
        return np.asarray(matrix, float) if 0.5 <= scale <= 2.0 else None


def _features(image: npt.NDArray[Any], kind: FeatureKind) -> tuple[Floats, npt.NDArray[Any]]:
    levels = np.clip(grey(image) + 0.5, 0, 255).astype(np.uint8)
    found, descriptors = _detector(kind).detectAndCompute(levels, None)
    if not found:
        return np.zeros((0, 2)), np.zeros((0, 1), np.uint8)
    return np.array([feature.pt for feature in found], float), descriptors


def _detector(kind: FeatureKind) -> Any:
    make = getattr(cv2, f"{kind.upper()}_create", None)
    if make is None:
        raise MissingCapabilityError(f"OpenCV {cv2.__version__} has no {kind.upper()} features; use orb or sift.")
    return make() if kind == "akaze" else make(nfeatures=_MAX_FEATURES)
