"""How large a part is: its outline from above, how it turns into itself, and how high it stands over its frame."""

from __future__ import annotations

import math
from functools import lru_cache

from microcell.description.colours import delta_e
from microcell.description.product import Box, Cylinder, Mark, Part, Screw

_MOST_TURNS = 24
"""Of a round part: finer divisions are not looked for."""

_SAME_RATIO, _SAME_M = 0.25, 0.0003
"""So far beside another, of their smaller size and at most, a mark still looks the same."""

_SAME_DELTA_E = 8.0
"""CIE 1976 difference up to which marks look the same."""


def half_extents(part: Part) -> tuple[float, float]:
    """Half of the outline's size along the part's x and y, m."""
    shape = part.shape
    if isinstance(shape, Box):
        return shape.length_m / 2, shape.width_m / 2
    radius = (shape.head_diameter_m if isinstance(shape, Screw) else shape.diameter_m) / 2
    return radius, radius


def covers(part: Part, at_m: tuple[float, float], bored: bool = True) -> bool:
    """Whether a point, x and y in a part's frame, lies within its outline; in its bore only if that is not `bored`."""
    return seals(part, *at_m, 0.0, bored)


def seals(part: Part, x_m: float, y_m: float, radius_m: float, bored: bool = True) -> bool:
    """Whether a whole circle at a point of the part's frame lies on its top; over its bore only if that is not `bored`."""
    half_x, half_y = half_extents(part)
    if isinstance(part.shape, Box):
        return abs(x_m) + radius_m <= half_x and abs(y_m) + radius_m <= half_y
    from_centre = math.hypot(x_m, y_m)
    bore = part.shape.bore_m / 2 if bored and isinstance(part.shape, Cylinder) else 0.0
    return from_centre + radius_m <= half_x and (bore == 0.0 or from_centre - radius_m >= bore)


def turn_error(part: Part, turn_rad: float) -> float:
    """How far a turned part is from the nearest turn in which its outline is the same, rad."""
    shape = part.shape
    if not isinstance(shape, Box):
        return 0.0
    step = math.pi / 2 if math.isclose(shape.length_m, shape.width_m) else math.pi
    return abs(turn_rad - step * round(turn_rad / step))


@lru_cache(maxsize=256)
def turns_of(part: Part) -> int:
    """In how many turns about its axis a part looks the same from above, by outline and marks; 0 = in every one."""
    counts: tuple[int, ...] = tuple(range(_MOST_TURNS, 0, -1))
    if isinstance(part.shape, Box):
        counts = (4, 2, 1) if math.isclose(part.shape.length_m, part.shape.width_m) else (2, 1)
    elif all(_is_in_the_middle(mark) for mark in part.marks):
        return 0
    return next(count for count in counts if _marks_are_same(part.marks, 2.0 * math.pi / count))


def same_turn(part: Part, turn_rad: float) -> float:
    """A turn as the least one after which the part looks as after it, in [-pi, pi]; 0 where every turn looks the same."""
    count = turns_of(part)
    return math.remainder(turn_rad, 2.0 * math.pi / count) if count else 0.0


def _is_in_the_middle(mark: Mark) -> bool:
    return mark.width_m == 0 and math.hypot(*mark.at_m) <= min(_SAME_M, _SAME_RATIO * mark.length_m)


def _marks_are_same(marks: tuple[Mark, ...], turn_rad: float) -> bool:
    """Whether each mark, turned about the part's axis, comes to lie on one that looks as it does."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    for mark in marks:
        x, y = mark.at_m
        at = (x * cos - y * sin, x * sin + y * cos)
        if not any(_looks_same(mark, other, turn_rad) and _is_near(at, other) for other in marks):
            return False
    return True


def _looks_same(mark: Mark, other: Mark, turn_rad: float) -> bool:
    """Whether a mark that is turned has another one's size and colour."""
    size, other_size = (mark.length_m, mark.width_m), (other.length_m, other.width_m)
    quarters = turn_rad / (math.pi / 2.0)
    if mark.width_m > 0 and round(quarters) % 2:
        size = size[::-1]
    is_square_to_it = mark.width_m == 0 or math.isclose(quarters, round(quarters))
    return is_square_to_it and size == other_size and delta_e(mark.colour_rgb, other.colour_rgb) <= _SAME_DELTA_E


def _is_near(at_m: tuple[float, float], mark: Mark) -> bool:
    return math.dist(at_m, mark.at_m) <= min(_SAME_M, _SAME_RATIO * min(mark.length_m, mark.width_m or mark.length_m))


def top_m(part: Part) -> float:
    """Height of the upper side over the part's frame, m. A screw's head is as high as its grasp says."""
    if isinstance(part.shape, Screw):
        return part.grasp.tcp_in_part.xyz_m[2]
    return part.shape.height_m
