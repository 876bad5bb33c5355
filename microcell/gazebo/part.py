"""Parts of a product as models: their described outline and colour, with hollows where other parts go in."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
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

WALL_PIECES = 24
"""Boxes that make a round wall: the hollow's radius is at most 0.9 % too small."""

LEAST_WALL_M = 0.0005
"""A hollow leaves a wall of so much, also where what is fitted there leaves none."""

MARK_M = 0.0001
"""Marks stand out by this much, or they would flicker with the face under them."""

Solids = list[tuple[ShapeSpec, Pose]]


def part_text(
    name: str, product: Product, part_name: str, pose: Pose, texture: Path | None = None, rests: bool = False
) -> str:
    """SDF of one part that lies somewhere, see `add_part`."""
    root = ET.Element("sdf", version=SDF_VERSION)
    add_part(root, name, product, part_name, pose, texture, rests)
    return text_of(root)


def add_part(
    parent: ET.Element,
    name: str,
    product: Product,
    part_name: str,
    pose: Pose,
    texture: Path | None = None,
    rests: bool = False,
) -> ET.Element:
    """The model of a part: seen with its hollows, felt as the planner has it.

    `pose` is that of its frame in the cell, `texture` is printed on its top. One that `rests` is moved by nothing.
    """
    part = product.parts[part_name]
    solids = [(solid.shape, solid.middle) for solid in part_solids(part_name, part)]
    model = add(parent, "model", name=name)
    add_pose(model, pose)
    if rests:
        add(model, "static", "true")
    colour = rgba(part.colour_rgb)
    seen = [(shape, at, colour) for shape, at in part_seen(product, part_name)]
    touches = kind_mask(_kind(product, part_name))
    link = add_link(model, scheme.PART_LINK, robust(body_of(solids, part.mass_kg)), seen, solids, touches)
    for index, mark in enumerate(part.marks):
        shape, at = _mark(mark, top_m(part))
        add_visual(link, f"mark_{index}", shape, at, rgba(mark.colour_rgb))
    if texture is not None and isinstance(part.shape, Box):
        _add_print(link, part, texture)
    return model


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
    """A floor and a wall of boxes around a hollow."""
    outer_m = shape.diameter_m / 2
    floor = CylinderShape(radius_m=outer_m, length_m=floor_m)
    solids: Solids = [(floor, Pose((0.0, 0.0, floor_m / 2)))]
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


def _add_print(link: ET.Element, part: Part, texture: Path) -> None:
    """A picture on the part's top."""
    shape = part.shape
    if not isinstance(shape, Box):
        return
    white: Rgba = (1.0, 1.0, 1.0, 1.0)
    plate = BoxShape(box_m=(shape.length_m, shape.width_m, MARK_M))
    visual = add_visual(link, "print", plate, Pose((0.0, 0.0, shape.height_m + MARK_M / 2)), white)
    material = visual.find("material")
    if material is not None:
        metal = add(add(material, "pbr"), "metal")
        add(metal, "albedo_map", str(texture))
        add(metal, "roughness", "1.0")
        add(metal, "metalness", "0.0")
        diffuse = material.find("diffuse")
        if diffuse is not None:
            diffuse.text = numbers(white)
