"""Two arms of a cell checked against each other. Imports Pinocchio: imported where it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pinocchio as pin

from microcell.geometry import Pose
from microcell.motion.checking import sampled
from microcell.motion.coal_shapes import se3
from microcell.motion.collision import PERIOD_S, Contact, Pairs, arm_geometry, grid, names_of_hits
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Solid
from microcell.motion.trajectory import JointTrajectory


@dataclass(frozen=True, slots=True)
class Armed:
    """One of the arms: its model, where its base is in the cell, and what hangs at its tip, in the tip's frame."""

    model: RobotModel
    base_in_cell: Pose
    carried: tuple[Solid, ...] = ()


@dataclass(frozen=True, slots=True)
class Timed:
    """A trajectory and when it starts. Before and after, the arm stands at its ends."""

    trajectory: JointTrajectory
    start_s: float = 0.0

    @property
    def end_s(self) -> float:
        return self.start_s + self.trajectory.duration_s


class TwoArms:
    """Whether two arms, with what they carry, touch each other; not themselves, and not what stands in the cell.

    With `clearance_m` they touch when they are nearer than that. One object answers one caller at a time.
    """

    def __init__(self, first: Armed, second: Armed, clearance_m: float = 0.0) -> None:
        owners, geometry = arm_geometry(first.model, first.carried)
        others, other = arm_geometry(second.model, second.carried)
        base = se3(first.base_in_cell.inverse() @ second.base_in_cell)
        model = _named_apart(second.model.pin_model)
        self._pin, self._geometry = pin.appendModel(first.model.pin_model, model, geometry, other, 0, base)
        self._owners = [f"{first.model.name}/{name}" for name in owners] + [f"{second.model.name}/{name}" for name in others]
        self._pair_up(len(owners))
        self._data, self._results = self._pin.createData(), self._geometry.createData()
        for request in self._results.collisionRequests:
            request.security_margin = clearance_m

    def free(self, first: Sequence[float], second: Sequence[float]) -> bool:
        """Whether the arms don't touch each other."""
        return not self._compute(first, second, True)

    def hits(self, first: Sequence[float], second: Sequence[float]) -> Pairs:
        """What of the first arm touches what of the second, as `<arm>/<link, tool or part>`."""
        self._compute(first, second, False)
        return names_of_hits(self._geometry, self._results, self._owners)

    def first_contact(self, first: Timed, second: Timed, period_s: float = PERIOD_S) -> Contact | None:
        """The first moment, in the time of both starts, at which the arms touch on a grid of time; None when they don't."""
        begin_s, end_s = min(first.start_s, second.start_s), max(first.end_s, second.end_s)
        times = begin_s + grid(end_s - begin_s, period_s)
        rows = (sampled(timed.trajectory, times - timed.start_s)[0] for timed in (first, second))
        for time_s, a, b in zip(times, *rows, strict=True):
            if not self.free(a, b):
                return Contact(float(time_s), tuple(self.hits(a, b)))
        return None

    def _compute(self, first: Sequence[float], second: Sequence[float], stop: bool) -> bool:
        joints: Any = np.concatenate((first, second))
        return bool(pin.computeCollisions(self._pin, self._data, self._geometry, self._results, joints, stop))

    def _pair_up(self, count: int) -> None:
        """Each solid of the first arm with each of the second, but not what never moves with what never moves."""
        bodies = self._geometry.geometryObjects
        self._geometry.removeAllCollisionPairs()
        for a in range(count):
            for b in range(count, len(self._owners)):
                if int(bodies[a].parentJoint) or int(bodies[b].parentJoint):
                    self._geometry.addCollisionPair(pin.CollisionPair(a, b))


def _named_apart(model: pin.Model) -> pin.Model:
    """A copy whose joints and frames have names that no other model has."""
    copy = model.copy()
    for number in range(1, copy.njoints):
        copy.names[number] = f"second/{copy.names[number]}"
    for frame in copy.frames:
        frame.name = f"second/{frame.name}"
    return copy
