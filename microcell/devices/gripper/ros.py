"""Gripper over ROS, as ros2_control has it: topics `<name>/joint_trajectory` (out) and `<name>/joint_states` (in).

A command is a trajectory of one point: where the two fingers shall go, and with `effort` how hard they may press. The
latched topic `<name>/fault` (microcell_interfaces/Fault), where there is one, says why a command was refused.
"""

from __future__ import annotations

import asyncio

from builtin_interfaces.msg import Duration
from sensor_msgs.msg import JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg
from trajectory_msgs.msg import JointTrajectoryPoint

from microcell.devices.gripper.contract import Grip, Gripper
from microcell.ros import convert, names
from microcell.ros.convert_skills import NANOSECONDS
from microcell.ros.joint_driver import JointDriver

STATE_S = 0.5
"""Joint states that are older (in real time) say nothing about now: the tool may have been put away."""

START_S = 0.5
"""Fingers that are where they should be, and have not moved so long after a command (in real time), need not move."""

AT_REST_M_S = 1e-4
AT_GOAL_M = 1e-4
PRESSING_N = 0.2


class RosGripper(JointDriver, Gripper):
    """Publishes where the fingers shall go, and waits until they have moved and stopped."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        return names.finger_joints(self.name)

    async def close(self, force_n: float) -> Grip:
        self._check_connected()
        self._check_force(force_n)
        return await self._move(0.0, force_n)

    async def open(self, width_m: float) -> Grip:
        self._check_connected()
        self._check_width(width_m)
        return await self._move(width_m, None)

    async def grip(self) -> Grip:
        self._check_connected()
        return await self._present(STATE_S, self._grip_of)

    async def stop(self) -> None:
        """Hold the fingers where they are, if they move; what is held stays held."""
        state = self._states.newest if self._connected else None
        if state is not None and self._states.age_s < STATE_S and self._speed(state) > AT_REST_M_S:
            self._publish(self._grip_of(state).width_m, None)

    async def _move(self, width_m: float, force_n: float | None) -> Grip:
        start_s, started = self.clock.now(), False
        patience_s = START_S * self._rate
        outcome: asyncio.Future[Grip] = self._runtime.loop.create_future()

        def look(state: JointStateMsg) -> Grip | None:
            nonlocal started
            moves = self._speed(state) > AT_REST_M_S
            started = started or moves
            late = convert.seconds(state.header.stamp) - self.clock.epoch_s > start_s + patience_s
            grip = self._grip_of(state)
            there = grip.holding if grip.width_m - width_m > AT_GOAL_M else grip.width_m - width_m > -AT_GOAL_M
            return grip if not moves and there and (started or late) else None

        with self._states.watched(outcome, look), self._faults.watched(outcome, self._raise_fault):
            self._publish(width_m, force_n)
            travel_s = self.spec.stroke_m / self.spec.speed_m_s
            try:
                return await self._within(outcome, self._limit_s(travel_s), "the fingers did not get where they were sent")
            except asyncio.CancelledError:
                await self.stop()
                raise

    def _publish(self, width_m: float, force_n: float | None) -> None:
        half_m = width_m / 2.0
        nanoseconds = round(self.spec.stroke_m / self.spec.speed_m_s * NANOSECONDS)
        point = JointTrajectoryPoint(
            positions=[half_m, half_m],
            effort=[] if force_n is None else [force_n, force_n],
            time_from_start=Duration(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS),
        )
        self._commands.publish(JointTrajectoryMsg(joint_names=list(self.joint_names), points=[point]))

    def _grip_of(self, message: JointStateMsg) -> Grip:
        """Opening, force and holding; fingers that press at rest hold something."""
        positions, _, efforts = self._rows(message)
        force_n = max(efforts)
        return Grip(sum(positions), force_n, force_n > PRESSING_N)

    def _speed(self, message: JointStateMsg) -> float:
        """How fast the faster finger moves, m/s."""
        return max(map(abs, self._rows(message)[1]))


PLUGIN = RosGripper
