"""Scratches and dirt on a part's top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.extents import top_m
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.exposure import MAX_SATURATED_RATIO
from microcell.vision.outline import MARK_MARGIN_M, bore_polygon, hidden, polygon, reach_m
from microcell.vision.requests import OVEREXPOSED, TOO_SMALL
from microcell.vision.results import Finding
from microcell.vision.unseen import overexposed
from microcell.vision.view import Region, View

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Mask = npt.NDArray[np.uint8]

FLAW_LEVELS = 16.0
"""Difference from the part's colour, in levels of 255 of one channel, that counts as a flaw."""

SHADE_RATIO = 0.12
"""Where a shadow can fall, a flaw must be darker or brighter by so much more of the surface's own level."""

MIN_PIXELS = 6
"""Spots with fewer pixels on their edge are noise."""

MOST = 20
"""So many flaws of one part are told."""

_LARGEST_STRIDE = 4
_FITTED = 400
"""Of a small surface more than each fourth pixel along both axes is fitted, to have nearly so many."""

_LEAST_FITTED = 40
_PLANE = 3
"""So many of the shading terms are a plane: to fewer than half of `_FITTED` pixels more would fit a flaw as well."""

_EDGE_PX = 2.0
"""Pixels nearer to an edge show both of its sides."""

_FIRST_LEVELS = 40.0
_RIDGE = 1e-3

_WIDENED_PX = 2.8
"""What blur and the low threshold add to the length of a flaw of middling contrast (bench/vision.py)."""


@dataclass(frozen=True)
class Surface:
    """The flaws that a part's top shows, and why there may be more; "" where there may not."""

    flaws: tuple[Finding, ...]
    doubt: str = ""


def flaws_on(view: View, part: Part, pose: Pose, covers: Sequence[tuple[Part, Pose]]) -> Surface:
    """The flaws on a part's top with their lengths, the longest first, `MOST` of them at the most.

    What lies on the part (`covers`), its marks, its bore and a narrow edge are left out.
    """
    scale = view.scale_px_m(part, pose)
    centre = view.on_top(part, pose, np.zeros((1, 2)))[0]
    region = view.region(centre, reach_m(part) * scale + 2)
    if region is None:
        return Surface((), TOO_SMALL)
    mask = _own_surface(view, part, pose, covers, region)
    differs = _differing(region.pixels, mask, _shadows(view, part, pose, covers, region))
    if differs is None:
        return Surface((), TOO_SMALL)
    outlines, _ = cv2.findContours(differs, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = [_finding(outline, region, scale) for outline in outlines if len(outline) >= MIN_PIXELS]
    flaws = tuple(sorted(found, key=lambda flaw: -flaw.score)[:MOST])
    return Surface(flaws, OVEREXPOSED if _is_overexposed(view, part, region, (mask > 0) & (differs == 0)) else "")


def _is_overexposed(view: View, part: Part, region: Region, plain: npt.NDArray[np.bool_]) -> bool:
    """Whether too much of what looks like plain surface is at full scale, where flaws look like that too."""
    left, top = region.corner_px
    height, width = plain.shape
    hidden_px = overexposed(view, view.pixels[top : top + height, left : left + width][plain], part.colour_rgb)
    return bool(np.count_nonzero(hidden_px) > MAX_SATURATED_RATIO * np.count_nonzero(plain))


def _finding(outline: npt.NDArray[Any], region: Region, scale_px_m: float) -> Finding:
    left, top, width, height = cv2.boundingRect(outline)
    left, top = left + region.corner_px[0], top + region.corner_px[1]
    length_px = _length_px(outline)
    box = (float(left), float(top), float(left + width), float(top + height))
    return Finding("flaw", box, float(cv2.contourArea(outline)), length_px, 1.0, size_m=length_px / scale_px_m)


def _own_surface(view: View, part: Part, pose: Pose, covers: Sequence[tuple[Part, Pose]], region: Region) -> Mask:
    """255 where the region shows the part's own surface."""
    mask = np.zeros(region.pixels.shape[:2], np.uint8)
    edge_m = max(min(MARK_MARGIN_M, 0.1 * reach_m(part)), _EDGE_PX / view.scale_px_m(part, pose))
    _fill(mask, view.on_top(part, pose, polygon(part, -edge_m)), region, 255)
    for shape in hidden(part, MARK_MARGIN_M):
        _fill(mask, view.on_top(part, pose, shape), region, 0)
    for other, other_pose in covers:
        cover = np.zeros_like(mask)
        _fill(cover, view.on_top(other, other_pose, polygon(other, MARK_MARGIN_M)), region, 255)
        bore = bore_polygon(other, -MARK_MARGIN_M)
        if bore is not None:
            _fill(cover, view.on_top(other, other_pose, bore), region, 0)
        mask[cover > 0] = 0
    return mask


def _fill(mask: Mask, polygon_px: Floats, region: Region, value: int) -> None:
    cv2.fillPoly(mask, [np.round(polygon_px - region.corner_px).astype(np.int32)], value)


def _shadows(view: View, part: Part, pose: Pose, covers: Sequence[tuple[Part, Pose]], region: Region) -> Mask:
    """255 around what stands on the part: there, its shadow can fall."""
    shadows = np.zeros(region.pixels.shape[:2], np.uint8)
    for other, other_pose in covers:
        height_m = other_pose.position[2] + top_m(other) - pose.position[2] - top_m(part)
        if bore_polygon(other, 0.0) is None:
            around = polygon(other, MARK_MARGIN_M + view.shadow_ratio * height_m)
            _fill(shadows, view.on_top(other, other_pose, around), region, 255)
    return shadows


def _differing(pixels: Mask, mask: Mask, shadows: Mask) -> Mask | None:
    """255 where the surface differs from its own colour as the light falls on it, gaps of a pixel closed; None for too few
    pixels.
    """
    smooth = cv2.GaussianBlur(pixels, (3, 3), 0)
    own = _own_colour(smooth, mask)
    if own is None:
        return None
    levels = cv2.absdiff(smooth, own).max(axis=2)
    limits = np.where(shadows > 0, FLAW_LEVELS + SHADE_RATIO * own.max(axis=2), FLAW_LEVELS)
    differs = np.where(levels > limits, mask, np.uint8(0))
    closed: Mask = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return closed


def _own_colour(pixels: Mask, mask: Mask) -> Mask | None:
    """The surface without flaws: one colour under light that changes slowly, and towards the rim of a bore; None for too few
    pixels. It is fitted to every fourth pixel, to more of a small surface, those that differ left out of further passes.
    """
    stride = min(_LARGEST_STRIDE, max(1, math.isqrt(cv2.countNonZero(mask) // _FITTED)))
    few, where = pixels[::stride, ::stride], mask[::stride, ::stride] > 0
    if np.count_nonzero(where) < _LEAST_FITTED:
        return None
    terms = _shading_terms(where.shape)
    if np.count_nonzero(where) < _FITTED / 2:
        terms = terms[..., :_PLANE]
    rows, values = terms[where], few[where].astype(np.float32)
    kept = np.abs(values - np.median(values, axis=0)).max(axis=1) <= _FIRST_LEVELS
    for limit in (FLAW_LEVELS, FLAW_LEVELS / 2):
        if np.count_nonzero(kept) < _LEAST_FITTED:
            return None
        kept_rows = rows[kept]
        factors = np.linalg.solve(kept_rows.T @ kept_rows + _RIDGE * np.eye(rows.shape[1]), kept_rows.T @ values[kept])
        kept = np.abs(values - rows @ factors).max(axis=1) <= limit
    fitted = np.clip(terms @ factors, 0.0, 255.0).astype(np.float32)
    back = np.array(((1.0 / stride, 0.0, 0.0), (0.0, 1.0 / stride, 0.0)))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(fitted, back, pixels.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    own: Mask = np.round(full).astype(np.uint8)
    return own


def _shading_terms(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """What light over a part may be made of, for each pixel of a region: planes, bowls and steeper bowls, (h, w, 11)."""
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, side) for side in shape), indexing="ij")
    r2 = x * x + y * y
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y, r2**3, r2 * x, r2 * y, r2**3 * x, r2**3 * y), axis=2)


def _length_px(outline: npt.NDArray[Any]) -> float:
    """Longer side of the smallest rectangle around one spot."""
    _, (width, height), _ = cv2.minAreaRect(outline)
    return max(0.0, max(width, height) + 1.0 - _WIDENED_PX)
