"""One image with its optics and its light: colours at points, and regions around parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.extents import top_m
from microcell.description.product import Part
from microcell.geometry import Pose
from microcell.vision.colour import to_encoded, to_linear
from microcell.vision.exposure import background_of, light_gains
from microcell.vision.optics import Optics, placed

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Image = npt.NDArray[np.uint8]


SHADOW_RATIO = 1.5
"""A shadow may always fall so far, of the height of what casts it: light from 34 degrees over the horizon, or higher."""


_LOWEST_RAD = 0.1


@dataclass(frozen=True)
class Region:
    """A rectangle of the image, its light corrected: (h, w, 3) uint8 RGB, with the pixel of its corner.

    It holds one pixel of each `stride` along both axes.
    """

    pixels: Image
    corner_px: tuple[int, int]
    stride: int = 1


@dataclass(frozen=True)
class View:
    """An image that can be judged; `gains` are each channel's factor, in linear light, to the reference.

    `background_rgb` is the described colour of what is seen where no part is, `shadow_ratio` how far a shadow may fall, of
    the height of what casts it.
    """

    pixels: Image
    optics: Optics
    gains: Floats
    background_rgb: tuple[int, int, int]
    shadow_ratio: float = SHADOW_RATIO

    @classmethod
    def of(cls, pixels: Image, camera: CameraSpec, where: str) -> View:
        """Check an image and its light; CAMERA_UNUSABLE_IMAGE."""
        gains, background = light_gains(pixels, camera, where), background_of(camera)
        return cls(pixels, Optics.of(camera), gains, background, _shadow_ratio(camera))

    def on_top(self, part: Part, part_in_cell: Pose, points_m: Floats) -> Floats:
        """(n, 2) points on a part's top, in its frame, to (n, 2) pixels."""
        heights = np.full((len(points_m), 1), top_m(part))
        return self.optics.project(placed(part_in_cell, np.hstack((points_m, heights))))

    def scale_px_m(self, part: Part, part_in_cell: Pose) -> float:
        """Pixels per metre on a part's top."""
        return self.optics.scale_px_m(part_in_cell.position[2] + top_m(part))

    def raw(self, points_px: Floats) -> npt.NDArray[np.float32]:
        """Interpolated pixels as the camera gave them: (..., 2) to (..., 3); what is not `inside` means nothing."""
        # cv2.remap takes no side beyond 32767: the points go in as a sheet of at most 4096 wide.
        x, y = (np.nan_to_num(points_px[..., axis].astype(np.float32).ravel(), nan=-9.0) for axis in (0, 1))
        width = min(4096, max(1, len(x)))
        rows = -(-len(x) // width)
        sheet = np.full((2, rows * width), -9.0, np.float32)
        sheet[0, : len(x)], sheet[1, : len(x)] = x, y
        values = cv2.remap(self.pixels, sheet[0].reshape(rows, width), sheet[1].reshape(rows, width), cv2.INTER_LINEAR)
        picked: npt.NDArray[Any] = values.reshape(-1, 3)[: len(x)]
        return picked.reshape(*points_px.shape[:-1], 3).astype(np.float32)

    def inside(self, points_px: Floats) -> npt.NDArray[np.bool_]:
        """Which of (..., 2) points lie in the image."""
        inside: npt.NDArray[np.bool_] = np.all((points_px >= 0.0) & (points_px <= self._last_px), axis=-1)
        return inside

    def typical(self, points_px: Floats) -> npt.NDArray[np.float32]:
        """Median of the pixels at (n, 2) points as the camera gave them, (3,); NaN where none lies in the image."""
        shown = points_px[self.inside(points_px)]
        if not len(shown):
            return np.full(3, np.nan, np.float32)
        middle: npt.NDArray[np.float32] = np.median(self.raw(shown), axis=0)
        return middle

    def colours(self, points_px: Floats) -> Floats:
        """Colours under the reference light, linear: (..., 2) to (..., 3)."""
        colours: Floats = to_linear(self.raw(points_px)) * self.gains
        return colours

    def region(self, centre_px: Floats, reach_px: float, stride: int = 1) -> Region | None:
        """The square around a point, cut at the image's edge; None where nothing of it is in the image."""
        if not np.all(np.isfinite(centre_px)):
            return None
        size = (self.pixels.shape[1], self.pixels.shape[0])
        left, top = (max(0, int(centre - reach_px)) for centre in centre_px)
        right, bottom = (min(int(centre + reach_px) + 2, side) for centre, side in zip(centre_px, size, strict=True))
        if right - left < 4 or bottom - top < 4:
            return None
        cut = np.ascontiguousarray(self.pixels[top:bottom:stride, left:right:stride])
        return Region(cv2.LUT(cut, self._correction), (left, top), stride)

    def as_seen(self, rgb: tuple[int, int, int]) -> Floats:
        """The pixel value that a described colour has in this image."""
        return to_encoded(to_linear(np.array(rgb)) / self.gains)

    @cached_property
    def colourless(self) -> bool:
        """Whether all channels are the same all over, as those of a mono camera."""
        few = self.pixels[::4, ::4]
        return bool(np.all(few == few[..., :1]))

    @cached_property
    def _last_px(self) -> tuple[int, int]:
        """The last pixel's centre."""
        return self.pixels.shape[1] - 1, self.pixels.shape[0] - 1

    @cached_property
    def _correction(self) -> Image:
        table = to_encoded(to_linear(np.arange(256)[:, None]) * self.gains)
        return np.round(table).astype(np.uint8)[None]


def _shadow_ratio(camera: CameraSpec) -> float:
    """How far the lowest of a camera's lamps lets shadows fall."""
    lowest = min((lamp.elevation_rad - lamp.width_rad / 2.0 for lamp in camera.light.lamps), default=math.pi / 2.0)
    return max(SHADOW_RATIO, 1.0 / math.tan(max(lowest, _LOWEST_RAD)))
