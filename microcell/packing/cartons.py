"""Cartons of a product: how finished units, or the parts of one as a kit, lie in them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from microcell.description.extents import half_extents, top_m
from microcell.description.product import Part, Product, Screw
from microcell.errors import UsageError
from microcell.packing.boxes import MAX_BOXES, BoxKind, Container, Packing

STANDING = (False, False, True)
"""Units keep their z axis upright: labels stay on top, and what is loose inside stays where it is."""


@dataclass(frozen=True)
class Layer:
    """The boxes that stand at one height."""

    bottom_m: float
    boxes: int


def unit_box(product: Product, variant: str, quantity: int, clearance_m: float = 0.0) -> BoxKind:
    """The box around a finished unit, from the parts at its sites, with some clearance on all sides."""
    low, high = [math.inf] * 3, [-math.inf] * 3
    for site in product.sites.values():
        part = product.parts[product.part_of(site.item, variant)]
        for corner in _corners(part):
            at = site.part_in_unit.pose.apply(corner)
            low, high = [*map(min, low, at)], [*map(max, high, at)]
    if not product.sites:
        raise UsageError(f"product '{product.name}' has no sites, so that the size of a unit is not known.")
    x, y, z = (b - a + 2 * clearance_m for a, b in zip(low, high, strict=True))
    return BoxKind(product.name, (x, y, z), quantity, STANDING)


def kit_boxes(product: Product, variant: str, kits: int, clearance_m: float = 0.0) -> tuple[BoxKind, ...]:
    """The boxes around the parts of some units; they may lie on any side."""
    parts = Counter(product.part_of(site.item, variant) for site in product.sites.values())
    found = []
    for name, number in parts.items():
        sizes = [[*axis] for axis in zip(*_corners(product.parts[name]), strict=True)]
        x, y, z = (max(axis) - min(axis) + 2 * clearance_m for axis in sizes)
        found.append(BoxKind(name, (x, y, z), number * kits))
    return tuple(found)


def most_units(unit: BoxKind, container: Container) -> int:
    """More than can be in a container, by volume."""
    return min(MAX_BOXES, math.floor(container.volume_m3 / unit.volume_m3))


def layers(packing: Packing, grid_m: float = 1e-6) -> tuple[Layer, ...]:
    """How many boxes stand at which height, from the bottom up."""
    counts = Counter(round(p.corner_m[2] / grid_m) for p in packing.placements)
    return tuple(Layer(height * grid_m, counts[height]) for height in sorted(counts))


def _corners(part: Part) -> list[tuple[float, float, float]]:
    """Corners of the box around a part, in its frame."""
    x, y = half_extents(part)
    bottom = -part.shape.length_m if isinstance(part.shape, Screw) else 0.0
    return [(a, b, c) for a in (-x, x) for b in (-y, y) for c in (bottom, top_m(part))]
