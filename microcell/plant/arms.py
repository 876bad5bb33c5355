"""Where an arm is: at rest, or on a trajectory, worked out for any instant instead of being stepped."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from microcell.clock import Clock
from microcell.description.cell import ArmSpec
from microcell.geometry import Pose
from microcell.motion.limits import Joints
from microcell.motion.trajectory import JointTrajectory, sample
from microcell.plant.signals import Signal

if TYPE_CHECKING:
    from microcell.motion.robot import RobotModel

_KEPT_POSES = 1024


class ArmMotion:
    """Joints of one arm over time. `changed` tells of each motion, stop and change of what is held."""

    def __init__(self, name: str, spec: ArmSpec, clock: Clock) -> None:
        self.name = name
        self.spec = spec
        self.changed = Signal()
        self._clock = clock
        self._base_in_cell = spec.base_in_cell.pose
        self._rest: Joints = tuple(spec.home_rad)
        self._came_from: Joints | None = None
        self._told_s = 0.0
        self._trajectory: JointTrajectory | None = None
        self._start_s = 0.0
        self._last: tuple[float, tuple[Joints, Joints]] | None = None
        self._model: RobotModel | None = None
        self._flange_of = lru_cache(maxsize=_KEPT_POSES)(self._flange_with)

    @property
    def end_s(self) -> float:
        """Cell time at which the present motion ends; now when the arm rests."""
        if self._trajectory is None:
            return self._clock.now()
        return self._start_s + self._trajectory.duration_s

    @property
    def moving(self) -> bool:
        return self._trajectory is not None and self._clock.now() < self.end_s

    @property
    def led(self) -> bool:
        """Whether somebody else moves it: of its way only the last leg is known."""
        return self._came_from is not None

    @property
    def seen_s(self) -> float:
        """Cell time up to which its way is known: now, or when an arm that is led was where it was told of last."""
        return self._told_s if self.led else self._clock.now()

    def start(self, trajectory: JointTrajectory) -> None:
        """Follow a trajectory from now on."""
        self._trajectory, self._start_s, self._last = trajectory, self._clock.now(), None
        self._came_from = None
        self.changed.notify()

    @property
    def start_s(self) -> float:
        """Cell time at which the present motion began; now when the arm rests."""
        return self._start_s if self.moving else self._clock.now()

    def halt(self, at_s: float | None = None) -> None:
        """Rest where the arm is now, or was at an instant of its motion. The simulated arm needs no time to stop."""
        self._rest, _ = self.joints_at(self._clock.now() if at_s is None else at_s)
        self._trajectory = self._came_from = None
        self.changed.notify()

    def rest(self, joints: Joints) -> None:
        """Be at rest there."""
        self._rest, self._trajectory, self._came_from = joints, None, None
        self.changed.notify()

    def be_led(self, joints: Joints, at_s: float) -> None:
        """Have come there, at an instant, straight from where it was before: somebody else moves it."""
        self._came_from, _ = self.joints()
        self._rest, self._trajectory, self._told_s = joints, None, at_s
        self.changed.notify()

    def joints(self) -> tuple[Joints, Joints]:
        """Present positions and velocities."""
        return self.joints_at(self._clock.now())

    def joints_at(self, time_s: float) -> tuple[Joints, Joints]:
        """Positions and velocities at an instant of the present motion, or at rest before (minus infinity) and after it."""
        trajectory = self._trajectory
        if trajectory is None:
            before = self._came_from if time_s == -math.inf else None
            return before or self._rest, (0.0,) * len(self._rest)
        elapsed = time_s - self._start_s
        if elapsed >= trajectory.duration_s:
            return trajectory.positions[-1], (0.0,) * len(self._rest)
        if self._last is None or self._last[0] != time_s:  # much is asked about the same instant
            self._last = time_s, sample(trajectory, elapsed)
        return self._last[1]

    def flange(self) -> Pose:
        """Present pose of the flange in the cell frame."""
        return self.flange_at(self._clock.now())

    def flange_at(self, time_s: float) -> Pose:
        """Pose of the flange in the cell frame at an instant of the present motion."""
        return self._flange_of(self.joints_at(time_s)[0])

    def _flange_with(self, joints: Joints) -> Pose:
        return self._base_in_cell @ self._kinematics().forward(joints)

    def _kinematics(self) -> RobotModel:
        if self._model is None:
            from microcell.motion.robot import RobotModel

            self._model = RobotModel.of(self.spec, self.name)
        return self._model
