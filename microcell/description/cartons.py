"""Cartons of a product: how finished units, or the parts of one as a kit, lie in them.

A carton's frame has its axes along the carton's edges and its origin where the frame of the unit in the first place has it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from microcell.description.extents import half_extents, top_m
from microcell.description.product import Packing, Part, Product, Screw
from microcell.errors import UsageError
from microcell.geometry import Pose, Vector, from_rpy
from microcell.packing.boxes import MAX_BOXES, BoxKind, Container, Grid, Placement
from microcell.packing.boxes import Packing as BoxPacking

STANDING = (False, False, True)
"""Units keep their z axis upright: labels stay on top, and what is loose inside stays where it is."""


_UNIT = "unit"
EFFORT = 400
"""Of the search for a layout of equal boxes, which is found soon or not at all."""


@dataclass(frozen=True)
class Layer:
    """The boxes that stand at one height."""

    bottom_m: float
    boxes: int


@dataclass(frozen=True)
class CartonLayout:
    """Where units stand, in the order in which they are put there, and the inside of the carton where its size is told.

    Poses are those of the unit in the carton's frame; so are the inside's lower and upper corner.
    """

    places: tuple[Pose, ...]
    inside_m: tuple[Vector, Vector] | None = None
    packing: BoxPacking | None = None


def carton_layout(product: Product) -> CartonLayout:
    """The places of a product's carton: those of its grid, or as many as fit into the carton, or as it asks for.

    A layout that is worked out holds a unit of any variant at each place; units are turned only where more fit so. No place:
    not one fits.
    """
    packing = product.packing
    if packing.columns is not None and packing.rows is not None and packing.pitch_m is not None:
        return CartonLayout(_grid(packing, packing.columns, packing.rows, packing.pitch_m))
    if packing.carton_m is None:
        return CartonLayout(())
    return _worked_out(packing.carton_m, packing.units, packing.room_m, *unit_extents(product, *product.variants))


def unit_extents(product: Product, *variants: str) -> tuple[Vector, Vector]:
    """Lower and upper corner, in the unit's frame, of what finished units of some variants fill."""
    low, high = [math.inf] * 3, [-math.inf] * 3
    for site in product.sites.values():
        for name in {product.part_of(site.item, variant): None for variant in variants}:
            for corner in _corners(product.parts[name]):
                at = site.part_in_unit.pose.apply(corner)
                low, high = [*map(min, low, at)], [*map(max, high, at)]
    if not product.sites:
        raise UsageError(f"product '{product.name}' has no sites, so that the size of a unit is not known.")
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def unit_box(product: Product, variant: str, quantity: int, clearance_m: float = 0.0) -> BoxKind:
    """The box around a finished unit, from the parts at its sites, with some clearance on all sides."""
    low, high = unit_extents(product, variant)
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


def layers(packing: BoxPacking, grid_m: float = 1e-6) -> tuple[Layer, ...]:
    """How many boxes stand at which height, from the bottom up."""
    counts = Counter(round(p.corner_m[2] / grid_m) for p in packing.placements)
    return tuple(Layer(height * grid_m, counts[height]) for height in sorted(counts))


def _grid(packing: Packing, columns: int, rows: int, pitch_m: float) -> tuple[Pose, ...]:
    """Columns along x, then rows along y, then layers."""
    levels = [layer * packing.layer_m for layer in range(packing.layers)]
    return tuple(Pose((c * pitch_m, r * pitch_m, z)) for z in levels for r in range(rows) for c in range(columns))


@lru_cache(maxsize=32)
def _worked_out(carton_m: Vector, units: int | None, room_m: tuple[float, float], low: Vector, high: Vector) -> CartonLayout:
    from microcell.packing.search import pack

    size = (high[0] - low[0] + 2 * room_m[0], high[1] - low[1] + 2 * room_m[1], high[2] - low[2])
    container = Container(carton_m)
    most = max(1, math.floor(container.volume_m3 / math.prod(size)))
    kind = BoxKind(_UNIT, size, min(MAX_BOXES, units or most), STANDING)
    found = pack((kind,), container, effort=EFFORT)
    plain = _side_by_side(kind, container)
    if len(plain.placements) >= len(found.placements):
        found = plain
    corner = (low[0] - room_m[0], low[1] - room_m[1], low[2])
    poses = [_unit_pose(placed, size, corner) for placed in found.placements]
    if not poses:
        return CartonLayout((), None, found)
    x, y, z = poses[0].position
    inside = ((-x, -y, -z), (carton_m[0] - x, carton_m[1] - y, carton_m[2] - z))
    return CartonLayout(tuple(pose.shifted(-x, -y, -z) for pose in poses), inside, found)


def _side_by_side(kind: BoxKind, container: Container) -> BoxPacking:
    """As people would do it: none turned, columns along x, then rows along y, then layers."""
    grid = Grid.fitting((kind,), container)
    edges, room = grid.box(kind.size_m), grid.container(container.size_m)
    counts = [whole // edge for whole, edge in zip(room, edges, strict=True)]
    steps = ((i, j, k) for k in range(counts[2]) for j in range(counts[1]) for i in range(counts[0]))
    corners = [(i * edges[0], j * edges[1], k * edges[2]) for i, j, k in steps][: kind.quantity]
    step = grid.step_m
    placements = tuple(Placement(kind.name, (x * step, y * step, z * step), kind.size_m) for x, y, z in corners)
    return BoxPacking(container, placements, ((kind.name, kind.quantity - len(placements)),))


def _unit_pose(placed: Placement, size: Vector, corner: Vector) -> Pose:
    """Pose of a unit in the container from that of its box; `corner` is the box's lower one in the unit's frame."""
    x, y, z = placed.corner_m
    if placed.size_m[:2] == size[:2]:
        return Pose((x - corner[0], y - corner[1], z - corner[2]))
    # a quarter turn to the left: what was at (a, b) is at (-b, a)
    return Pose((x + size[1] + corner[1], y - corner[0], z - corner[2]), from_rpy(0.0, 0.0, math.pi / 2))


def _corners(part: Part) -> list[tuple[float, float, float]]:
    """Corners of the box around a part, in its frame."""
    x, y = half_extents(part)
    bottom = -part.shape.length_m if isinstance(part.shape, Screw) else 0.0
    return [(a, b, c) for a in (-x, x) for b in (-y, y) for c in (bottom, top_m(part))]
