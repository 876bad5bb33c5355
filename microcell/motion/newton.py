"""Joints for a pose by damped Newton steps: for any serial arm, from a guess, or from a table of postures.

Each step solves (J J' + w I) y = e, dq = J' y, with the twist e = log(tip^-1 target) and the Jacobian J in the tip's
axes; the damping w falls with the square of the error, so that the last steps are Newton's (Sugihara,
"Solvability-unconcerned inverse kinematics by the Levenberg-Marquardt method", IEEE T-RO 2011).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pinocchio as pin
from scipy.linalg.lapack import dposv

from microcell.geometry import Pose
from microcell.motion.robot import RobotModel

EXACT = 1e-9
"""Newton steps end at this error, m and rad."""

ACCEPTED = 1e-7
"""A solution's error, m and rad: at most. Between the two it ends only in a singularity."""

TILT_RAD = 1e-3
"""So much may a target's orientation be out of what an arm with fewer than six joints can turn to."""

POSTURES = 20_000
_DAMPING = 1e-2
_FLOOR = 1e-13
_NEARLY = 1e-8
_LONGEST_STEP = 0.7  # rad or m, in one step
_LEVER_M = 0.3  # a rad counts like so many m in the table
_SETTLED = 1e-7  # a redundant arm's posture that moves less than this stays
TURN = 2.0 * math.pi
Array = np.ndarray[Any, Any]


class Newton:
    """Newton steps of one model; joints are arrays here. `twist` and `refine` don't look at joint limits."""

    def __init__(self, model: RobotModel) -> None:
        self._model, self._pin = model, model.pin_model
        self._data = self._pin.createData()
        self._frame = model.tip_frame
        self._tip = self._data.oMf[self._frame]
        self._eye = np.eye(min(model.n, 6))
        self.n = model.n
        self.lower, self.upper = np.array(model.limits.lower), np.array(model.limits.upper)

    def twist(self, joints: Array, target: pin.SE3) -> Array:
        """What is missing to the target, (6,): m and rad in the tip's axes."""
        pin.forwardKinematics(self._pin, self._data, joints)
        pin.updateFramePlacement(self._pin, self._data, self._frame)
        return pin.log6(self._tip.actInv(target)).vector

    def refine(
        self, joints: Array, target: pin.SE3, steps: int, bounded: bool = False, patience: int = 1000
    ) -> Array | None:
        """The joints that stand at the target, reached from these within so many steps; None where they are not.

        With `bounded` each step is kept within the limits, and after `patience` steps a guess that comes no nearer,
        which a limit holds back, is given up.
        """
        if self.n < 6:
            return self._refine_few(joints, target, steps, bounded, patience)
        last = math.inf
        for number in range(steps):
            error = self.twist(joints, target)
            square = float(error @ error)
            if square < EXACT * EXACT:
                return joints
            if bounded and number > patience and square > 0.5 * last > _NEARLY:
                return None
            last = square
            joints = joints + self._step(joints, error, square)
            if bounded:
                joints = np.minimum(np.maximum(joints, self.lower), self.upper)
        error = self.twist(joints, target)
        return joints if float(error @ error) < ACCEPTED * ACCEPTED else None

    def _step(self, joints: Array, error: Array, square: float) -> Array:
        jacobian = self._jacobian(joints)
        gram = jacobian @ jacobian.T
        gram.ravel()[::7] += _DAMPING * min(square, 1.0) + _FLOOR
        step = jacobian.T @ dposv(gram, error)[1]
        return _shortened(step)

    def _jacobian(self, joints: Array) -> Array:
        return pin.computeFrameJacobian(self._pin, self._data, joints, self._frame, pin.LOCAL)

    def _refine_few(self, joints: Array, target: pin.SE3, steps: int, bounded: bool, patience: int) -> Array | None:
        """The same with fewer than six joints: the position exactly, the orientation as near as it gets."""
        for weight in (_LEVER_M, 1e-3):  # the second only for a target that is tilted out of the task space
            found = self._weighted(joints, target, weight, steps, bounded, patience)
            if found is None:
                return None
            joints = found
            shift, turn = _sizes(self.twist(joints, target))
            if shift < ACCEPTED and turn < ACCEPTED:
                return joints
            if turn > 2.0 * TILT_RAD or shift > TILT_RAD:
                return None
        return joints if shift < ACCEPTED and turn < TILT_RAD else None

    def _weighted(
        self, joints: Array, target: pin.SE3, weight: float, steps: int, bounded: bool, patience: int
    ) -> Array | None:
        """Least squares of m and of `weight` times rad, by Gauss-Newton steps until they are small."""
        weights, last = np.array((1.0, 1.0, 1.0, weight, weight, weight)), math.inf
        column, enough, damping = weights[:, None], (weight * EXACT) ** 2, 1e-3 * weight
        for number in range(steps):
            error = weights * self.twist(joints, target)
            square = float(error @ error)
            if square < enough:
                break
            if bounded and number > patience and square > 0.5 * last > _NEARLY:
                return None
            last = square
            jacobian = column * self._jacobian(joints)
            gram = jacobian.T @ jacobian
            gram.ravel()[:: self.n + 1] += damping * min(square, 1.0) + 1e-16
            step = dposv(gram, jacobian.T @ error)[1]
            moved = float(step @ step)
            joints = joints + (step if moved < _LONGEST_STEP * _LONGEST_STEP else _shortened(step))
            if bounded:
                joints = np.minimum(np.maximum(joints, self.lower), self.upper)
            if moved < EXACT * EXACT:
                break
        return joints

    def settle(self, joints: Array, target: pin.SE3, near: Array, steps: int = 12) -> Array:
        """For an arm with a joint to spare: the joints at the same pose that are nearest to `near`, or as near as
        so many steps go.

        A gradient projection: towards `near` within the Jacobian's null space, back to the pose, and so on.
        """
        best = joints
        cost = float((joints - near) @ (joints - near))
        for _ in range(steps):
            jacobian = self._jacobian(best)
            gram = jacobian @ jacobian.T + _FLOOR * self._eye
            wish = near - best
            along = wish - jacobian.T @ dposv(gram, jacobian @ wish)[1]
            moved = self.refine(np.clip(best + _shortened(along), self.lower, self.upper), target, 4)
            if moved is None or (moved < self.lower).any() or (moved > self.upper).any():
                return best
            now = float((moved - near) @ (moved - near))
            if now > cost - _SETTLED:
                return best
            best, cost = moved, now
        return best

    def shortfall(self, target: pin.SE3, seeds: Iterator[Array]) -> tuple[float, float, Array]:
        """How near the arm gets within its limits: m and rad that are missing, and the joints there.

        The orientation counts much more than the position, so that what is missing is mostly m.
        """
        found = [self._nearest(seed, target) for seed in seeds]
        return min(found, key=lambda item: item[0] + 10.0 * item[1])

    def _nearest(self, joints: Array, target: pin.SE3) -> tuple[float, float, Array]:
        weights = np.array((1.0, 1.0, 1.0, 3.0, 3.0, 3.0))
        eye = np.eye(self.n)
        error = weights * self.twist(joints, target)
        damping = 1e-2
        for _ in range(60):
            jacobian = weights[:, None] * self._jacobian(joints)
            down = jacobian.T @ error
            held = ((joints <= self.lower) & (down < 0.0)) | ((joints >= self.upper) & (down > 0.0))
            jacobian[:, held] = 0.0
            step = _shortened(dposv(jacobian.T @ jacobian + damping * eye, jacobian.T @ error)[1])
            tried = np.clip(joints + step, self.lower, self.upper)
            next_error = weights * self.twist(tried, target)
            if next_error @ next_error < error @ error:
                if abs(tried - joints).max() < 1e-6:
                    break
                joints, error, damping = tried, next_error, max(damping / 4.0, 1e-9)
            elif damping > 1e3:
                break
            else:
                damping *= 6.0
        return (*_sizes(self.twist(joints, target)), joints)

    def seeds(self, tip: Pose, count: int) -> Array:
        """Joints of the table's postures nearest to a pose, (count, n), nearest first."""
        tree, joints = self._table
        return joints[tree.query(_feature(tip), k=count)[1]]

    @cached_property
    def _table(self) -> tuple[Any, Array]:
        """Postures spread over the joints' ranges, the same for every object, and a tree of their poses."""
        from scipy.spatial import cKDTree

        full = (self.upper - self.lower > TURN) & ~np.array(self._model.limits.sliding)
        lower, upper = np.where(full, -math.pi, self.lower), np.where(full, math.pi, self.upper)
        rows = np.random.default_rng(0).uniform(lower, upper, (POSTURES, self.n))
        poses = [self._model.forward(tuple(row)) for row in rows.tolist()]
        return cKDTree(np.array([_feature(pose) for pose in poses])), rows


def _feature(pose: Pose) -> tuple[float, ...]:
    """Position and orientation as a point; the quaternion's sign so that w is positive."""
    scale = math.copysign(2.0 * _LEVER_M, pose.orientation[3])
    return (*pose.position, *(scale * value for value in pose.orientation))


def _shortened(step: Array) -> Array:
    if step @ step < _LONGEST_STEP * _LONGEST_STEP:
        return step
    longest = float(abs(step).max())
    return step if longest <= _LONGEST_STEP else step * (_LONGEST_STEP / longest)


def _sizes(twist: Array) -> tuple[float, float]:
    x, y, z, a, b, c = twist.tolist()
    return math.hypot(x, y, z), math.hypot(a, b, c)
