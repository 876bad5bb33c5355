"""Hand-eye calibration from images of a board and the hand's pose at each: the corners' own errors are made small.

Poses found image by image carry the noise of each image's depth and tilt. Here all corners of all images are laid through
the one chain board, base, hand, camera, and the residuals in pixels refine it as a whole (Strobl and Hirzinger, "Optimal
hand-eye calibration", 2006, weigh the same way).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from microcell.errors import CalibrationError
from microcell.vision.calibration.boards import Sighting
from microcell.vision.calibration.hand_eye import LEAST_POSES, check_motion, closed_form, search
from microcell.vision.calibration.hand_eye_streams import Mounting
from microcell.vision.calibration.intrinsics import placed, projected, rms
from microcell.vision.calibration.transforms import inverse, middle, of_twist, twist_of

if TYPE_CHECKING:
    from microcell.vision.calibration.transforms import Floats

FOLDS = 4

_WORST_IMAGE = 3.0
_ROUNDS = 3
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
    where they are too few, or the hand turned too little or about one axis only.
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
    camera_in_hand, target_in_base, kept = _refined(views, start, matrix, distortion)
    used = [view for view, good in zip(views, kept, strict=True) if good]
    places = _places(used, camera_in_hand)
    return ImageFit(
        camera_in_hand, target_in_base, mounting, tuple(view.sighting for view in used),
        tuple(view.residuals(camera_in_hand, target_in_base, matrix, distortion) for view in used),
        tuple(view.sighting.name for view, good in zip(views, kept, strict=True) if not good),
        float(np.sqrt(np.mean(np.sum((places - places.mean(axis=0)) ** 2, axis=1)))),
        _held_out_m(used, camera_in_hand, matrix, distortion),
    )  # fmt: skip


@dataclass(frozen=True)
class _View:
    """A sighting, the hand's pose at it, and the board in the camera by the image alone."""

    sighting: Sighting
    hand: Floats
    target_in_camera: Floats

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


def _refined(
    views: Sequence[_View], start: Floats, matrix: Floats, distortion: Floats
) -> tuple[Floats, Floats, list[bool]]:
    """camera_in_hand, target_in_base and which views fit."""
    hands, targets = (np.array([getattr(view, what) for view in views]) for what in ("hand", "target_in_camera"))
    values = np.concatenate((twist_of(start), twist_of(middle(hands @ start @ targets))))
    kept = [True] * len(views)
    for _ in range(_ROUNDS):
        chosen = [view for view, good in zip(views, kept, strict=True) if good]

        def residuals(tried: Floats, chosen: Sequence[_View] = chosen) -> Floats:
            chain = of_twist(tried[:6]), of_twist(tried[6:])
            return np.vstack([view.residuals(*chain, matrix, distortion) for view in chosen]).ravel()

        scale = max(0.05, 1.4826 * float(np.median(np.abs(residuals(values)))))
        values = least_squares(residuals, values, loss="soft_l1", f_scale=2.0 * scale, x_scale=_STEPS, max_nfev=40).x
        chain = of_twist(values[:6]), of_twist(values[6:])
        errors = [rms([view.residuals(*chain, matrix, distortion)]) for view in views]
        before, kept = kept, [error <= max(0.5, _WORST_IMAGE * float(np.median(errors))) for error in errors]
        if kept == before or sum(kept) < LEAST_POSES:
            break
    return *chain, kept if sum(kept) >= LEAST_POSES else before


def _places(views: Sequence[_View], camera_in_hand: Floats) -> Floats:
    """(n, 3) places of the board's middle in the base, each as its image alone shows it."""
    centre = np.append(views[0].sighting.points_m.mean(axis=0), 1.0)
    return np.array([(view.hand @ camera_in_hand @ view.target_in_camera @ centre)[:3] for view in views])


def _held_out_m(views: Sequence[_View], start: Floats, matrix: Floats, distortion: Floats) -> float:
    """Root mean square distance of the board as held-out images show it from where the others put it; 0 for too few."""
    centre = np.append(views[0].sighting.points_m.mean(axis=0), 1.0)
    squares: list[float] = []
    for fold in range(FOLDS):
        others = [view for number, view in enumerate(views) if number % FOLDS != fold]
        if len(others) < LEAST_POSES:
            return 0.0
        hands, targets = (np.array([getattr(view, what) for view in others]) for what in ("hand", "target_in_camera"))
        own = closed_form(hands, targets) if not np.all(np.isfinite(start)) else start
        camera, target, _ = _refined(others, own, matrix, distortion)
        off = _places(views[fold::FOLDS], camera) - (target @ centre)[:3]
        squares += list(np.sum(off**2, axis=1))
    return float(np.sqrt(np.mean(squares)))
