"""What stands around an arm, from the cell's description: each device as a body of the scene, in the cell frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microcell.description.cell import (
    ArmSpec,
    BinSpec,
    CameraSpec,
    CartonStationSpec,
    DeviceSpec,
    FeederSpec,
    FixtureSpec,
    Pocket,
    PressSpec,
    PrinterSpec,
    TesterSpec,
    ToolCribSpec,
)
from microcell.description.contents import holds_its_own
from microcell.description.extents import half_extents, top_m
from microcell.description.line import Line
from microcell.geometry import Pose, from_rpy
from microcell.motion.carried import tool_solids, unit_half_m, unit_height_m
from microcell.motion.limits import Joints
from microcell.motion.scene import FORK, JAW, ROOM, Scene, Solid, box

if TYPE_CHECKING:
    from microcell.motion.robot import RobotModel

BENCH_TOP = "bench_top"
"""Name of the body that is the bench."""

BENCH_GAP_M = 0.001
"""The bench's body ends so far under z = 0, so that what stands on it does not touch."""
BENCH_HALF_M, BENCH_THICKNESS_M = 2.5, 0.1
"""The floor of the scene: as far as any arm of a bench reaches."""
MARGIN_M = 0.01
"""A station is wider than what it presents by so much on each side."""
WALL_M = 0.004
FLOOR_M = 0.002
_CAMERA_M = (0.05, 0.05, 0.09)
_PLATE_HALF_M = 0.035
_BIN_HALF_M = 0.08
_BIN_RIM_M = 0.01
_JAW_M = 0.012
_COLUMN_M, _COLUMNS_M, _COLUMN_BEHIND_M = 0.03, 0.12, 0.06
_POST_M, _POST_BEHIND_M = 0.02, 0.075
_FORK_M, _FORK_UNDER_FLANGE_M = 0.006, 0.024


def cell_scene(line: Line, arm: str) -> Scene:
    """Everything that stands around an arm when the cell is set up: stations, racks, tools, cameras, the other arms.

    A body has its device's name; a tool in its pocket has the tool's own, so that `without(tool)` is the scene after
    it was fetched. What a station presents or holds for a while is there as a solid called `ROOM`: its parts, the unit
    in a fixture, the units in a carton. A device's `shape` stands instead of what is usual for its kind,
    but for that room.
    """
    devices = line.cell_description.devices
    base = line.cell_description.of_kind("arm")[arm].base_in_cell.pose
    scene = Scene().with_body(BENCH_TOP, (_bench(base),))
    for name, spec in devices.items():
        if name != arm:
            solids = _device_solids(line, name, spec)
            scene = scene.with_body(name, solids) if solids else scene
        if isinstance(spec, ToolCribSpec):
            scene = with_tools(scene, line, spec)
    return scene


def station_solids(line: Line, name: str) -> tuple[Solid, ...]:
    """What stands on the bench for a device, without the room for what it presents."""
    solids = _device_solids(line, name, line.cell_description.devices[name])
    return tuple(solid for solid in solids if solid.name != ROOM)


def with_tools(scene: Scene, line: Line, crib: ToolCribSpec) -> Scene:
    """With the tools of a crib, each in its pocket."""
    for pocket in crib.pockets:
        if pocket.tool is not None:
            scene = scene.with_body(pocket.tool, tool_in_pocket(line, pocket))
    return scene


def tool_in_pocket(line: Line, pocket: Pocket) -> tuple[Solid, ...]:
    """The solids of a pocket's tool where it stands: as it hangs at a flange that is coupled there."""
    flange_in_cell = pocket.flange_in_cell.pose
    return tuple(solid.seen_from(flange_in_cell) for solid in tool_solids(line.tools[pocket.tool or ""]))


def _device_solids(line: Line, name: str, spec: DeviceSpec) -> tuple[Solid, ...]:
    usual = _USUAL.get(type(spec))
    solids = tuple(usual(_set_up_by(line, name), name, spec)) if usual is not None else ()
    if spec.shape:
        return (*(Solid(name, shape) for shape in spec.shape), *(solid for solid in solids if solid.name == ROOM))
    return solids


def _set_up_by(line: Line, station: str) -> Line:
    """The line by which a station is set up while a line works: itself, or of stations that it does not use, another."""
    return next((each for each in line.every if holds_its_own(each, station)), line)


def _bench(base_in_cell: Pose) -> Solid:
    x, y, _ = base_in_cell.position
    edges = (2 * BENCH_HALF_M, 2 * BENCH_HALF_M, BENCH_THICKNESS_M)
    return box(BENCH_TOP, edges, Pose((x, y, -BENCH_GAP_M - BENCH_THICKNESS_M / 2)))


@dataclass(frozen=True, slots=True)
class _Area:
    """A rectangle along x and y of a frame, m."""

    frame: Pose
    low_m: tuple[float, float]
    high_m: tuple[float, float]

    def block(self, name: str, from_m: float, to_m: float) -> list[Solid]:
        """A box over the area between two heights over the frame's origin; none when it would be flat."""
        if to_m - from_m <= 1e-6:
            return []
        edges = (self.high_m[0] - self.low_m[0], self.high_m[1] - self.low_m[1], to_m - from_m)
        x, y = ((low + high) / 2 for low, high in zip(self.low_m, self.high_m, strict=True))
        return [box(name, edges, self.frame @ Pose((x, y, (from_m + to_m) / 2)))]

    def walls(self, from_m: float, to_m: float) -> list[Solid]:
        """Four walls around the area."""
        (x0, y0), (x1, y1) = self.low_m, self.high_m
        strips = (
            ((x0 - WALL_M, y0 - WALL_M), (x0, y1 + WALL_M)),
            ((x1, y0 - WALL_M), (x1 + WALL_M, y1 + WALL_M)),
            ((x0, y0 - WALL_M), (x1, y0)),
            ((x0, y1), (x1, y1 + WALL_M)),
        )
        return [solid for low, high in strips for solid in _Area(self.frame, low, high).block("wall", from_m, to_m)]


def _grid(frame: Pose, columns: int, rows: int, pitch_m: float, half_m: tuple[float, float]) -> _Area:
    """The places of a grid, the first in the frame's origin, each so large."""
    reach = ((columns - 1) * pitch_m, (rows - 1) * pitch_m)
    return _Area(frame, (-half_m[0], -half_m[1]), (reach[0] + half_m[0], reach[1] + half_m[1]))


def _feeder(line: Line, name: str, spec: FeederSpec) -> Iterable[Solid]:
    """A block up to the part's underside, and room for the parts on it."""
    if name not in line.feeders:
        return ()
    part = line.product_description.parts[line.feeders[name].part]
    x, y = half_extents(part)
    frame = spec.part_in_cell.pose
    columns, rows = (spec.columns, spec.rows) if spec.style == "tray" else (1, 1)
    area = _grid(frame, columns, rows, spec.pitch_m, (x + MARGIN_M, y + MARGIN_M))
    return [*area.block("block", -frame.position[2], 0.0), *area.block(ROOM, 0.0, top_m(part))]


def _fixture(line: Line, name: str, spec: FixtureSpec) -> Iterable[Solid]:
    """A block with two low jaws, and room for a finished unit."""
    product = line.product_description
    frame, half_m, height_m = spec.seat_in_cell.pose, unit_half_m(product), unit_height_m(product)
    base = _grid(frame, 1, 1, 0.0, (half_m + MARGIN_M + _JAW_M, half_m + MARGIN_M))
    jaw_top_m = 0.25 * height_m
    jaws = [_Area(frame, (side * (half_m + _JAW_M / 2) - _JAW_M / 2, -half_m / 2),
                  (side * (half_m + _JAW_M / 2) + _JAW_M / 2, half_m / 2)) for side in (-1, 1)]  # fmt: skip
    room = _grid(frame, 1, 1, 0.0, (half_m + _JAW_M, half_m))
    blocks = [solid for jaw in jaws for solid in jaw.block(JAW, 0.0, jaw_top_m)]
    return [*base.block("block", -frame.position[2], 0.0), *blocks, *room.block(ROOM, 0.0, height_m)]


def _carton(line: Line, name: str, spec: CartonStationSpec) -> Iterable[Solid]:
    """A floor and four walls, and room for the units."""
    product, carton = line.product_description, line.carton
    half_m, frame = unit_half_m(product) + MARGIN_M, spec.carton_in_cell.pose
    height_m = unit_height_m(product) + max((place.position[2] for place in carton.places), default=0.0)
    if carton.inside_m is not None:
        (x0, y0, _), (x1, y1, _) = carton.inside_m
        area = _Area(frame, (x0, y0), (x1, y1))
    else:
        x, y = ([place.position[axis] for place in carton.places] or [0.0] for axis in (0, 1))
        area = _Area(frame, (min(x) - half_m, min(y) - half_m), (max(x) + half_m, max(y) + half_m))
    low_m = -frame.position[2]
    floor = area.block("floor", low_m, min(low_m + FLOOR_M, 0.0))
    return [*floor, *area.walls(low_m, height_m), *area.block(ROOM, 0.0, height_m)]


def _bin(line: Line, name: str, spec: BinSpec) -> Iterable[Solid]:
    """A floor and four walls that end under the place where parts are let go."""
    frame = spec.drop_in_cell.pose
    height_m = max(frame.position[2] - _BIN_RIM_M, 2 * FLOOR_M)
    area = _Area(Pose((frame.position[0], frame.position[1], 0.0), from_rpy(0.0, 0.0, frame.yaw)),
                 (-_BIN_HALF_M, -_BIN_HALF_M), (_BIN_HALF_M, _BIN_HALF_M))  # fmt: skip
    return [*area.block("floor", 0.0, FLOOR_M), *area.walls(0.0, height_m)]


def _printer(line: Line, name: str, spec: PrinterSpec) -> Iterable[Solid]:
    """A housing whose top is the peel-off plate."""
    frame = spec.label_in_cell.pose
    return _grid(frame, 1, 1, 0.0, (_PLATE_HALF_M, _PLATE_HALF_M)).block("housing", -frame.position[2], 0.0)


def _tester(line: Line, name: str, spec: TesterSpec) -> Iterable[Solid]:
    """A block up to the part's underside."""
    tested = [part for part in line.product_description.parts.values() if part.voltage is not None]
    x, y = max((half_extents(part) for part in tested), default=(0.0, 0.0))
    frame = spec.part_in_cell.pose
    return _grid(frame, 1, 1, 0.0, (x + MARGIN_M, y + MARGIN_M)).block("block", -frame.position[2], 0.0)


def _press(line: Line, name: str, spec: PressSpec) -> Iterable[Solid]:
    """Two columns behind the fixture, seen from the nearest arm. The head slides out over the unit for a stroke only."""
    x, y, z = line.cell_description.of_kind("fixture")[spec.fixture].seat_in_cell.pose.position
    away = _away_from(line, x, y)
    height_m, behind_m = z + spec.stroke_m, math.sqrt(2.0) * unit_half_m(line.product_description) + _COLUMN_BEHIND_M
    return [
        box("column", (_COLUMN_M, _COLUMN_M, height_m), away @ Pose((behind_m, side * _COLUMNS_M / 2, height_m / 2)))
        for side in (-1, 1)
    ]


def _away_from(line: Line, x: float, y: float) -> Pose:
    """A frame on the bench whose x axis points away from the nearest arm."""
    bases = [arm.base_in_cell.pose.position for arm in line.cell_description.of_kind("arm").values()]
    base = min(bases, key=lambda b: math.dist(b[:2], (x, y)), default=(0.0, 0.0, 0.0))
    return Pose((x, y, 0.0), from_rpy(0.0, 0.0, math.atan2(y - base[1], x - base[0])))


def _camera(line: Line, name: str, spec: CameraSpec) -> Iterable[Solid]:
    """A box that ends at the lens; a camera looks along its frame's -z."""
    return [box("housing", _CAMERA_M, spec.lens_in_cell.pose @ Pose((0.0, 0.0, _CAMERA_M[2] / 2)))]


def _crib(line: Line, name: str, spec: ToolCribSpec) -> Iterable[Solid]:
    """For each pocket a post behind the tool, seen from the nearest arm, with a fork under the tool's coupling."""
    bases = [arm.base_in_cell.pose for arm in line.cell_description.of_kind("arm").values()]
    return [solid for pocket in spec.pockets for solid in _rack(pocket.flange_in_cell.pose, bases)]


def _rack(flange: Pose, bases: list[Pose]) -> list[Solid]:
    x, y, z = flange.position
    base = min((b.position for b in bases), key=lambda b: math.dist(b[:2], (x, y)), default=(0.0, 0.0, 0.0))
    away = Pose((x, y, 0.0), from_rpy(0.0, 0.0, math.atan2(y - base[1], x - base[0])))
    fork_m = z - _FORK_UNDER_FLANGE_M
    if fork_m <= _FORK_M:
        return []
    post = box("post", (_POST_M, 2 * _POST_M, z), away @ Pose((_POST_BEHIND_M, 0.0, z / 2)))
    fork = box(FORK, (_POST_BEHIND_M, 2 * _POST_M, _FORK_M), away @ Pose((_POST_BEHIND_M / 2, 0.0, fork_m)))
    return [post, fork]


def arm_solids(model: RobotModel, joints: Joints, base_in_cell: Pose) -> tuple[Solid, ...]:
    """The solids of an arm's links where they are with some joints."""
    poses = model.link_poses(joints)
    return tuple(
        Solid(link, shape, base_in_cell @ poses[link] @ pose)
        for link, solids in model.solids().items()
        for shape, pose in solids
    )


def _arm(line: Line, name: str, spec: ArmSpec) -> Iterable[Solid]:
    """Another arm in its home pose."""
    from microcell.motion.robot import RobotModel

    return arm_solids(RobotModel.of(spec, name), tuple(spec.home_rad), spec.base_in_cell.pose)


_USUAL: dict[type[DeviceSpec], Callable[[Line, str, Any], Iterable[Solid]]] = {
    ArmSpec: _arm,
    FeederSpec: _feeder,
    FixtureSpec: _fixture,
    CartonStationSpec: _carton,
    BinSpec: _bin,
    PrinterSpec: _printer,
    PressSpec: _press,
    TesterSpec: _tester,
    CameraSpec: _camera,
    ToolCribSpec: _crib,
}
