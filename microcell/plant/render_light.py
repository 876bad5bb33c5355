"""Light on surfaces: a ring around the lens, lamps with soft shadows, and the room.

A level surface that nothing shadows gets 1 in all. Shadows are soft, so they are looked up for some pixels of each body
only, and interpolated between them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.cell import LampSpec, LightSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_ROOM_RAYS, _LAMP_RAYS = 8, 4
_CLEAR_M = 1e-5
"""Shadow rays begin so far off their surface."""


class Lighting:
    """The lights of one camera, with the rays by which they are looked for."""

    def __init__(self, light: LightSpec) -> None:
        self._light = light
        self._lamps = [_unit(lamp.azimuth_rad, lamp.elevation_rad) for lamp in light.lamps]
        groups = [_room_rays(), *(_lamp_rays(lamp) for lamp in light.lamps)]
        self._rays = np.concatenate(groups)
        self._starts = np.cumsum([0, *(len(group) for group in groups[:-1])])

    @property
    def count(self) -> int:
        """The room and the lamps."""
        return len(self._starts)

    @property
    def reach_ratio(self) -> float:
        """How far a shadow falls, of the height of what casts it."""
        slopes = np.hypot(self._rays[:, 0], self._rays[:, 1]) / self._rays[:, 2]
        return float(slopes.max())

    def seen_from(self, bodies: Any, points_m: Floats, normals: Floats) -> Floats:
        """Share of the room and of each lamp that each of n points sees past the bodies, (n, 1 + lamps)."""
        from microcell.libraries import open3d

        starts = points_m + np.float32(_CLEAR_M) * normals
        rays = np.empty((len(points_m), len(self._rays), 6), np.float32)
        rays[..., :3], rays[..., 3:] = starts[:, None], self._rays
        hidden = bodies.test_occlusions(open3d().core.Tensor(rays)).numpy()
        counts = np.add.reduceat(~hidden, self._starts, axis=1, dtype=np.float32)
        shares = counts / np.diff([*self._starts, len(self._rays)])
        return shares.astype(np.float32)

    def on(self, normals: Floats, directions: Floats, seen: Floats) -> Floats:
        """Light on n surfaces, by their normals, the rays of the camera (one unit deep) and what they see of the lights."""
        facing = -np.einsum("ij,ij->i", normals, directions) / np.sqrt(np.einsum("ij,ij->i", directions, directions))
        level = np.float32(self._light.ring_ratio) * np.clip(facing, 0.0, 1.0)
        level += np.float32(self._light.room_ratio) * (0.5 + 0.5 * normals[:, 2]) * seen[:, 0]
        for number, (spec, towards) in enumerate(zip(self._light.lamps, self._lamps, strict=True), 1):
            slant = np.clip(normals @ towards, 0.0, None) / towards[2]
            level += np.float32(spec.share_ratio) * slant * seen[:, number]
        found: Floats = level
        return found


def spread(values: Floats, known: npt.NDArray[np.bool_], stride: int, size: tuple[int, int]) -> Floats:
    """Values (h, w, k) at each `stride`-th pixel where they are known, as a smooth field of `size` (width, height)."""
    weight = cv2.blur(known.astype(np.float32), (3, 3), borderType=cv2.BORDER_CONSTANT)
    total = cv2.blur(np.where(known[..., None], values, 0.0), (3, 3), borderType=cv2.BORDER_CONSTANT)
    total = total.reshape(values.shape)
    smooth = np.where(weight[..., None] > 1e-6, total / np.maximum(weight, 1e-6)[..., None], 1.0)
    # Value (i, j) belongs to pixel (i * stride, j * stride).
    back = np.array(((1.0 / stride, 0.0, 0.0), (0.0, 1.0 / stride, 0.0)))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    field = cv2.warpAffine(smooth, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return field.reshape(size[1], size[0], -1).astype(np.float32)


def _unit(azimuth_rad: float, elevation_rad: float) -> Floats:
    level = math.cos(elevation_rad)
    up = (level * math.cos(azimuth_rad), level * math.sin(azimuth_rad), math.sin(elevation_rad))
    return np.array(up, np.float32)


def _room_rays() -> Floats:
    """Directions upwards, spread as the light that a level surface gets from an even sky (Malley's method)."""
    number = np.arange(_ROOM_RAYS)
    level = np.sqrt((number + 0.5) / _ROOM_RAYS) * 0.9
    turn = number * math.pi * (3.0 - math.sqrt(5.0))
    rays = np.stack((level * np.cos(turn), level * np.sin(turn), np.sqrt(1.0 - level * level)), axis=1)
    return rays.astype(np.float32)


def _lamp_rays(lamp: LampSpec) -> Floats:
    """Directions to some points of a lamp."""
    middle = _unit(lamp.azimuth_rad, lamp.elevation_rad).astype(np.float64)
    side = np.array((-math.sin(lamp.azimuth_rad), math.cos(lamp.azimuth_rad), 0.0))
    upwards = np.cross(middle, side)
    turn = (np.arange(_LAMP_RAYS) + 0.25) * (2.0 * math.pi / _LAMP_RAYS)
    off = 0.35 * lamp.width_rad * np.stack((np.cos(turn), np.sin(turn)), axis=1)
    rays = middle + off[:, :1] * side + off[:, 1:] * upwards
    return (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
