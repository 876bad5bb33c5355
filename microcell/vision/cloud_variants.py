"""Whether a scan shows the mirror image of a model, or the model in another size, rather than the model.

Much of a part lies on its mirror image, and on a somewhat larger one: how much of it lies on a scan does not tell them
apart. What does is whether such a variant, laid on the scan from where the model lies, fits clearly better.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.vision.cloud_refine import Surface, refine

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

BETTER_RATIO = 1.05
"""Score of a variant over the model's from which it is told; of parts that are their own mirror image it is about 1."""

_SCALES = (0.83, 0.91, 0.95, 1.05, 1.1, 1.2)


def better_variant(model: Surface, scan: Surface, model_in_scan: Floats, within_m: float) -> str | None:
    """What fits a scan clearly better than the model that was found at a (4, 4) pose, in words; None where nothing does.

    Both are thinned to about `within_m`. Sizes that differ by less than some 4 % are not told apart.
    """
    least = BETTER_RATIO * refine(model, scan, model_in_scan, within_m).score
    scored = [
        (refine(Surface.of(points), scan, model_in_scan, within_m).score, name) for name, points in _variants(model.points)
    ]
    score, best = max(scored)
    return best if score > least else None


def _variants(points: Floats) -> Iterator[tuple[str, Floats]]:
    """The model mirrored in each of its main planes, and in other sizes, about its middle."""
    middle = points.mean(axis=0)
    away = points - middle
    for axis in np.linalg.svd(away, full_matrices=False)[2]:
        yield "its mirror image", away - 2.0 * np.outer(away @ axis, axis) + middle
    for scale in _SCALES:
        yield f"the model at {scale:g} times its size", away * scale + middle
