"""Triangles of simple solids, in their own frames, and of the shapes of descriptions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from microcell.description.extents import top_m
from microcell.description.product import Box, Part, Screw
from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec
from microcell.geometry import Pose
from microcell.motion.carried import SHAFT_RATIO

CORNERS, CORNERS_PER_M, LEAST_CORNERS = 36, 1000, 10
"""Corners of a circle: at most, for each m of its radius (and a few more), and at least."""


@dataclass(frozen=True)
class Mesh:
    """A closed surface: `points` (n, 3) in m, `faces` (m, 3) numbers of points, anticlockwise from outside.

    `normals` (m, 3, 3) are unit vectors for each corner of each face: equal ones make it flat, a cylinder's look round.
    """

    points: Any
    faces: Any
    normals: Any

    def placed(self, pose: Pose) -> Mesh:
        """The mesh in the frame around."""
        turn = rotation(pose)
        return Mesh(self.points @ turn.T + np.array(pose.position), self.faces, self.normals @ turn.T)


def rotation(pose: Pose) -> Any:
    """A pose's rotation matrix, (3, 3)."""
    x, y, z, w = pose.orientation
    return np.array((
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ))  # fmt: skip


def joined(meshes: list[Mesh]) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(mesh.points) for mesh in meshes[:-1])])
    faces = np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)])
    return Mesh(np.concatenate([mesh.points for mesh in meshes]), faces, np.concatenate([mesh.normals for mesh in meshes]))


@lru_cache(maxsize=512)
def box_mesh(x_m: float, y_m: float, z_m: float) -> Mesh:
    """A box around its middle."""
    signs = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], dtype=float)
    points = signs * (np.array((x_m, y_m, z_m)) / 2)
    squares = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    faces = np.array([face for a, b, c, d in squares for face in ((a, b, c), (a, c, d))])
    return _flat(points, faces)


def plate_mesh(x_m: float, y_m: float, z_m: float, tile_m: float) -> Mesh:
    """A box around its middle whose upper side is laid with tiles: a view from close by then drops only those behind it."""
    nx, ny = max(1, math.ceil(x_m / tile_m)), max(1, math.ceil(y_m / tile_m))
    half_x, half_y = x_m / nx / 2, y_m / ny / 2
    corners = np.array([(-half_x, -half_y, 0.0), (half_x, -half_y, 0.0), (half_x, half_y, 0.0), (-half_x, half_y, 0.0)])
    tile = _flat(corners, np.array([(0, 1, 2), (0, 2, 3)]))
    places = [
        Pose(((i + 0.5) * x_m / nx - x_m / 2, (j + 0.5) * y_m / ny - y_m / 2, z_m / 2)) for i in range(nx) for j in range(ny)
    ]
    box = box_mesh(x_m, y_m, z_m)
    sides = box.normals[:, 0, 2] < 0.5
    return joined([Mesh(box.points, box.faces[sides], box.normals[sides]), *(tile.placed(place) for place in places)])


@lru_cache(maxsize=512)
def tube_mesh(outer_m: float, inner_m: float, length_m: float) -> Mesh:
    """A tube along z around its middle, by its radii; with an inner radius of 0 a cylinder."""
    corners = min(CORNERS, max(LEAST_CORNERS, 6 + round(outer_m * CORNERS_PER_M)))
    angle = np.arange(corners) * (2 * math.pi / corners)
    circle = np.stack((np.cos(angle), np.sin(angle), np.zeros(corners)), axis=1)
    half = np.array((0.0, 0.0, length_m / 2))
    here, there = np.arange(corners), np.roll(np.arange(corners), -1)
    wall = _wall(circle, outer_m, half, here, there, outward=True)
    if inner_m <= 0.0:
        caps = [_disc(circle * outer_m, half, here, there, up) for up in (True, False)]
        return joined([wall, *caps])
    rings = [_ring(circle, outer_m, inner_m, half, here, there, up) for up in (True, False)]
    return joined([wall, _wall(circle, inner_m, half, here, there, outward=False), *rings])


@lru_cache(maxsize=128)
def sphere_mesh(radius_m: float, rows: int = 12, columns: int = 24) -> Mesh:
    """A sphere around its middle."""
    tilt = np.linspace(0.0, math.pi, rows + 1)[:, None]
    turn = (np.arange(columns) * (2 * math.pi / columns))[None, :]
    unit = np.stack((np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt) + 0 * turn), axis=-1).reshape(
        -1, 3
    )
    faces = []
    for row in range(rows):
        for column in range(columns):
            a, b = row * columns + column, row * columns + (column + 1) % columns
            faces += [(a, a + columns, b + columns), (a, b + columns, b)]
    corners = np.array(faces)
    return Mesh(unit * radius_m, corners, unit[corners])


def shape_mesh(shape: ShapeSpec) -> Mesh:
    """A description's shape around its middle; its `at` is not used."""
    if isinstance(shape, BoxShape):
        return box_mesh(*shape.box_m)
    if isinstance(shape, CylinderShape):
        return tube_mesh(shape.radius_m, 0.0, shape.length_m)
    return sphere_mesh(shape.sphere_radius_m)


def part_mesh(part: Part) -> Mesh:
    """A part in its own frame, with its bore."""
    shape = part.shape
    if isinstance(shape, Box):
        return box_mesh(shape.length_m, shape.width_m, shape.height_m).placed(Pose((0.0, 0.0, shape.height_m / 2)))
    if isinstance(shape, Screw):
        radius, head_m = shape.head_diameter_m / 2, top_m(part)
        head = tube_mesh(radius, 0.0, head_m).placed(Pose((0.0, 0.0, head_m / 2)))
        shaft = tube_mesh(SHAFT_RATIO * radius, 0.0, shape.length_m).placed(Pose((0.0, 0.0, -shape.length_m / 2)))
        return joined([head, shaft])
    return tube_mesh(shape.diameter_m / 2, shape.bore_m / 2, shape.height_m).placed(Pose((0.0, 0.0, shape.height_m / 2)))


def _flat(points: Any, faces: Any) -> Mesh:
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-15)
    return Mesh(points, faces, np.repeat(normal[:, None, :], 3, axis=1))


def _wall(circle: Any, radius_m: float, half: Any, here: Any, there: Any, outward: bool) -> Mesh:
    count = len(circle)
    points = np.concatenate((circle * radius_m - half, circle * radius_m + half))
    faces = np.concatenate((
        np.stack((here, there, there + count), axis=1), np.stack((here, there + count, here + count), axis=1)
    ))  # fmt: skip
    faces = faces if outward else faces[:, ::-1]
    normals = circle[faces % count] * (1.0 if outward else -1.0)
    return Mesh(points, faces, normals)


def _disc(circle: Any, half: Any, here: Any, there: Any, up: bool) -> Mesh:
    count = len(circle)
    points = np.concatenate((circle, np.zeros((1, 3)))) + (half if up else -half)
    middle = np.full(count, count)
    return _flat(points, np.stack((middle, here, there) if up else (middle, there, here), axis=1))


def _ring(circle: Any, outer_m: float, inner_m: float, half: Any, here: Any, there: Any, up: bool) -> Mesh:
    count = len(circle)
    points = np.concatenate((circle * outer_m, circle * inner_m)) + (half if up else -half)
    faces = np.concatenate((
        np.stack((here, there, there + count), axis=1), np.stack((here, there + count, here + count), axis=1)
    ))  # fmt: skip
    return _flat(points, faces if up else faces[:, ::-1])
