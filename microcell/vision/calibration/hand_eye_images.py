"""Hand-eye calibration from images of a board and the hand's pose at each.

What is made small is the reprojection error of all corners of all images, laid through the one chain board, base, hand,
camera. The hand's poses are not exact either, and corners are seen so much better sideways than an arm knows its hand's
place that, were the corners alone weighed, the camera would be turned to make up for the arm's errors. So both are: the
residuals of each image, reduced to the six of its board's pose with the covariance that its corners give them, count by the
sum of that and of the hand's own covariance, whose size the residuals tell (compare Strobl and Hirzinger, "Optimal hand-eye
calibration", 2006).

A board of another size than was said, or a lens of another focal length, fits nearly as well, with the camera moved to make
up for it. But the hand's motion is in true metres: fitted once more with the one or the other left open, the data tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from microcell.errors import CalibrationError
from microcell.vision.calibration.boards import Sighting
from microcell.vision.calibration.hand_eye import (
    LEAST_POSES,
    MOST_SPREAD_RATIO,
    check_motion,
    disagreement,
    refuse_misfit,
    search,
    seen_against_said,
)
from microcell.vision.calibration.hand_eye_streams import Mounting
from microcell.vision.calibration.intrinsics import placed, projected, rms
from microcell.vision.calibration.transforms import assembled, inverse, middle, of_twist, twist_of

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
_STEPS = np.array(([1e-2] * 3 + [1e-3] * 3) * 2 + [1e-2])

_MOST_OFF, _DOUBTED_OFF, _SCALE_SDS = 0.015, 0.005, 4.0
"""A size or a focal length is wrong where it is off by more than both: a ratio, and so many of its standard deviations. With
a smaller ratio it is doubted: robots and lenses differ by some thousandths as they are.
"""
_ANY_SCALE = (0.5, 2.0)
"""What is further off is no board that was measured wrong."""
_FOCAL_ROUNDS, _FOCAL_STEP = 3, 0.01


@dataclass(frozen=True)
class ImageFit:
    """What images and poses say.

    `target_in_base` is the board. `residuals_px` (n, 2) of each used sighting are seen minus computed; `left_out` the names
    of images whose pose or board does not fit the others. Spreads are of the board's places as each image by itself shows
    it, m: about their mean (`spread_m`), and about the place found without these images (`held_out_m`). By the hand's motion
    the board is `size_ratio` times as large as was said, with the standard deviation `size_sd`.
    """

    camera_in_hand: Floats
    target_in_base: Floats
    mounting: Mounting
    used: tuple[Sighting, ...]
    residuals_px: tuple[Floats, ...]
    left_out: tuple[str, ...]
    spread_m: float
    held_out_m: float
    size_ratio: float
    size_sd: float

    @property
    def size_is_doubted(self) -> bool:
        """Whether the board, or the focal length, is surely not quite as was said."""
        return abs(self.size_ratio - 1.0) > max(_DOUBTED_OFF, _SCALE_SDS * self.size_sd)

    @property
    def size_is_told(self) -> bool:
        """Whether a board whose size is wrong by 1 % would have been noticed."""
        return _SCALE_SDS * self.size_sd <= 0.01

    @property
    def error_px(self) -> float:
        return rms(self.residuals_px)


def calibrate_images(
    seen: Sequence[Sighting], hands: Floats, matrix: Floats, distortion: Floats, mounting: Mounting = "in_hand",
    either_way: bool = False, seed: int = 0,
) -> ImageFit:  # fmt: skip
    """Find camera and board from sightings and the (n, 4, 4) hand_in_base at each, with the camera's optics.

    With `either_way` each board may as well be taken as turned by half a turn: an ambiguous chessboard. `CalibrationError`
    where they are too few, the hand turned too little or about one axis only, poses and images do not belong together, or
    the board is not of the size, or the focal length not the one, that was said.
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
    sized = _refined(views, start, _by_size(views))
    _refuse_scale(views, sized, _focused(views, start, matrix, distortion), matrix)
    fit = _refined(views, start)
    used = fit.used(views)
    spread_m = _about(_places(used, fit.camera_in_hand))
    refuse_misfit(spread_m, targets, np.array(fit.kept), lambda: _fits_otherwise(hands, targets, start, mounting))
    return ImageFit(
        fit.camera_in_hand, fit.target_in_base, mounting, tuple(view.sighting for view in used),
        tuple(view.residuals(fit.camera_in_hand, fit.target_in_base, matrix, distortion) for view in used),
        tuple(view.sighting.name for view, good in zip(views, fit.kept, strict=True) if not good),
        spread_m, _held_out_m(used, fit.camera_in_hand), sized.scale, sized.scale_sd,
    )  # fmt: skip


def _refuse_scale(views: Sequence[_View], sized: _Fit, focused: _Fit, matrix: Floats) -> None:
    """`CalibrationError` where all fits with a board of another size or another focal length: the surer of both."""
    wrong = [fit for fit in (sized, focused) if fit.is_another_scale]
    if not wrong:
        return
    surer = min(wrong, key=lambda fit: fit.scale_sd)
    if surer is sized:
        said, unit = 1e3 * _square_m(views[0].sighting), "mm"
        what, remedy = (
            "the squares of the board seem to be",
            "measure the board. Where it is right, the focal length is wrong:",
        )
    else:
        said, unit = float(np.sqrt(matrix[0, 0] * matrix[1, 1])), "px"
        what, remedy = (
            "the focal length seems to be",
            "measure the board, for a wrong size looks much the same. Where it is right,",
        )
    raise CalibrationError(
        f"by the hand's motion {what} {surer.scale * said:#.4g} {unit}, not {said:#.4g} (standard deviation "
        f"{surer.scale_sd * said:.2g} {unit}): {remedy} calibrate the optics anew, with the focus as it is used."
    )


def _square_m(sighting: Sighting) -> float:
    """Side of a square: no two corners are nearer."""
    points = sighting.points_m
    return float(np.linalg.norm(points[1:] - points[0], axis=1).min())


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


@dataclass(frozen=True)
class _Fit:
    """Camera and board, and which views fit.

    `scale` is how many times as large as said is what was left open, a size or a focal length, with the standard deviation
    `scale_sd`; `spread_ratio` how far the board moves about with it, of its distance.
    """

    camera_in_hand: Floats
    target_in_base: Floats
    kept: tuple[bool, ...]
    spread_ratio: float
    scale: float = 1.0
    scale_sd: float = 0.0

    def used(self, views: Sequence[_View]) -> list[_View]:
        return [view for view, good in zip(views, self.kept, strict=True) if good]

    @property
    def is_another_scale(self) -> bool:
        """Whether all fits with another scale, and that is certain."""
        off = abs(self.scale - 1.0) > max(_MOST_OFF, _SCALE_SDS * self.scale_sd)
        fits = 2 * sum(self.kept) >= len(self.kept) and self.spread_ratio <= MOST_SPREAD_RATIO
        return off and fits and _ANY_SCALE[0] < self.scale < _ANY_SCALE[1]


def _by_size(views: Sequence[_View]) -> Floats:
    """(n, 6) twists of each board in its own frame for a change of its size by a ratio of 1: it is seen further away."""
    return np.array([
        np.append(np.zeros(3), view.target_in_camera[:3, :3].T @ view.target_in_camera[:3, 3]) for view in views
    ])  # fmt: skip


def _by_focal(views: Sequence[_View], matrix: Floats, distortion: Floats) -> Floats:
    """The same for a change of the focal length, as the images show the boards then."""
    longer = _focal_times(matrix, 1.0 + _FOCAL_STEP)
    changed = [inverse(v.target_in_camera) @ of_twist(placed(v.sighting, longer, distortion)) for v in views]
    return np.array([twist_of(change) for change in changed]) / _FOCAL_STEP


def _focused(views: Sequence[_View], start: Floats, matrix: Floats, distortion: Floats) -> _Fit:
    """The fit with the focal length left open, laid out anew around what was found until it is right."""
    ratio = 1.0
    for _ in range(_FOCAL_ROUNDS):
        tried = _focal_times(matrix, ratio)
        posed = [replace(view, target_in_camera=of_twist(placed(view.sighting, tried, distortion))) for view in views]
        fit = _refined(_weighed(posed, tried, distortion), start, _by_focal(posed, tried, distortion))
        ratio *= float(np.clip(fit.scale, 0.8, 1.25))
    return replace(fit, scale=ratio)


def _focal_times(matrix: Floats, ratio: float) -> Floats:
    changed: Floats = matrix * np.array(((ratio, ratio, 1.0), (1.0, ratio, 1.0), (1.0, 1.0, 1.0)))
    return changed


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


def _refined(views: Sequence[_View], start: Floats, ways: Floats | None = None) -> _Fit:
    """The fit over all views that agree, from a camera_in_hand on; with `ways`, (n, 6) twists of each board for a change of
    scale by a ratio of 1, the scale is left open.
    """
    hands, targets = (np.array([getattr(view, what) for view in views]) for what in ("hand", "target_in_camera"))
    values = np.concatenate((twist_of(start), twist_of(middle(hands @ start @ targets)), (1.0,)))
    free = slice(0, 12 if ways is None else 13)
    kept, hand_sd = np.ones(len(views), bool), np.array(_HAND_SD)

    def taken(scale: float) -> Floats:
        if ways is None:
            return targets
        twists = ways * (scale - 1.0)
        return targets @ assembled(Rotation.from_rotvec(twists[:, :3]), twists[:, 3:])

    for _ in range(_ROUNDS):
        whiteners = _whiteners(views, of_twist(values[:6]), hand_sd)

        def weighed(changed: Floats, chosen: npt.NDArray[np.bool_] = kept, whiteners: Floats = whiteners) -> Floats:
            tried = np.append(changed, 1.0)
            off = seen_against_said(hands, taken(tried[12]), of_twist(tried[:6]), of_twist(tried[6:12]))
            return np.einsum("nij,nj->ni", whiteners[chosen], off[chosen]).ravel()

        fit = least_squares(weighed, values[free], loss="soft_l1", x_scale=_STEPS[free], max_nfev=40)
        values[free] = fit.x
        sizes = np.sum(weighed(fit.x, np.ones(len(views), bool)).reshape(-1, 6) ** 2, axis=1)
        typical = float(np.median(sizes))
        fits = sizes <= max(_WORST**2 * typical, 1e-12)
        kept = fits if fits.sum() >= LEAST_POSES else kept
        hand_sd = hand_sd * np.clip(np.sqrt(typical / _MEDIAN_CHI2_6), 0.3, 5.0)
    camera_in_hand, seen = of_twist(values[:6]), taken(values[12])[kept]
    spread_m = _about((hands[kept] @ camera_in_hand @ seen)[:, :3, 3])
    return _Fit(
        camera_in_hand, of_twist(values[6:12]), tuple(bool(good) for good in kept),
        spread_m / float(np.median(np.linalg.norm(seen[:, :3, 3], axis=1))),
        float(values[12]), 0.0 if ways is None else _last_sd(fit.jac),
    )  # fmt: skip


def _last_sd(jacobian: Floats) -> float:
    """Standard deviation of the last parameter, for residuals in units of their own, some of which the fit took away."""
    count, fitted = jacobian.shape
    return float(np.sqrt(np.linalg.pinv(jacobian.T @ jacobian)[-1, -1] * count / (count - fitted)))


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


def _about(places: Floats) -> float:
    """Root mean square distance from the mean, m."""
    return float(np.sqrt(np.mean(np.sum((places - places.mean(axis=0)) ** 2, axis=1))))


def _held_out_m(views: Sequence[_View], start: Floats) -> float:
    """Root mean square distance of the board as held-out images show it from where the others put it; of a few images, each
    is held out by itself.
    """
    centre = np.append(views[0].sighting.points_m.mean(axis=0), 1.0)
    squares: list[float] = []
    folds = FOLDS if len(views) >= 2 * FOLDS else len(views)
    for fold in range(folds):
        others = [view for number, view in enumerate(views) if number % folds != fold]
        fit = _refined(others, start)
        off = _places(views[fold::folds], fit.camera_in_hand) - (fit.target_in_base @ centre)[:3]
        squares += list(np.sum(off**2, axis=1))
    return float(np.sqrt(np.mean(squares)))
