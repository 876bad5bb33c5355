"""The scale of images of one plane, from a board that lies on it: for telecentric lenses, and for planar set-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from microcell.errors import CalibrationError
from microcell.geometry import Pose
from microcell.vision.calibration.boards import Sighting
from microcell.vision.optics import Optics

if TYPE_CHECKING:
    from microcell.vision.calibration.transforms import Floats

_GAIN = 0.95
"""A scale that changes over the image is taken where the corners fit better with it by this factor."""

_OUTLIER = 5.0
_MOST_UNLIKE, _UNLIKE_SDS = 0.005, 4.0
"""Scales along and across that differ by more than both, a ratio and so many standard deviations, are of a tilted board."""


@dataclass(frozen=True)
class PlaneScale:
    """From pixels (undistorted, where the optics were given) to the plane, by a (3, 3) homography to m in the board's frame.

    `telecentric`: its last row is 0, 0, 1, the scale is the same everywhere. `residuals_m` (n, 2) of each image are seen
    minus true places of corners on the plane; images after the first have the board elsewhere on the same plane.
    `tilt_rad` is how far the camera looks askew at the board in the first, as the scales along and across have it.
    """

    model: Literal["telecentric", "perspective"]
    plane_from_pixel: Floats
    pixel_m: float
    residuals_m: tuple[Floats, ...]
    used: tuple[Sighting, ...]
    tilt_rad: float

    @property
    def error_m(self) -> float:
        """Root mean square length of the residuals."""
        every = np.vstack(self.residuals_m)
        return float(np.sqrt(np.mean(np.sum(every**2, axis=1))))


def calibrate(seen: Sequence[Sighting], matrix: Floats | None = None, distortion: Floats | None = None) -> PlaneScale:
    """Find the scale from one image or more of a board on the plane, with the camera's optics where they are known.

    The first image decides; the others, with the board moved on the plane, tell how true it is elsewhere.
    `CalibrationError` where no board is seen, or where it seems to be tilted and the scale to be the same everywhere.
    """
    if not seen:
        raise CalibrationError(
            "the board was not found in any image: lay it flat on the plane, all of it in view, and check its numbers."
        )
    straight = [_straightened(s, matrix, distortion) for s in seen]
    first = straight[0]
    wide = np.array(first.size_px)
    transform: Floats = min(
        ((_affine(first), 1.0), (_homography(first), 1.0 / _GAIN)), key=lambda found: _error(first, found[0]) * found[1]
    )[0]
    telecentric = bool(transform[2, 0] == 0.0 == transform[2, 1])
    along, across = _scales(transform, first.points_px.mean(axis=0))
    if telecentric:
        _refuse_tilted(first, transform, across / along)
    residuals = tuple(_residuals(s, transform) for s in straight)
    model: Literal["telecentric", "perspective"] = "telecentric" if telecentric else "perspective"
    return PlaneScale(
        model, transform, _pixel_m(transform, (wide - 1) / 2.0), residuals, tuple(seen), float(np.arccos(across / along))
    )


def on_plane(transform: Floats, points_px: Floats) -> Floats:
    """(n, 2) pixels to (n, 2) m by a (3, 3) homography."""
    found = np.hstack((points_px, np.ones((len(points_px), 1)))) @ transform.T
    plane: Floats = found[:, :2] / found[:, 2:]
    return plane


def _scales(transform: Floats, at_px: Floats) -> tuple[float, float]:
    """What a pixel measures on the plane at some place, m: the most and the least of all directions."""
    x, y, w = transform @ np.append(at_px, 1.0)
    slopes = (transform[:2, :2] - np.outer((x / w, y / w), transform[2, :2])) / w
    most, least = np.linalg.svd(slopes, compute_uv=False)
    return float(most), float(least)


def _refuse_tilted(first: Sighting, transform: Floats, ratio: float) -> None:
    """`CalibrationError` for scales that differ along and across, which no residual tells."""
    residuals, corners = _residuals(first, transform), first.points_m[:, :2] - first.points_m[:, :2].mean(axis=0)
    spread_m = np.linalg.svd(corners, compute_uv=False)[-1]
    sd = float(np.sqrt(np.mean(residuals**2)) / spread_m)
    if 1.0 - ratio > max(_MOST_UNLIKE, _UNLIKE_SDS * sd):
        raise CalibrationError(
            f"in {first.name} a pixel measures {100.0 * (1.0 - ratio):.1f} % less one way than the other, as where the "
            f"board is tilted by {np.degrees(np.arccos(ratio)):.0f} degrees against the image: lay it flat. If it lies "
            "flat, give the camera's optics (--intrinsics), or mend how the camera stands."
        )


def _straightened(sighting: Sighting, matrix: Floats | None, distortion: Floats | None) -> Sighting:
    if matrix is None or distortion is None:
        return sighting
    focal, centre = np.diag(matrix)[:2], matrix[:2, 2]
    k1, k2, p1, p2, k3 = map(float, distortion)
    optics = Optics(Pose(), 1.0, (0.0, 0.0), (k1, k2, p1, p2, k3))
    straight = optics.undistort((sighting.points_px - centre) / focal) * focal + centre
    return Sighting(sighting.name, sighting.size_px, sighting.points_m, straight)


def _affine(sighting: Sighting) -> Floats:
    """Least squares over corners, those that lie far off left out once."""
    kept = np.ones(len(sighting.points_px), bool)
    transform = np.eye(3)
    for _ in range(2):
        known = np.hstack((sighting.points_px[kept], np.ones((kept.sum(), 1))))
        transform[:2] = np.linalg.lstsq(known, sighting.points_m[kept, :2], rcond=None)[0].T
        off = np.linalg.norm(_residuals(sighting, transform), axis=1)
        kept = off <= _OUTLIER * max(1e-9, 1.4826 * float(np.median(off)))
    return transform


def _homography(sighting: Sighting) -> Floats:
    found, _ = cv2.findHomography(sighting.points_px, sighting.points_m[:, :2], 0)
    if found is None:
        raise CalibrationError(f"the corners in {sighting.name} lie on one line: show more of the board.")
    scaled: Floats = np.asarray(found, float) / found[2, 2]
    return scaled


def _residuals(sighting: Sighting, transform: Floats) -> Floats:
    """Seen minus true places on the plane, (n, 2) in m, the board laid over as well as it can be."""
    found, true = on_plane(transform, sighting.points_px), sighting.points_m[:, :2]
    u, _, vt = np.linalg.svd((found - found.mean(axis=0)).T @ (true - true.mean(axis=0)))
    turn = vt.T @ u.T
    if np.linalg.det(turn) < 0.0:
        turn = vt.T @ np.diag((1.0, -1.0)) @ u.T
    laid: Floats = (found - found.mean(axis=0)) @ turn.T - (true - true.mean(axis=0))
    return laid


def _error(sighting: Sighting, transform: Floats) -> float:
    return float(np.sqrt(np.mean(_residuals(sighting, transform) ** 2)))


def _pixel_m(transform: Floats, middle_px: Floats) -> float:
    """Geometric mean of what a step of a pixel right and down in the middle of the image measures."""
    steps = on_plane(transform, middle_px + np.array(((-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5))))
    right, down = np.linalg.norm(steps[1] - steps[0]), np.linalg.norm(steps[3] - steps[2])
    return float(np.sqrt(right * down))
