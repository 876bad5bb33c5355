"""What there is to see of a line: pieces that stand still, and those that an instant of a recording moves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from microcell.description.line import Line
from microcell.description.tool import GripperTool, Tool
from microcell.geometry import Pose
from microcell.motion.carried import tool_solids
from microcell.motion.cell_scene import BENCH_TOP, cell_scene
from microcell.motion.robot import RobotModel
from microcell.motion.scene import ROOM
from microcell.viewing.meshes import Mesh, part_mesh, plate_mesh, shape_mesh
from microcell.viewing.recording import Frame, ToolSeen

Rgb = tuple[float, float, float]

BENCH_RGB: Rgb = (0.83, 0.83, 0.80)
BENCH_EDGE_M, BENCH_THICKNESS_M, BENCH_TILE_M = 0.10, 0.04, 0.1
STEEL: Rgb = (0.66, 0.68, 0.71)
_KIND_RGB: dict[str, Rgb] = {
    "feeder": (0.42, 0.50, 0.60),
    "fixture": (0.55, 0.58, 0.62),
    "tool_crib": (0.30, 0.33, 0.37),
    "carton_station": (0.78, 0.62, 0.42),
    "bin": (0.72, 0.30, 0.26),
    "printer": (0.93, 0.91, 0.86),
    "camera": (0.16, 0.17, 0.19),
    "press": (0.86, 0.72, 0.18),
    "turner": (0.34, 0.46, 0.62),
    "tester": (0.24, 0.55, 0.40),
}
_TOOL_RGB: dict[str, Rgb] = {
    "gripper": (0.20, 0.22, 0.26),
    "vacuum": (0.16, 0.48, 0.46),
    "screwdriver": (0.90, 0.45, 0.10),
    "dispenser": (0.62, 0.28, 0.60),
    "welder": (0.72, 0.42, 0.20),
}


@dataclass(frozen=True)
class Piece:
    """One rigid thing: name (unique in an instant), triangles in its own frame, colour from 0 to 1, pose in the cell.

    What `rests` is moved only now and then: parts at stations, tools in their pockets.
    """

    name: str
    mesh: Mesh
    colour: Rgb
    pose: Pose
    rests: bool = False


class Stage:
    """The line's things as pieces."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._arms = {name: RobotModel.of(spec, name) for name, spec in line.cell_description.of_kind("arm").items()}
        self._bases = {name: spec.base_in_cell.pose for name, spec in line.cell_description.of_kind("arm").items()}
        self._part_mesh = lru_cache(maxsize=None)(lambda name: part_mesh(line.product_description.parts[name]))

    @cached_property
    def fixed(self) -> tuple[Piece, ...]:
        """Bench, stations, racks, cameras."""
        devices = self.line.cell_description.devices
        scene = cell_scene(self.line, next(iter(self._arms)))
        found = [
            Piece(f"{body}/{number}", shape_mesh(solid.shape), _KIND_RGB.get(devices[body].kind, STEEL), solid.middle)
            for body in scene
            if body != BENCH_TOP and body in devices and devices[body].kind != "arm"
            for number, solid in enumerate(scene[body])
            if solid.name != ROOM
        ]
        return (self._bench(found), *found)

    def moving(self, frame: Frame) -> Iterator[Piece]:
        """Links of the arms, tools and parts at an instant."""
        for arm, joints in frame.joints.items():
            poses = self._arms[arm].link_poses(joints)
            for link, shapes in self._drawn[arm].items():
                for number, (mesh, pose, colour) in enumerate(shapes):
                    yield Piece(f"{arm}/{link}/{number}", mesh, colour, self._bases[arm] @ poses[link] @ pose)
        for name, seen in frame.tools.items():
            yield from self._tool(name, seen)
        for number, item in frame.items.items():
            red, green, blue = (value / 255 for value in self.line.product_description.parts[item.part].colour_rgb)
            yield Piece(f"part/{number}", self._part_mesh(item.part), (red, green, blue), item.part_in_cell, not item.held)

    @cached_property
    def sights(self) -> tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]:
        """For each camera the line from its lens to the bench top."""
        found = []
        for spec in self.line.cell_description.of_kind("camera").values():
            lens = spec.lens_in_cell.pose
            x, y, z = lens.position
            ahead = lens.apply((0.0, 0.0, -1.0))
            fall = z - ahead[2]
            if fall > 0.1:
                found.append((lens.position, (x + (ahead[0] - x) * z / fall, y + (ahead[1] - y) * z / fall, 0.0)))
        return tuple(found)

    def tcp(self, frame: Frame, arm: str) -> Pose:
        """The TCP of an arm's tool, or its bare flange, in the cell."""
        for name, seen in frame.tools.items():
            if seen.arm == arm:
                return seen.flange_in_cell @ self.line.tools[name].tcp_in_flange.pose
        return self._bases[arm] @ self._arms[arm].forward(frame.joints[arm])

    @cached_property
    def extent(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Least and greatest corner of what stands on the bench and of the arms at home, without the cameras, m."""
        cameras = tuple(f"{name}/" for name in self.line.cell_description.of_kind("camera"))
        homes = {name: tuple(spec.home_rad) for name, spec in self.line.cell_description.of_kind("arm").items()}
        at_home = self.moving(Frame(0.0, homes, {}, {}, ""))
        pieces = [p for p in (*self.fixed, *at_home) if not p.name.startswith(cameras)]
        points = [corner for piece in pieces for corner in _corners(piece)]
        low = (min(p[0] for p in points), min(p[1] for p in points), min(p[2] for p in points))
        high = (max(p[0] for p in points), max(p[1] for p in points), max(p[2] for p in points))
        return low, high

    @cached_property
    def _drawn(self) -> dict[str, dict[str, list[tuple[Mesh, Pose, Rgb]]]]:
        return {
            arm: {
                link: [(shape_mesh(shape), pose, rgba[:3]) for shape, pose, rgba in shapes]
                for link, shapes in model.drawn().items()
            }
            for arm, model in self._arms.items()
        }

    def _tool(self, name: str, seen: ToolSeen) -> Iterator[Piece]:
        tool = self.line.tools[name]
        for number, solid in enumerate(tool_solids(tool)):
            mesh, at = shape_mesh(solid.shape), solid.middle
            reach = at.position[2] + float(mesh.points[:, 2].max())
            slim = float(abs(mesh.points[:, :2]).max()) < 0.012
            colour = STEEL if number == 0 or slim else _TOOL_RGB[tool.device]
            if isinstance(tool, GripperTool) and reach >= tool.tcp_in_flange.xyz_m[2] - 1e-6:
                at = _finger(tool, at, seen.opening_m)
            yield Piece(f"tool/{name}/{number}", mesh, colour, seen.flange_in_cell @ at, not seen.arm)

    def _bench(self, standing: list[Piece]) -> Piece:
        """A plate under all that stands."""
        corners = [corner for piece in standing for corner in _corners(piece)] + [b.position for b in self._bases.values()]
        x0, x1 = min(c[0] for c in corners) - BENCH_EDGE_M, max(c[0] for c in corners) + BENCH_EDGE_M
        y0, y1 = min(c[1] for c in corners) - BENCH_EDGE_M, max(c[1] for c in corners) + BENCH_EDGE_M
        middle = Pose(((x0 + x1) / 2, (y0 + y1) / 2, -BENCH_THICKNESS_M / 2))
        return Piece(BENCH_TOP, plate_mesh(x1 - x0, y1 - y0, BENCH_THICKNESS_M, BENCH_TILE_M), BENCH_RGB, middle)


def _finger(tool: Tool, at: Pose, opening_m: float) -> Pose:
    """A finger moves in from where it is when the gripper is open."""
    x, y, z = at.position
    stroke_m = tool.stroke_m if isinstance(tool, GripperTool) else 0.0
    return Pose((x - math.copysign((stroke_m - opening_m) / 2, x) if x else x, y, z), at.orientation)


def _corners(piece: Piece) -> list[tuple[float, float, float]]:
    low, high = piece.mesh.points.min(axis=0), piece.mesh.points.max(axis=0)
    return [
        piece.pose.apply((float(x), float(y), float(z)))
        for x in (low[0], high[0])
        for y in (low[1], high[1])
        for z in (low[2], high[2])
    ]
