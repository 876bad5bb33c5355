"""How large a part is: its outline from above, how it turns into itself, and how high it stands over its frame."""

from __future__ import annotations

import math

from microcell.description.product import Box, Part, Screw


def half_extents(part: Part) -> tuple[float, float]:
    """Half of the outline's size along the part's x and y, m."""
    shape = part.shape
    if isinstance(shape, Box):
        return shape.length_m / 2, shape.width_m / 2
    radius = (shape.head_diameter_m if isinstance(shape, Screw) else shape.diameter_m) / 2
    return radius, radius


def turn_error(part: Part, turn_rad: float) -> float:
    """How far a turned part is from the nearest turn in which its outline is the same, rad."""
    shape = part.shape
    if not isinstance(shape, Box):
        return 0.0
    step = math.pi / 2 if math.isclose(shape.length_m, shape.width_m) else math.pi
    return abs(turn_rad - step * round(turn_rad / step))


def top_m(part: Part) -> float:
    """Height of the upper side over the part's frame, m. A screw's head is as high as its grasp says."""
    if isinstance(part.shape, Screw):
        return part.grasp.tcp_in_part.xyz_m[2]
    return part.shape.height_m
