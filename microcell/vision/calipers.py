"""Sizes by edges to a fraction of a pixel: along a line across a part, and around a circle on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.colour import to_linear
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

Point = tuple[float, float]

MIN_STEP_LEVELS = 12.0
"""Rise of the brightness or of a channel, over an edge's width, that is taken for an edge."""

MIN_STEP_RATIO = 0.25
"""Weaker edges than this share of the strongest one on the line are texture."""

_STEP_PX = 0.25
_SMOOTH_PX = 1.0
_WINDOW_PX = 2.5
"""Around the edge of the averaged strip, where each single line's edge is looked for."""

_FLOOR_PX = 0.08
"""Least standard deviation of an edge: what pixels and interpolation leave (bench/vision_checks.py)."""

_FEWEST = 32
"""Places along a line, at the least: 8 px."""

_LINES_SHARING = 2.0
"""Neighbouring lines share pixels: so many count as one."""


@dataclass(frozen=True)
class Edge:
    """An edge on a line: its place from the line's beginning, its standard deviation, m, and how strong it is."""

    at_m: float
    sd_m: float
    levels: float


def edges_on_line(
    view: View, part: Part, pose: Pose, line_m: tuple[Point, Point], strip_m: float, marked: bool = False
) -> tuple[Edge, ...]:
    """All edges on a line in a part's frame, on its top, one after the other; none of them nearer than 3 px to its ends.

    `marked`: they are those of marks on the top, which lie in the middle of the change of light (`_in_light`).
    """
    (start, end), scale = (np.array(point) for point in line_m), view.scale_px_m(part, pose)
    length_m = float(np.linalg.norm(end - start))
    along = (end - start) / max(length_m, 1e-9)
    across = np.array([-along[1], along[0]])
    places = np.arange(0.0, length_m * scale + _STEP_PX / 2, _STEP_PX) / scale
    lines = max(1, round(strip_m * scale))
    sideways = (np.arange(lines) - (lines - 1) / 2.0) / scale
    points = start + places[None, :, None] * along + sideways[:, None, None] * across
    samples = _samples(view, part, pose, points, marked)
    if samples is None or samples.shape[1] < _FEWEST:
        return ()
    slopes = _slopes(samples)
    strip = _slopes(samples.mean(axis=0, keepdims=True))[0]
    return tuple(_edge(slopes, strip, peak, scale) for peak in _peaks(strip))


def outer_distance(edges: tuple[Edge, ...]) -> tuple[float, float] | None:
    """Distance of the first edge from the last, and its standard deviation, m."""
    if len(edges) < 2:
        return None
    return edges[-1].at_m - edges[0].at_m, math.hypot(edges[0].sd_m, edges[-1].sd_m)


def inner_distance(edges: tuple[Edge, ...], middle_m: float) -> tuple[float, float] | None:
    """Distance of the last edge before a place from the first one behind it, and its standard deviation, m."""
    before = [edge for edge in edges if edge.at_m <= middle_m]
    behind = [edge for edge in edges if edge.at_m > middle_m]
    if not before or not behind:
        return None
    return behind[0].at_m - before[-1].at_m, math.hypot(behind[0].sd_m, before[-1].sd_m)


def diameter(
    view: View, part: Part, pose: Pose, centre_m: Point, nominal_m: float, marked: bool = False
) -> tuple[float, float] | None:
    """Diameter of the round edge that is strongest within a quarter of the nominal radius, and its standard deviation, m.

    None where less than half of the circle has an edge. `marked`: it is that of a mark on the top, as with `edges_on_line`.
    """
    scale, radius = view.scale_px_m(part, pose), nominal_m / 2.0
    window = max(0.25 * radius, 4.0 / scale)
    places = np.arange(max(radius - window, 1.0 / scale), radius + window, _STEP_PX / scale)
    rays = int(np.clip(2.0 * math.pi * radius * scale / 2.0, 48, 144))
    angle = np.linspace(0.0, 2.0 * math.pi, rays, endpoint=False)
    outwards = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    points = np.array(centre_m) + outwards[:, None] * places[None, :, None]
    samples = _samples(view, part, pose, points, marked)
    if samples is None or samples.shape[1] < _FEWEST:
        return None
    slopes = _slopes(samples)
    strongest = _peaks(np.median(slopes, axis=0))
    if not strongest:
        return None
    peak = max(strongest, key=lambda k: float(np.median(slopes[:, k])))
    reach = slice(max(0, peak - round(0.1 * len(places)) - 6), peak + round(0.1 * len(places)) + 7)
    found = np.argmax(slopes[:, reach], axis=1) + reach.start
    radii, seen = _centroids(slopes, found, places)
    if np.count_nonzero(seen) < rays / 2:
        return None
    return _circle(radii[seen], outwards[seen], scale)


def _samples(view: View, part: Part, pose: Pose, points_m: Floats, marked: bool) -> Floats | None:
    """(lines, places, 3) pixels at points of a part's top; None where one lies out of the image: its border is no edge."""
    pixels = view.on_top(part, pose, points_m.reshape(-1, 2)).reshape(*points_m.shape)
    if not view.inside(pixels).all():
        return None
    return _in_light(view.raw(pixels)) if marked else view.raw(pixels)


def _in_light(samples: Floats) -> Floats:
    """Pixels in proportion to their light, with as many levels between the darkest and the brightest as before.

    A lens blurs light, and not levels: between a dark and a bright surface in one plane, the edge in encoded levels lies up
    to 0.8 px within the dark one. Where a part ends, it has slanted, darker sides, and levels come nearer to it.
    """
    light = to_linear(samples)
    return light * (float(np.ptp(samples)) / max(float(np.ptp(light)), 1e-9))


def _circle(radii: Floats, outwards: Floats, scale: float) -> tuple[float, float] | None:
    """Diameter by a circle through edge points whose middle is nearly known, without those that lie off it."""
    columns = np.column_stack((np.ones(len(radii)), outwards))
    kept = np.ones(len(radii), bool)
    solution = np.zeros(3)
    for _ in range(4):
        solution = np.linalg.lstsq(columns[kept], radii[kept], rcond=None)[0]
        rest = np.abs(radii - columns @ solution)
        kept = rest <= 3.0 * max(1.4826 * float(np.median(rest)), 0.02 / scale)
    if np.count_nonzero(kept) < len(radii) / 3:
        return None
    spread = float(np.std((radii - columns @ solution)[kept]))
    sd = math.hypot(2.0 * spread * math.sqrt(_LINES_SHARING / np.count_nonzero(kept)), _FLOOR_PX / scale)
    return 2.0 * float(solution[0]), sd


def _slopes(samples: Floats) -> Floats:
    """(lines, places, 3) samples to how much they change around each place, (lines, places): levels over an edge's width."""
    smooth = cv2.GaussianBlur(
        np.ascontiguousarray(samples.transpose(1, 0, 2).reshape(samples.shape[1], -1), np.float32),
        (1, 2 * round(3 * _SMOOTH_PX / _STEP_PX) + 1), sigmaX=1.0, sigmaY=_SMOOTH_PX / _STEP_PX,
        borderType=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    change = np.gradient(smooth, axis=0).reshape(samples.shape[1], samples.shape[0], 3).transpose(1, 0, 2)
    slopes: Floats = np.linalg.norm(change, axis=2) * math.sqrt(2.0 * math.pi) * _SMOOTH_PX / _STEP_PX
    return slopes


def _peaks(strip: Floats) -> list[int]:
    """Indices of the edges of an averaged strip, in order."""
    margin = round(3.0 / _STEP_PX)
    inner = strip[margin : len(strip) - margin]
    if len(inner) < 3:
        return []
    limit = max(MIN_STEP_LEVELS, MIN_STEP_RATIO * float(inner.max()))
    top = (strip[1:-1] >= strip[:-2]) & (strip[1:-1] > strip[2:]) & (strip[1:-1] >= limit)
    found = [int(k) + 1 for k in np.nonzero(top)[0] if margin <= k + 1 < len(strip) - margin]
    kept: list[int] = []
    for peak in found:
        if kept and peak - kept[-1] < 2.0 / _STEP_PX:
            kept[-1] = max(kept[-1], peak, key=lambda k: float(strip[k]))
        else:
            kept.append(peak)
    return kept


def _edge(slopes: Floats, strip: Floats, peak: int, scale: float) -> Edge:
    """The place of an edge: the mean over the strip's lines, without those that lie off."""
    places = np.arange(slopes.shape[1]) * (_STEP_PX / scale)
    at, seen = _centroids(slopes, np.full(len(slopes), peak, np.intp), places)
    if np.count_nonzero(seen) < max(1, len(slopes) // 2):
        at, seen = _centroids(strip[None], np.array([peak]), places)
    middle = float(np.median(at[seen])) if seen.any() else float(places[peak])
    near = seen & (np.abs(at - middle) <= 3.0 * max(1.4826 * float(np.median(np.abs(at[seen] - middle))), 0.02 / scale))
    count = max(1, int(np.count_nonzero(near)))
    spread = float(np.std(at[near])) if count > 2 else 0.2 / scale
    sd = math.hypot(spread * math.sqrt(_LINES_SHARING / count), _FLOOR_PX / scale)
    return Edge(float(np.mean(at[near])) if near.any() else middle, sd, float(strip[peak]))


def _centroids(slopes: Floats, peaks: npt.NDArray[np.intp], places: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Where each line's edge near its peak lies, by the weighted mean of its slope, and whether it has one there."""
    reach = round(_WINDOW_PX / _STEP_PX)
    index = peaks[:, None] + np.arange(-reach, reach + 1)
    inside = (index >= 0) & (index < slopes.shape[1])
    index = np.clip(index, 0, slopes.shape[1] - 1)
    weight = np.take_along_axis(slopes, index, axis=1) * inside
    weight = np.clip(weight - 0.3 * weight.max(axis=1, keepdims=True), 0.0, None) ** 2
    total = weight.sum(axis=1)
    at = (weight * places[index]).sum(axis=1) / np.maximum(total, 1e-9)
    return at, np.take_along_axis(slopes, peaks[:, None], axis=1)[:, 0] >= MIN_STEP_LEVELS / 2.0
