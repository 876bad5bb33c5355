"""The pose of a thing from known points of it in an image, and how uncertain it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.faults import FaultError
from microcell.geometry import Pose, Quaternion, from_rpy
from microcell.vision.optics import Optics, placed
from microcell.vision.tags import Tag
from microcell.vision.uncertainty import WithCovariance

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

LENS_FROM_OPENCV = Pose((0.0, 0.0, 0.0), from_rpy(math.pi, 0.0, 0.0))
"""OpenCV's camera frame (y down, z into the scene) seen from the lens frame (y up, looking down -z)."""

AMBIGUOUS_RATIO = 1.5
"""A flat thing far away looks nearly the same tilted the other way: so much worse the other pose must fit to be excluded."""

_STEP = 1e-6


@dataclass(frozen=True)
class TagPlace:
    """Where a marker is fixed on a thing: its middle and axes (x to the right, y up, z out of it), and its side."""

    size_m: float
    tag_in_part: Pose = field(default_factory=Pose)


@dataclass(frozen=True)
class PoseEstimate(WithCovariance):
    """A thing's pose in the cell frame.

    `covariance` is (6, 6): position in m, then a rotation vector about the cell's axes in rad. `rms_px` is how far the
    points lie from where this pose has them. `ambiguity_ratio` is the misfit of the second best pose over that of this one;
    near 1, the thing may as well be tilted the other way.
    """

    part_in_cell: Pose
    covariance: Floats
    rms_px: float
    ambiguity_ratio: float

    @property
    def ambiguous(self) -> bool:
        return self.ambiguity_ratio < AMBIGUOUS_RATIO


def pose_from_tags(
    tags: Sequence[Tag], places: Mapping[int, TagPlace], optics: Optics, where: str = "camera"
) -> PoseEstimate:
    """A thing's pose from the markers that are fixed on it; PART_NOT_FOUND where none of them is seen."""
    seen = [(tag, places[tag.number]) for tag in tags if tag.number in places]
    if not seen:
        found = ", ".join(str(tag.number) for tag in tags) or "none"
        wanted = ", ".join(str(number) for number in places)
        raise FaultError("PART_NOT_FOUND", where, f"none of the part's markers {wanted} is seen; markers in view: {found}")
    points = np.concatenate([placed(place.tag_in_part, _corners_m(place.size_m)) for _, place in seen])
    pixels = np.concatenate([tag.corners_px for tag, _ in seen])
    sd_px = math.sqrt(float(np.mean([tag.sd_px**2 for tag, _ in seen])))
    return pose_from_points(points, pixels, optics, sd_px, where)


def pose_from_points(points_m: Floats, pixels: Floats, optics: Optics, sd_px: float, where: str = "camera") -> PoseEstimate:
    """A thing's pose from (n, 3) of its points, four at the least, seen at (n, 2) pixels that scatter by `sd_px`.

    Raises PART_NOT_FOUND at `where` for points that give none.
    """
    rays = optics.undistort((pixels - optics.centre_px) / optics.focal_px)
    candidates = sorted(_candidates(points_m, rays, optics), key=lambda pose: _misfit_px(points_m, pixels, pose, optics))
    if not candidates:
        raise FaultError("PART_NOT_FOUND", where, "the points that are seen give no pose: they lie on one line")
    best = _improved(points_m, pixels, candidates[0], optics)
    rms = _misfit_px(points_m, pixels, best, optics)
    others = [_misfit_px(points_m, pixels, pose, optics) for pose in candidates[1:]]
    jacobian = _jacobian(points_m, best, optics)
    spread_px = max(sd_px, rms * math.sqrt(len(points_m) / max(1.0, len(points_m) - 3.0)))
    covariance = spread_px**2 * np.linalg.pinv(jacobian.T @ jacobian)
    floor = max(rms, sd_px, 1e-6)
    return PoseEstimate(best, covariance, rms, min((other / floor for other in others), default=math.inf))


def _corners_m(size_m: float) -> Floats:
    """A marker's corners as `Tag` orders them, (4, 3)."""
    half = size_m / 2.0
    return np.array([[-half, half, 0.0], [half, half, 0.0], [half, -half, 0.0], [-half, -half, 0.0]])


def _candidates(points_m: Floats, rays: Floats, optics: Optics) -> list[Pose]:
    """Poses that OpenCV finds: two for a flat thing, of which one is tilted the other way."""
    flat = np.linalg.matrix_rank(points_m - points_m.mean(axis=0), tol=1e-6 * np.abs(points_m).max()) < 3
    method = cv2.SOLVEPNP_IPPE if flat else cv2.SOLVEPNP_SQPNP
    found: list[Pose] = []
    # Points that lie quite symmetrically in the image give no number: then their frame is turned first.
    for first in (Pose(), Pose(orientation=from_rpy(0.4, 0.3, 0.5))):
        _, turns, shifts, _ = cv2.solvePnPGeneric(placed(first, points_m), rays, np.eye(3), None, flags=method)
        finite = [pair for pair in zip(turns, shifts, strict=True) if np.all(np.isfinite(pair))]
        found = [
            optics.lens_in_cell
            @ LENS_FROM_OPENCV
            @ Pose(_vector(shift.ravel()), quaternion_of(cv2.Rodrigues(turn)[0]))
            @ first
            for turn, shift in finite
        ]
        if found:
            break
    return found


def _improved(points_m: Floats, pixels: Floats, pose: Pose, optics: Optics) -> Pose:
    """Least squares of the distances in the image, with Levenberg and Marquardt's damping; never worse than it was."""
    damping, misfit = 1e-6, _misfit_px(points_m, pixels, pose, optics)
    for _ in range(20):
        if not math.isfinite(misfit):
            break
        jacobian = _jacobian(points_m, pose, optics)
        rest = (pixels - optics.project(placed(pose, points_m))).ravel()
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), jacobian.T @ rest)
        moved = nudged(pose, step)
        better = _misfit_px(points_m, pixels, moved, optics)
        if better <= misfit:
            pose, misfit, damping = moved, better, damping / 10.0
        else:
            damping *= 30.0
        if np.abs(step).max() < 1e-10:
            break
    return pose


def _jacobian(points_m: Floats, pose: Pose, optics: Optics) -> Floats:
    """(2 n, 6): how the pixels move with the pose."""
    columns = []
    for axis in np.eye(6):
        ahead, behind = (optics.project(placed(nudged(pose, sign * _STEP * axis), points_m)) for sign in (1.0, -1.0))
        columns.append(((ahead - behind) / (2.0 * _STEP)).ravel())
    return np.stack(columns, axis=1)


def _misfit_px(points_m: Floats, pixels: Floats, pose: Pose, optics: Optics) -> float:
    rest = pixels - optics.project(placed(pose, points_m))
    return float(np.sqrt(np.mean(rest**2))) if np.all(np.isfinite(rest)) else math.inf


def nudged(pose: Pose, step: Floats) -> Pose:
    """A pose moved by (6,): shift in m, then a small rotation vector about the outer axes through its own origin."""
    turn = Pose((0.0, 0.0, 0.0), quaternion_of(cv2.Rodrigues(np.asarray(step[3:], float))[0]))
    x, y, z = (p + float(s) for p, s in zip(pose.position, step[:3], strict=True))
    return Pose((x, y, z), (turn @ Pose((0.0, 0.0, 0.0), pose.orientation)).orientation)


def quaternion_of(matrix: npt.NDArray[Any]) -> Quaternion:
    """(x, y, z, w) of a rotation matrix; of the four ways to compute it the one that divides by the most."""
    m = np.asarray(matrix, float)
    squares = np.array([1 + m[0, 0] - m[1, 1] - m[2, 2], 1 - m[0, 0] + m[1, 1] - m[2, 2],
                        1 - m[0, 0] - m[1, 1] + m[2, 2], 1 + np.trace(m)])  # fmt: skip
    sums = np.array([
        [squares[0], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
        [m[0, 1] + m[1, 0], squares[1], m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
        [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[2], m[1, 0] - m[0, 1]],
        [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], squares[3]],
    ])  # fmt: skip
    x, y, z, w = (float(value) for value in sums[int(np.argmax(squares))])
    length = math.sqrt(x * x + y * y + z * z + w * w)
    return (x / length, y / length, z / length, w / length)


def _vector(values: npt.NDArray[Any]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
