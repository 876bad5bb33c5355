"""Whether the stations of a cell, and the tools in its cribs, stand apart; asked of the description alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from microcell.description.cell import ToolCribSpec
from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.description.shape import BoxShape, CylinderShape
from microcell.description.source import Where
from microcell.errors import Issue
from microcell.motion.arm_files import unusable_files
from microcell.motion.cell_scene import MARGIN_M, station_solids, tool_in_pocket
from microcell.motion.scene import Solid

TOUCHING_M = 0.001
"""Bodies that are in each other by no more than this touch: places are written with few digits."""

_PLACES = ("part_in_cell", "seat_in_cell", "carton_in_cell", "drop_in_cell", "label_in_cell", "lens_in_cell")


@dataclass(frozen=True)
class _Body:
    """What stands somewhere. `where` is the place in the cell's file, `crib` the rack that a tool stands in. What has no
    `shape` has the body that is `usual` for its kind.
    """

    name: str
    where: Where
    solids: tuple[Solid, ...]
    usual: bool = False
    crib: str = ""


def overlapping(context: Context, line: Line) -> Iterator[Issue]:
    """Each station or tool that stands in another one; nothing is said as long as a tool's model cannot be used.

    A tool may hang in its own crib; arms are told apart by `out_of_reach`.
    """
    if any(unusable_files(context, line)):
        return
    for first, second in combinations(_bodies(line), 2):
        depth_m = 0.0 if first.name == second.crib else _depth_m(first, second)
        if depth_m > TOUCHING_M:
            what = f"'{second.name}' stands {depth_m * 1e3:.2g} mm deep in '{first.name}'"
            usual = " (without a 'shape' it is that of its kind)" if first.usual or second.usual else ""
            remedy = f"each needs its own place. Move one of them, or correct their shapes{usual}."
            yield context.issue("cell", second.where, what, remedy)


def _bodies(line: Line) -> Iterator[_Body]:
    """Stations in the order of the file, then tools."""
    devices = line.cell_description.devices
    for name, spec in devices.items():
        if spec.kind != "arm" and (solids := station_solids(line, name)):
            key = "shape" if spec.shape else next((place for place in _PLACES if hasattr(spec, place)), "")
            bare = solids if spec.shape else tuple(map(_without_margin, solids))
            yield _Body(name, ("devices", name, *([key] if key else [])), bare, usual=not spec.shape)
    for crib, rack in devices.items():
        for number, pocket in enumerate(rack.pockets if isinstance(rack, ToolCribSpec) else ()):
            if pocket.tool in line.tools:
                yield _Body(pocket.tool, ("devices", crib, "pockets", number), tool_in_pocket(line, pocket), crib=crib)


def _without_margin(solid: Solid) -> Solid:
    """A usual body without the room that it leaves around a part, seen from above; at least half of it is left."""
    if not isinstance(solid.shape, BoxShape):
        return solid
    x, y, z = solid.shape.box_m
    less_x, less_y = (max(edge_m / 2, edge_m - 2 * MARGIN_M) for edge_m in (x, y))
    return replace(solid, shape=solid.shape.model_copy(update={"box_m": (less_x, less_y, z)}))


def _depth_m(first: _Body, second: _Body) -> float:
    """How deep two bodies are in each other at most, m; 0 where they are apart."""
    return max((_solid_depth_m(a, b) for a in first.solids for b in second.solids if _near(a, b)), default=0.0)


def _near(a: Solid, b: Solid) -> bool:
    return math.dist(a.middle.position, b.middle.position) < _radius_m(a) + _radius_m(b)


def _radius_m(solid: Solid) -> float:
    """Of the ball around a solid."""
    shape = solid.shape
    if isinstance(shape, BoxShape):
        return math.hypot(*shape.box_m) / 2
    return math.hypot(shape.radius_m, shape.length_m / 2) if isinstance(shape, CylinderShape) else shape.sphere_radius_m


def _solid_depth_m(a: Solid, b: Solid) -> float:
    import coal

    from microcell.motion.coal_shapes import coal_shape, se3

    placed = [coal.Transform3s(se3(solid.middle).rotation, se3(solid.middle).translation) for solid in (a, b)]
    shapes = coal_shape(a.shape), coal_shape(b.shape)
    apart_m = coal.distance(shapes[0], placed[0], shapes[1], placed[1], coal.DistanceRequest(), coal.DistanceResult())
    return max(0.0, -float(apart_m))
