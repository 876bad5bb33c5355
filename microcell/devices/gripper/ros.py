"""Gripper over ROS, as ros2_control has it: topics `<name>/joint_trajectory` (out) and `<name>/joint_states` (in).

A command is a trajectory of one point: where the two fingers shall go, and with `effort` how hard they may press. The
latched topic `<name>/fault` (microcell_interfaces/Fault), where there is one, says why a command was refused.
"""

from __future__ import annotations

import asyncio
import math

from builtin_interfaces.msg import Duration
from sensor_msgs.msg import JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg
from trajectory_msgs.msg import JointTrajectoryPoint

from microcell.devices.gripper.contract import Grip, Gripper
from microcell.faults import FaultError
from microcell.ros import convert, names
from microcell.ros.convert_skills import NANOSECONDS
from microcell.ros.joint_driver import JointDriver

STATE_S = 0.5
"""Joint states that are older (in real time) say nothing about now: the tool may have been put away."""

START_S = 0.5
"""Fingers that are where they should be, and have not moved so long after a command (in real time), need not move."""

STAND_S = 0.1
"""Fingers that tell a little velocity for so long (in real time) stand: sensors have noise."""

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
        if state is not None and self._states.age_s < STATE_S and self._speed(state) > self.spec.at_rest_m_s:
            self._publish(self._shown(state).width_m, None)

    async def _move(self, width_m: float, force_n: float | None) -> Grip:
        start_s, started, slow_from_s = self.clock.now(), False, math.inf
        pace = max(1.0, self._rate)
        outcome: asyncio.Future[Grip] = self._runtime.loop.create_future()

        def look(state: JointStateMsg) -> Grip | None:
            nonlocal started, slow_from_s
            grip = self._shown(state) if force_n is None else self._grip_of(state)
            speed_m_s, time_s = self._speed(state), convert.seconds(state.header.stamp) - self.clock.epoch_s
            moves = speed_m_s > self.spec.at_rest_m_s
            slow_from_s = math.inf if moves else min(slow_from_s, time_s)
            started = started or moves
            stands = speed_m_s == 0.0 or time_s >= slow_from_s + STAND_S * pace
            begun = started or time_s > start_s + START_S * pace
            return grip if stands and begun and self._is_there(grip, width_m) else None

        with self._states.watched(outcome, look), self._faults.watched(outcome, self._raise_fault):
            self._publish(width_m, force_n)
            travel_s = self.spec.stroke_m / self.spec.speed_m_s
            try:
                return await self._within(outcome, self._limit_s(travel_s), "the fingers did not get where they were sent")
            except asyncio.CancelledError:
                await self.stop()
                raise
            except FaultError as error:
                if not outcome.done() and self._states.age_s < STATE_S:  # else the hardware has told what is wrong
                    raise self._astray(self._shown(self._states.newest), width_m) from error
                raise

    def _is_there(self, grip: Grip, width_m: float) -> bool:
        """Whether fingers that stand are where they were sent, or on the way there at something that they hold."""
        left_m = grip.width_m - width_m
        return grip.holding if left_m > self.spec.goal_tolerance_m else left_m > -self.spec.goal_tolerance_m

    def _astray(self, grip: Grip, width_m: float) -> FaultError:
        """Fingers that tell where they are, and are not where they should be."""
        stand = f"the fingers stand {grip.width_m * 1e3:.1f} mm apart and press with {grip.force_n:.1f} N"
        should = f"they were sent to {width_m * 1e3:.1f} mm (goal_tolerance_m {self.spec.goal_tolerance_m * 1e3:g} mm)"
        return FaultError("DEVICE_FAILED", self.name, f"{stand}; {should}")

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
        """Opening, force and holding; DEVICE_MALFORMED where no finger tells its effort: then nobody knows."""
        told = dict(zip(message.name, message.effort, strict=False))  # a row that does not fit is refused by what follows
        grip = self._shown(message)
        if all(math.isnan(told.get(joint, math.nan)) for joint in self.joint_names):
            detail = (
                f"its joint states tell no effort of {' or '.join(self.joint_names)}: nobody knows what the fingers hold"
            )
            raise FaultError("DEVICE_MALFORMED", self.name, detail)
        return grip

    def _shown(self, message: JointStateMsg) -> Grip:
        """The same where it is not needed whether something is held; fingers that press at rest hold something."""
        positions, _, efforts = self._rows(message)
        force_n = max(efforts)
        return Grip(sum(positions), force_n, force_n > PRESSING_N)

    def _speed(self, message: JointStateMsg) -> float:
        """How fast the faster finger moves, m/s."""
        return max(map(abs, self._rows(message)[1]))


PLUGIN = RosGripper
