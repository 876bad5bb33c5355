"""A camera's optics from images of a board: focal length, centre, distortion, and how far they can be trusted.

Zhang, "A flexible new technique for camera calibration", 2000, as OpenCV has it; around it the choice of how many
coefficients the images bear, corners and images that do not fit left out, and images held out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from microcell.errors import CalibrationError
from microcell.vision.calibration.boards import Sighting
from microcell.vision.calibration.transforms import of_twist

if TYPE_CHECKING:
    from microcell.vision.calibration.transforms import Floats

LEAST_IMAGES = 4
ADVISED_IMAGES = 12
FOLDS = 4
MOST_FOCAL_SD_RATIO = 0.02
"""A focal length that is less certain was not determined at all."""

LEAST_TILT_RAD = np.radians(10.0)
"""Boards that are more parallel than this are as one board (Zhang)."""

_GAIN = 0.98
"""A further coefficient is taken where it lowers the error by this factor."""

_OUTLIER = 5.0
_WORST_IMAGE = 3.0
"""An image whose error is so many times the median's is left out."""

_FLOOR_PX = 0.02

_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 300, 1e-12)
"""Strong distortion takes more steps than the 30 that OpenCV makes when nothing is said."""


@dataclass(frozen=True)
class Intrinsics:
    """A camera matrix, (3, 3), and k1, k2, p1, p2, k3, as found.

    `used` are the sightings that were fitted to, with `residuals_px` (n, 2) of each, seen minus computed; `left_out` the
    names of images that did not fit. `error_px` and `held_out_px` are root mean squares of the residuals' lengths.
    """

    size_px: tuple[int, int]
    matrix: Floats
    distortion: Floats
    used: tuple[Sighting, ...]
    residuals_px: tuple[Floats, ...]
    left_out: tuple[str, ...]
    corners_left_out: int
    focal_sd_px: float
    held_out_px: float

    @property
    def error_px(self) -> float:
        return rms(self.residuals_px)

    @property
    def covered_ratio(self) -> float:
        """Share of the image's 8 x 8 fields in which corners were seen."""
        points = np.vstack([sighting.points_px for sighting in self.used])
        fields = np.unique((points * 8.0 / np.array(self.size_px)).astype(int), axis=0)
        return len(fields) / 64.0

    @property
    def advice(self) -> tuple[str, ...]:
        """What would make the result better; empty where nothing has to."""
        said = []
        if len(self.used) < ADVISED_IMAGES:
            said.append(f"{len(self.used)} images: {ADVISED_IMAGES} or more are better.")
        if self.covered_ratio < 0.5:
            share = f"{self.covered_ratio:.0%} of the image"
            said.append(f"corners were seen in {share} only: bring the board into its corners and to its edges.")
        if self.focal_sd_px > 0.003 * self.matrix[0, 0]:
            said.append(f"the focal length is certain to {self.focal_sd_px:.1f} px only: tilt the board by 30 degrees.")
        if self.held_out_px > 1.5 * self.error_px + 0.05:
            said.append("images that were held out fit much worse than the others: take more images.")
        return tuple(said)


def calibrate(seen: Sequence[Sighting], not_seen: Sequence[str] = ()) -> Intrinsics:
    """Find a camera's optics. `CalibrationError` says what to take anew where images do not determine them."""
    _refuse_few(seen, not_seen)
    fit = _Fit.of(seen)
    kept = [s for s, own in zip(seen, fit.errors_px, strict=True) if own <= max(_WORST_IMAGE * fit.median_px, 0.3)]
    left_out = tuple(s.name for s in seen if all(s is not other for other in kept))
    _refuse_few(kept, [*not_seen, *left_out])
    whole = sum(len(s.points_m) for s in kept)
    cleaned = _without_outliers(kept, _Fit.of(kept) if left_out else fit)
    fit = _Fit.of(cleaned)
    if not fit.focal_sd_px <= MOST_FOCAL_SD_RATIO * fit.matrix[0, 0] or fit.tilt_rad < LEAST_TILT_RAD:
        raise CalibrationError(
            f"the images do not tell the focal length ({fit.matrix[0, 0]:.0f} px, +-{fit.focal_sd_px:.0f}): "
            "the board was seen straight on, or always alike. Tilt it by 30 to 45 degrees, about both axes, in many."
        )
    return Intrinsics(
        seen[0].size_px, fit.matrix, fit.distortion, tuple(cleaned), tuple(fit.residuals_px), left_out,
        whole - sum(len(s.points_m) for s in cleaned), fit.focal_sd_px, _held_out_px(cleaned, fit),
    )  # fmt: skip


def rms(residuals: Sequence[Floats]) -> float:
    """Root mean square length of (n, 2) residuals."""
    every = np.vstack(residuals)
    return float(np.sqrt(np.mean(np.sum(every**2, axis=1))))


def projected(points_m: Floats, board_in_camera: Floats, matrix: Floats, distortion: Floats) -> Floats:
    """(n, 3) points of a board at a (6,) rotation vector and position to (n, 2) pixels."""
    pixels, _ = cv2.projectPoints(points_m, board_in_camera[:3], board_in_camera[3:], matrix, distortion)
    found: Floats = np.asarray(pixels).reshape(-1, 2)
    return found


def placed(sighting: Sighting, matrix: Floats, distortion: Floats) -> Floats:
    """A board's rotation vector and position in the camera, (6,), from its corners."""
    _, turn, place = cv2.solvePnP(sighting.points_m, sighting.points_px, matrix, distortion)
    turn, place = cv2.solvePnPRefineLM(sighting.points_m, sighting.points_px, matrix, distortion, turn, place)
    return np.concatenate((np.ravel(turn), np.ravel(place)))


@dataclass(frozen=True)
class _Fit:
    """What OpenCV finds for some sightings."""

    matrix: Floats
    distortion: Floats
    residuals_px: list[Floats]
    focal_sd_px: float
    tilt_rad: float
    """Largest angle between two of the boards."""
    flags: int

    @property
    def errors_px(self) -> list[float]:
        """Of each image, by most of its corners."""
        return [float(np.median(np.linalg.norm(residuals, axis=1))) for residuals in self.residuals_px]

    @property
    def median_px(self) -> float:
        return float(np.median(self.errors_px))

    @classmethod
    def of(cls, seen: Sequence[Sighting]) -> _Fit:
        """With square pixels and two radial coefficients, or with more where that fits better."""
        base = cv2.CALIB_FIX_ASPECT_RATIO | cv2.CALIB_FIX_K3
        best = cls.with_flags(seen, base)
        for more in (cv2.CALIB_FIX_ASPECT_RATIO, 0):
            fit = cls.with_flags(seen, more)
            if rms(fit.residuals_px) < _GAIN * rms(best.residuals_px):
                best = fit
        return best

    @classmethod
    def with_flags(cls, seen: Sequence[Sighting], flags: int, near: _Fit | None = None) -> _Fit:
        """With the coefficients that `flags` leave free; the search begins at a fit that is `near`, where there is one."""
        width, height = seen[0].size_px
        start = np.array([[1.0, 0.0, (width - 1) / 2.0], [0.0, 1.0, (height - 1) / 2.0], [0.0, 0.0, 1.0]])
        bent = np.zeros(5)
        if near is not None:
            start, bent, flags = near.matrix.copy(), near.distortion.copy(), flags | cv2.CALIB_USE_INTRINSIC_GUESS
        _, matrix, distortion, turns, places = cv2.calibrateCamera(
            [s.points_m.astype(np.float32) for s in seen],
            [s.points_px.astype(np.float32).reshape(-1, 1, 2) for s in seen],
            (width, height), start, bent, flags=flags, criteria=_STOP,
        )  # fmt: skip
        distortion = np.ravel(distortion)[:5]
        poses = [np.concatenate((np.ravel(t), np.ravel(p))) for t, p in zip(turns, places, strict=True)]
        residuals = [s.points_px - projected(s.points_m, at, matrix, distortion) for s, at in zip(seen, poses, strict=True)]
        normals = np.array([of_twist(at)[:3, 2] for at in poses])
        tilt = float(np.arccos(np.clip(np.abs(normals @ normals.T).min(), 0.0, 1.0)))
        sd_px = _focal_sd_px(seen, poses, matrix, distortion, residuals, flags)
        return cls(matrix, distortion, residuals, sd_px, tilt, flags)


def _focal_sd_px(
    seen: Sequence[Sighting], poses: Sequence[Floats], matrix: Floats, distortion: Floats, residuals: Sequence[Floats],
    flags: int,
) -> float:  # fmt: skip
    """The focal length's standard deviation, the greater of both: infinite where the images leave it open.

    OpenCV's own comes from a pseudo-inverse, which calls what the images do not tell certain.
    """
    slopes, count = [], 0
    for sighting, at in zip(seen, poses, strict=True):
        every = cv2.projectPoints(sighting.points_m, at[:3], at[3:], matrix, distortion)[1]
        own, shared = every[:, :6], every[:, 6:15]
        if flags & cv2.CALIB_FIX_ASPECT_RATIO:
            shared = np.column_stack((shared[:, 0] * matrix[0, 0] / matrix[1, 1] + shared[:, 1], shared[:, 2:]))
        if flags & cv2.CALIB_FIX_K3:
            shared = shared[:, :-1]
        # What no move of this board could do as well.
        basis = np.linalg.qr(own)[0]
        slopes.append(shared - basis @ (basis.T @ shared))
        count += len(every) - 6
    whole = np.vstack(slopes)
    size = np.linalg.norm(whole, axis=0)
    focal = 1 if flags & cv2.CALIB_FIX_ASPECT_RATIO else 2
    if not np.all(size > 0.0) or count <= whole.shape[1]:
        return math.inf
    _, values, turned = np.linalg.svd(whole / size, full_matrices=False)
    if values[-1] <= 1e-12 * values[0]:
        return math.inf
    sd_px = math.sqrt(float(np.sum(np.vstack(residuals) ** 2)) / (count - whole.shape[1]))
    deviations = sd_px * np.linalg.norm(turned.T / values, axis=1) / size
    return float(deviations[:focal].max())


def _without_outliers(seen: Sequence[Sighting], fit: _Fit) -> list[Sighting]:
    """The sightings without corners that lie far off."""
    every = np.abs(np.vstack(fit.residuals_px))
    limit = _OUTLIER * max(_FLOOR_PX, 1.4826 * float(np.median(every)))
    return [
        s.taken(np.all(np.abs(residuals) <= limit, axis=1)) if np.mean(np.abs(residuals) > limit) < 0.3 else s
        for s, residuals in zip(seen, fit.residuals_px, strict=True)
    ]


def _held_out_px(seen: Sequence[Sighting], whole: _Fit) -> float:
    """Error in images that were held out, a fold at a time; only the board's place is fitted to these."""
    residuals = []
    for fold in range(min(FOLDS, len(seen))):
        others = [s for number, s in enumerate(seen) if number % FOLDS != fold]
        if len(others) < 3:
            return float(rms(whole.residuals_px))
        fit = _Fit.with_flags(others, whole.flags, whole)
        for sighting in seen[fold::FOLDS]:
            at = placed(sighting, fit.matrix, fit.distortion)
            residuals.append(sighting.points_px - projected(sighting.points_m, at, fit.matrix, fit.distortion))
    return rms(residuals)


def _refuse_few(seen: Sequence[Sighting], not_seen: Sequence[str]) -> None:
    if len(seen) >= LEAST_IMAGES:
        return
    without = f"; it was not found (or did not fit) in {', '.join(list(not_seen)[:5])}" if not_seen else ""
    more = f" and {len(not_seen) - 5} more" if len(not_seen) > 5 else ""
    raise CalibrationError(
        f"the board was found in {len(seen)} images, {LEAST_IMAGES} are needed and {ADVISED_IMAGES} advised{without}{more}. "
        "Check the board's numbers (of a chessboard the inner corners), light and focus, and that all of it is in view."
    )
