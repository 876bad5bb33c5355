"""Pixels and the cell frame: the projection of a camera that looks straight down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.geometry import Pose

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]


def placed(pose: Pose, points_m: Floats) -> Floats:
    """(n, 3) points of a frame, seen from the outer one of `pose`, m."""
    x, y, z, w = pose.orientation
    turn = np.array(
        (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )
    )
    moved: Floats = points_m @ turn.T + pose.position
    return moved


_NEWTON_STEPS = 8


@dataclass(frozen=True)
class Optics:
    """A pinhole camera with the lens distortion that ROS calls plumb_bob.

    The image's x axis is the lens frame's x axis, its y axis the lens frame's negative y; it looks down the
    frame's -z. The centre of the first pixel is (0, 0); `centre_px` is where the optical axis meets the image.
    `distortion` is k1, k2, p1, p2, k3 of Brown's model, in the image's axes.
    """

    lens_in_cell: Pose
    focal_px: float
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @classmethod
    def of(cls, camera: CameraSpec) -> Optics:
        """The optics of a camera as it is described."""
        return cls(camera.lens_in_cell.pose, camera.focal_px, camera.axis_px, camera.distortion_ratios)

    def project(self, points_m: Floats) -> Floats:
        """(n, 3) points in the cell frame to (n, 2) pixels; NaN for points at or above the lens."""
        x, y, z = placed(self.lens_in_cell.inverse(), points_m).T
        depth = np.where(z < 0, -z, np.nan)
        return self.distort(np.stack((x / depth, -y / depth), axis=1)) * self.focal_px + self.centre_px

    def scale_px_m(self, height_m: float) -> float:
        """Pixels per metre at a height in the cell frame, below the middle of the lens."""
        return self.focal_px / (self.lens_in_cell.position[2] - height_m)

    def unproject(self, pixel: tuple[float, float], height_m: float) -> tuple[float, float]:
        """The (x, y) in the cell frame of what a pixel shows at a height."""
        ((u, v),) = self.undistort((np.array((pixel,)) - self.centre_px) / self.focal_px)
        lens = self.lens_in_cell
        far = lens.apply((float(u), -float(v), -1.0))
        share = (height_m - lens.position[2]) / (far[2] - lens.position[2])
        x, y, _ = (start + share * (end - start) for start, end in zip(lens.position, far, strict=True))
        return x, y

    def distort(self, rays: Floats) -> Floats:
        """(n, 2) directions as slopes to the right and down, to where the lens shows them in the plane at distance 1."""
        return distorted(rays, self.distortion) if any(self.distortion) else rays

    def undistort(self, shown: Floats) -> Floats:
        """The inverse of `distort`, to 1e-12 within the part of the field where the lens does not fold it over."""
        if not any(self.distortion):
            return shown
        rays = shown.copy()
        for _ in range(_NEWTON_STEPS):
            rest = distorted(rays, self.distortion) - shown
            jacobian = _slopes(rays, self.distortion)
            rays = rays - np.linalg.solve(jacobian, rest[..., None])[..., 0]
        return rays


def distorted(rays: Floats, coefficients: tuple[float, float, float, float, float]) -> Floats:
    """Brown's radial and tangential distortion of (n, 2) slopes (Brown 1966, with OpenCV's order of coefficients)."""
    k1, k2, p1, p2, k3 = coefficients
    x, y = rays.T
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    moved_x = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)
    moved_y = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y
    return np.stack((moved_x, moved_y), axis=1)


def _slopes(rays: Floats, coefficients: tuple[float, float, float, float, float]) -> Floats:
    """(n, 2, 2) derivatives of `distorted`."""
    k1, k2, p1, p2, k3 = coefficients
    x, y = rays.T
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    growth = 2.0 * (k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3))
    mixed = x * y * growth + 2.0 * p1 * x + 2.0 * p2 * y
    return np.stack(
        (
            np.stack((radial + x * x * growth + 2.0 * p1 * y + 6.0 * p2 * x, mixed), axis=1),
            np.stack((mixed, radial + y * y * growth + 6.0 * p1 * y + 2.0 * p2 * x), axis=1),
        ),
        axis=1,
    )
