"""Readings of the checks that say by themselves what to measure: sizes, gaps, spots, parts, texts, heights."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.checks import (
    AlongLine,
    Diameter,
    Dimension,
    Flatness,
    Gap,
    Height,
    MeasuredCheck,
    Patch,
    RightPart,
    Text,
    Toleranced,
)
from microcell.description.extents import half_extents
from microcell.description.product import Part
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.vision.calipers import Point, diameter, edges_on_line, inner_distance, outer_distance
from microcell.vision.colour import lab_of, to_lab
from microcell.vision.depth import Measured, flatness, height_over
from microcell.vision.identify import MIN_LIKENESS_RATIO, SURE_RATIO, likenesses
from microcell.vision.outline import on_marks
from microcell.vision.requests import COLOURLESS, CheckRequest, Reading
from microcell.vision.text import read_text
from microcell.vision.unseen import colour_doubt, unseen_colour
from microcell.vision.view import View

if TYPE_CHECKING:
    import numpy.typing as npt

_LINE_POINTS = 200
"""Along a line, to see what is described on it."""

_PATCH_POINTS = 15
"""Along each side of the square around a spot."""


@dataclass(frozen=True)
class Sight:
    """What a camera gave of a unit: the image, the depth image where there is one, and the camera's name."""

    view: View
    depth_m: npt.NDArray[Any] | None
    where: str


def reading_of(sight: Sight, request: CheckRequest, pose: Pose) -> Reading:
    """Measure one check of an item that is seen at a pose in the cell frame."""
    check = request.measured
    if check is None:
        raise ValueError(f"check '{request.name}': asked for without its options")
    if isinstance(check, Patch):
        return _patch(sight, request, check, pose)
    if isinstance(check, RightPart):
        return _right_part(sight, request, check)
    if isinstance(check, Text):
        return _text(sight, request, check, pose)
    reading = _size_of(sight, request, check, pose)
    return replace(reading, value=reading.value + check.correction_m) if isinstance(check, Toleranced) else reading


def matches(text: str, expected: str, wanted: str | None, pattern: str | None) -> bool:
    """Whether a read text is the one that a check asks for: its own, one of its pattern, else the unit's serial."""
    if pattern is not None and re.fullmatch(pattern, text) is None:
        return False
    if wanted is None and pattern is not None:
        return text != ""
    return text != "" and text == (wanted if wanted is not None else expected)


def matches_code(request: CheckRequest, text: str) -> bool:
    """Whether a code's text is the one that its check asks for."""
    wanted, pattern = (request.code.text, request.code.pattern) if request.code else (None, None)
    return matches(text, request.expected_text, wanted, pattern)


def _size_of(sight: Sight, request: CheckRequest, check: MeasuredCheck, pose: Pose) -> Reading:
    if isinstance(check, AlongLine):
        return _along_line(sight, request, check, pose)
    if isinstance(check, Diameter):
        marked = is_of_marks(request.part, check)
        size = diameter(sight.view, request.part, pose, check.at_m, check.nominal_m, marked)
        return _size(request, size, "no round edge is seen")
    return _depth(sight, request, check, pose)


def _along_line(sight: Sight, request: CheckRequest, check: AlongLine, pose: Pose) -> Reading:
    line, marked = (check.from_m, check.to_m), is_of_marks(request.part, check)
    edges = edges_on_line(sight.view, request.part, pose, line, check.strip_m, marked)
    middle_m = math.dist(check.from_m, check.to_m) / 2.0
    size = outer_distance(edges) if isinstance(check, Dimension) else inner_distance(edges, middle_m)
    return _size(request, size, f"{len(edges)} edges on the line; two are needed")


def is_of_marks(part: Part, check: MeasuredCheck | AlongLine | None) -> bool:
    """Whether a size is that of marks on a part's top, as it is described: edges in one plane."""
    if isinstance(check, Diameter):
        return _is_mark(part, check.at_m, check.nominal_m)
    return isinstance(check, Gap) and _crosses_marks(part, (check.from_m, check.to_m))


def _is_mark(part: Part, at_m: Point, size_m: float) -> bool:
    """Whether a circle is one of a part's round marks, as it is described."""
    near_m = 0.25 * size_m / 2.0  # as far as `diameter` looks
    return any(
        mark.width_m == 0 and math.dist(mark.at_m, at_m) <= near_m and abs(mark.length_m - size_m) <= 2.0 * near_m
        for mark in part.marks
    )


def _crosses_marks(part: Part, line_m: tuple[Point, Point]) -> bool:
    """Whether a line lies on a part's top and crosses at least two edges of its marks."""
    shares = np.linspace(0.0, 1.0, _LINE_POINTS)[:, None]
    points = np.array(line_m[0]) * (1.0 - shares) + np.array(line_m[1]) * shares
    half = np.array(half_extents(part))
    on_top = np.abs(points) < half if part.shape.kind == "box" else np.hypot(*points.T) < half[0]
    return bool(np.all(on_top)) and int(np.count_nonzero(np.diff(on_marks(part, points, 0.0)))) >= 2


def _size(request: CheckRequest, size: tuple[float, float] | None, missing: str) -> Reading:
    if size is None:
        return Reading(request.name, request.kind, math.nan, "m", missing)
    return Reading(request.name, request.kind, size[0], "m", uncertainty=size[1])


def _patch(sight: Sight, request: CheckRequest, check: Patch, pose: Pose) -> Reading:
    steps = np.linspace(-1.0, 1.0, _PATCH_POINTS)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(steps, steps)], axis=1)
    spot = grid[np.hypot(*grid.T) <= 1.0] * check.radius_m + check.at_m
    points = sight.view.on_top(request.part, pose, spot)
    labs = to_lab(sight.view.colours(points))
    off = np.median(labs, axis=0) - lab_of(check.colour_rgb)
    spread = float(np.linalg.norm(np.std(labs, axis=0))) / math.sqrt(len(labs))
    difference, doubt = float(np.linalg.norm(off)), colour_doubt(sight.view, sight.view.raw(points), check.colour_rgb)
    return Reading(request.name, "patch", difference / 100.0, "1", doubt, spread / 100.0, uncertain=doubt != "")


def _right_part(sight: Sight, request: CheckRequest, check: RightPart) -> Reading:
    expected = next((name for name, part in request.parts.items() if part == request.part), "")
    parts = {name: part for name, part in request.parts.items() if not check.among or name in (*check.among, expected)}
    if any(unseen_colour(sight.view, part.colour_rgb) for part in parts.values()):
        return Reading(request.name, "right_part", math.nan, "1", COLOURLESS)
    found = likenesses(sight.view, parts, request.part_in_cell)
    best, *others = found
    if found[best] < MIN_LIKENESS_RATIO:
        return Reading(request.name, "right_part", 0.0, "1", "none of the known parts")
    # Parts that are described alike are the same to a camera.
    near = [name for name in others if found[best] - found[name] < SURE_RATIO]
    alike = [name for name in near if not _looks_alike(parts[name], parts[best])]
    if alike:
        return Reading(request.name, "right_part", math.nan, "1", f"{best} or {alike[0]}")
    right = _looks_alike(parts[best], request.part)
    return Reading(request.name, "right_part", float(right), "1", expected if right else best)


def _looks_alike(a: Part, b: Part) -> bool:
    return (a.shape, a.colour_rgb, a.marks) == (b.shape, b.colour_rgb, b.marks)


def _text(sight: Sight, request: CheckRequest, check: Text, pose: Pose) -> Reading:
    text = read_text(sight.view, request.part, pose, check.at_m, check.size_m)
    right = matches(text, request.expected_text, check.text, check.pattern)
    return Reading(request.name, "text", float(right), "1", text, uncertain=text == "")


def _depth(sight: Sight, request: CheckRequest, check: MeasuredCheck, pose: Pose) -> Reading:
    if sight.depth_m is None:
        detail = f"check '{request.name}' ({request.kind}) needs a depth image; say 'depth: true' of a camera that makes one"
        raise FaultError("INSPECTION_NOT_CONFIGURED", sight.where, detail)
    found: Measured | None
    if isinstance(check, Flatness):
        found = flatness(sight.depth_m, sight.view.optics, request.part, pose, check.at_m, check.size_m)
    elif isinstance(check, Height):
        found = _height(sight.depth_m, sight, request, check, pose)
    else:
        raise ValueError(f"check '{request.name}': {request.kind} is not measured in depth")
    return _size(request, (found.value_m, found.sd_m) if found else None, "too few of its pixels have a depth")


def _height(depth_m: npt.NDArray[Any], sight: Sight, request: CheckRequest, check: Height, pose: Pose) -> Measured | None:
    optics, part = sight.view.optics, request.part
    spot = height_over(depth_m, optics, part, pose, (check.at_m,), check.radius_m)
    if spot is None or not check.over_m:
        return spot
    below = height_over(depth_m, optics, part, pose, check.over_m, check.radius_m)
    return below and Measured(spot.value_m - below.value_m, math.hypot(spot.sd_m, below.sd_m))
