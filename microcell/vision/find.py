"""Find a part near its nominal pose: roughly by its colour, then to a fraction of a pixel by its edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.colours import Rgb, delta_e
from microcell.description.extents import half_extents, top_m
from microcell.description.product import Part
from microcell.geometry import Pose, from_rpy, multiply
from microcell.vision.colour import lab_of
from microcell.vision.outline import area_m2, contour, face, reach_m, turns_rad
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Image = npt.NDArray[np.uint8]
    _Mask = Callable[[Image], Image]

OWN_COLOUR_LAB = (20.0, 14.0, 14.0)
"""Largest difference in L*, a* and b* of what is taken for the part's own colour."""

BACKGROUND_LAB = (10.0, 8.0, 8.0)
"""Largest difference in L*, a* and b* of what is taken for the background."""

AREA_RATIO = (0.6, 1.4)
"""Smallest and largest area, of the part's own, of a spot that is taken for the part."""

_FAR_DELTA_E = 30.0
"""A ground that differs by so much from a part is not within these tolerances of it."""

MIN_EDGES_RATIO = 0.4
"""Share of the outline that must be seen for a position to be told."""

_ENOUGH_PX = 40
"""Half a part's size in the image from which a coarser look finds it as well."""

_FLOOR_PX = 0.2
"""Least standard deviation of a place: what pixels, dark sides and the lens leave (0.10 to 0.17 on rendered parts)."""

_EDGE_LEVELS = 12.0
_RAYS = 96
_STEP_PX = 0.5
_FIRST_RATIO = 0.2
"""How far around the outline the edge is looked for at first, of the smaller half size: so far off is the middle of what is
seen where a fifth of a part is hidden.
"""

_FIRST_PX = 6.0
_LAST_PX = 3.0
"""Where a part is small in the image, it is at first so far, and at last always so."""

_STEPS = 12
"""At the least as many on either side of the outline."""


@dataclass(frozen=True)
class Found:
    """A part's pose in the cell frame (height and tilt are the nominal ones) and how well its edges fit.

    `sd_m` is the standard error of the position: as the scatter of the edges tells it, and what all of them have in common.
    """

    part_in_cell: Pose
    offset_m: float
    sd_m: float


def find(view: View, part: Part, nominal: Pose, search_radius_m: float, ground_rgb: Rgb | None = None) -> Found | None:
    """Find the nearest spot of the part's colour and size, and fit the part's outline to its edges.

    The turn about z is fitted for boxes alone, within the outline's symmetry; None where nothing fits. `ground_rgb` is the
    described colour of what lies beneath, without it the background's: what is nearer to that is none of the part.
    """
    own, ground = part.colour_rgb, ground_rgb or view.background_rgb
    return _fitted(view, part, nominal, search_radius_m, lambda pixels: _own_colour(pixels, own, ground))


def find_of_any_colour(view: View, part: Part, nominal: Pose, search_radius_m: float) -> Found | None:
    """As `find`, but the nearest spot of the part's size that stands out from the background, whatever its colour."""
    return _fitted(
        view, part, nominal, search_radius_m, lambda pixels: 255 - _near_colour(pixels, view.background_rgb, BACKGROUND_LAB)
    )


def fit(view: View, part: Part, nominal: Pose, rough: Pose) -> Found | None:
    """Fit the part's outline to the edges around a rough pose, whatever its colour; None without edges."""
    pose, sd_m = rough, 0.0
    for window_px in _windows_px(view, part, rough):
        fitted = _fit_outline(view, part, pose, window_px)
        if fitted is not None:
            pose, sd_m = fitted
        elif window_px <= _FIRST_PX:  # a wider one may begin on what lies on the part, where narrower ones do not
            return None
    return Found(pose, math.dist(pose.position[:2], nominal.position[:2]), sd_m)


def _windows_px(view: View, part: Part, pose: Pose) -> list[float]:
    """How far around the outline the edge is looked for, one pass after the other: each time a third as far."""
    windows = [max(_FIRST_PX, _FIRST_RATIO * min(half_extents(part)) * view.scale_px_m(part, pose))]
    while windows[-1] > _LAST_PX:
        windows.append(max(_LAST_PX, windows[-1] / 3.0))
    return windows


def turned(pose: Pose, angle_rad: float) -> Pose:
    """The pose turned about the outer z axis, at its place."""
    return Pose(pose.position, multiply(from_rpy(0.0, 0.0, angle_rad), pose.orientation))


def _fitted(view: View, part: Part, nominal: Pose, search_radius_m: float, mask: _Mask) -> Found | None:
    rough = _nearest_spot(view, part, nominal, search_radius_m, mask)
    found = fit(view, part, nominal, rough) if rough else None
    return found if found and found.offset_m <= search_radius_m else None


def _nearest_spot(view: View, part: Part, nominal: Pose, search_radius_m: float, mask: _Mask) -> Pose | None:
    scale = view.scale_px_m(part, nominal)
    centre = view.on_top(part, nominal, np.zeros((1, 2)))[0]
    stride = max(1, int(min(half_extents(part)) * scale / _ENOUGH_PX))
    region = view.region(centre, (search_radius_m + 1.1 * reach_m(part)) * scale, stride)
    if region is None:
        return None
    outlines, nesting = cv2.findContours(mask(region.pixels), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    smallest, largest = (ratio * area_m2(part) * (scale / stride) ** 2 for ratio in AREA_RATIO)
    found: list[tuple[float, Pose]] = []
    for number, outline in enumerate(outlines):
        # A spot may lie within a ring of its colour, such as the bench around a plate; the edges of holes are no spots.
        if nesting[0][number][3] >= 0 or not smallest <= cv2.contourArea(outline) <= largest:
            continue
        pose = _roughly(view, part, nominal, outline * stride + np.array(region.corner_px))
        found.append((math.dist(pose.position[:2], nominal.position[:2]), pose))
    near = [candidate for candidate in found if candidate[0] <= search_radius_m + 2.0 * stride / scale]
    return min(near, key=lambda candidate: candidate[0])[1] if near else None


def _near_colour(pixels: Image, rgb: tuple[int, int, int], tolerance_lab: tuple[float, float, float]) -> Image:
    """255 where a region has a colour within a tolerance in L*, a* and b*."""
    # OpenCV's 8-bit Lab is L* x 2.55, a* + 128, b* + 128.
    middle = lab_of(rgb) * (2.55, 1.0, 1.0) + (0.0, 128.0, 128.0)
    width = np.array(tolerance_lab) * (2.55, 1.0, 1.0)
    lab = cv2.cvtColor(cv2.blur(pixels, (3, 3)), cv2.COLOR_RGB2Lab)
    low, high = (np.clip(np.round(limit), 0, 255) for limit in (middle - width, middle + width))
    mask: Image = cv2.inRange(lab, low, high)
    return mask


def _own_colour(pixels: Image, own_rgb: Rgb, ground_rgb: Rgb) -> Image:
    """255 where a region has a part's own colour, and not rather that of its ground."""
    mask = _near_colour(pixels, own_rgb, OWN_COLOUR_LAB)
    if delta_e(own_rgb, ground_rgb) > _FAR_DELTA_E:
        return mask
    own, ground = lab_of(own_rgb), lab_of(ground_rgb)
    towards_own = (own - ground) / (2.55, 1.0, 1.0)  # OpenCV's 8-bit Lab, see `_near_colour`
    middle = (own + ground) / 2.0 * (2.55, 1.0, 1.0) + (0.0, 128.0, 128.0)
    lab = cv2.cvtColor(cv2.blur(pixels, (3, 3)), cv2.COLOR_RGB2Lab).astype(np.float32)
    mask[lab @ towards_own <= towards_own @ middle] = 0
    return mask


def _roughly(view: View, part: Part, nominal: Pose, outline_px: npt.NDArray[Any]) -> Pose:
    """The nominal pose moved, and a box turned, onto a spot in the image."""
    moments = cv2.moments(outline_px.astype(np.float32))
    middle = (moments["m10"] / moments["m00"], moments["m01"] / moments["m00"])
    height = nominal.position[2] + top_m(part)
    x, y = view.optics.unproject(middle, height)
    pose = Pose((x, y, nominal.position[2]), nominal.orientation)
    symmetry = turns_rad(part)
    if symmetry is None:
        return pose
    corners = cv2.boxPoints(cv2.minAreaRect(outline_px.astype(np.float32)))
    cell = [view.optics.unproject((float(u), float(v)), height) for u, v in corners[:3]]
    longer = max(pairwise(cell), key=lambda side: math.dist(*side))
    angle = math.atan2(longer[1][1] - longer[0][1], longer[1][0] - longer[0][0])
    if part.shape.kind == "box" and part.shape.length_m < part.shape.width_m:
        angle += math.pi / 2
    return turned(pose, math.remainder(angle - nominal.yaw, symmetry))


def _fit_outline(view: View, part: Part, pose: Pose, window_px: float) -> tuple[Pose, float] | None:
    """Move the part onto the edges within `window_px` of its outline; its pose and the standard error, m."""
    scale = view.scale_px_m(part, pose)
    points, normals = contour(part, _RAYS)
    across, seen = edges_px(view, part, pose, (points, normals), window_px)
    if np.count_nonzero(seen) < MIN_EDGES_RATIO * len(points):
        return None
    columns = [normals]
    if turns_rad(part) is not None:
        columns.append(points[:, :1] * normals[:, 1:] - points[:, 1:] * normals[:, :1])
    # A common growth of the outline takes up what blur and dark edges do on all sides alike.
    columns.append(np.ones((len(points), 1)))
    move, rest, kept = _least_squares(np.hstack(columns)[seen], across[seen] / scale)
    x, y, _ = pose.apply((move[0], move[1], 0.0))
    moved = Pose((x, y, pose.position[2]), pose.orientation)
    sd_m = math.hypot(float(np.std(rest)) * math.sqrt(2.0 / kept), _FLOOR_PX / scale)
    return (turned(moved, move[2]) if turns_rad(part) is not None else moved), sd_m


def edges_px(
    view: View, part: Part, pose: Pose, outline: tuple[Floats, Floats], window_px: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """For each point of the outline the distance outwards to its edge, px, and whether an edge is seen.

    The edge is where the part's own colour, as it is seen on its face, ends.
    """
    points, normals = outline
    step_px = max(_STEP_PX, window_px / _STEPS)
    steps = np.arange(-window_px, window_px + step_px / 2, step_px)
    along = points[:, None] + normals[:, None] * (steps / view.scale_px_m(part, pose))[None, :, None]
    pixels = view.on_top(part, pose, along.reshape(-1, 2)).reshape(*along.shape)
    own = view.typical(view.on_top(part, pose, face(part)))
    # What is not in the image is no edge: it counts as the part's own colour.
    distance = np.where(view.inside(pixels), np.linalg.norm(view.raw(pixels) - own, axis=2), 0.0)
    limit = 0.5 * max(float(np.median(distance.max(axis=1))), 2 * _EDGE_LEVELS)
    outside = distance > limit
    first = np.argmax(outside, axis=1)
    seen = (first > 1) & outside.any(axis=1)
    row, first = np.arange(len(points)), np.maximum(first, 1)
    before, after = distance[row, first - 1], distance[row, first]
    share = (limit - before) / np.maximum(after - before, 1e-6)
    return steps[first - 1] + np.clip(share, 0.0, 1.0) * step_px, seen


def _least_squares(rows: Floats, values: Floats) -> tuple[Floats, Floats, int]:
    """Solution, residuals and number of the rows that were kept, after dropping outliers twice."""
    kept = np.ones(len(values), bool)
    solution: Floats = np.zeros(rows.shape[1])
    for _ in range(3):
        solution = np.linalg.lstsq(rows[kept], values[kept], rcond=None)[0]
        rest = np.abs(values - rows @ solution)
        kept = rest <= max(3.0 * 1.48 * float(np.median(rest)), 1e-9)
    return solution, (values - rows @ solution)[kept], int(np.count_nonzero(kept))
