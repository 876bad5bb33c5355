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


@dataclass(frozen=True)
class Optics:
    """A pinhole camera without distortion.

    The image's x axis is the lens frame's x axis, its y axis the lens frame's negative y; it looks down the
    frame's -z. The centre of the first pixel is (0, 0), so the image's centre is ((width - 1) / 2, (height -
    1) / 2).
    """

    lens_in_cell: Pose
    focal_px: float
    centre_px: tuple[float, float]

    @classmethod
    def of(cls, camera: CameraSpec) -> Optics:
        """The optics of a camera as it is described."""
        centre = ((camera.width_px - 1) / 2.0, (camera.height_px - 1) / 2.0)
        return cls(camera.lens_in_cell.pose, camera.focal_px, centre)

    def project(self, points_m: Floats) -> Floats:
        """(n, 3) points in the cell frame to (n, 2) pixels; NaN for points at or above the lens."""
        x, y, z = placed(self.lens_in_cell.inverse(), points_m).T
        depth = np.where(z < 0, -z, np.nan)
        return np.stack(
            (self.centre_px[0] + self.focal_px * x / depth, self.centre_px[1] - self.focal_px * y / depth),
            axis=1,
        )

    def scale_px_m(self, height_m: float) -> float:
        """Pixels per metre at a height in the cell frame, below the middle of the lens."""
        return self.focal_px / (self.lens_in_cell.position[2] - height_m)

    def unproject(self, pixel: tuple[float, float], height_m: float) -> tuple[float, float]:
        """The (x, y) in the cell frame of what a pixel shows at a height."""
        ray = (
            (pixel[0] - self.centre_px[0]) / self.focal_px,
            (self.centre_px[1] - pixel[1]) / self.focal_px,
            -1.0,
        )
        lens = self.lens_in_cell
        far = lens.apply(ray)
        share = (height_m - lens.position[2]) / (far[2] - lens.position[2])
        x, y, _ = (start + share * (end - start) for start, end in zip(lens.position, far, strict=True))
        return x, y
