"""Rules of grasps and sites by their geometry: fingers come down beside what they take, parts come to lie over the seat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product as every_pair

from microcell.description.extents import half_extents
from microcell.description.product import Box, Grasp, Part, Screw
from microcell.description.rules_context import Context, rule
from microcell.description.rules_product import item_part, used_parts
from microcell.description.source import Where
from microcell.description.tool import OPENING_MARGIN_M
from microcell.errors import Issue
from microcell.geometry import Pose, Vector, rotate

FINGER_M = (0.0005, 0.003, 0.006)
"""Where fingers are looked at, from their inner face outwards."""
UP_M = (0.001, 0.003, 0.006, 0.012, 0.024, 0.048)
"""The same from the TCP upwards."""
SAME_M = 1e-4
"""Sizes that differ by so little are the same, and what is so little in another touches it."""


@rule("product.parts", "product.bill_of_materials", "product.variants")
def rule_fingers_go_around_parts(context: Context) -> Iterator[Issue]:
    """What fingers take is as wide between them as its grasp says: not wider than the part, and they come down beside it."""
    for name, part in used_parts(context).items():
        grasp = part.grasp
        if grasp.capability != "grip":
            continue
        where: Where = ("parts", name, "grasp", "width_m")
        widest_m = _width_m(part, grasp)
        if grasp.width_m > widest_m + SAME_M:
            remedy = f"along the fingers' x axis it measures {widest_m:.3g}. Correct the width, or turn the grasp."
            yield context.issue("product", where, f"wider than the part ({grasp.width_m:g})", remedy)
        elif _hits(grasp, part, Pose()):
            remedy = f"along the fingers' x axis it measures {widest_m:.3g}. Correct the width, or turn the grasp."
            yield context.issue("product", where, f"{_opened(grasp)} come down on the part ({grasp.width_m:g})", remedy)


@rule("product.parts", "product.bill_of_materials", "product.variants", "product.sites", "product.unit_grasp")
def rule_fingers_go_around_units(context: Context) -> Iterator[Issue]:
    """Fingers that take a finished unit come down on none of its parts, in no variant."""
    grasp = context.product.unit_grasp
    if grasp is None or grasp.capability != "grip":
        return
    for site_name, site in context.product.sites.items():
        for variant in context.product.variants:
            part = item_part(context, site.item, variant)
            if part is not None and not isinstance(part.shape, Screw) and _hits(grasp, part, site.part_in_unit.pose):
                what = f"{_opened(grasp)} come down on what is at '{site_name}' ({grasp.width_m:g})"
                remedy = "the width is that of the whole unit between them. Correct it, or take the unit elsewhere."
                yield context.issue("product", ("unit_grasp", "width_m"), what, remedy)
                return


@rule("product.parts", "product.bill_of_materials", "product.variants", "product.sites")
def rule_sites_lie_over_the_seat(context: Context) -> Iterator[Issue]:
    """No part of a unit that stands upright reaches below the seat that the unit stands on."""
    product = context.product
    for name, site in product.sites.items():
        pose = site.part_in_unit.pose
        if rotate(pose.orientation, (0.0, 0.0, 1.0))[2] < 0.0:
            continue  # it is put there when the unit is upside down
        parts = (item_part(context, site.item, variant) for variant in product.variants)
        lowest_m = min((_lowest_m(part, pose) for part in parts if part is not None), default=0.0)
        if lowest_m < -SAME_M:
            what = f"'{site.item}' would reach {-lowest_m:.3g} m below the unit's seat"
            remedy = "the unit stands on z = 0 of its own frame. Correct the place."
            yield context.issue("product", ("sites", name, "part_in_unit"), what, remedy)


def _opened(grasp: Grasp) -> str:
    return f"fingers that open to {grasp.width_m + OPENING_MARGIN_M:.3g}"


def _hits(grasp: Grasp, part: Part, part_in_frame: Pose) -> bool:
    """Whether fingers that are open around a grasp are inside a part; the grasp and the part are in the same frame."""
    tcp_in_part = part_in_frame.inverse() @ grasp.tcp_in_part.pose
    inner_m = (grasp.width_m + OPENING_MARGIN_M) / 2
    return any(
        _is_in(part, tcp_in_part.apply((side * (inner_m + out_m), 0.0, -up_m)))
        for side, out_m, up_m in every_pair((-1.0, 1.0), FINGER_M, UP_M)
    )


def _is_in(part: Part, point: Vector) -> bool:
    x, y, z = point
    half_x, half_y = half_extents(part)
    if not SAME_M < z < _height_m(part) - SAME_M:
        return False
    if isinstance(part.shape, Box):
        return abs(x) < half_x - SAME_M and abs(y) < half_y - SAME_M
    return math.hypot(x, y) < half_x - SAME_M


def _width_m(part: Part, grasp: Grasp) -> float:
    """Size of a part along the axis that fingers close on it, m."""
    x, y, z = rotate(grasp.tcp_in_part.pose.orientation, (1.0, 0.0, 0.0))
    half_x, half_y = half_extents(part)
    flat_m = abs(x) * half_x + abs(y) * half_y if isinstance(part.shape, Box) else math.hypot(x, y) * half_x
    return 2.0 * flat_m + abs(z) * _height_m(part)


def _height_m(part: Part) -> float:
    return part.shape.length_m if isinstance(part.shape, Screw) else part.shape.height_m


def _lowest_m(part: Part, pose: Pose) -> float:
    """Height of a part's lowest point in the frame of its pose, m; of a screw that of the underside of its head."""
    x, y, z = (rotate(pose.orientation, axis)[2] for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    half_x, half_y = half_extents(part)
    flat_m = abs(x) * half_x + abs(y) * half_y if isinstance(part.shape, Box) else math.hypot(x, y) * half_x
    height_m = 0.0 if isinstance(part.shape, Screw) else part.shape.height_m
    return pose.position[2] - flat_m + min(0.0, z * height_m)
