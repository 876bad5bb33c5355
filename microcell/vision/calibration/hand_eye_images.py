"""Hand-eye calibration from images of a board and the hand's pose at each.

What is made small is the reprojection error of all corners of all images, laid through the one chain board, base, hand,
camera. The hand's poses are not exact either, and corners are seen so much better sideways than an arm knows its hand's
place that, were the corners alone weighed, the camera would be turned to make up for the arm's errors. So both are: the
residuals of each image, reduced to the six of its board's pose with the covariance that its corners give them, count by the
sum of that and of the hand's own covariance, whose size the residuals tell (compare Strobl and Hirzinger, "Optimal hand-eye
calibration", 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from microcell.errors import CalibrationError
from microcell.vision.calibration.boards import Sighting
from microcell.vision.calibration.hand_eye import (
    LEAST_POSES,
    check_motion,
    disagreement,
    refuse_misfit,
    search,
    seen_against_said,
)
from microcell.vision.calibration.hand_eye_streams import Mounting
from microcell.vision.calibration.intrinsics import placed, projected, rms
from microcell.vision.calibration.transforms import inverse, middle, of_twist, twist_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.calibration.transforms import Floats

FOLDS = 4

_WORST = 4.0
"""A view whose weighed residual is so many times the median's is left out."""

_HAND_SD = (2e-4, 2e-4)
"""Of the hand's poses, rad and m, before the residuals have told."""

_LEAST_PX = 0.03
_MUCH_BETTER = 0.2
_MEDIAN_CHI2_6 = 5.35
_ROUNDS = 6
_STEPS = np.array(([1e-2] * 3 + [1e-3] * 3) * 2)


@dataclass(frozen=True)
class ImageFit:
    """What images and poses say.

    `target_in_base` is the board. `residuals_px` (n, 2) of each used sighting are seen minus computed; `left_out` the names
    of images whose pose or board does not fit the others. Spreads are of the board's places as each image by itself shows
    it, m: about their mean (`spread_m`), and about the place found without these images (`held_out_m`).
    """

    camera_in_hand: Floats
    target_in_base: Floats
    mounting: Mounting
    used: tuple[Sighting, ...]
    residuals_px: tuple[Floats, ...]
    left_out: tuple[str, ...]
    spread_m: float
    held_out_m: float

    @property
    def error_px(self) -> float:
        return rms(self.residuals_px)


def calibrate_images(
    seen: Sequence[Sighting], hands: Floats, matrix: Floats, distortion: Floats, mounting: Mounting = "in_hand",
    either_way: bool = False, seed: int = 0,
) -> ImageFit:  # fmt: skip
    """Find camera and board from sightings and the (n, 4, 4) hand_in_base at each, with the camera's optics.

    With `either_way` each board may as well be taken as turned by half a turn: an ambiguous chessboard. `CalibrationError`
    where they are too few, the hand turned too little or about one axis only, or poses and images do not belong together.
    """
    if len(seen) < LEAST_POSES:
        raise CalibrationError(
            f"the board was found in {len(seen)} images with a pose, {LEAST_POSES} are needed and 15 advised: take more, "
            "with the whole board in view and the hand turned about several axes."
        )
    hands = hands if mounting == "in_hand" else inverse(hands)
    check_motion(hands)
    targets = np.array([of_twist(placed(s, matrix, distortion)) for s in seen])
    start = search(hands, targets, np.random.default_rng(seed))
    views = [_View(*pair) for pair in zip(seen, hands, targets, strict=True)]
    if either_way:
        views = _right_way_round(views, start, matrix, distortion)
    views = _weighed(views, matrix, distortion)
    camera_in_hand, target_in_base, kept = _refined(views, start)
    used = [view for view, good in zip(views, kept, strict=True) if good]
    places = _places(used, camera_in_hand)
    spread_m = float(np.sqrt(np.mean(np.sum((places - places.mean(axis=0)) ** 2, axis=1))))
    refuse_misfit(spread_m, targets, np.array(kept), lambda: _fits_otherwise(hands, targets, start, mounting))
    return ImageFit(
        camera_in_hand, target_in_base, mounting, tuple(view.sighting for view in used),
        tuple(view.residuals(camera_in_hand, target_in_base, matrix, distortion) for view in used),
        tuple(view.sighting.name for view, good in zip(views, kept, strict=True) if not good),
        spread_m, _held_out_m(used, camera_in_hand),
    )  # fmt: skip


def _fits_otherwise(hands: Floats, targets: Floats, start: Floats, mounting: Mounting) -> str:
    """What to do where the other mounting fits much better; "" where it does not."""
    turned = inverse(hands)
    other = search(turned, targets, np.random.default_rng(0))
    if disagreement(turned, targets, other) > _MUCH_BETTER * disagreement(hands, targets, start):
        return ""
    said = "to_hand" if mounting == "in_hand" else "in_hand"
    return f"They fit as mounting {said}: say so, or, if {mounting} is right, invert the poses: they are the base's."


@dataclass(frozen=True)
class _View:
    """A sighting, the hand's pose at it, and the board in the camera by the image alone, with its (6, 6) covariance."""

    sighting: Sighting
    hand: Floats
    target_in_camera: Floats
    covariance: Floats = field(default_factory=lambda: np.eye(6))

    def residuals(self, camera_in_hand: Floats, target_in_base: Floats, matrix: Floats, distortion: Floats) -> Floats:
        """(n, 2) seen minus computed pixels; large ones for a board behind the camera."""
        at = inverse(self.hand @ camera_in_hand) @ target_in_base
        if at[2, 3] <= 0.0:
            return np.full(self.sighting.points_px.shape, 1e4)
        return self.sighting.points_px - projected(self.sighting.points_m, twist_of(at), matrix, distortion)


def _right_way_round(views: Sequence[_View], start: Floats, matrix: Floats, distortion: Floats) -> list[_View]:
    """Each view, or with its board turned by half a turn where that agrees better with most."""
    hands, targets = (np.array([getattr(view, what) for view in views]) for what in ("hand", "target_in_camera"))
    target_in_base = middle(hands @ start @ targets)
    found = []
    for view in views:
        other = view.sighting.turned()
        turned = _View(other, view.hand, of_twist(placed(other, matrix, distortion)))
        found.append(min((view, turned), key=lambda v: rms([v.residuals(start, target_in_base, matrix, distortion)])))
    return found


def _weighed(views: Sequence[_View], matrix: Floats, distortion: Floats) -> list[_View]:
    """The views with their covariances: what the corners' scatter about each board does to its turn and place."""
    residuals = [
        view.sighting.points_px - projected(view.sighting.points_m, twist_of(view.target_in_camera), matrix, distortion)
        for view in views
    ]
    sd_px = max(_LEAST_PX, float(np.median([rms([r]) for r in residuals])) / np.sqrt(2.0))
    found = []
    for view in views:
        slopes = _slopes(view, matrix, distortion)
        found.append(replace(view, covariance=np.linalg.pinv(slopes.T @ slopes) * sd_px**2))
    return found


def _slopes(view: _View, matrix: Floats, distortion: Floats) -> Floats:
    """(2 n, 6) derivatives of the pixels by a small turn and shift of the board in the camera's axes."""
    columns = []
    for k in range(6):
        sides = []
        for step in (1e-6, -1e-6):
            change = of_twist(step * np.eye(6)[k])
            moved = view.target_in_camera.copy()
            moved[:3, :3] = change[:3, :3] @ moved[:3, :3]
            moved[:3, 3] += change[:3, 3]
            sides.append(projected(view.sighting.points_m, twist_of(moved), matrix, distortion))
        columns.append((sides[0] - sides[1]).ravel() / 2e-6)
    return np.stack(columns, axis=1)


def _refined(views: Sequence[_View], start: Floats) -> tuple[Floats, Floats, list[bool]]:
    """camera_in_hand, target_in_base and which views fit."""
    hands, targets = (np.array([getattr(view, what) for view in views]) for what in ("hand", "target_in_camera"))
    values = np.concatenate((twist_of(start), twist_of(middle(hands @ start @ targets))))
    kept, hand_sd = np.ones(len(views), bool), np.array(_HAND_SD)
    for _ in range(_ROUNDS):
        whiteners = _whiteners(views, of_twist(values[:6]), hand_sd)

        def weighed(tried: Floats, chosen: npt.NDArray[np.bool_] = kept, whiteners: Floats = whiteners) -> Floats:
            off = seen_against_said(hands[chosen], targets[chosen], of_twist(tried[:6]), of_twist(tried[6:]))
            return np.einsum("nij,nj->ni", whiteners[chosen], off).ravel()

        values = least_squares(weighed, values, loss="soft_l1", x_scale=_STEPS, max_nfev=40).x
        sizes = np.sum(weighed(values, np.ones(len(views), bool)).reshape(-1, 6) ** 2, axis=1)
        typical = float(np.median(sizes))
        fits = sizes <= max(_WORST**2 * typical, 1e-12)
        kept = fits if fits.sum() >= LEAST_POSES else kept
        hand_sd = hand_sd * np.clip(np.sqrt(typical / _MEDIAN_CHI2_6), 0.3, 5.0)
    return of_twist(values[:6]), of_twist(values[6:]), [bool(good) for good in kept]


def _whiteners(views: Sequence[_View], camera_in_hand: Floats, hand_sd: Floats) -> Floats:
    """(n, 6, 6) factors that make each view's residuals uncorrelated with deviation 1."""
    found = []
    own = np.diag(np.repeat(hand_sd**2, 3))
    to_hand = camera_in_hand[:3, :3].T @ camera_in_hand[:3, 3]
    for view in views:
        x, y, z = view.target_in_camera[:3, 3] + to_hand
        lever = np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
        effect = np.block([[-np.eye(3), np.zeros((3, 3))], [lever, -np.eye(3)]])
        found.append(np.linalg.inv(np.linalg.cholesky(view.covariance + effect @ own @ effect.T)))
    return np.array(found)


def _places(views: Sequence[_View], camera_in_hand: Floats) -> Floats:
    """(n, 3) places of the board's middle in the base, each as its image alone shows it."""
    centre = np.append(views[0].sighting.points_m.mean(axis=0), 1.0)
    return np.array([(view.hand @ camera_in_hand @ view.target_in_camera @ centre)[:3] for view in views])


def _held_out_m(views: Sequence[_View], start: Floats) -> float:
    """Root mean square distance of the board as held-out images show it from where the others put it; of a few images, each
    is held out by itself.
    """
    centre = np.append(views[0].sighting.points_m.mean(axis=0), 1.0)
    squares: list[float] = []
    folds = FOLDS if len(views) >= 2 * FOLDS else len(views)
    for fold in range(folds):
        others = [view for number, view in enumerate(views) if number % folds != fold]
        camera, target, _ = _refined(others, start)
        off = _places(views[fold::folds], camera) - (target @ centre)[:3]
        squares += list(np.sum(off**2, axis=1))
    return float(np.sqrt(np.mean(squares)))
