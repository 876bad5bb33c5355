"""The hardware of a line in Gazebo: arms and cameras are the world's own, the rest is played here.

What a gripper, a cup, a thread, a feeder or a printer does with a piece is decided by the simulated plant's rules, from
where Gazebo says that arms and pieces are; then the world is brought to the same: pieces come, are held and let go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg
from trajectory_msgs.msg import JointTrajectoryPoint

from microcell.description.cell import ArmSpec
from microcell.description.line import Line
from microcell.description.tool import GripperTool, ScrewdriverTool
from microcell.devices.factory import GAZEBO_POINTS_S, DeviceHost, device_specs, make_devices
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.gazebo import scheme
from microcell.gazebo.poses import poses_of
from microcell.gazebo.standing import MOVED_M, TURNED_RAD, Release, Standing, Step, done, standing, steps
from microcell.geometry import Pose, angle_between, distance
from microcell.motion.limits import Joints
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.plant import Plant
from microcell.ros import convert, names, qos
from microcell.ros.clock import RosClock
from microcell.ros.gazebo_cameras import GazeboCamera
from microcell.ros.gazebo_contacts import ContactStop
from microcell.ros.gazebo_port import WorldPort
from microcell.ros.hardware import CHANGING, SHOWN
from microcell.ros.hardware_face import Face
from microcell.ros.runtime import RosRuntime

NATIVE = ("arm", "camera")
"""Kinds whose data are Gazebo's own, over the bridge."""

FEELING = ("grip", "suction", "has_screw")
"""Questions on which a cup or magnet may turn out to hold something."""

POLLED = "grip"
"""The one that is asked all the time."""

STATE_HZ = 20.0
STAY_S = 0.02
HOME_TRIES, HOME_RAD = 3, 0.01
HOME_S = 90.0
"""So long, in real time, an arm that does not stir is told again: a command may be sent before Gazebo hears the bridge."""
OWN_EARS = 1
"""An arm's commands are heard by this program itself; when another one does, that is the bridge."""

HELD_S = 0.1
"""Cell time in which a joint that holds is made or broken."""

LYING = ("feeder", "fixture", "carton", "loose", "printer")


class SimulationClock(RosClock):
    """Gazebo's time, as the faces ask for it."""

    @property
    def scale(self) -> float:
        """Faces count in the world's own seconds."""
        return 1.0


class GazeboHardware:
    """Hardware nodes of a line in a running Gazebo world: tooling and stations, as the mock hardware has them.

    Subscribes: each arm's `joint_states` and `joint_trajectory`, each camera's `camera_info`.
    Publishes: `<tool>/fingers/joint_trajectory`, `<tool>/bit/speed`, `<camera>/trigger`, for an arm that presses a
    trajectory to stay where it is.
    """

    def __init__(self, runtime: RosRuntime, node: Node, line: Line, plant: Plant, clock: SimulationClock) -> None:
        self.clock = clock
        self.plant = plant
        self._line = line
        self._runtime = runtime
        self._own = Face(runtime, node, clock)
        self._faces: dict[str, Face] = {}
        specs = device_specs(line)
        played = [name for name, spec in specs.items() if getattr(spec, "kind", "") not in NATIVE]
        self.devices = make_devices(DeviceHost(line, clock, plant=plant), "virtual", played)
        self._poses: dict[str, Pose] = {}
        self._known: Standing = standing(plant)
        self._followed_to: object = None
        self._given_up = False
        self._doubt: Release | None = None
        self._tools: dict[str, tuple[float, bool]] = {}
        self._states: dict[str, int] = {}
        self._publishers: dict[str, Any] = {}
        self._following = asyncio.Lock()
        self._port: WorldPort | None = None
        self._stands = False
        self._commands: dict[str, Any] = {}
        self._hearing = False
        self._cameras = line.cell_description.of_kind("camera")
        self.cameras: tuple[GazeboCamera, ...] = ()

    @property
    def face(self) -> Face:
        """The process's own node."""
        return self._own

    def hear(self) -> None:
        """Listen to the arms from now on."""
        if self._hearing:
            return
        self._hearing = True
        for name, spec in self._line.cell_description.of_kind("arm").items():
            joints = names.arm_joints(name, spec)
            self._own.listen_often(JointState, names.joint_states(name), self._arm_listener(name, joints))
            self._own.listen(JointTrajectoryMsg, names.joint_trajectory(name), self._command_listener(name))
            self._commands[name] = self._own.publisher(JointTrajectoryMsg, names.joint_trajectory(name), qos.COMMAND)

    async def open(self, port: WorldPort) -> None:
        """Show the devices, and act on the world through a port."""
        self._port = port
        self.hear()
        for device in self.devices.values():
            await device.connect()
            for name in (*CHANGING, *FEELING):
                if hasattr(device, name):
                    setattr(device, name, self._followed(getattr(device, name), again=name != POLLED))
        specs = device_specs(self._line)
        shown: dict[str, Any] = {}
        for name, device in self.devices.items():
            where, show = next((where, show) for kind, where, show in SHOWN if isinstance(device, kind))
            shown[name] = show(self._face(where), device, specs[name])
        arms = self._line.cell_description.of_kind("arm")
        for name in self._line.cell_description.of_kind("safety"):
            shown[name].show_arms(arms)
        cameras = {name: GazeboCamera(self._face(names.CAMERAS), name) for name in specs if name in self._cameras}
        self.cameras = tuple(cameras.values())
        self._own.regularly(STATE_HZ, self._follow_world)

    async def close(self) -> None:
        """Stop publishing and disconnect the devices."""
        for face in (self._own, *self._faces.values()):
            await face.close()
        for device in self.devices.values():
            await device.disconnect()

    async def come_home(self, speed_ratio: float = 0.3) -> None:
        """Bring each arm from the posture in which the world has it at first to its home; ARM_DEVIATION when one stays."""
        self.hear()
        loop = asyncio.get_running_loop()
        for name, spec in self._line.cell_description.of_kind("arm").items():
            await self._heard(name)
            told, stirred, end_s = 0, 0, loop.time() + HOME_S
            while True:
                before = self._joints(name)
                await self._go_home(name, spec, speed_ratio)
                told, stirred = told + 1, stirred + (_apart_rad(self._joints(name), before) >= HOME_RAD)
                if (off_rad := _apart_rad(self._joints(name), spec.home_rad)) < HOME_RAD:
                    break
                if stirred == HOME_TRIES or loop.time() > end_s:
                    detail = f"{off_rad:.3f} rad away from home, where it was sent {told} times; it moved {stirred} times"
                    raise FaultError("ARM_DEVIATION", name, detail)

    async def _go_home(self, name: str, spec: ArmSpec, speed_ratio: float) -> None:
        from microcell.motion.limits import Limits
        from microcell.motion.timing import time_joint_move
        from microcell.motion.trajectory import resample

        limits = Limits.of(spec.joints)
        move = time_joint_move(limits, limits.clamped(self._joints(name)), tuple(spec.home_rad), speed_ratio)
        while self._commands[name].get_subscription_count() <= OWN_EARS:
            await asyncio.sleep(0.05)
        joints = names.arm_joints(name, spec)
        self._commands[name].publish(convert.trajectory_message(joints, resample(move, GAZEBO_POINTS_S)))
        await self.clock.sleep(move.duration_s + 0.5)

    def _joints(self, arm: str) -> Joints:
        positions, _ = self.plant.bench.arm(arm).joints()
        return positions

    async def _stay(self, arm: str) -> None:
        """Stay where it is now; an arm whose states have not come yet is moved by nobody."""
        if not self._states.get(arm):
            return
        joints = names.arm_joints(arm, self._line.cell_description.of_kind("arm")[arm])
        here = self._joints(arm)
        hold = JointTrajectory((STAY_S,), (here,), ((0.0,) * len(here),))
        self._commands[arm].publish(convert.trajectory_message(joints, hold))

    # --- what the world tells ----------------------------------------------------------------------------------------

    def _arm_listener(self, arm: str, joints: tuple[str, ...]) -> Callable[[JointState], None]:
        def on_state(message: JointState) -> None:
            try:
                state = convert.joint_state_of(joints, message, self.clock.epoch_s)
            except UsageError as error:
                self._own.node.get_logger().warning(f"{arm}: {error}", throttle_duration_sec=5.0)
                return
            self.plant.lead(arm, state.positions, state.time_s)
            self._states[arm] = self._states.get(arm, 0) + 1

        return on_state

    def _command_listener(self, arm: str) -> Callable[[JointTrajectoryMsg], None]:
        def on_command(message: JointTrajectoryMsg) -> None:
            self._departs(arm)

        return on_command

    async def _heard(self, arm: str) -> None:
        while not self._states.get(arm):
            await asyncio.sleep(0.05)

    def _departs(self, arm: str) -> None:
        """A motion begins: a cup or a magnet takes along what it touches."""
        self.plant.holding.departing(arm)
        self._own.start(self._depart())

    async def _depart(self) -> None:
        with contextlib.suppress(FaultError):  # it is logged; an arm that is held back by something does not get far
            await self._follow_plant(again=False)

    def contact_stop(self, arm: str) -> ContactStop:
        """What stops an arm that touches something."""
        return ContactStop(self._own, self.plant, arm, partial(self._stay, arm))

    def poses_heard(self, told: Mapping[str, Any]) -> None:
        """The world has told where its models are: a gz.msgs.Pose_V in JSON."""
        self._poses = poses_of(told)

    async def _follow_world(self) -> None:
        """Pieces that lie free are where Gazebo's physics has brought them."""
        for name, body in self._known.items():
            item, pose = body.item, self._poses.get(name)
            if item is None or pose is None or body.hold is not None or body.rests or item.place.kind not in LYING:
                continue
            there = distance(pose, item.pose) > MOVED_M or angle_between(pose, item.pose) > TURNED_RAD
            current = self.plant.inventory.find(item.item_id)
            if there and current is not None and current.place == item.place:
                self.plant.inventory.move(current, current.place, pose)
        await self._move_tools()

    # --- what the world is told --------------------------------------------------------------------------------------

    def _followed(self, command: Callable[..., Awaitable[Any]], again: bool) -> Callable[..., Awaitable[Any]]:
        """A device's command or question that is answered when the world is as it left the plant, or a fault when it is not.

        The world is brought there also when who asked has gone: half a step would be known to nobody.
        """

        @wraps(command)
        async def run(*arguments: Any, **options: Any) -> Any:
            try:
                return await command(*arguments, **options)
            finally:
                following = asyncio.ensure_future(self._follow_plant(again))
                following.add_done_callback(lambda task: task.cancelled() or task.exception())
                await asyncio.shield(following)

        return run

    async def _follow_plant(self, again: bool) -> None:
        """Do what is due; when something has failed, only `again` tries it."""
        if self._port is None:
            return
        async with self._following:
            await self._let_run(self._port)
            due: Sequence[Step] = ()
            places = _places(self.plant)
            if places != self._followed_to and (again or not self._given_up):
                self._followed_to, self._given_up = None, True  # until all is done: a step may fail
                wanted, due = self._due()
                if due:
                    await self._do(self._port, due, wanted)
                self._known, self._followed_to, self._given_up = wanted, places, False
            await self._move_tools()
            if due and not self._stands:
                await self.clock.sleep(HELD_S)

    def _due(self) -> tuple[Standing, Sequence[Step]]:
        """Who is to hold whom, and the steps to there. What may have been let go of since is let go of in any case."""
        wanted = standing(self.plant, self._known)
        first, known = [], self._known
        if self._doubt is not None:
            first, known = [self._doubt], done(known, self._doubt, wanted)
        return wanted, [*first, *steps(known, wanted, _poses_of(self.plant, wanted))]

    async def _do(self, port: WorldPort, due: Sequence[Step], wanted: Standing) -> None:
        """Do steps while the world stands: for no time of the cell. What was done is known when a step fails."""
        self._stands = True
        try:
            await port.halt()
            for step in due:
                self._doubt = step if isinstance(step, Release) else None
                await port.do(step)
                self._known, self._doubt = done(self._known, step, wanted), None
        except FaultError as error:
            self._own.node.get_logger().error(f"the world is not as it should be: {error}")
            raise
        finally:
            await self._let_run(port)

    async def _let_run(self, port: WorldPort) -> None:
        """Let a world run that was halted; one that does not answer is told again at the next command."""
        if self._stands:
            try:
                await port.let_run()
                self._stands = False
            except FaultError as error:
                self._own.node.get_logger().error(f"the world stands still: {error}")

    async def _move_tools(self) -> None:
        """Fingers stand as wide, and bits turn as fast, as the plant has them."""
        for name, truth in self.plant.bench.tools.items():
            state = (round(truth.opening_m, 5), truth.driving)
            if self._tools.get(name) == state:
                continue
            self._tools[name] = state
            if isinstance(truth.spec, GripperTool):
                self._publish_fingers(name, truth.spec, truth.opening_m)
            elif isinstance(truth.spec, ScrewdriverTool):
                speed = truth.spec.speed_max_rad_s / 2 if truth.driving else 0.0
                self._publisher(Float64, scheme.bit_command(name)).publish(Float64(data=speed))

    def _publish_fingers(self, name: str, spec: GripperTool, opening_m: float) -> None:
        travel_s = spec.stroke_m / spec.speed_m_s
        point = JointTrajectoryPoint(positions=[opening_m / 2] * 2, velocities=[0.0, 0.0])
        point.time_from_start.sec, point.time_from_start.nanosec = int(travel_s), int(travel_s % 1 * 1e9)
        message = JointTrajectoryMsg(joint_names=list(names.finger_joints(name)), points=[point])
        self._publisher(JointTrajectoryMsg, scheme.finger_command(name)).publish(message)

    def _publisher(self, kind: Any, topic: str) -> Any:
        if topic not in self._publishers:
            self._publishers[topic] = self._own.publisher(kind, topic, qos.COMMAND)
        return self._publishers[topic]

    def _face(self, name: str) -> Face:
        if name not in self._faces:
            node = self._runtime.create_node(name, start_parameter_services=False)
            self._faces[name] = Face(self._runtime, node, self.clock)
        return self._faces[name]


def _apart_rad(a: Sequence[float], b: Sequence[float]) -> float:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))


def _places(plant: Plant) -> tuple[object, ...]:
    """All that `standing` depends on, quick to compare: other when a piece, a tool, a clamp or a carton has changed."""
    tools = [(tool.arm, tool.pocket) for tool in plant.bench.tools.values()]
    return list(plant.inventory), tools, dict(plant.bench.clamped), dict(plant.bench.cartons)


def _poses_of(plant: Plant, wanted: Standing) -> Mapping[str, Pose]:
    return {name: plant.bench.pose_of(body.item) for name, body in wanted.items() if body.item is not None}
