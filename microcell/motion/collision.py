"""Whether an arm, with what it carries, is free of what stands around it. Imports Pinocchio: imported where it is used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pinocchio as pin

from microcell.geometry import Pose, Vector
from microcell.motion.checking import sampled
from microcell.motion.coal_shapes import coal_shape, se3
from microcell.motion.contacts import Touch
from microcell.motion.limits import Joints
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Scene, Solid, grown
from microcell.motion.trajectory import JointTrajectory

STEP_RAD = 0.05
SLIDING_M_PER_RAD = 0.4
"""A sliding joint's step, m, for a turning one's of 1 rad."""
PERIOD_S = 0.01
_TURNS = 16
_EVERYWHERE = 1e3
_ROUNDING_M = 1e-6

Pairs = list[tuple[str, str]]
"""Names of what touches: a link, tool or part of the arm first, then a link or a body of the scene."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The first moment at which something touches, s from the trajectory's start, and what."""

    time_s: float
    pairs: tuple[tuple[str, str], ...]


class CollisionChecker:
    """One arm at joints (rad, m): does it touch itself or the scene?

    `base_in_cell` is the arm's base, `carried` what hangs at the tip, in the tip's frame, `ignored` names of bodies that it
    may touch (the station that it works at). With `clearance_m` all bodies count as larger by so much. Pairs of neighbouring
    links, and of links that are built to touch, are left out, as are bodies out of the arm's reach, and those that touch the
    first link in all of its positions: what the arm is mounted on. One object answers one caller at a time.
    """

    def __init__(
        self,
        model: RobotModel,
        base_in_cell: Pose,
        scene: Scene,
        carried: Sequence[Solid] = (),
        ignored: frozenset[str] = frozenset(),
        clearance_m: float = 0.0,
    ) -> None:
        self.model = model
        self._pin = model.pin_model
        self._clearance_m = clearance_m
        self._owners, self._geometry = arm_geometry(model, carried)
        self._solids = ["" for _ in self._owners]
        reach = _reach(model, self._geometry)
        self._levers_m = _levers_m(model, self._geometry)
        cell_in_base = base_in_cell.inverse()
        for body in scene:
            for solid in scene[body] if body not in ignored else ():
                self._add_body(body, grown(solid, clearance_m).seen_from(cell_in_base), reach)
        self._drop_mounting(len(reach))
        self._make_ready()

    def free(self, joints: Sequence[float] | np.ndarray) -> bool:
        """Whether nothing touches."""
        return not pin.computeCollisions(self._pin, self._data, self._broad, np.array(joints, dtype=float), True)

    def hits(self, joints: Sequence[float]) -> Pairs:
        """What touches what, each pair of names once; empty when free."""
        pairs = (self._geometry.collisionPairs[number] for number in self._touching(joints))
        return list(dict.fromkeys((self._owners[pair.first], self._owners[pair.second]) for pair in pairs))

    def touches(self, joints: Sequence[float]) -> list[Touch]:
        """What touches what and how deeply, solid by solid; empty when free."""
        return [self._touch(number) for number in self._touching(joints)]

    def _touching(self, joints: Sequence[float]) -> list[int]:
        """The numbers of all pairs that touch; only those are asked closely whose balls meet."""
        pin.updateGeometryPlacements(self._pin, self._data, self._geometry, self._results, np.array(joints, dtype=float))
        placements, middles = self._results.oMg, self._balls.middles
        for number, middle in self._balls.moving:
            middles[number] = placements[number].act(middle)
        near = self._balls.meeting()
        return [number for number in near if pin.computeCollision(self._geometry, self._results, number)]

    def _touch(self, number: int) -> Touch:
        pair = self._geometry.collisionPairs[number]
        pin.computeDistance(self._geometry, self._results, number)
        depth_m = max(0.0, -self._results.distanceResults[number].min_distance)
        by_hand = int(self._geometry.geometryObjects[pair.first].parentJoint) == self.model.n
        ours, theirs = self._owners[pair.first], self._owners[pair.second]
        return Touch(number, ours, theirs, self._solids[pair.second], by_hand, depth_m)

    def sweep_m(self, start: Joints, goal: Joints) -> float:
        """How far a point of the arm, or of what it carries, moves at most on the straight line in joint space."""
        return sum(abs(b - a) * lever_m for a, b, lever_m in zip(start, goal, self._levers_m, strict=True))

    def distance_m(self, joints: Sequence[float]) -> float:
        """Least distance of any pair, m; negative: so deep are they in each other. A large number when there is no pair."""
        return self.nearest(joints)[0]

    def nearest(self, joints: Sequence[float]) -> tuple[float, tuple[str, str]]:
        """Least distance of any pair, m, and its names."""
        if not len(self._geometry.collisionPairs):
            return _EVERYWHERE, ("", "")
        pin.computeDistances(self._pin, self._data, self._geometry, self._results, np.array(joints, dtype=float))
        distances = [result.min_distance for result in self._results.distanceResults]
        least = min(range(len(distances)), key=distances.__getitem__)
        pair = self._geometry.collisionPairs[least]
        return distances[least], (self._owners[pair.first], self._owners[pair.second])

    def way_free(self, start: Joints, goal: Joints, step_rad: float = STEP_RAD) -> bool:
        """Whether the straight line in joint space is free, both ends included, looked at in steps."""
        return all(self.free(joints) for joints in line_between(start, goal, self.model.limits.sliding, step_rad))

    def way_surely_free(self, start: Joints, goal: Joints) -> bool:
        """Whether the straight line in joint space is free of the scene between the looks, too: by the clearance.

        No point of the arm goes further than twice the clearance from one look to the next, so what is free of the grown
        bodies at the looks is free of the bodies themselves in between. Needs a clearance.
        """
        count = max(1, math.ceil(self.sweep_m(start, goal) / (2.0 * self._clearance_m)))
        first, way = np.array(start, dtype=float), np.subtract(goal, start)
        return all(self.free(first + way * (k / count)) for k in (0, count, *_coarse_first(count)))

    def way_hits(self, start: Joints, goal: Joints, step_rad: float = STEP_RAD) -> Pairs:
        """What touches anywhere on the straight line in joint space."""
        found: dict[tuple[str, str], None] = {}
        for joints in line_between(start, goal, self.model.limits.sliding, step_rad):
            if not self.free(joints):
                found.update(dict.fromkeys(self.hits(joints)))
        return list(found)

    def first_contact(self, trajectory: JointTrajectory, period_s: float = PERIOD_S) -> Contact | None:
        """The first moment of a trajectory, on a grid of time, at which something touches; None when it is free."""
        times = grid(trajectory.duration_s, period_s)
        for time_s, row in zip(times, sampled(trajectory, times)[0], strict=True):
            if not self.free(row):
                return Contact(float(time_s), tuple(self.hits(row)))
        return None

    def trajectory_free(self, trajectory: JointTrajectory, period_s: float = PERIOD_S) -> bool:
        """Whether a trajectory is free on a grid of time, both ends included."""
        rows = sampled(trajectory, grid(trajectory.duration_s, period_s))[0]
        return all(self.free(row) for row in rows)

    def _make_ready(self) -> None:
        self._data, self._results = self._pin.createData(), self._geometry.createData()
        self._broad = pin.TreeBroadPhaseManager_DynamicAABBTreeCollisionManager(self._pin, self._geometry, self._results)

    @cached_property
    def _balls(self) -> _Balls:
        return _Balls(self._geometry)

    def _add_body(self, body: str, solid: Solid, reach: Sequence[_Reach]) -> None:
        """A solid of the scene, in the base's frame, with a pair for each moving solid of the arm that may get there."""
        shape = coal_shape(solid.shape)
        shape.computeLocalAABB()
        at = solid.middle
        pairs = [n for n, ball in enumerate(reach) if ball.joint and ball.meets(at.position, shape.aabb_radius)]
        if not pairs:
            return
        added = _add(self._geometry, f"{body}/{len(self._owners)}", 0, 0, se3(at), shape)
        self._owners.append(body)
        self._solids.append(solid.name)
        for number in pairs:
            self._geometry.addCollisionPair(pin.CollisionPair(number, added))

    def _drop_mounting(self, arm: int) -> None:
        """Take out pairs of the first link with what it touches in each of its positions; the arm's solids come first."""
        bodies = self._geometry.geometryObjects
        first = {number for number in range(arm) if bodies[number].parentJoint == 1}
        pairs = [(n, p) for n, p in enumerate(self._geometry.collisionPairs) if p.first in first and p.second >= arm]
        data, results = self._pin.createData(), self._geometry.createData()
        low, high = self.model.limits.lower[0], self.model.limits.upper[0]
        for turn in range(_TURNS):
            joints = np.zeros(self.model.n)
            joints[0] = low + (high - low) * turn / (_TURNS - 1)
            pin.updateGeometryPlacements(self._pin, data, self._geometry, results, joints)
            pairs = [(n, p) for n, p in pairs if pin.computeCollision(self._geometry, results, n)]
            if not pairs:
                return
        for _, pair in pairs:
            self._geometry.removeCollisionPair(pair)


def line_between(start: Joints, goal: Joints, sliding: Sequence[bool], step_rad: float = STEP_RAD) -> Iterator[Joints]:
    """Both ends of a straight line in joint space, then points between at most a step apart, the coarse ones first."""
    scale = [1.0 / SLIDING_M_PER_RAD if slides else 1.0 for slides in sliding]
    longest = max(abs(g - s) * k for s, g, k in zip(start, goal, scale, strict=True))
    count = max(1, math.ceil(longest / step_rad - 1e-9))
    yield tuple(start)
    yield tuple(goal)
    for number in _coarse_first(count):
        u = number / count
        yield tuple(s + u * (g - s) for s, g in zip(start, goal, strict=True))


def _coarse_first(count: int) -> Iterator[int]:
    """The numbers 1 to count - 1, the middle first, then the quarters and so on: a hit shows early."""
    stride = 1 << max(0, (count - 1).bit_length())
    while stride > 1:
        yield from range(stride // 2, count, stride)
        stride //= 2


def grid(duration_s: float, period_s: float) -> Any:
    """Times from 0 to a duration, both included, no further apart than a period."""
    return np.linspace(0.0, duration_s, max(2, math.ceil(duration_s / period_s - 1e-9) + 1))


def arm_geometry(model: RobotModel, carried: Iterable[Solid]) -> tuple[list[str], pin.GeometryModel]:
    """An arm's solids with what hangs at its tip, the pairs among them to check, and each solid's name."""
    geometry = model.pin_geometry.copy()
    links = len(geometry.geometryObjects)
    owners = [str(body.name).rpartition("/")[0] for body in geometry.geometryObjects]
    tip = model.pin_model.frames[model.tip_frame]
    joint = int(tip.parentJoint)
    for solid in carried:
        shape = coal_shape(solid.shape)
        placed = tip.placement * se3(solid.middle)
        added = _add(geometry, f"{solid.name}/{len(owners)}", joint, model.tip_frame, placed, shape)
        owners.append(solid.name)
        for link in range(links):
            if abs(int(geometry.geometryObjects[link].parentJoint) - joint) > 1:
                geometry.addCollisionPair(pin.CollisionPair(link, added))
    return owners, geometry


def names_of_hits(geometry: pin.GeometryModel, results: pin.GeometryData, owners: Sequence[str]) -> Pairs:
    """The names of the pairs that were found to touch, each once."""
    found = {
        (owners[pair.first], owners[pair.second]): None
        for pair, result in zip(geometry.collisionPairs, results.collisionResults, strict=True)
        if result.isCollision()
    }
    return list(found)


@dataclass(frozen=True, slots=True)
class _Reach:
    """The ball that a solid of the arm never leaves: joint that moves it (0: none), middle in the base, radius, m."""

    joint: int
    middle: Vector
    radius_m: float

    def meets(self, middle: Vector, radius_m: float) -> bool:
        return math.dist(self.middle, middle) <= self.radius_m + radius_m


class _Balls:
    """A ball around each solid, and which pairs of them meet: a quick look before the close one."""

    def __init__(self, geometry: pin.GeometryModel) -> None:
        bodies = list(geometry.geometryObjects)
        for body in bodies:
            body.geometry.computeLocalAABB()
        own = [body.geometry.aabb_center.copy() for body in bodies]
        self.middles = np.array([body.placement.act(middle) for body, middle in zip(bodies, own, strict=True)]).reshape(
            -1, 3
        )
        self.moving = [(n, own[n]) for n, body in enumerate(bodies) if body.parentJoint]
        radii_m = np.array([float(body.geometry.aabb_radius) for body in bodies])
        self._pairs = np.array([(p.first, p.second) for p in geometry.collisionPairs], dtype=int).reshape(-1, 2)
        self._within_m2 = (radii_m[self._pairs].sum(axis=1) + _ROUNDING_M) ** 2

    def meeting(self) -> list[int]:
        """Numbers of the pairs whose balls meet, in their order."""
        apart = self.middles[self._pairs[:, 0]] - self.middles[self._pairs[:, 1]]
        found: list[int] = np.flatnonzero(np.einsum("ij,ij->i", apart, apart) <= self._within_m2).tolist()
        return found


def _reach(model: RobotModel, geometry: pin.GeometryModel) -> list[_Reach]:
    """For each solid of the arm the ball around the first joint's origin within which it stays."""
    placements = list(model.pin_model.jointPlacements)
    limits = model.limits
    strokes = [
        max(abs(low), abs(high)) if slides else 0.0
        for low, high, slides in zip(limits.lower, limits.upper, limits.sliding, strict=True)
    ]
    from_first = [0.0, strokes[0]]
    for joint in range(2, model.n + 1):
        from_first.append(from_first[-1] + float(np.linalg.norm(placements[joint].translation)) + strokes[joint - 1])
    x, y, z = placements[1].translation.tolist()
    found = []
    for body in geometry.geometryObjects:
        body.geometry.computeLocalAABB()
        out_m = float(np.linalg.norm(body.placement.translation)) + float(body.geometry.aabb_radius)
        found.append(_Reach(int(body.parentJoint), (x, y, z), from_first[int(body.parentJoint)] + out_m))
    return found


def _levers_m(model: RobotModel, geometry: pin.GeometryModel) -> list[float]:
    """For each joint, how far a point of the arm moves at most when it moves by 1 (rad or m)."""
    placements, limits = list(model.pin_model.jointPlacements), model.limits
    ways = [float(np.linalg.norm(placements[joint].translation)) for joint in range(1, model.n + 1)]
    strokes = [max(abs(a), abs(b)) if s else 0.0 for a, b, s in zip(limits.lower, limits.upper, limits.sliding, strict=True)]
    outs = [0.0] * (model.n + 1)
    for body in geometry.geometryObjects:
        joint = int(body.parentJoint)
        body.geometry.computeLocalAABB()
        out_m = float(np.linalg.norm(body.placement.translation)) + float(body.geometry.aabb_radius)
        outs[joint] = max(outs[joint], out_m)
    levers, beyond = [0.0] * model.n, 0.0
    for index in reversed(range(model.n)):
        beyond = max(outs[index + 1], beyond) + strokes[index]
        levers[index] = 1.0 if limits.sliding[index] else beyond
        beyond += ways[index]
    return levers


def _add(geometry: pin.GeometryModel, name: str, joint: int, frame: int, placed: pin.SE3, shape: Any) -> int:
    return int(geometry.addGeometryObject(pin.GeometryObject(name, joint, frame, placed, shape)))
