"""Parts of a product as models: their described outline and colour, with hollows where other parts go in."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from microcell.description.extents import top_m
from microcell.description.product import Box, Cylinder, Mark, Part, Product
from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec
from microcell.gazebo import scheme
from microcell.gazebo.elements import (
    SDF_VERSION,
    Rgba,
    add,
    add_pose,
    add_visual,
    kind_mask,
    numbers,
    rgba,
    text_of,
)
from microcell.gazebo.inertia import body_of, robust
from microcell.gazebo.links import add_link
from microcell.geometry import Pose, from_rpy
from microcell.motion.carried import part_solids
from microcell.plant.scene import DIRT_COVERS, Flaw

WALL_PIECES = 24
"""Boxes that make a round wall: the hollow's radius is at most 0.9 % too small."""

LEAST_WALL_M = 0.0005
"""A hollow leaves a wall of so much, also where what is fitted there leaves none."""

MARK_M = 0.0001
"""Marks stand out by this much, or they would flicker with the face under them."""

FLAW_M = 0.00015
"""Scratches and dirt stand out by this much, so that they are seen on marks and prints as well."""

Solids = list[tuple[ShapeSpec, Pose]]


@dataclass(frozen=True)
class Look:
    """What is seen of one part: its name, its frame's pose in the model, a picture on its top, scratches and dirt there."""

    part_name: str
    pose: Pose = Pose()  # noqa: RUF009 - it is frozen
    texture: Path | None = None
    flaws: Sequence[Flaw] = ()


def item_text(name: str, product: Product, pose: Pose, looks: Sequence[Look], rests: bool = False) -> str:
    """SDF of a piece that lies somewhere, see `add_item`."""
    root = ET.Element("sdf", version=SDF_VERSION)
    add_item(root, name, product, pose, looks, rests)
    return text_of(root)


def part_text(name: str, product: Product, part_name: str, pose: Pose, texture: Path | None = None) -> str:
    """SDF of one part that lies somewhere."""
    return item_text(name, product, pose, [Look(part_name, texture=texture)])


def add_item(
    parent: ET.Element, name: str, product: Product, pose: Pose, looks: Sequence[Look], rests: bool = False
) -> ET.Element:
    """The model of a part: seen with its hollows, felt as the planner has it. Further parts are only seen on it.

    `pose` is that of its frame in the cell. One that `rests` is moved by nothing.
    """
    first, *others = looks
    part_name, part = first.part_name, product.parts[first.part_name]
    solids = [(solid.shape, solid.middle) for solid in part_solids(part_name, part)]
    model = add(parent, "model", name=name)
    add_pose(model, pose)
    if rests:
        add(model, "static", "true")
    colour = rgba(part.colour_rgb)
    seen = [(shape, at, colour) for shape, at in part_seen(product, part_name)]
    touches = kind_mask(_kind(product, part_name))
    link = add_link(model, scheme.PART_LINK, robust(body_of(solids, part.mass_kg)), seen, solids, touches)
    _add_details(link, "", part, first)
    for number, look in enumerate(others):
        other = product.parts[look.part_name]
        for index, (shape, at) in enumerate(part_seen(product, look.part_name)):
            add_visual(link, f"part_{number}_{index}", shape, look.pose @ at, rgba(other.colour_rgb))
        _add_details(link, f"part_{number}_", other, look)
    return model


def _add_details(link: ET.Element, prefix: str, part: Part, look: Look) -> None:
    """What is on a part's top."""
    top = top_m(part)
    for index, mark in enumerate(part.marks):
        shape, at = _mark(mark, top)
        add_visual(link, f"{prefix}mark_{index}", shape, look.pose @ at, rgba(mark.colour_rgb))
    if look.texture is not None and isinstance(part.shape, Box):
        _add_print(link, f"{prefix}print", part.shape, look)
    for index, flaw in enumerate(look.flaws):
        shape, at = _flaw(flaw, top)
        add_visual(link, f"{prefix}flaw_{index}", shape, look.pose @ at, _flaw_colour(flaw, part))


def _kind(product: Product, part_name: str) -> int:
    """Which item of the bill of materials a part is one of."""
    for kind, item in enumerate(product.bill_of_materials):
        if part_name in {product.part_of(item, variant) for variant in product.variants}:
            return kind
    return len(product.bill_of_materials)


def part_seen(product: Product, part_name: str) -> Solids:
    """What of a part is seen: its solids, with hollows for what is fitted into the unit's first part."""
    part = product.parts[part_name]
    if isinstance(part.shape, Cylinder):
        hollow = _hollow(product, part_name, part.shape)
        if hollow is not None:
            return _cup(part.shape, *hollow)
        if part.shape.bore_m > 0.0:
            return _cup(part.shape, part.shape.bore_m / 2, 0.0)
    return [(solid.shape, solid.middle) for solid in part_solids(part_name, part)]


def _hollow(product: Product, part_name: str, shape: Cylinder) -> tuple[float, float] | None:
    """Radius and floor height of a round hollow on the part's axis, for the widest that a variant puts there, m."""
    first = next(iter(product.bill_of_materials))
    variants = [variant for variant in product.variants if product.part_of(first, variant) == part_name]
    for site in product.sites.values():
        x, y, floor_m = site.part_in_unit.xyz_m
        if site.fit is None or not 0.0 < floor_m < shape.height_m or math.hypot(x, y) > 1e-6:
            continue
        fitted = (product.parts[product.part_of(site.item, variant)].shape for variant in variants)
        wide_m = [s.diameter_m for s in fitted if isinstance(s, Cylinder) and s.diameter_m < shape.diameter_m]
        radius_m = min((max(wide_m, default=0.0) + site.fit.clearance_m) / 2, shape.diameter_m / 2 - LEAST_WALL_M)
        if wide_m and radius_m > 0.0:
            return radius_m, floor_m
    return None


def _cup(shape: Cylinder, radius_m: float, floor_m: float) -> Solids:
    """A wall of boxes around a hollow, and a floor where that does not go through."""
    outer_m = shape.diameter_m / 2
    solids: Solids = []
    if floor_m > 0.0:
        solids.append((CylinderShape(radius_m=outer_m, length_m=floor_m), Pose((0.0, 0.0, floor_m / 2))))
    height_m, thick_m = shape.height_m - floor_m, outer_m - radius_m
    middle_m, width_m = radius_m + thick_m / 2, 2 * outer_m * math.tan(math.pi / WALL_PIECES)
    piece = BoxShape(box_m=(thick_m, width_m, height_m))
    for index in range(WALL_PIECES):
        turn = Pose((0.0, 0.0, 0.0), from_rpy(0.0, 0.0, 2 * math.pi * index / WALL_PIECES))
        solids.append((piece, turn @ Pose((middle_m, 0.0, floor_m + height_m / 2))))
    return solids


def _mark(mark: Mark, top: float) -> tuple[ShapeSpec, Pose]:
    at = Pose((*mark.at_m, top))
    if mark.width_m == 0.0:
        return CylinderShape(radius_m=mark.length_m / 2, length_m=2 * MARK_M), at
    return BoxShape(box_m=(mark.length_m, mark.width_m, 2 * MARK_M)), at


def _flaw(flaw: Flaw, top: float) -> tuple[ShapeSpec, Pose]:
    """A bar as long and wide as the flaw; dirt has a ragged outline elsewhere, and none here."""
    (x0, y0), (x1, y1) = flaw.start_m, flaw.end_m
    length_m, turn_rad = math.hypot(x1 - x0, y1 - y0), math.atan2(y1 - y0, x1 - x0)
    at = Pose(((x0 + x1) / 2, (y0 + y1) / 2, top), from_rpy(0.0, 0.0, turn_rad))
    return BoxShape(box_m=(max(length_m, flaw.width_m), flaw.width_m, 2 * FLAW_M)), at


def _flaw_colour(flaw: Flaw, part: Part) -> Rgba:
    """A scratch's own; through dirt the part shows."""
    over, under = rgba(flaw.colour_rgb), rgba(part.colour_rgb)
    covers = 1.0 if flaw.kind == "scratch" else DIRT_COVERS
    red, green, blue = (covers * a + (1.0 - covers) * b for a, b in zip(over[:3], under[:3], strict=True))
    return (red, green, blue, 1.0)


def _add_print(link: ET.Element, name: str, shape: Box, look: Look) -> None:
    """A picture on a part's top."""
    white: Rgba = (1.0, 1.0, 1.0, 1.0)
    plate = BoxShape(box_m=(shape.length_m, shape.width_m, MARK_M))
    visual = add_visual(link, name, plate, look.pose @ Pose((0.0, 0.0, shape.height_m + MARK_M / 2)), white)
    material = visual.find("material")
    if material is not None:
        metal = add(add(material, "pbr"), "metal")
        add(metal, "albedo_map", str(look.texture))
        add(metal, "roughness", "1.0")
        add(metal, "metalness", "0.0")
        diffuse = material.find("diffuse")
        if diffuse is not None:
            diffuse.text = numbers(white)
