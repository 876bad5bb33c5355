"""An arm: follows joint trajectories and tells where its joints are."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device
from microcell.motion.limits import Joints
from microcell.motion.trajectory import JointTrajectory


@dataclass(frozen=True, slots=True)
class JointState:
    """Joint positions in rad (m for a linear axis) and velocities in rad/s, base to tip."""

    positions: Joints
    velocities: Joints
    time_s: float


class Arm(Device):
    """One serial arm."""

    @abstractmethod
    async def follow(self, trajectory: JointTrajectory) -> JointState:
        """Follow the trajectory in time and return the joints reached.

        The first point must be the present position (ARM_DEVIATION otherwise). When the call is cancelled or `stop` is
        called, the arm comes to rest where it is; in the second case ARM_STOPPED is raised. Faults: ARM_LIMIT,
        ARM_DEVIATION, ARM_PROTECTIVE_STOP, ARM_STOPPED, DEVICE_SILENT.
        """

    @abstractmethod
    async def joints(self) -> JointState:
        """Present joints."""
