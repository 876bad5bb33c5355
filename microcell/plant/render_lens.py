"""The rays that a camera's pixels look along, and where points are seen: a pinhole with Brown's lens distortion."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.cell import CameraSpec
from microcell.geometry import Pose

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Ints = npt.NDArray[np.integer[Any]]

_UNDISTORTED_IN = 20
"""Steps of the fixed point that undoes the distortion; it gains a digit or more with each for usual lenses."""


class Lens:
    """A camera's geometry. The centre of the image's first pixel is (0, 0); pixels are numbered row by row.

    Directions are in the cell frame, one unit deep along the optical axis: a ray's length in them is a depth in m.
    """

    def __init__(self, camera: CameraSpec) -> None:
        pose = camera.lens_in_cell.pose
        self.width, self.height = camera.width_px, camera.height_px
        self.origin = np.array(pose.position, np.float32)
        self.turn = rotation(pose)
        self._position = np.array(pose.position)
        self._focal_px = camera.focal_px
        self._axis_px = np.array(camera.axis_px)
        self._distortion = np.array(camera.distortion_ratios)

    @cached_property
    def _directions(self) -> npt.NDArray[np.float32]:
        """Of every pixel, (height * width, 3)."""
        columns, rows = np.meshgrid(np.arange(self.width), np.arange(self.height))
        shown = (np.stack((columns, rows), axis=2).reshape(-1, 2) - self._axis_px) / self._focal_px
        right, down = self._undistorted(shown).T
        found: npt.NDArray[np.float32] = np.empty((len(shown), 3), np.float32)
        for axis, (x, y, z) in enumerate(self.turn):
            found[:, axis] = right * x - down * y - z
        return found

    def directions(self, pixels: Ints, shift_px: tuple[float, float] = (0.0, 0.0)) -> npt.NDArray[np.float32]:
        """Directions of numbered pixels, moved by a part of a pixel, (n, 3)."""
        found = self._directions[pixels]
        if shift_px != (0.0, 0.0):
            right, down = (shift / self._focal_px for shift in shift_px)
            found += (right * self.turn[:, 0] - down * self.turn[:, 1]).astype(np.float32)
        return found

    def pixels(self, points_m: Floats) -> Floats:
        """(n, 3) points in the cell frame to (n, 2) pixel coordinates; they must lie below the lens."""
        x, y, z = ((points_m - self._position) @ self.turn).T
        ahead = np.stack((x / -z, -y / -z, np.ones_like(z)), axis=1)
        shown = cv2.projectPoints(ahead, np.zeros(3), np.zeros(3), np.eye(3), self._distortion)[0][:, 0]
        pixels: Floats = self._axis_px + self._focal_px * shown
        return pixels

    def scale_px_m(self, height_m: float) -> float:
        """Pixels per metre at a height in the cell."""
        return self._focal_px / max(float(self._position[2]) - height_m, 1e-3)

    def _undistorted(self, shown: Floats) -> Floats:
        if not self._distortion.any():
            return shown
        k1, k2, p1, p2, k3 = self._distortion
        straight = shown
        for _ in range(_UNDISTORTED_IN):
            x, y = straight[..., 0], straight[..., 1]
            r2 = x * x + y * y
            radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
            across = np.stack((2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y), axis=-1)
            straight = (shown - across) / radial[..., None]
        return straight


def rotation(pose: Pose) -> npt.NDArray[np.float64]:
    """A pose's rotation matrix, (3, 3)."""
    origin = np.array(pose.position)
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    return np.stack([np.array(pose.apply(axis)) - origin for axis in axes], axis=1)
