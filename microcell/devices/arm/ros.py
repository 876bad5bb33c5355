"""Arm over ROS, as ros2_control's joint trajectory controller and Gazebo's have it.

Topics: `<name>/joint_trajectory` (out), `<name>/joint_states` (in), and, where the controller has it, the latched
`<name>/fault` (microcell_interfaces/Fault), which says why it refused or broke off a trajectory.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_right
from typing import Any

from sensor_msgs.msg import JointState as JointStateMsg

from microcell.description.driver_parameters import ArmParameters, arm_parameters
from microcell.devices.arm.contract import Arm, JointState
from microcell.devices.factory import DeviceHost
from microcell.faults import FaultError
from microcell.motion.limits import Joints
from microcell.motion.trajectory import JointTrajectory, resample, sample
from microcell.ros import convert, names
from microcell.ros.joint_driver import JointDriver

STATE_S = 1.0
"""Joint states that are older (in real time) are no feedback any more."""

SKEW_S = 0.05
"""How far (in real time) the stamps of joint states may be off this process's clock, which runs ahead of /clock a little."""

LEAD_S = 0.1
"""How far (in real time) this process's clock may run ahead of or behind the controller's on a loaded machine."""

LATENCY_S = 0.5
"""How late (in real time) a loaded machine may deliver a trajectory."""

BEGINS_S = 2.0
"""How late (in real time) a trajectory may begin while the arm is seen to stand at its start."""

BEGUN_RAD = 0.002
"""An arm that is farther from where it stood has begun."""

_TAKEN = frozenset(ArmParameters.model_fields) - {"overload_n", "stop_s"}


class RosArm(JointDriver, Arm):
    """Publishes trajectories, and judges by the joint states what came of them."""

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        self._told = arm_parameters(spec.parameters, *_TAKEN)
        self._joint_names = names.arm_joints(name, spec)
        self._moving: asyncio.Future[JointState] | None = None
        self._progress: Progress | None = None
        self._seen: JointState | None = None

    @property
    def joint_names(self) -> tuple[str, ...]:
        return self._joint_names

    async def connect(self) -> None:
        await super().connect()
        await self.joints()

    async def joints(self) -> JointState:
        self._check_connected()
        return await self._present(STATE_S, self._state_of)

    async def follow(self, trajectory: JointTrajectory) -> JointState:
        self._check_connected()
        if self._moving is not None:
            raise FaultError("DEVICE_REFUSED", self.name, "the arm follows another trajectory already")
        self._check_start(await self.joints(), trajectory)
        outcome: asyncio.Future[JointState] = self._runtime.loop.create_future()
        progress = Progress(self, trajectory, self.clock.now())
        with (
            self._states.watched(outcome, lambda state: progress.look(self._state_of(state))),
            self._faults.watched(outcome, self._raise_fault),
        ):
            self._moving, self._progress = outcome, progress
            try:
                self._send(self._dense(trajectory))
                limit_s = self._limit_s(trajectory.duration_s + self._told.settle_s)
                return await self._within(outcome, limit_s, "the goal was not reached")
            except asyncio.CancelledError:
                await self._hold()
                raise
            except Exception as error:
                stopped = isinstance(error, FaultError) and error.fault.code == "ARM_STOPPED"
                if not stopped and (hold := self._hold_here()) is not None:
                    self._send(hold)
                raise
            finally:
                self._moving = self._progress = None

    async def stop(self) -> None:
        if not self._connected or self._states.newest is None:
            return
        moving = self._moving
        if moving is not None and not moving.done():
            moving.set_exception(FaultError("ARM_STOPPED", self.name, "the motion was not finished"))
            await self._hold()
        else:  # a controller may still follow what a program sent that is gone, and need not tell velocities
            await self._hold()

    @property
    def told(self) -> ArmParameters:
        """The driver's parameters."""
        return self._told

    @property
    def pace(self) -> float:
        """Cell time that passes in a second of real time, at least 1."""
        return max(1.0, self._rate)

    async def _hold(self) -> None:
        """Stop the arm where it is now, and wait until it stands; a silent controller cannot be waited for."""
        hold = self._hold_here()
        if hold is None:
            return
        outcome: asyncio.Future[bool] = self._runtime.loop.create_future()
        rest = _Rest(self, self.clock.now() + hold.duration_s)
        stood_s = math.inf

        def stands(message: JointStateMsg) -> bool | None:
            nonlocal stood_s
            state = self._state_of(message)
            stood_s = min(stood_s, state.time_s) if rest.reached(state) else math.inf
            return (
                state.time_s > stood_s or None
            )  # a controller that takes a command over may tell one state without velocity

        with self._states.watched(outcome, stands):
            self._send(hold)
            try:
                await self._within(outcome, self._limit_s(hold.duration_s), "the arm did not come to rest")
            except FaultError as error:
                self._node.get_logger().error(str(error))

    def _hold_here(self) -> JointTrajectory | None:
        """To the place where the arm must be now, going by its last state: a controller that is a little late comes back to
        it. What cannot be read in the midst of a motion does not keep the arm from being stopped.

        One that has told nothing for long would be torn back to where it was then: it is stopped where its trajectory has
        led it by now. None where that is not known either.
        """
        if self._states.age_s > STATE_S:
            return self._hold_unseen()
        try:
            state = self._state_of(self._states.newest)
        except FaultError:
            if self._moving is None or self._seen is None:
                raise
            state = self._seen
        age_s = max(0.0, self.clock.now() - state.time_s)
        known_s = min(age_s, self._told.lag_s)
        here = tuple(p + v * known_s for p, v in zip(state.positions, state.velocities, strict=True))
        # For as long as it may have moved on unseen, it is given time to come back.
        unseen_s = min(max(0.0, age_s - LATENCY_S * self.pace), STATE_S * self.pace)
        return JointTrajectory((self._told.hold_s + unseen_s,), (here,), ((0.0,) * len(here),))

    def _hold_unseen(self) -> JointTrajectory | None:
        if self._progress is None:
            self._node.get_logger().error(f"{self.name} tells no joint states, and nobody knows where to stop it")
            return None
        self._node.get_logger().error(f"{self.name} tells no joint states: it is stopped where it should be by now")
        here = self._progress.place_at(self.clock.now())
        return JointTrajectory((self._told.hold_s,), (here,), ((0.0,) * len(here),))

    def _send(self, trajectory: JointTrajectory) -> None:
        self._commands.publish(convert.trajectory_message(self._joint_names, trajectory))

    def _dense(self, trajectory: JointTrajectory) -> JointTrajectory:
        period_s = self._told.point_period_s
        return resample(trajectory, period_s) if period_s > 0.0 else trajectory

    def _check_start(self, present: JointState, trajectory: JointTrajectory) -> None:
        off_rad, joint = _largest_difference(present.positions, trajectory.positions[0])
        if off_rad > self._told.start_tolerance_rad:
            start, is_at = trajectory.positions[0][joint], present.positions[joint]
            detail = f"the trajectory starts with joint {joint + 1} at {start:.3f} rad, the arm is at {is_at:.3f} rad"
            raise FaultError("ARM_DEVIATION", self.name, detail)

    def _state_of(self, message: JointStateMsg) -> JointState:
        positions, velocities, _ = self._rows(message)
        self._seen = JointState(positions, velocities, convert.seconds(message.header.stamp) - self.clock.epoch_s)
        return self._seen


class _Rest:
    """Whether the arm stands still after a motion that should have ended at a time."""

    def __init__(self, arm: RosArm, since_s: float) -> None:
        self._arm = arm
        self._since_s = since_s
        self._slow_from_s: float | None = None

    def reached(self, state: JointState) -> bool:
        """Look at the next state; to be called with each one, in order."""
        told = self._arm.told
        if not any(state.velocities):
            return state.time_s >= self._since_s - SKEW_S * self._arm.pace
        if max(map(abs, state.velocities)) > told.at_rest_rad_s:
            self._slow_from_s = None  # a reversal is slow for a moment, too
            return False
        if self._slow_from_s is None:
            self._slow_from_s = state.time_s
        return state.time_s >= max(self._slow_from_s, self._since_s) + told.stand_s


class Progress:
    """Where an arm should be while it follows, and whether it is."""

    def __init__(self, arm: RosArm, trajectory: JointTrajectory, start_s: float) -> None:
        self._arm = arm
        self._trajectory = trajectory
        self._start_s = start_s
        self._end_s = start_s + trajectory.duration_s
        self._waited_s = 0.0
        self._stood: Joints | None = None
        self._begun = False
        self._rest = _Rest(arm, self._end_s)

    def look(self, state: JointState) -> JointState | None:
        """The state at the end of the motion; ARM_DEVIATION when the arm is elsewhere than it should be."""
        told, goal = self._arm.told, self._trajectory.positions[-1]
        off_rad, joint = _largest_difference(state.positions, goal)
        if self._rest.reached(state) and off_rad <= told.goal_tolerance_rad:
            return state
        if state.time_s > self._end_s + told.settle_s + self._late_s and off_rad > told.goal_tolerance_rad:
            raise self._deviation(joint, off_rad, "its goal")
        self._note_its_begin(state)
        off_rad, joint = self._off_the_path(state)
        if off_rad > told.path_tolerance_rad:
            raise self._deviation(joint, off_rad, "its trajectory")
        return None

    def place_at(self, time_s: float) -> Joints:
        """Where the arm is at a time if it follows, as late as it was seen to begin."""
        return sample(self._trajectory, time_s - self._start_s - self._waited_s)[0]

    @property
    def _late_s(self) -> float:
        """How far the arm may be behind."""
        return self._arm.told.lag_s + max(LATENCY_S * self._arm.pace, self._waited_s + SKEW_S * self._arm.pace)

    def _note_its_begin(self, state: JointState) -> None:
        """As late as the arm begins, it is behind to the end: the controller counts from when it got the trajectory."""
        waited_s = state.time_s - self._start_s
        if self._begun or waited_s > BEGINS_S * self._arm.pace:
            return
        self._stood = self._stood or state.positions
        self._begun = _largest_difference(state.positions, self._stood)[0] > BEGUN_RAD
        self._waited_s = max(0.0, waited_s)

    def _off_the_path(self, state: JointState) -> tuple[float, int]:
        """How far a joint is, at most, outside of where it may be around this time, rad; and which."""
        now_s = state.time_s - self._start_s
        latest_s, earliest_s = now_s + LEAD_S * self._arm.pace, now_s - self._late_s
        times, rows = self._trajectory.times_s, self._trajectory.positions
        between = rows[bisect_right(times, earliest_s) : bisect_right(times, latest_s)]
        places = (sample(self._trajectory, earliest_s)[0], *between, sample(self._trajectory, latest_s)[0])
        return max(
            (max(min(column) - angle, angle - max(column)), joint)
            for joint, (angle, column) in enumerate(zip(state.positions, zip(*places, strict=True), strict=True))
        )

    def _deviation(self, joint: int, off_rad: float, what: str) -> FaultError:
        return FaultError("ARM_DEVIATION", self._arm.name, f"joint {joint + 1} is {off_rad:.3f} rad away from {what}")


def _largest_difference(a: Joints, b: Joints) -> tuple[float, int]:
    """The largest difference of a joint, rad, and which joint."""
    return max((abs(p - q), k) for k, (p, q) in enumerate(zip(a, b, strict=True)))


PLUGIN = RosArm
