"""Where a camera is on an arm's hand, or beside the arm, from poses of the hand and of a target in the camera.

For every sample `hand_in_base @ camera_in_hand @ target_in_camera` is the one `target_in_base`. A camera that stands beside
the arm and looks at a target on the hand is the same problem with the hand's poses inverted: then `camera_in_hand` is the
camera in the base, and `target_in_base` the target on the hand.

Closed form from relative motions: Park and Martin, "Robot sensor calibration: solving AX = XB on the Euclidean group",
1994. It starts a search by random samples for the poses that agree (Fischler and Bolles, 1981); all of these are then
refined together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from microcell.errors import CalibrationError
from microcell.vision.calibration.transforms import (
    assembled,
    inverse,
    middle,
    nearest_rotation,
    of_twist,
    rotation_vectors,
    turns_of,
    twist_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from microcell.vision.calibration.transforms import Floats

    Flags = npt.NDArray[np.bool_]
    Motion = Callable[[float], Floats]

LEAST_POSES = 4
LEAST_TURN_RAD = np.radians(15.0)
"""Turns between the hand's poses that are less say too little about the camera's position."""

LEAST_AXES_RATIO = 0.02
"""Second to first principal value of the turns' axes: 0 where all are parallel."""

MOST_SPREAD_RATIO = 0.02
"""Of its distance from the camera: a target that seems to move about by more is not the one that was seen."""

_HYPOTHESES = 200
_SAMPLE = 5
_SEARCHED = 250
"""So many of the poses are enough to search by."""

_OUTLIER = 4.0
"""In standard deviations, on one axis."""

_ROUNDS = 4
_STEPS = np.array(([1e-2] * 3 + [1e-3] * 3) * 2 + [1e-2, 1e-2])
_DEPTH_SD = 0.02


@dataclass(frozen=True)
class HandEye:
    """A camera on a hand, as found.

    `residuals` (n, 6) are what the camera saw against what the hand's poses say, in the camera's frame: turn in rad, place
    in m. `scales` (6,) are their standard deviations among the samples that agree, which `agrees` (n,) flags. `delay_s` is
    to be added to the camera's times; the depths that it saw count `depth_ratio` times. `sd` (6,) are standard deviations of
    camera_in_hand: turn in rad, place in m.
    """

    camera_in_hand: Floats
    target_in_base: Floats
    residuals: Floats
    scales: Floats
    agrees: Flags
    sd: Floats
    delay_s: float = 0.0
    depth_ratio: float = 1.0


def calibrate(hands: Floats, targets: Floats, seed: int = 0) -> HandEye:
    """Find the camera from (n, 4, 4) hand_in_base and (n, 4, 4) target_in_camera; poses up to half of which are wrong.

    `CalibrationError` where the poses are too few, or turn too little or about one axis only.
    """
    check_motion(hands)
    start = search(hands, targets, np.random.default_rng(seed))
    return refined(lambda _: hands, targets, start)


def check_motion(hands: Floats) -> None:
    """`CalibrationError` for poses that leave the camera's place open."""
    if len(hands) < LEAST_POSES:
        raise CalibrationError(
            f"{len(hands)} poses are too few: take {LEAST_POSES} or more, better 15, the hand turned about several axes."
        )
    turns = rotation_vectors(inverse(hands[:1]) @ hands)
    largest = float(np.linalg.norm(turns, axis=1).max())
    if largest < LEAST_TURN_RAD:
        raise CalibrationError(
            f"the hand turned by {np.degrees(largest):.1f} degrees at the most, which says too little: turn it by 30 "
            "degrees or more, about two axes or more."
        )
    values = np.linalg.svd(_axes(hands), compute_uv=False) ** 2
    if values[1] < LEAST_AXES_RATIO * values[0]:
        raise CalibrationError(
            "the hand turned about one axis only, along which the camera's place stays open: turn it about a second axis as "
            "well, by 30 degrees or more."
        )


def refuse_misfit(spread_m: float, targets: Floats, agrees: Flags, fits_otherwise: Callable[[], str]) -> None:
    """`CalibrationError` where the target's places in the base scatter as no arm's errors make them.

    `targets` are (n, 4, 4) target_in_camera, of which `agrees` flags those that were used. `fits_otherwise` says in which
    other reading they fit, "" where in none.
    """
    distance_m = float(np.median(np.linalg.norm(targets[:, :3, 3], axis=1)))
    if spread_m <= MOST_SPREAD_RATIO * distance_m and 2 * int(agrees.sum()) >= len(agrees):
        return
    hint = fits_otherwise() or (
        "Check that each pose is the hand's in the base when its image was taken, in m, its quaternion as qx, qy, qz, qw, "
        "in right-handed frames; that the target did not move; and the mounting."
    )
    raise CalibrationError(
        f"the hand's poses and what the camera saw do not belong together: {int(agrees.sum())} of {len(agrees)} agree, and "
        f"by these the target moves about by {1e3 * spread_m:.3g} mm, {distance_m:.2g} m from the camera. {hint}"
    )


def closed_form(hands: Floats, targets: Floats) -> Floats:
    """camera_in_hand (4, 4) from the relative motions between all pairs of a few poses; nothing is left out."""
    first, second = np.triu_indices(len(hands), 1)
    of_hand = inverse(hands[first]) @ hands[second]
    of_camera = targets[first] @ inverse(targets[second])
    alpha, beta = rotation_vectors(of_hand), rotation_vectors(of_camera)
    turn = nearest_rotation(alpha.T @ beta)
    left = (of_hand[:, :3, :3] - np.eye(3)).reshape(-1, 3)
    right = (of_camera[:, :3, 3] @ turn.T - of_hand[:, :3, 3]).ravel()
    place = np.linalg.lstsq(left, right, rcond=None)[0]
    return assembled(Rotation.from_matrix(turn), place)[0]


def refined(
    hands_at: Motion, targets: Floats, camera_in_hand: Floats, delay_s: float | None = None, with_depth: bool = False
) -> HandEye:
    """Refine camera and target together over all samples that agree; with them the delay, where one is given.

    `hands_at(delay)` gives the (n, 4, 4) hand poses for a delay of the camera's times. `with_depth` lets the depths that the
    camera sees be wrong by a factor, as those of a camera with a wrong focal length are. Each component of the residuals is
    weighed by its own scatter: the depth of a target is seen worse than its direction.
    """
    problem = _Problem(hands_at, targets, camera_in_hand, delay_s, with_depth)
    values = problem.start
    found = problem.residuals(values)
    agrees, scales = _agreeing(found)
    for _ in range(_ROUNDS):
        values, sd = problem.solved(values, agrees, scales)
        found = problem.residuals(values)
        before, (agrees, scales) = (agrees, scales), _agreeing(found)
        if np.array_equal(before[0], agrees) and np.allclose(before[1], scales, rtol=0.1):
            break
    return HandEye(
        of_twist(values[:6]), of_twist(values[6:12]), found, scales, agrees, sd, float(values[12]), float(values[13])
    )  # fmt: skip


class _Problem:
    """Residuals as a function of 14 values: camera in hand, target in base (a twist each), delay, depth ratio."""

    def __init__(
        self, hands_at: Motion, targets: Floats, camera_in_hand: Floats, delay_s: float | None, with_depth: bool
    ) -> None:
        self._hands_at, self._targets = hands_at, targets
        self._hands = hands_at(delay_s or 0.0)
        target_in_base = middle(self._hands @ camera_in_hand @ targets)
        self.start = np.concatenate((twist_of(camera_in_hand), twist_of(target_in_base), (delay_s or 0.0, 1.0)))
        self._free = np.array([True] * 12 + [delay_s is not None, with_depth])

    def residuals(self, values: Floats) -> Floats:
        """As `seen_against_said`."""
        hands = self._hands if values[12] == self.start[12] else self._hands_at(values[12])
        seen = deeper(self._targets, values[13]) if values[13] != 1.0 else self._targets
        return seen_against_said(hands, seen, of_twist(values[:6]), of_twist(values[6:12]))

    def solved(self, values: Floats, agrees: Flags, scales: Floats) -> tuple[Floats, Floats]:
        """The best values for the samples that agree, from given ones on, and the first six's standard deviations."""
        free = self._free

        def weighed(changed: Floats) -> Floats:
            tried = values.copy()
            tried[free] = changed
            # A weak wish for depths that are right keeps the factor bounded where the motion does not tell it.
            return np.append(self.residuals(tried)[agrees] / scales, (tried[13] - 1.0) / _DEPTH_SD)

        fit = least_squares(weighed, values[free], loss="soft_l1", x_scale=_STEPS[free], max_nfev=50)
        best = values.copy()
        best[free] = fit.x
        return best, _standard_deviations(fit.jac)[:6]


def deeper(targets: Floats, ratio: float) -> Floats:
    """The targets at so many times their depth, directions kept."""
    moved = targets.copy()
    moved[:, 2, 3] *= ratio
    return moved


def seen_against_said(hands: Floats, targets: Floats, camera_in_hand: Floats, target_in_base: Floats) -> Floats:
    """(n, 6) residuals in the camera's frame: turn in rad and place in m of the seen target against the expected one."""
    expected = inverse(hands @ camera_in_hand) @ target_in_base
    turns = turns_of(targets[:, :3, :3] @ np.swapaxes(expected[:, :3, :3], 1, 2))
    return np.hstack((turns, targets[:, :3, 3] - expected[:, :3, 3]))


def search(hands: Floats, targets: Floats, rng: np.random.Generator) -> Floats:
    """camera_in_hand (4, 4) of those few poses with which most of the others agree."""
    chosen = np.linspace(0, len(hands) - 1, min(_SEARCHED, len(hands))).round().astype(int)
    hands, targets = hands[chosen], targets[chosen]
    best = closed_form(hands[:: 1 + len(hands) // 40], targets[:: 1 + len(hands) // 40])
    least = disagreement(hands, targets, best)
    for _ in range(_HYPOTHESES):
        few = np.sort(rng.choice(len(hands), min(_SAMPLE, len(hands)), replace=False))
        candidate = closed_form(hands[few], targets[few])
        off_m = disagreement(hands, targets, candidate)
        if off_m < least:
            best, least = candidate, off_m
    return best


def disagreement(hands: Floats, targets: Floats, camera_in_hand: Floats) -> float:
    """Median distance of the samples from their middle: m, and rad as if at 0.3 m."""
    found = hands @ camera_in_hand @ targets
    centre = middle(found)
    off_m = np.linalg.norm(found[:, :3, 3] - centre[:3, 3], axis=1)
    off_rad = np.linalg.norm(turns_of(centre[:3, :3].T @ found[:, :3, :3]), axis=1)
    return float(np.median(off_m + 0.3 * off_rad))


def _agreeing(residuals: Floats) -> tuple[Flags, Floats]:
    """Which samples agree, and each component's standard deviation, 1.483 times its median as of a normal distribution."""
    size = np.abs(residuals)
    scales = 1.4826 * np.median(size, axis=0)
    floor = np.array([1e-7] * 3 + [1e-8] * 3)
    agrees = np.all(size <= _OUTLIER * np.maximum(scales, floor), axis=1)
    if agrees.sum() < LEAST_POSES:
        agrees = np.ones(len(residuals), bool)
    return agrees, np.maximum(scales, floor)


def _axes(hands: Floats) -> Floats:
    """Rotation vectors of the motions between the poses, each pose with up to 40 others."""
    step = max(1, len(hands) // 40)
    few = hands[::step]
    first, second = np.triu_indices(len(few), 1)
    return rotation_vectors(inverse(few[first]) @ few[second])


def _standard_deviations(jacobian: Floats) -> Floats:
    """Of the parameters, for residuals in units of their own deviation."""
    return np.sqrt(np.diag(np.linalg.pinv(jacobian.T @ jacobian)))
