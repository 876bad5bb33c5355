"""The face of an arm's controller and of the force sensor at its wrist."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from geometry_msgs.msg import WrenchStamped
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg

from microcell.description.cell import ArmSpec, ForceSensorSpec
from microcell.devices.arm.contract import Arm, JointState
from microcell.devices.force_sensor.contract import ForceSensor, Wrench
from microcell.errors import UsageError
from microcell.faults import Fault, FaultError
from microcell.motion.trajectory import JointTrajectory
from microcell.ros import convert, names, qos
from microcell.ros.convert_skills import stamp
from microcell.ros.hardware_face import Face, FaultTopic

JOINT_STATE_HZ = 50.0
WRENCH_HZ = 100.0


class ArmFace:
    """An arm as ros2_control's joint trajectory controller shows it.

    Subscribes `<arm>/joint_trajectory`; publishes `<arm>/joint_states` at 50 Hz and at once when a motion ends, and
    `<arm>/fault`. A new trajectory takes over from the one in progress; one whose first point lies ahead begins where the
    arm is.
    """

    def __init__(self, face: Face, arm: Arm, spec: ArmSpec) -> None:
        self._face = face
        self._arm = arm
        self._names = names.arm_joints(arm.name, spec)
        self._states = face.publisher(JointStateMsg, names.joint_states(arm.name), qos.FEEDBACK)
        self._fault = FaultTopic(face, arm.name)
        self._motion: asyncio.Task[None] | None = None
        face.listen(JointTrajectoryMsg, names.joint_trajectory(arm.name), self._on_trajectory)
        face.regularly(JOINT_STATE_HZ, self._publish)

    async def halt(self) -> None:
        """Rest where the arm is now, without a fault: the reflex of the force sensor."""
        if self._motion is not None:
            self._motion.cancel()
            await asyncio.wait((self._motion,))
        await self._publish()

    def _on_trajectory(self, message: JointTrajectoryMsg) -> None:
        previous, self._motion = self._motion, None
        if previous is not None:
            previous.cancel()
        self._motion = self._face.start(self._follow(message, previous))

    async def _follow(self, message: JointTrajectoryMsg, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.wait((previous,))
        self._fault.clear()
        try:
            trajectory = convert.trajectory_of(self._names, message)
            await self._arm.follow(_from_here(trajectory, await self._arm.joints()))
        except FaultError as error:
            self._fault.show(error.fault)
        except UsageError as error:
            self._fault.show(Fault("DEVICE_REFUSED", self._arm.name, str(error)))
        await self._publish()

    async def _publish(self) -> None:
        try:
            state = await self._arm.joints()
        except FaultError as error:
            self._fault.show(error.fault)
            return
        time = stamp(self._face.clock.epoch_s + state.time_s)
        self._states.publish(convert.joint_state_message(self._names, state.positions, state.velocities, time))


class ForceSensorFace:
    """A force sensor as its driver shows it: publishes `<sensor>/wrench` at 100 Hz; service `<sensor>/tare`.

    When the pressing force reaches what `<sensor>/threshold` says, the arm is halted (`reflex`) where it was at that very
    moment, and the wrench published: the way through ROS is too long for an arm in motion, all the more in accelerated time.
    """

    reflex: Callable[[float], Awaitable[None]] | None = None

    def __init__(self, face: Face, sensor: ForceSensor, spec: ForceSensorSpec) -> None:
        self._face = face
        self._sensor = sensor
        self._frame = names.sensor_frame(sensor.name)
        self._wrenches = face.publisher(WrenchStamped, names.wrench(sensor.name), qos.FEEDBACK)
        self._waiting: asyncio.Task[None] | None = None
        self._threshold_n = math.inf
        face.trigger(names.tare(sensor.name), sensor.tare)
        face.listen(Float64, names.threshold(sensor.name), self._on_threshold)
        face.regularly(WRENCH_HZ, self._publish)

    def _on_threshold(self, message: Float64) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._threshold_n = message.data
        if math.isfinite(message.data):
            self._waiting = self._face.start(self._report_at(message.data))

    async def _report_at(self, force_n: float) -> None:
        try:
            wrench = await self._sensor.wait_pressing(force_n)
            if self.reflex is not None:
                await self.reflex(wrench.time_s)
            self._send(wrench)
        except FaultError as error:
            self._face.node.get_logger().error(str(error))

    async def _publish(self) -> None:
        """What is felt now; once the threshold is reached, the reflex tells that first."""
        try:
            wrench = await self._sensor.read()
        except FaultError as error:
            self._face.node.get_logger().error(str(error), throttle_duration_sec=1.0)
            return
        reacting = self._waiting is not None and not self._waiting.done()
        if not reacting or wrench.pressing_n < self._threshold_n:
            self._send(wrench)

    def _send(self, wrench: Wrench) -> None:
        self._wrenches.publish(convert.wrench_message(self._frame, wrench, self._face.clock.epoch_s))


def _from_here(trajectory: JointTrajectory, present: JointState) -> JointTrajectory:
    """The trajectory with the present state in front, if its first point is one to come."""
    if trajectory.times_s[0] <= 0.0:
        return trajectory
    return JointTrajectory(
        (0.0, *trajectory.times_s),
        (present.positions, *trajectory.positions),
        (present.velocities, *trajectory.velocities),
    )
