"""Inverse kinematics of any serial arm of 4 to 7 joints: nearest branch, joint limits, collisions, straight paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pinocchio as pin

from microcell.faults import FaultError
from microcell.geometry import Pose, Vector, angle_between
from microcell.motion.closed_form import closed_form
from microcell.motion.limits import Joints
from microcell.motion.newton import TILT_RAD, TURN, Array, Newton
from microcell.motion.robot import RobotModel

Free = Callable[[Joints], bool]

SURELY_NEAREST = 0.1
"""Sum of squares, rad2, up to which what Newton steps find from `near` is taken without looking at other branches."""

SINGULAR_RAD_PER_M = 40.0
"""A joint that turns faster than this along a path passes a singularity; a rad of the tip counts as 0.3 m."""

_CLOSE_M, _CLOSE_RAD = 0.25, 0.8  # from near: worth to try Newton steps first
_DISTINCT = 1e-3  # rad or m: branches that differ less are one
_DISTINCT_REDUNDANT = 0.5  # rad: the same for arms with a joint to spare
_FIRST_SEEDS, _FIRST_SEEDS_REDUNDANT, _ALL_SEEDS = 12, 24, 400  # more take longer and find nearer postures
_HURRIED, _PATIENT = (8, 1), (14, 14)  # steps from a seed, and after how many it must come nearer with each
_COMPARED = 2  # solutions to take the nearest of, without a closed form; of an arm with a joint to spare one
_CAREFUL_SEEDS, _CAREFULLY_COMPARED = 100, 8  # the same where the nearest is worth more time
_TILTED = 8  # solutions of a tilted target until it counts as out of the task space
_TURNED = 5e-7  # rad: a solution that is further off is a tilted one
_ROUNDING = 1e-7  # so little over a limit, rad or m, is put back onto it
_LONGEST_STRIDE = 0.35  # rad or m: of a joint between two poses of a path, else a pose between them is looked at
_DEEPEST = 6  # halvings between two poses of a path
_LEVER_M = 0.3
_TELLING_RAD = 0.02  # less than that is not told beside a missing length


class InverseKinematics:
    """Joints that bring a model's tip to a pose, within its limits, exact to 1e-9 m and rad.

    Arms with a spherical wrist, with three parallel shoulder axes, and SCARAs have all their branches in closed
    form, so the nearest one is really the nearest. For other arms Newton steps from `near` and from a table of
    postures find branches; the nearest of those found is taken. An arm with a joint to spare also moves within
    the pose towards `near`. An arm with fewer than six joints reaches poses of its own task space: a target
    that is tilted out of it by up to 1 mrad (TILT_RAD) is taken for the pose nearest to it, at the exact position.

    With `careful` an arm of six joints or fewer that has no closed form is asked for more branches: of five such arms
    the nearest was missed in 5 of 100 poses instead of 30, in four times the time.

    Collisions are kept off with `free`, which says of joints whether nothing touches. Same question, same floats.
    """

    def __init__(self, model: RobotModel, careful: bool = False) -> None:
        self.model = model
        self._newton = Newton(model)
        self._branches = closed_form(model.zero_posture())
        self._lower, self._upper = self._newton.lower - _ROUNDING, self._newton.upper + _ROUNDING
        self._turning = tuple(not sliding for sliding in model.limits.sliding)
        self._shoulder, self._reach_m = _reach(model)
        self._first_seeds, self._compared = _FIRST_SEEDS_REDUNDANT, 1
        if model.n <= 6:
            careful = careful and self._branches is None
            self._first_seeds = _CAREFUL_SEEDS if careful else _FIRST_SEEDS
            self._compared = _CAREFULLY_COMPARED if careful else _COMPARED
        self._apart = _DISTINCT if model.n <= 6 else _DISTINCT_REDUNDANT

    def solve(self, tip_in_base: Pose, near: Joints, free: Free | None = None) -> Joints:
        """The joints nearest to `near` (sum of squares, whole turns considered) that bring the tip there.

        Raises ARM_UNREACHABLE with how far the arm gets, or with the joint limit in the way; ARM_BLOCKED where
        `free` refuses all that was found.
        """
        self._require_reach(tip_in_base)
        target = _placement(tip_in_base)
        start = np.array(near)
        beside = self._from_near(target, start)
        if beside is not None and not self._is_tilted(beside, target) and (free is None or free(beside)):
            return beside
        exact = self._exact(tip_in_base, target, near)
        found = next((q for q in exact if free is None or free(q)), None)
        if not exact:  # no closed form, or a singular pose with a joint that may be anywhere
            seeds = _ALL_SEEDS if self._branches is None else self._first_seeds
            found = self._nearest_numeric(tip_in_base, target, start, seeds, free)
        if found is None:
            raise self._refusal(tip_in_base, target, near, free)
        return found

    def solutions(self, tip_in_base: Pose, near: Joints) -> list[Joints]:
        """The branches within limits, nearest to `near` first; empty where there is none."""
        target = _placement(tip_in_base)
        if self._branches is not None:
            return self._distinct(self._exact(tip_in_base, target, near))
        start = np.array(near)
        rows = self._numeric(tip_in_base, target, start, _ALL_SEEDS // 4)
        return self._distinct(sorted(rows, key=lambda row: _cost(row, near)))

    def along(self, poses: Sequence[Pose], start: Joints) -> list[Joints]:
        """Joints for each pose of a path, all of the branch that `start` is of; `start` is where the arm is before.

        Raises ARM_SINGULAR where the branch cannot be kept, or a joint would turn by more than
        SINGULAR_RAD_PER_M; ARM_UNREACHABLE where a pose is out of reach or of a joint's limits.
        """
        here = np.array(start)
        before = self.model.forward(start)
        rows: list[Joints] = []
        for number, pose in enumerate(poses, 1):
            where = f"pose {number} of {len(poses)}: "
            self._require_reach(pose, where)
            here = self._stride(here, before, pose, _DEEPEST, pose, where)
            before = pose
            rows.append(tuple(here.tolist()))
        return rows

    # One pose

    def _from_near(self, target: pin.SE3, near: Array) -> Joints | None:
        """The solution that Newton steps reach from `near`, where that is surely the nearest."""
        twist = self._newton.twist(near, target)
        if abs(twist[:3]).max() > _CLOSE_M or abs(twist[3:]).max() > _CLOSE_RAD:
            return None
        found = self._newton.refine(near, target, 6)
        if found is None:
            return None
        if self.model.n > 6:
            found = self._newton.settle(found, target, near, 2)
        move = found - near
        return self._kept(found) if float(move @ move) < SURELY_NEAREST else None

    def _exact(self, tip: Pose, target: pin.SE3, near: Joints) -> list[Joints]:
        """All branches of the closed form within limits, refined, nearest first."""
        placed = []
        for branch in self._branches(tip, near) if self._branches else ():
            joints = self._turned(branch, near)
            if joints is not None:
                placed.append((_cost(joints, near), joints))
        found = (self._newton.refine(np.array(joints), target, 8) for _, joints in sorted(placed))
        return [kept for row in found if row is not None and (kept := self._kept(row)) is not None]

    def _nearest_numeric(self, tip: Pose, target: pin.SE3, near: Array, seeds: int, free: Free | None) -> Joints | None:
        best: tuple[bool, float, Joints] | None = None
        wish = tuple(near.tolist())
        upright = tilted = 0
        for row in self._numeric(tip, target, near, seeds):
            found = (self._is_tilted(row, target), _cost(row, wish), row)
            upright, tilted = upright + (not found[0]), tilted + found[0]
            if (best is None or found < best) and (free is None or free(row)):
                best = found
            if best is not None and (upright >= self._compared or tilted >= _TILTED):
                break
        return best[2] if best is not None else None

    def _is_tilted(self, joints: Joints, target: pin.SE3) -> bool:
        """Whether an arm with fewer than six joints stands only nearly as it should: another branch may do so exactly."""
        if self.model.n >= 6 or self._branches is not None:
            return False
        return float(abs(self._newton.twist(np.array(joints), target)).max()) > _TURNED

    def _numeric(self, tip: Pose, target: pin.SE3, near: Array, count: int) -> Iterator[Joints]:
        """Solutions from `near` and from the table's postures; those near in joints first."""
        for number, seed in enumerate(self._seeds(tip, near, count)):
            steps, patience = _HURRIED if number < self._first_seeds else _PATIENT
            row = self._newton.refine(seed, target, steps, True, patience)
            if row is None:
                continue
            turned = self._turned(tuple(row.tolist()), tuple(near.tolist()))
            if turned is None:
                continue
            if self.model.n > 6:
                turned = tuple(self._newton.settle(np.array(turned), target, near, 2).tolist())
            if (kept := self._kept(np.array(turned))) is not None:
                yield kept

    def _seeds(self, tip: Pose, near: Array, count: int) -> Iterator[Array]:
        first = min(self._first_seeds, count)
        rows = self._newton.seeds(tip, first)
        away = ((rows - near) ** 2).sum(axis=1)
        yield from rows[np.argsort(away, kind="stable")]
        yield np.clip(near, self._newton.lower, self._newton.upper)
        if count > first:
            yield from self._newton.seeds(tip, count)[first:]

    def _turned(self, branch: Joints, near: Joints) -> Joints | None:
        """The same posture with the whole turns nearest to `near` that the limits allow, or None."""
        placed = []
        for angle, wish, lower, upper, turns in zip(
            branch, near, self.model.limits.lower, self.model.limits.upper, self._turning, strict=True
        ):
            if turns:
                angle += TURN * round((wish - angle) / TURN)
                if angle > upper + _ROUNDING:
                    angle -= TURN * math.ceil((angle - upper - _ROUNDING) / TURN)
                elif angle < lower - _ROUNDING:
                    angle += TURN * math.ceil((lower - _ROUNDING - angle) / TURN)
            # a branch of the closed form is within a rounding of where Newton steps take it
            if not lower - _DISTINCT <= angle <= upper + _DISTINCT:
                return None
            placed.append(angle)
        return tuple(placed)

    def _kept(self, row: Array) -> Joints | None:
        """The joints where they are within limits, roundings taken off; None where they are not."""
        if (row < self._lower).any() or (row > self._upper).any():
            return None
        return self.model.limits.clamped(tuple(row.tolist()))

    def _distinct(self, rows: Sequence[Joints]) -> list[Joints]:
        found: list[Joints] = []
        for row in rows:
            if all(max(abs(a - b) for a, b in zip(row, other, strict=True)) > self._apart for other in found):
                found.append(row)
        return found

    # Paths

    def _stride(self, here: Array, before: Pose, pose: Pose, deeper: int, goal: Pose, where: str) -> Array:
        """Joints at the next pose, from the joints at the pose before; the goal is what faults are about."""
        found = self._newton.refine(here, _placement(pose), 8)
        longest = math.inf if found is None else float(abs(found - here).max())
        if longest > _LONGEST_STRIDE and deeper:
            middle = _midway(before, pose)
            half = self._stride(here, before, middle, deeper - 1, goal, where)
            return self._stride(half, middle, pose, deeper - 1, goal, where)
        way = math.dist(before.position, pose.position) + _LEVER_M * angle_between(before, pose)
        if found is None or longest > 1e-3 + SINGULAR_RAD_PER_M * way:
            raise self._broken(here, goal, found, way, where)
        kept = self._kept(found)
        if kept is None:
            raise self._fault("ARM_UNREACHABLE", f"{where}{self._over(tuple(found.tolist()))}")
        return np.array(kept)

    def _broken(self, here: Array, goal: Pose, found: Array | None, way: float, where: str) -> FaultError:
        """Why a path cannot go on: out of reach, or singular."""
        joints = tuple(here.tolist())
        try:
            elsewhere = self.solve(goal, joints)
        except FaultError as fault:
            return self._fault(fault.fault.code, f"{where}{fault.fault.detail}")
        found = np.array(elsewhere) if found is None else found
        turns = np.abs(found - here)
        joint = self.model.joint_names[int(turns.argmax())]
        text = f"{joint} would have to turn {turns.max():.2f} rad within {1000.0 * way:.1f} mm of the way"
        return self._fault("ARM_SINGULAR", f"{where}{text}; Jacobian's least value {self.model.least_stretch(joints):.4f}")

    # Refusals

    def _require_reach(self, tip: Pose, where: str = "") -> None:
        away = math.dist(tip.position, self._shoulder)
        if away > self._reach_m + _ROUNDING:
            over = f"{away - self._reach_m:.3f} m more than the arm's {self._reach_m:.3f} m"
            detail = f"{where}the tip would have to be {away:.3f} m from {self.model.joint_names[0]}, {over}"
            raise self._fault("ARM_UNREACHABLE", detail)

    def _refusal(self, tip: Pose, target: pin.SE3, near: Joints, free: Free | None) -> FaultError:
        found = self.solutions(tip, near) if free is not None else []
        if found:
            return self._fault("ARM_BLOCKED", f"all {len(found)} postures that reach the pose collide")
        over = self._least_over(tip, target, near)
        return self._fault("ARM_UNREACHABLE", over or self._short(tip, target, near))

    def _least_over(self, tip: Pose, target: pin.SE3, near: Joints) -> str:
        """The limit that the branch that fits best would break; "" where no branch reaches the pose at all."""
        if self._branches is not None:
            guesses = [np.array(branch) for branch in self._branches(tip, near)]
        else:
            guesses = [np.array(near), *self._newton.seeds(tip, self._first_seeds)]
        rows = [row for guess in guesses if (row := self._newton.refine(guess, target, _PATIENT[0])) is not None]
        return self._over(*(tuple(row.tolist()) for row in rows))

    def _over(self, *rows: Joints) -> str:
        """The worst joint of the row that breaks its limits least; "" without rows."""
        found = [max(self._excess(index, value) for index, value in enumerate(row)) for row in rows]
        return min(found)[1] if found else ""

    def _excess(self, index: int, value: float) -> tuple[float, str]:
        lower, upper = self.model.limits.lower[index], self.model.limits.upper[index]
        unit = "rad" if self._turning[index] else "m"
        middle = (lower + upper) / 2.0
        if self._turning[index]:
            value += TURN * round((middle - value) / TURN)
        excess, limit = max(0.0, value - upper, lower - value), upper if value > middle else lower
        over = f"{excess:.3f} {unit} over its limit of {limit:.3f} {unit}"
        return excess, f"{self.model.joint_names[index]} would have to be at {value:.3f} {unit}, {over}"

    def _short(self, tip: Pose, target: pin.SE3, near: Joints) -> str:
        """How far from the pose the arm ends, and which limits hold it there."""
        seeds = [np.clip(np.array(near), self._newton.lower, self._newton.upper), *self._newton.seeds(tip, 8)]
        shift, turn, joints = self._newton.shortfall(target, iter(seeds))
        held = self._held(joints.tolist())
        missing = [f"{shift:.3f} m short"] if shift >= 5e-4 else []
        if turn > (_TELLING_RAD if missing else TILT_RAD):
            missing.append(f"{turn:.3f} rad off its orientation")
        text = f"the arm ends {' and '.join(missing) or f'{shift:.1e} m short'}"
        return f"{text}, with {', '.join(held)}" if held else f"{text}, stretched or folded as far as it goes"

    def _held(self, joints: Sequence[float]) -> list[str]:
        """The joints that stand at a limit, each with it."""
        limits = self.model.limits
        rows = zip(self.model.joint_names, joints, limits.lower, limits.upper, strict=True)
        return [
            f"{name} at its limit of {limit:.3f}"
            for name, value, lower, upper in rows
            for limit in (lower, upper)
            if abs(value - limit) < 1e-6
        ]

    def _fault(self, code: str, detail: str) -> FaultError:
        return FaultError(code, self.model.name, detail)


def _reach(model: RobotModel) -> tuple[Vector, float]:
    """A point of the first joint, and how far from it the tip can be at most, m: all links in one line."""
    arm = model.zero_posture()
    points = [*arm.points, arm.tip.position]
    strokes = (max(abs(a), abs(b)) for a, b in zip(model.limits.lower, model.limits.upper, strict=True))
    slides = sum(stroke for stroke, sliding in zip(strokes, arm.sliding, strict=True) if sliding)
    return points[0], sum(math.dist(a, b) for a, b in pairwise(points)) + slides


def _placement(pose: Pose) -> pin.SE3:
    x, y, z, w = pose.orientation
    size = math.sqrt(x * x + y * y + z * z + w * w)
    return pin.XYZQUATToSE3(np.array((*pose.position, x / size, y / size, z / size, w / size)))


def _midway(a: Pose, b: Pose) -> Pose:
    """Halfway, on the straight line and the shortest turn."""
    x, y, z = ((p + q) / 2.0 for p, q in zip(a.position, b.position, strict=True))
    sign = math.copysign(1.0, sum(p * q for p, q in zip(a.orientation, b.orientation, strict=True)))
    i, j, k, w = (p + sign * q for p, q in zip(a.orientation, b.orientation, strict=True))
    size = math.sqrt(i * i + j * j + k * k + w * w)
    return Pose((x, y, z), (i / size, j / size, k / size, w / size))


def _cost(joints: Joints, near: Joints) -> float:
    return sum((a - b) * (a - b) for a, b in zip(joints, near, strict=True))
