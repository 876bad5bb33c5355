"""The edge of a part against its outline: short shots and burrs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.colours import Rgb
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.find import edges_px
from microcell.vision.outline import contour, face
from microcell.vision.results import Finding
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

OWN_LEVELS = 30.0
"""Difference from the part's own colour, over all channels, up to which a point belongs to the part."""

FLAW_M = 0.00025
"""Edges so far off the outline are told as findings."""

_RAYS = 360
_WINDOW_M = 0.002
_STEP_PX = 0.5
_COMMON_PX = 1.5
"""How far the edge lies off on all sides alike where the size is right: dark sides, the lens, and the scale.

The edge as `find` sees it, half way to what is around the part. On rendered parts it is up to 0.8, at 3.6 to 22 px a
millimetre and a blur of up to 3 px. What is more is a size.
"""

_AROUND_PX = 6.0
"""How far around the outline that edge is looked for."""

_NEIGHBOURS = 3
"""An edge counts as the median of itself and its neighbours: one ray that meets a grain of dust is none."""


def deviation(view: View, part: Part, pose: Pose, ground_rgb: Rgb) -> tuple[float, tuple[Finding, ...]]:
    """Largest distance of a part's edge from its outline, m, and the places where it is far off.

    The edge is where, from outside, the part's own colour begins, as it is told from its ground's, `ground_rgb`. How far all
    of it lies off alike is left out as far as blur and light do that: how far behind the middle of the change of colour it
    begins, and up to 1.5 px of where that middle lies. The rest is a part of the wrong size.
    """
    points, normals = contour(part, _RAYS)
    half_levels = float(np.linalg.norm(view.as_seen(part.colour_rgb) - view.as_seen(ground_rgb))) / 2.0
    offsets_m = _edge_offsets_m(view, part, pose, (points, normals), min(OWN_LEVELS, half_levels))
    middles_px, seen = edges_px(view, part, pose, (points, normals), _AROUND_PX)
    middle_px = float(np.median(middles_px[seen])) if seen.any() else 0.0
    unexplained_px = middle_px - float(np.clip(middle_px, -_COMMON_PX, _COMMON_PX))
    off = offsets_m - np.median(offsets_m) + unexplained_px / view.scale_px_m(part, pose)
    smooth = np.median(np.stack([np.roll(off, shift) for shift in range(-(_NEIGHBOURS // 2), _NEIGHBOURS // 2 + 1)]), axis=0)
    places = _places(view, part, pose, points, smooth)
    return float(np.abs(smooth).max()), places


def _edge_offsets_m(view: View, part: Part, pose: Pose, outline: tuple[Floats, Floats], own_levels: float) -> Floats:
    """For each point of the outline, how far outwards the part's colour ends, m; the window's end where it is not seen."""
    points, normals = outline
    step_m = _STEP_PX / view.scale_px_m(part, pose)
    steps = np.arange(-_WINDOW_M, _WINDOW_M + step_m / 2, step_m)
    along = points[:, None] + normals[:, None] * steps[None, :, None]
    pixels = view.on_top(part, pose, along.reshape(-1, 2)).reshape(*along.shape)
    own = view.typical(view.on_top(part, pose, face(part)))
    differs = np.linalg.norm(view.raw(pixels) - own, axis=2)
    mine = (differs <= own_levels) & view.inside(pixels)
    last = len(steps) - 1 - np.argmax(mine[:, ::-1], axis=1)
    row, after = np.arange(len(points)), np.minimum(last + 1, len(steps) - 1)
    rise = np.maximum(differs[row, after] - differs[row, last], 1e-6)
    share = np.clip((own_levels - differs[row, last]) / rise, 0.0, 1.0)
    found: Floats = np.where(mine.any(axis=1), steps[last] + share * step_m, -_WINDOW_M)
    return found


def _places(view: View, part: Part, pose: Pose, points: Floats, off_m: Floats) -> tuple[Finding, ...]:
    """One finding for each stretch of the outline on which the edge is far off to one side."""
    found = []
    for kind, far in (("burr", off_m > FLAW_M), ("short shot", off_m < -FLAW_M)):
        for run in _runs(far):
            seen = view.on_top(part, pose, points[run])
            (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
            size_m = float(np.abs(off_m[run]).max())
            box = (float(left), float(top), float(right), float(bottom))
            found.append(Finding(kind, box, float((right - left) * (bottom - top)), size_m, 1.0, size_m=size_m))
    return tuple(sorted(found, key=lambda finding: -finding.score))


def _runs(far: npt.NDArray[np.bool_]) -> list[npt.NDArray[Any]]:
    """The stretches of a closed outline where something holds, as the numbers of their points."""
    if far.all():
        return [np.arange(len(far))]
    start = int(np.argmin(far))
    turned = np.roll(far, -start)
    bounds = np.flatnonzero(np.diff(np.concatenate(([0], turned.astype(np.int8), [0]))))
    return [(np.arange(a, b) + start) % len(far) for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
