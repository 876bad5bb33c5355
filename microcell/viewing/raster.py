"""Triangles to pixels on the CPU: a pinhole camera and a depth buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from microcell.viewing.meshes import Mesh

LIGHT = np.array((-0.38, 0.30, -0.87)) / np.linalg.norm((-0.38, 0.30, -0.87))
"""Direction in which the light falls, in the cell frame."""
AMBIENT, DIFFUSE, FROM_EYE = 0.46, 0.50, 0.14
NEAR_M = 0.02
ANGLE_RAD = 0.5
"""Angle of view, upwards: that of a lens of 100 mm on a 35 mm camera, nearly; lines look little distorted."""
_OUTLINE = 0.62


@dataclass(frozen=True)
class View:
    """Where the camera is and what it looks at, in the cell frame; its angle of view upwards; the image's size."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    angle_rad: float
    width_px: int
    height_px: int

    @cached_property
    def axes(self) -> Any:
        """The camera's x (right), y (down) and z (forward) in the cell, as rows."""
        forward = np.subtract(self.target, self.eye)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return np.stack((right, np.cross(forward, right), forward))

    @cached_property
    def focal_px(self) -> float:
        return self.height_px / 2 / math.tan(self.angle_rad / 2)

    def project(self, points: Any) -> Any:
        """(n, 3) points in the cell to (n, 3): pixel x, pixel y, 1/depth in 1/m (below 0: behind the camera)."""
        x, y, z = self.axes @ (np.asarray(points, dtype=float) - np.array(self.eye)).T
        inverse = 1.0 / np.where(np.abs(z) < 1e-9, 1e-9, z)
        focal = self.focal_px
        return np.stack((self.width_px / 2 + focal * x * inverse, self.height_px / 2 + focal * y * inverse, inverse), axis=1)

    def larger(self, factor: int) -> View:
        """The same view with more pixels."""
        return View(self.eye, self.target, self.angle_rad, self.width_px * factor, self.height_px * factor)

    @classmethod
    def around(cls, low: Any, high: Any, azimuth_rad: float, elevation_rad: float, width_px: int, height_px: int) -> View:
        """A view from a direction that just holds a box."""
        side = (math.cos(azimuth_rad) * math.cos(elevation_rad), math.sin(azimuth_rad) * math.cos(elevation_rad))
        away = np.array((*side, math.sin(elevation_rad)))
        corners = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
        target = corners.mean(axis=0)
        distance_m = 4.0 * float(np.linalg.norm(corners - target, axis=1).max())
        for _ in range(12):  # towards the middle of the picture, and nearer until the box fills it
            view = cls(_vector(target + distance_m * away), _vector(target), ANGLE_RAD, width_px, height_px)
            seen = view.project(corners)[:, :2]
            least, most = seen.min(axis=0), seen.max(axis=0)
            off = ((least + most) / 2 - (width_px / 2, height_px / 2)) * (distance_m / view.focal_px)
            target = target + off @ view.axes[:2]
            distance_m *= float(max((most - least) / (width_px, height_px)))
        return view


def _vector(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


class Canvas:
    """An image with depth, and the number of the piece that each pixel shows (0: none)."""

    def __init__(self, view: View, ground: Any) -> None:
        self.view = view
        self.colour = np.array(ground, dtype=np.float32)
        self.depth = np.zeros((view.height_px, view.width_px), np.float32)
        self.piece = np.zeros((view.height_px, view.width_px), np.int32)

    def copy(self) -> Canvas:
        """The same, to be drawn on."""
        other = Canvas(self.view, self.colour)
        other.depth, other.piece = self.depth.copy(), self.piece.copy()
        return other

    def draw(self, mesh: Mesh, colour: tuple[float, float, float], number: int) -> None:
        """Draw a mesh of the cell frame: each pixel keeps what is nearest."""
        faces, normals = mesh.faces, mesh.normals
        points = self.view.project(mesh.points)
        if not self._within(points):
            return
        corners = points[faces]
        area = _area(corners)
        seen = (area > 1e-9) & (corners[:, :, 2] > 0).all(axis=1) & (corners[:, :, 2] < 1.0 / NEAR_M).all(axis=1)
        if not seen.any():
            return
        light = _light(normals[seen], self.view)
        for triangle, plane in zip(corners[seen], _planes(corners[seen], light), strict=True):
            self._fill(triangle, plane, colour, number)

    def _within(self, points: Any) -> bool:
        """Whether something that has these points may be in the image."""
        ahead = points[points[:, 2] > 0, :2]
        if len(ahead) < len(points):
            return len(ahead) > 0
        size = (self.view.width_px, self.view.height_px)
        return bool((ahead.max(axis=0) >= 0).all() and (ahead.min(axis=0) <= size).all())

    def _fill(self, triangle: Any, plane: Any, colour: tuple[float, float, float], number: int) -> None:
        low, high = triangle[:, :2].min(axis=0), triangle[:, :2].max(axis=0)
        x0, y0 = max(math.floor(low[0]), 0), max(math.floor(low[1]), 0)
        x1, y1 = min(math.ceil(high[0]) + 1, self.view.width_px), min(math.ceil(high[1]) + 1, self.view.height_px)
        if x0 >= x1 or y0 >= y1:
            return
        x = np.arange(x0, x1, dtype=np.float32)[None, :] + np.float32(0.5)
        y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5)
        edges = [a * x + (b * y + c) for a, b, c in plane[:3]]
        depth = plane[3, 0] * x + (plane[3, 1] * y + plane[3, 2])
        old = self.depth[y0:y1, x0:x1]
        shown = (edges[0] >= 0) & (edges[1] >= 0) & (edges[2] >= 0) & (depth > old)
        if not shown.any():
            return
        shade = plane[4, 0] * x + (plane[4, 1] * y + plane[4, 2])
        old[shown] = depth[shown]
        self.piece[y0:y1, x0:x1][shown] = number
        self.colour[y0:y1, x0:x1][shown] = shade[shown][:, None] * np.array(colour, np.float32)

    def outlined(self) -> Any:
        """The image with a thin dark line where one piece ends in front of another, (height, width, 3)."""
        edge = np.zeros(self.piece.shape, bool)
        edge[:, 1:] |= self.piece[:, 1:] != self.piece[:, :-1]
        edge[1:, :] |= self.piece[1:, :] != self.piece[:-1, :]
        image = self.colour.copy()
        image[edge] *= _OUTLINE
        return image

    def mark(self, points: Any, colour: tuple[float, float, float], size_px: int = 2, hidden: float = 0.25) -> None:
        """Draw points of the cell frame as small squares; those behind something only faintly, by the ratio `hidden`."""
        seen = self.view.project(points)
        x, y = np.floor(seen[:, 0]).astype(int), np.floor(seen[:, 1]).astype(int)
        for dx in range(size_px):
            for dy in range(size_px):
                self._dots(x + dx, y + dy, seen[:, 2], colour, hidden)

    def _dots(self, x: Any, y: Any, depth: Any, colour: tuple[float, float, float], hidden: float) -> None:
        inside = (x >= 0) & (y >= 0) & (x < self.view.width_px) & (y < self.view.height_px) & (depth > 0)
        x, y, depth = x[inside], y[inside], depth[inside]
        cover = np.where(depth * 1.01 >= self.depth[y, x], 1.0, hidden)[:, None].astype(np.float32)
        self.colour[y, x] = self.colour[y, x] * (1 - cover) + np.array(colour, np.float32) * cover


def _area(corners: Any) -> Any:
    """Twice the area of each triangle in the image; above 0 for those that face the camera."""
    (ax, ay), (bx, by), (cx, cy) = (corners[:, k, :2].T for k in range(3))
    return (bx - ax) * (ay - cy) - (ax - cx) * (by - ay)


def _light(normals: Any, view: View) -> Any:
    """Brightness at each corner of each triangle: from everywhere, from the light, and a little from the eye."""
    facing = np.clip(-(normals @ LIGHT), 0.0, 1.0)
    towards = np.clip(-(normals @ view.axes[2]), 0.0, 1.0)
    return AMBIENT + DIFFUSE * facing + FROM_EYE * towards


def _planes(corners: Any, light: Any) -> Any:
    """(m, 5, 3): three edge functions (at or above 0 within), 1/depth and brightness, each a x + b y + c over the image."""
    x, y = corners[:, :, 0], corners[:, :, 1]
    following, opposite = np.roll(np.arange(3), -1), np.roll(np.arange(3), -2)
    # The line through the two other corners, scaled to be 1 at the corner: its weight.
    a, b = y[:, following] - y[:, opposite], x[:, opposite] - x[:, following]
    c = -(a * x[:, following] + b * y[:, following])
    weights = np.stack((a, b, c), axis=2)
    at_corner = np.einsum("mkj,mkj->mk", weights, np.stack((x, y, np.ones_like(x)), axis=2))
    weights = weights / at_corner[:, :, None]
    depth = np.einsum("mkj,mk->mj", weights, corners[:, :, 2])
    brightness = np.einsum("mkj,mk->mj", weights, light)
    return np.concatenate((weights, depth[:, None], brightness[:, None]), axis=1).astype(np.float32)
