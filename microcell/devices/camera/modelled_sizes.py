"""What the modelled camera reads for the checks that say what to measure: the plan of what truly lies there, from above."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from microcell.description.checks import AlongLine, Diameter, Dimension, Flatness, Height, Patch, RightPart, Text
from microcell.description.colours import delta_e
from microcell.description.extents import covers, half_extents, top_m
from microcell.description.product import Cylinder, Mark, Part
from microcell.geometry import Pose
from microcell.plant.scene import SceneItem
from microcell.vision.error_model import Chances
from microcell.vision.error_sizes import SIZE_ERRORS
from microcell.vision.measuring import is_of_marks, matches
from microcell.vision.requests import CheckRequest, Reading

_STEP_M, _EXACT_M = 0.0002, 0.000001
_SAME_DIAMETER_RATIO = 0.25
"""Of the nominal radius: farther away, no round edge is looked for (vision/calipers.py)."""

Point = tuple[float, float]

Seen: TypeAlias = "tuple[int, Mark | None] | None"
"""Number of a thing, and what is marked on it."""


def true_size(request: CheckRequest, item: SceneItem | None, items: Sequence[SceneItem]) -> Reading:
    """What a perfect measurement would read; NaN where there is nothing to measure."""
    check = request.measured
    pose = item.part_in_cell if item else request.part_in_cell
    if isinstance(check, RightPart):
        return _part(request, item)
    if isinstance(check, Text):
        text = item.content if item else ""
        right = matches(text, request.expected_text, check.text, check.pattern)
        return Reading(request.name, "text", float(right), "1", text, uncertain=text == "")
    if isinstance(check, Patch):
        return Reading(request.name, "patch", _colour_off(request, check, pose, items), "1")
    if isinstance(check, AlongLine):
        value = _along(request, check, pose, items)
    elif isinstance(check, Diameter):
        value = _diameter(check, item)
    elif isinstance(check, Height):
        value = _height(request, check, pose, items)
    else:
        value = 0.0 if isinstance(check, Flatness) and item else math.nan
    return Reading(request.name, request.kind, value, "m")


def drawn_size(request: CheckRequest, truth: Reading, chances: Chances) -> Reading:
    """The reading with the error of its kind, where it has one; sizes of marks have their own."""
    of_marks = is_of_marks(request.part, request.measured)
    error = SIZE_ERRORS.get(f"{truth.feature} of marks" if of_marks else truth.feature)
    if error is None or math.isnan(truth.value):
        return truth
    value = truth.value + error.drawn(chances)
    value = abs(value) if truth.feature in ("flatness", "patch") else value
    return Reading(truth.name, truth.feature, value, truth.unit, truth.text, error.sd)


def _part(request: CheckRequest, item: SceneItem | None) -> Reading:
    if item is None:
        return Reading(request.name, "right_part", 0.0, "1", "none of the known parts")
    right = _looks_alike(item.part, request.part)
    return Reading(request.name, "right_part", float(right), "1", item.part_name)


def _looks_alike(a: Part, b: Part) -> bool:
    return (a.shape, a.colour_rgb, a.marks) == (b.shape, b.colour_rgb, b.marks)


def _along(request: CheckRequest, check: AlongLine, pose: Pose, items: Sequence[SceneItem]) -> float:
    """Where on the line another thing or mark than before is uppermost: the outermost such places, or those about the
    middle.
    """
    length_m = math.dist(check.from_m, check.to_m)

    def seen(at_m: float) -> Seen:
        point = _between(check.from_m, check.to_m, at_m / length_m)
        item = _uppermost(request.part, pose, point, items)
        return (item.item_id, _mark_at(request.part, pose, point, item)) if item else None

    count = max(2, round(length_m / _STEP_M))
    places = [length_m * k / count for k in range(count + 1)]
    ids = [seen(place) for place in places]
    edges = [_boundary(seen, places[k], places[k + 1]) for k in range(count) if ids[k] != ids[k + 1]]
    if isinstance(check, Dimension):
        return edges[-1] - edges[0] if len(edges) > 1 else math.nan
    before, behind = [e for e in edges if e <= length_m / 2], [e for e in edges if e > length_m / 2]
    return behind[0] - before[-1] if before and behind else math.nan


def _boundary(seen: Callable[[float], Seen], low_m: float, high_m: float) -> float:
    """Where between two places another thing begins."""
    first = seen(low_m)
    while high_m - low_m > _EXACT_M:
        middle = (low_m + high_m) / 2.0
        low_m, high_m = (middle, high_m) if seen(middle) == first else (low_m, middle)
    return (low_m + high_m) / 2.0


def _diameter(check: Diameter, item: SceneItem | None) -> float:
    """That of the true part's round edges which is nearest to the nominal one."""
    if item is None:
        return math.nan
    sizes = [mark.length_m for mark in item.part.marks if mark.width_m == 0 and math.dist(mark.at_m, check.at_m) < 1e-4]
    if math.hypot(*check.at_m) < 1e-4 and item.part.shape.kind != "box":
        sizes.append(2.0 * half_extents(item.part)[0])
        sizes += [item.part.shape.bore_m] if isinstance(item.part.shape, Cylinder) and item.part.shape.bore_m else []
    near = [size for size in sizes if abs(size - check.nominal_m) <= _SAME_DIAMETER_RATIO * check.nominal_m]
    return min(near, key=lambda size: abs(size - check.nominal_m)) if near else math.nan


def _height(request: CheckRequest, check: Height, pose: Pose, items: Sequence[SceneItem]) -> float:
    spot = _top(request.part, pose, check.at_m, items)
    over = [_top(request.part, pose, point, items) for point in check.over_m]
    return spot - (math.fsum(over) / len(over) if over else pose.position[2])


def _top(part: Part, pose: Pose, at_m: Point, items: Sequence[SceneItem]) -> float:
    item = _uppermost(part, pose, at_m, items)
    return item.top_m() if item else math.nan


def _colour_off(request: CheckRequest, check: Patch, pose: Pose, items: Sequence[SceneItem]) -> float:
    item = _uppermost(request.part, pose, check.at_m, items)
    if item is None:
        return 1.0
    mark = _mark_at(request.part, pose, check.at_m, item)
    colour = mark.colour_rgb if mark else item.part.colour_rgb
    return delta_e(colour, check.colour_rgb) / 100.0


def _mark_at(part: Part, pose: Pose, at_m: Point, item: SceneItem) -> Mark | None:
    """The uppermost mark that a thing has at a point of a part's top."""
    x, y, _ = item.part_in_cell.inverse().apply(pose.apply((*at_m, top_m(part))))
    marks = [mark for mark in item.part.marks if _inside(x - mark.at_m[0], y - mark.at_m[1], mark.length_m, mark.width_m)]
    return marks[-1] if marks else None


def _inside(x: float, y: float, length_m: float, width_m: float) -> bool:
    if width_m == 0:
        return math.hypot(x, y) <= length_m / 2
    return abs(x) <= length_m / 2 and abs(y) <= width_m / 2


def _uppermost(part: Part, pose: Pose, at_m: Point, items: Sequence[SceneItem]) -> SceneItem | None:
    """The thing that is seen at a point of a part's top."""
    point = pose.apply((*at_m, top_m(part)))
    there = []
    for item in items:
        x, y, _ = item.part_in_cell.inverse().apply(point)
        if covers(item.part, (x, y)):
            there.append(item)
    return max(there, key=lambda item: item.top_m()) if there else None


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
