"""Rules of grasps and sites by their geometry: fingers come down beside what they take, parts come to lie over the seat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product as every_pair

from microcell.description.cell import FeederSpec, FixtureSpec
from microcell.description.extents import half_extents, seals, top_m
from microcell.description.product import Box, Grasp, Part, Screw
from microcell.description.rules_cell import UPWARDS
from microcell.description.rules_context import Context, rule
from microcell.description.rules_line import ready_tools
from microcell.description.rules_product import CARTON_NEEDS, carton_of, item_part, used_parts
from microcell.description.source import Where
from microcell.description.tool import OPENING_MARGIN_M, GripperTool, VacuumTool
from microcell.errors import Issue
from microcell.geometry import Pose, Vector, rotate

FINGER_M = (0.0005, 0.003, 0.006)
"""Where fingers are looked at, from their inner face outwards."""
UP_M = (0.001, 0.003, 0.006, 0.012, 0.024, 0.048)
"""The same from the TCP upwards."""
LEVEL = 0.99
"""Against this z of its z axis a tool comes from straight above."""
CUP_OFF_M = 0.001
"""So far from a part's top the mouth of a cup may be."""
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
        remedy = f"along the fingers' x axis it measures {widest_m:.3g}. Correct the width, or turn the grasp."
        if grasp.width_m > widest_m + SAME_M:
            yield context.issue("product", where, f"wider than the part ({grasp.width_m:g})", remedy)
        elif _hits(grasp, part, Pose(), _widest_m(grasp)):
            what = f"{_opened(_widest_m(grasp))} come down on the part ({grasp.width_m:g})"
            yield context.issue("product", where, what, remedy)


@rule("product.parts", "product.bill_of_materials", "product.variants", "product.sites", "product.unit_grasp")
def rule_fingers_go_around_units(context: Context) -> Iterator[Issue]:
    """Fingers that take a finished unit come down on none of its parts, in no variant."""
    grasp = context.product.unit_grasp
    if grasp is None or grasp.capability != "grip":
        return
    for site_name, site in context.product.sites.items():
        for variant in context.product.variants:
            part = item_part(context, site.item, variant)
            if part is not None and _hits(grasp, part, site.part_in_unit.pose, _widest_m(grasp)):
                what = f"{_opened(_widest_m(grasp))} come down on what is at '{site_name}' ({grasp.width_m:g})"
                remedy = "the width is that of the whole unit between them. Correct it, or take the unit elsewhere."
                yield context.issue("product", ("unit_grasp", "width_m"), what, remedy)
                return


@rule("line", "cell.devices", "tools", "product.unit_grasp", *CARTON_NEEDS)
def rule_fingers_go_between_packed_units(context: Context) -> Iterator[Issue]:
    """Fingers that put a unit into its place of a carton come down on none of the units that are packed before it."""
    grasp, layout = context.product.unit_grasp, carton_of(context)
    if grasp is None or grasp.capability != "grip" or layout is None or not (openings_m := _openings_m(context, grasp)):
        return
    asked: set[tuple[float, ...]] = set()
    for number, place in enumerate(layout.places, 1):
        for before in layout.places[: number - 1]:
            beside = place.inverse() @ before
            look = tuple(round(value, 6) for value in (*beside.position, *beside.orientation))
            if look not in asked and all(_hits_unit(context, grasp, beside, opening_m) for opening_m in openings_m):
                key = "pitch_m" if context.product.packing.pitch_m is not None else "room_m"
                where: Where = ("packing", key) if key in context.product.packing.model_fields_set else ("packing",)
                what = f"{_opened(min(openings_m))} come down on a unit beside place {number}"
                remedy = f"each unit needs room for the fingers ({key}). Put the places further apart."
                yield context.issue("product", where, what, remedy)
                return
            asked.add(look)


@rule("line", "cell.devices", "tools", "product.parts")
def rule_fingers_go_between_parts_of_a_tray(context: Context) -> Iterator[Issue]:
    """The parts on a tray are apart, and fingers come down beside the part that they take and on none of its neighbours."""
    feeders: dict[str, FeederSpec] = context.cell.of_kind("feeder")
    for name, setup in context.line.feeders.items():
        feeder, part = feeders.get(name), context.product.parts.get(setup.part)
        if feeder is None or part is None or feeder.style != "tray" or feeder.columns * feeder.rows < 2:
            continue
        steps = [(c, r) for c, r in ((1, 0), (0, 1), (1, 1), (1, -1)) if c < feeder.columns and abs(r) < feeder.rows]
        beside = [Pose((side * c * feeder.pitch_m, side * r * feeder.pitch_m, 0.0)) for c, r in steps for side in (1, -1)]
        narrowest_m = 2.0 * min(half_extents(part))
        where = ("devices", name, "pitch_m")
        if feeder.pitch_m < narrowest_m - SAME_M:
            remedy = f"a '{setup.part}' is {narrowest_m:.3g} wide at least. Put its places further apart."
            yield context.issue("cell", where, f"the parts would lie on each other ({feeder.pitch_m:g})", remedy)
            continue
        openings_m = _openings_m(context, part.grasp) if part.grasp.capability == "grip" else []
        if openings_m and all(any(_hits(part.grasp, part, pose, opening_m) for pose in beside) for opening_m in openings_m):
            what = f"{_opened(min(openings_m))} come down on the part beside ({feeder.pitch_m:g})"
            yield context.issue("cell", where, what, "fingers need room between the parts. Put the places further apart.")


@rule("product.parts", "product.bill_of_materials", "product.variants")
def rule_fingers_close_on_parts(context: Context) -> Iterator[Issue]:
    """The TCP of what fingers take from above is between the part's underside and its top."""
    for name, part in used_parts(context).items():
        z_m = part.grasp.tcp_in_part.xyz_m[2]
        if part.grasp.capability == "grip" and _is_from_above(part.grasp) and not 0.0 <= z_m <= top_m(part):
            what = f"the fingers would close {'over' if z_m > 0.0 else 'under'} the part ({z_m:g})"
            remedy = f"the TCP is between its underside and its top at {top_m(part):g}. Correct the grasp."
            yield context.issue("product", ("parts", name, "grasp", "tcp_in_part"), what, remedy)


@rule("line", "cell.devices", "tools", "product.parts", "product.bill_of_materials", "product.variants")
def rule_cups_seal_on_parts(context: Context) -> Iterator[Issue]:
    """A cup that takes a part from above meets its top, and some cup of the cell lies on it with its whole lip."""
    radii_m = [tool.cup_diameter_m / 2 for tool in ready_tools(context).values() if isinstance(tool, VacuumTool)]
    for name, part in used_parts(context).items():
        if part.grasp.capability != "suction" or not _is_from_above(part.grasp) or not radii_m:
            continue
        where: Where = ("parts", name, "grasp", "tcp_in_part")
        x, y, z = part.grasp.tcp_in_part.xyz_m
        if abs(z - top_m(part)) > CUP_OFF_M:
            remedy = f"its top is at z = {top_m(part):g}. Correct the grasp."
            yield context.issue("product", where, f"the cup would not meet the part's top ({z:g})", remedy)
        elif not seals(part, x, y, min(radii_m)):
            what = f"a cup {2e3 * min(radii_m):g} mm wide would not lie on the part with its whole lip ({x:g}, {y:g})"
            remedy = "it would draw air at the edge. Take the part elsewhere, or with a smaller cup."
            yield context.issue("product", where, what, remedy)


def _is_from_above(grasp: Grasp) -> bool:
    return rotate(grasp.tcp_in_part.pose.orientation, (0.0, 0.0, 1.0))[2] < -LEVEL


@rule("line.feeders", "cell.devices", "product.parts", "product.unit_grasp")
def rule_tools_come_from_above(context: Context) -> Iterator[Issue]:
    """The TCP points down where a part is taken from its feeder, and a unit from its fixture."""
    devices, product = context.cell.devices, context.product
    taken: list[tuple[Where, Grasp, Pose]] = []
    for name, setup in context.line.feeders.items():
        feeder, part = devices.get(name), product.parts.get(setup.part)
        if isinstance(feeder, FeederSpec) and part is not None:
            taken.append((("parts", setup.part, "grasp"), part.grasp, feeder.part_in_cell.pose))
    if product.unit_grasp is not None:
        fixtures: dict[str, FixtureSpec] = context.cell.of_kind("fixture")
        taken += [(("unit_grasp",), product.unit_grasp, fixture.seat_in_cell.pose) for fixture in fixtures.values()]
    for where, grasp, pose in taken:
        if rotate((pose @ grasp.tcp_in_part.pose).orientation, (0.0, 0.0, 1.0))[2] > UPWARDS:
            what = "the tool would come from below: its z axis points up there"
            remedy = "z points into the part; with rpy_rad [3.1415927, 0, 0] it points down. Correct the grasp."
            yield context.issue("product", (*where, "tcp_in_part"), what, remedy)


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


def _openings_m(context: Context, grasp: Grasp) -> list[float]:
    """How far each gripper of the cell that takes something so opens for it, m."""
    tools = [tool for tool in ready_tools(context).values() if isinstance(tool, GripperTool)]
    return [tool.opening_m(grasp.width_m) for tool in tools if tool.can_grip(grasp.width_m, grasp.force_n)]


def _hits_unit(context: Context, grasp: Grasp, unit_in_frame: Pose, opening_m: float) -> bool:
    """Whether open fingers are inside any part of a unit that stands somewhere, of any variant."""
    for site in context.product.sites.values():
        for variant in context.product.variants:
            part = item_part(context, site.item, variant)
            if part is not None and _hits(grasp, part, unit_in_frame @ site.part_in_unit.pose, opening_m):
                return True
    return False


def _opened(opening_m: float) -> str:
    return f"fingers that open to {opening_m:.3g}"


def _widest_m(grasp: Grasp) -> float:
    """How far fingers open for a grasp where their stroke allows it, m."""
    return grasp.width_m + OPENING_MARGIN_M


def _hits(grasp: Grasp, part: Part, part_in_frame: Pose, opening_m: float) -> bool:
    """Whether fingers that are open around a grasp are inside a part; the grasp and the part are in the same frame.

    Screws are left out: what stands out of their threads is low.
    """
    if isinstance(part.shape, Screw):
        return False
    tcp_in_part = part_in_frame.inverse() @ grasp.tcp_in_part.pose
    inner_m = opening_m / 2
    return any(
        _is_in(part, tcp_in_part.apply((side * (inner_m + out_m), 0.0, -up_m)))
        for side, out_m, up_m in every_pair((-1.0, 1.0), FINGER_M, UP_M)
    )


def _is_in(part: Part, point: Vector) -> bool:
    x, y, z = point
    half_x, half_y = half_extents(part)
    if not SAME_M < z < top_m(part) - SAME_M:
        return False
    if isinstance(part.shape, Box):
        return abs(x) < half_x - SAME_M and abs(y) < half_y - SAME_M
    return math.hypot(x, y) < half_x - SAME_M


def _width_m(part: Part, grasp: Grasp) -> float:
    """Size of a part along the axis that fingers close on it, m."""
    x, y, z = rotate(grasp.tcp_in_part.pose.orientation, (1.0, 0.0, 0.0))
    half_x, half_y = half_extents(part)
    flat_m = abs(x) * half_x + abs(y) * half_y if isinstance(part.shape, Box) else math.hypot(x, y) * half_x
    return 2.0 * flat_m + abs(z) * top_m(part)


def _lowest_m(part: Part, pose: Pose) -> float:
    """Height of a part's lowest point in the frame of its pose, m; of a screw that of the underside of its head."""
    x, y, z = (rotate(pose.orientation, axis)[2] for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    half_x, half_y = half_extents(part)
    flat_m = abs(x) * half_x + abs(y) * half_y if isinstance(part.shape, Box) else math.hypot(x, y) * half_x
    height_m = 0.0 if isinstance(part.shape, Screw) else part.shape.height_m
    return pose.position[2] - flat_m + min(0.0, z * height_m)
