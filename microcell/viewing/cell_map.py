"""A cell from above, as it is drawn: outlines, places and reach, in the cell's frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from microcell.description.cell import CartonStationSpec, FeederSpec, PressSpec, ToolCribSpec, TurnerSpec
from microcell.description.line import Line
from microcell.description.shape import BoxShape, CylinderShape
from microcell.description.tool import Tool
from microcell.motion.cell_scene import station_solids
from microcell.motion.scene import Solid

Point = tuple[float, float]
ROUND_CORNERS = 20
FLANGE_OVER_TCP_M = 0.15
"""About the length of a tool."""


@dataclass(frozen=True)
class Station:
    """A device that stands on the bench: outlines (polygons), where its name goes, and what is said about it."""

    name: str
    kind: str
    outlines: tuple[tuple[Point, ...], ...]
    at: Point
    told: str = ""


@dataclass(frozen=True)
class Reach:
    """An arm: where its base stands, and how far from there its flange comes pointing down, at travel height, m."""

    arm: str
    base: Point
    radius_m: float


@dataclass(frozen=True)
class View:
    """A camera: where it hangs, and the ground that it sees."""

    camera: str
    at: Point
    ground: tuple[Point, ...]
    sees: tuple[str, ...]


@dataclass(frozen=True)
class CellMap:
    """All that there is to draw."""

    stations: tuple[Station, ...]
    reaches: tuple[Reach, ...]
    views: tuple[View, ...]
    zones: tuple[tuple[str, Point, Point], ...]


def cell_map(line: Line) -> CellMap:
    """What stands where in the cell of a line."""
    cell = line.cell_description
    zones = tuple((name, zone.low_m, zone.high_m) for name, zone in cell.zones.items())
    return CellMap(tuple(_stations(line)), tuple(_reaches(line)), tuple(_views(line)), zones)


def _stations(line: Line) -> Iterator[Station]:
    for name, spec in line.cell_description.devices.items():
        if spec.kind in ("arm", "camera"):
            continue
        if isinstance(spec, ToolCribSpec):
            pockets = [(p.tool or "empty", p.flange_in_cell.xyz_m[:2]) for p in spec.pockets]
            outlines = tuple(_circle(at, 0.03) for _, at in pockets)
            for number, (tool, at) in enumerate(pockets):
                can = _can(line.tools.get(tool))
                yield Station(tool, "tool", outlines[number : number + 1], at, f"in {name}{can}")
            continue
        outlines = tuple(outline for solid in station_solids(line, name) for outline in _outline(solid))
        if outlines:
            yield Station(name, spec.kind, outlines, _middle(outlines), _told(line, name))


def _told(line: Line, name: str) -> str:
    """What a station has, or does."""
    spec = line.cell_description.devices[name]
    if isinstance(spec, FeederSpec):
        return f"{line.feeders[name].part}, {spec.capacity} pieces" if name in line.feeders else "not used"
    if isinstance(spec, CartonStationSpec):
        return f"{len(line.carton.places)} units in a carton"
    if isinstance(spec, PressSpec):
        return f"over {spec.fixture}: {', '.join(spec.programs)}"
    return f"turns {spec.fixture}" if isinstance(spec, TurnerSpec) else ""


def _can(tool: Tool | None) -> str:
    return f", can {', '.join(tool.capabilities)}" if tool is not None else ""


def _reaches(line: Line) -> Iterator[Reach]:
    from microcell.motion.reaching import reach_m

    for name, spec in line.cell_description.of_kind("arm").items():
        x, y, _ = spec.base_in_cell.xyz_m
        yield Reach(name, (x, y), reach_m(line, name, spec.travel_height_m + FLANGE_OVER_TCP_M))


def _views(line: Line) -> Iterator[View]:
    for name, spec in line.cell_description.of_kind("camera").items():
        x, y, z = spec.lens_in_cell.xyz_m
        half = (z * spec.width_px / spec.focal_px / 2.0, z * spec.height_px / spec.focal_px / 2.0)
        corners = ((-half[0], -half[1]), (half[0], -half[1]), (half[0], half[1]), (-half[0], half[1]))
        yaw = spec.lens_in_cell.pose.yaw
        yield View(name, (x, y), tuple(_turned((x, y), corner, yaw) for corner in corners), spec.sees)


def _outline(solid: Solid) -> Iterator[tuple[Point, ...]]:
    """A solid seen from above; only upright ones are seen exactly."""
    x, y, _ = solid.middle.position
    if isinstance(solid.shape, BoxShape):
        a, b = solid.shape.box_m[0] / 2, solid.shape.box_m[1] / 2
        yield tuple(_turned((x, y), corner, solid.middle.yaw) for corner in ((-a, -b), (a, -b), (a, b), (-a, b)))
    elif isinstance(solid.shape, CylinderShape):
        yield _circle((x, y), solid.shape.radius_m)


def _circle(at: Point, radius_m: float) -> tuple[Point, ...]:
    angles = (2.0 * math.pi * k / ROUND_CORNERS for k in range(ROUND_CORNERS))
    return tuple((at[0] + radius_m * math.cos(a), at[1] + radius_m * math.sin(a)) for a in angles)


def _turned(at: Point, corner: Point, yaw: float) -> Point:
    x, y = corner
    return at[0] + x * math.cos(yaw) - y * math.sin(yaw), at[1] + x * math.sin(yaw) + y * math.cos(yaw)


def _middle(outlines: tuple[tuple[Point, ...], ...]) -> Point:
    x, y = zip(*(point for outline in outlines for point in outline), strict=True)
    return (min(x) + max(x)) / 2, (min(y) + max(y)) / 2
