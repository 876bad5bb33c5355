"""Render what a camera sees, from where things truly are.

On purpose it shares no code with `microcell.vision`: an error in either then shows when the two are compared
(`bench/vision.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.cell import CameraSpec
from microcell.plant.render_shapes import Surface, faces

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.plant.scene import SceneItem

    Image = npt.NDArray[np.uint8]

TABLE_RGB = (90, 90, 90)
"""A matt, neutral bench top, for vision the reference of brightness and white.

A camera may have another one in its parameters: `background_rgb: [r, g, b]`.
"""

WHITE_LEVEL = 0.82
"""Response to a perfect white at the right exposure, in linear light of full scale: head room for glare."""

_SUBPIXEL_BITS = 6
_ANTI_ALIASING_PX = 0.65
"""cv2 adds an anti-aliased rim of this width to a filled polygon: polygons are drawn smaller by as much."""

_NOISE_SPARE = 1 << 18


@dataclass(frozen=True)
class Light:
    """Exposure and light of one shot.

    `level` is 1 at the exposure that the light is set up for, and proportional to light and exposure time;
    `tint_rgb` the relative level of each channel; `blur_px` the standard deviation of the lens' point
    spread.
    """

    level: float = 1.0
    tint_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_px: float = 0.6


def render(items: Sequence[SceneItem], camera: CameraSpec, light: Light, rng: np.random.Generator) -> Image:
    """Return the camera's image, (height, width, 3) uint8 RGB.

    A pinhole camera that looks down its frame's -z axis; the image's x axis is the frame's x, y its negative
    y. Surfaces are painted from the lowest to the highest, each in the perspective of its own height.
    """
    background = tuple(camera.parameters.get("background_rgb", TABLE_RGB))
    image = _table(camera.width_px, camera.height_px, background).copy()
    lens = _Lens(camera)
    surfaces = [surface for item in items for surface in faces(item)]
    for surface in sorted(surfaces, key=lambda surface: surface.height_m):
        _paint(image, surface, lens)
    image = cv2.LUT(image, _response(light))
    image = cv2.multiply(image, _falloff(camera.width_px, camera.height_px), scale=1.0 / 255.0)
    if light.blur_px > 0:
        image = cv2.GaussianBlur(image, (0, 0), light.blur_px)
    return cv2.add(image, _noise(image.shape, camera.noise_ratio, rng), dtype=cv2.CV_8U)


class _Lens:
    """Points of the cell frame to pixels; the centre of the image's first pixel is (0, 0)."""

    def __init__(self, camera: CameraSpec) -> None:
        pose = camera.lens_in_cell.pose
        axes = (pose.apply(axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
        self._origin = np.array(pose.position)
        self._axes = np.array(list(axes)) - self._origin
        self._focal_px = camera.focal_px
        self._centre_px = np.array(camera.axis_px)
        self._distortion = np.array(camera.distortion_ratios)

    def pixels(self, points_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n, 3) points in the cell frame to (n, 2) pixel coordinates."""
        x, y, z = self._axes @ (points_m - self._origin).T
        rays = np.stack((x / -z, -y / -z, np.ones_like(z)), axis=1)
        shown = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), np.eye(3), self._distortion)[0][:, 0]
        return self._centre_px + self._focal_px * shown


def _paint(image: Image, surface: Surface, lens: _Lens) -> None:
    rings = [lens.pixels(ring) for ring in surface.rings]
    if surface.hull:
        both = np.concatenate(rings[:2]).astype(np.float32)
        rings = [cv2.convexHull(both)[:, 0].astype(np.float64), *rings[2:]]
    if surface.print_dark is not None:
        _print(image, rings[0], surface.print_dark, surface.colour_rgb)
        return
    drawn = [_grown(rings[0], -_ANTI_ALIASING_PX), *(_grown(ring, _ANTI_ALIASING_PX) for ring in rings[1:])]
    fixed = [np.round(ring * (1 << _SUBPIXEL_BITS)).astype(np.int32) for ring in drawn]
    cv2.fillPoly(image, fixed, surface.colour_rgb, cv2.LINE_AA, _SUBPIXEL_BITS)


def _grown(ring_px: npt.NDArray[np.float64], growth_px: float) -> npt.NDArray[np.float64]:
    """Move each corner of a polygon outwards, so that its edges move by about `growth_px`."""
    edge = np.roll(ring_px, -1, axis=0) - ring_px
    normal = (
        np.stack((edge[:, 1], -edge[:, 0]), axis=1)
        / np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-9)[:, None]
    )
    x, y = ring_px.T
    area = np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    corner = normal + np.roll(normal, 1, axis=0)
    corner *= 2.0 / np.maximum(np.sum(corner * corner, axis=1), 1.0)[:, None]
    return ring_px + corner * (growth_px if area > 0 else -growth_px)


def _print(
    image: Image, corners_px: npt.NDArray[np.float64], dark: Image, colour: tuple[int, int, int]
) -> None:
    """Print dark modules (1 = dark) into a quadrilateral whose corners are top left, then clockwise."""
    height, width = dark.shape
    low = np.maximum(np.floor(corners_px.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(corners_px.max(axis=0)).astype(int) + 2, (image.shape[1], image.shape[0]))
    if np.any(high <= low):
        return
    # The centre of the first module is (0, 0) for cv2, its outer corner (-0.5, -0.5).
    modules = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32) - np.float32(0.5)
    # Four samples per pixel and axis, then their mean: module edges come out anti-aliased.
    fine = cv2.getPerspectiveTransform(modules, ((corners_px - low + 0.5) * 4 - 0.5).astype(np.float32))
    size = high - low
    cover = cv2.warpPerspective(
        dark * np.uint8(255), fine, tuple(int(n) * 4 for n in size), flags=cv2.INTER_NEAREST
    )
    share = cv2.resize(cover, tuple(int(n) for n in size), interpolation=cv2.INTER_AREA)[
        ..., None
    ] / np.float32(255)
    region = image[low[1] : high[1], low[0] : high[0]]
    region[:] = np.round(region * (1 - share) + np.array(colour, np.float32) * share)


@lru_cache(maxsize=4)
def _table(width_px: int, height_px: int, colour: tuple[int, int, int]) -> Image:
    """The empty bench top with a fine grain, always the same."""
    grain = np.random.default_rng(1).normal(0.0, 8.0, (height_px, width_px)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 1.2)
    return np.clip(np.round(grain[..., None] + np.array(colour, np.float32)), 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _falloff(width_px: int, height_px: int) -> Image:
    """Light over the field, of 255: 3 % less (encoded) in the corners, and a slope of 1 % along x."""
    x = np.linspace(-1.0, 1.0, width_px)[None, :]
    y = np.linspace(-1.0, 1.0, height_px)[:, None]
    level = 1.0 - 0.015 * (x * x + y * y) + 0.005 * (x - 1.0)
    return np.repeat(np.round(255.0 * level)[..., None], 3, axis=2).astype(np.uint8)


def _response(light: Light) -> Image:
    """Lookup table from colour to pixel: sRGB (IEC 61966-2-1) to linear light, exposed, back to sRGB."""
    encoded = np.arange(256)[:, None] / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    exposed = np.clip(linear * WHITE_LEVEL * light.level * np.array(light.tint_rgb), 0.0, 1.0)
    again = np.where(exposed <= 0.0031308, exposed * 12.92, 1.055 * exposed ** (1 / 2.4) - 0.055)
    return np.round(255.0 * again).astype(np.uint8)[None]


def _noise(shape: tuple[int, ...], noise_ratio: float, rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """Pixel noise: a stretch of a fixed pool from a random start. Drawing it anew would take 30 ms an
    image."""
    size = int(np.prod(shape))
    start = int(rng.integers(_NOISE_SPARE))
    return _noise_pool(size + _NOISE_SPARE, noise_ratio)[start : start + size].reshape(shape)


@lru_cache(maxsize=4)
def _noise_pool(size: int, noise_ratio: float) -> npt.NDArray[np.int8]:
    normal: npt.NDArray[Any] = np.random.default_rng(2).standard_normal(size, dtype=np.float32)
    return np.clip(np.round(255.0 * noise_ratio * normal), -127, 127).astype(np.int8)
