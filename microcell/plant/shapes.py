"""What the physics needs to know of a part's shape: outline, top, symmetry."""

from __future__ import annotations

import math

from microcell.description.product import Box, Part, Screw


def bottom_m(part: Part) -> float:
    """Height of the lowest point over the part's frame, m: 0, and below it for a screw's shaft."""
    return -part.shape.length_m if isinstance(part.shape, Screw) else 0.0


def misalignment(part: Part, turn_rad: float) -> float:
    """How far a box is from square between two fingers, rad with sign; anything round is never off."""
    if not isinstance(part.shape, Box):
        return 0.0
    quarter = math.pi / 2
    return turn_rad - quarter * round(turn_rad / quarter)


def width_between(part: Part, nominal_m: float, turn_rad: float) -> float:
    """Size between two fingers of a part that is turned against its nominal grasp, m."""
    shape = part.shape
    if not isinstance(shape, Box) or round(turn_rad / (math.pi / 2)) % 2 == 0:
        return nominal_m
    length, width = shape.length_m, shape.width_m
    return length if abs(nominal_m - width) <= abs(nominal_m - length) else width
