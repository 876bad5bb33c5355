"""The drivers before hardware that is not ours: what it does not tell, what it tells wrong, and what else it tells."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import WrenchStamped
from in_ros import in_ros
from sensor_msgs.msg import Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg

from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.factory import DeviceHost, device_specs, make_devices
from microcell.devices.force_sensor.contract import Wrench
from microcell.devices.safety.contract import Stops
from microcell.faults import FaultError
from microcell.motion.trajectory import JointTrajectory
from microcell.ros import convert, names, qos
from microcell.ros.clock import RosClock
from microcell.ros.convert_skills import stamp
from microcell.ros.guards import ros_guarded
from microcell.ros.node import HostNode
from microcell_interfaces.srv import CaptureImage

LINE = load_line("valve")
SPECS = device_specs(LINE)
PERIOD_S = 0.02
STEP_RAD = 0.01
NO_LOAD = Wrench((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0)


class Hardware:
    """A node that publishes what it is told to, and a driver of ours behind its guard."""

    def __init__(self, runtime: Any, name: str, line: Line = LINE) -> None:
        self.node = runtime.create_node("theirs")
        node = runtime.create_node("ours")
        self.clock = runtime.clock = RosClock(node)
        host = DeviceHost(line, self.clock, node=HostNode(runtime, node))
        self.device: Any = ros_guarded(make_devices(host, "real", [name]), self.clock)[name]
        self.runtime = runtime
        self._telling: list[asyncio.Future[None]] = []

    def tell(self, kind: Any, topic: str, message: Callable[[], Any]) -> None:
        """Publish a message of this moment, again and again."""
        publisher = self.node.create_publisher(kind, topic, qos.FEEDBACK)

        async def again_and_again() -> None:
            while True:
                publisher.publish(message())
                await asyncio.sleep(PERIOD_S)

        self._telling.append(asyncio.ensure_future(again_and_again()))

    def now(self) -> Any:
        return stamp(self.clock.epoch_s + self.clock.now())

    def silence(self) -> None:
        """Publish no more."""
        for telling in self._telling:
            telling.cancel()

    async def close(self) -> None:
        self.silence()
        await self.device.disconnect()


class Controller(Hardware):
    """A position controller that goes straight to the last point that it was sent."""

    def __init__(self, runtime: Any) -> None:
        super().__init__(runtime, "arm")
        self.joints = names.arm_joints("arm", SPECS["arm"])
        self.at = self.goal = tuple(SPECS["arm"].home_rad)
        self.commands: list[tuple[float, ...]] = []
        self.spoil: Callable[[JointStateMsg], None] = lambda message: None
        commanded = runtime.to_loop(self._commanded)
        self.node.create_subscription(JointTrajectoryMsg, names.joint_trajectory("arm"), commanded, qos.COMMAND)
        self.tell(JointStateMsg, names.joint_states("arm"), self._state)

    def _commanded(self, message: JointTrajectoryMsg) -> None:
        self.goal = tuple(message.points[-1].positions)
        self.commands.append(self.goal)

    def _state(self) -> JointStateMsg:
        self.at = tuple(a + max(-STEP_RAD, min(STEP_RAD, g - a)) for a, g in zip(self.at, self.goal, strict=True))
        message = convert.joint_state_message(self.joints, self.at, (math.nan,) * len(self.at), self.now())
        self.spoil(message)
        return message


def way(by_rad: float) -> JointTrajectory:
    """Turn all joints from home."""
    home = tuple(SPECS["arm"].home_rad)
    still = (0.0,) * len(home)
    return JointTrajectory((0.0, 1.0), (home, tuple(angle + by_rad for angle in home)), (still, still))


@in_ros
async def test_an_arm_whose_hardware_tells_no_velocities_reaches_its_goal(runtime):
    controller = Controller(runtime)
    await controller.device.connect()
    reached = await controller.device.follow(way(0.2))
    assert reached.positions == pytest.approx(way(0.2).positions[-1])
    assert reached.velocities == (0.0,) * 6
    await controller.close()


@pytest.mark.parametrize(
    ("field", "told", "problem"),
    [
        ("position", [math.nan] * 6, "joint states of arm_joint_1 that are no numbers"),
        ("velocity", [0.0] * 3, "joint states with 3 of velocity for 6 joints"),
    ],
)
@in_ros
async def test_an_arm_whose_states_become_nonsense_is_stopped_where_it_was_seen_last(runtime, field, told, problem):
    controller = Controller(runtime)
    await controller.device.connect()
    following = asyncio.ensure_future(controller.device.follow(way(0.5)))
    while controller.at[0] - way(0.0).positions[0][0] < 0.1:
        await asyncio.sleep(PERIOD_S)
    controller.spoil = lambda message: setattr(message, field, told)
    with pytest.raises(FaultError, match=f"DEVICE_MALFORMED at arm: .*{problem}"):
        await following
    while len(controller.commands) < 2:
        await asyncio.sleep(PERIOD_S)
    travelled = [held - start for held, start in zip(controller.commands[-1], way(0.0).positions[0], strict=True)]
    assert travelled == pytest.approx([travelled[0]] * 6) and 0.05 < travelled[0] < 0.3
    await controller.close()


@in_ros
async def test_what_others_tell_of_their_joints_on_the_same_topic_is_not_the_arms(runtime):
    controller = Controller(runtime)
    joints = ("conveyor_joint", "door_joint")

    def others() -> JointStateMsg:
        return convert.joint_state_message(joints, (0.5, 0.5), (), controller.now())

    await controller.device.connect()
    following = asyncio.ensure_future(controller.device.follow(way(0.2)))
    controller.tell(JointStateMsg, names.joint_states("arm"), others)
    reached = await following
    assert reached.positions == pytest.approx(way(0.2).positions[-1])
    heard = controller.device.device._states
    while heard.others is None:
        await asyncio.sleep(PERIOD_S)
    assert list(heard.newest.name) == list(controller.joints), "the newest is the newest of the arm's"
    await controller.close()


@in_ros
async def test_an_arm_of_which_only_a_part_of_its_joints_is_told_is_malformed(runtime):
    controller = Controller(runtime)
    await controller.device.connect()

    def without_the_last(message: JointStateMsg) -> None:
        for row in (message.name, message.position, message.velocity):
            del row[-1]

    following = asyncio.ensure_future(controller.device.follow(way(0.5)))
    controller.spoil = without_the_last
    with pytest.raises(FaultError, match="DEVICE_MALFORMED at arm: .*joint states without arm_joint_6; they are of"):
        await following
    await controller.close()


@in_ros
async def test_an_arm_of_whose_joints_nobody_tells_says_of_which_ones_is_told(runtime):
    controller = Controller(runtime)
    controller.joints = tuple(f"axis_{k}" for k in range(6))
    with pytest.raises(FaultError, match="DEVICE_MALFORMED at arm: .*without arm_joint_1, .*they are of .'axis_0'"):
        await controller.device.connect()
    await controller.close()


@in_ros
async def test_an_arm_that_has_become_silent_is_stopped_where_its_trajectory_has_led_it_by_now(runtime):
    controller = Controller(runtime)
    await controller.device.connect()
    slow = replace(way(0.8), times_s=(0.0, 8.0))
    following = asyncio.ensure_future(controller.device.follow(slow))
    while controller.at == slow.positions[0]:
        await asyncio.sleep(PERIOD_S)
    controller.silence()
    await asyncio.sleep(1.5)  # older than states may be
    await controller.device.stop()
    with pytest.raises(FaultError, match="ARM_STOPPED at arm"):
        await following
    while len(controller.commands) < 2:
        await asyncio.sleep(PERIOD_S)
    assert 0.05 < controller.commands[-1][0] - slow.positions[0][0] < 0.75, "neither where it was seen, nor its goal"
    await controller.close()


@in_ros
async def test_an_arm_that_tells_one_state_without_velocity_between_two_motions_does_not_stand_yet(runtime):
    controller = Controller(runtime)
    velocities = iter(())

    def tell_velocity(message: JointStateMsg) -> None:
        message.velocity = [next(velocities, 0.0 if len(controller.commands) > 1 else 0.1)] * len(controller.at)

    controller.spoil = tell_velocity
    await controller.device.connect()
    following = asyncio.ensure_future(controller.device.follow(replace(way(0.5), times_s=(0.0, 8.0))))
    while controller.at == way(0.0).positions[0]:
        await asyncio.sleep(PERIOD_S)
    velocities = iter(spend_after(controller, [0.0, *[-0.03] * 10]))
    following.cancel()
    await asyncio.wait((following,))
    assert next(velocities, None) is None, "it came back before it was taken to stand"
    await controller.close()


def spend_after(controller: Controller, told: list[float]) -> Iterator[float]:
    """Velocities of an arm that moves on until its second command, and then tells these."""
    while len(controller.commands) < 2:
        yield 0.1
    yield from told


@pytest.mark.parametrize(("force_n", "time_s", "code"), [(math.nan, None, "DEVICE_MALFORMED"), (-20.0, 0.0, "DEVICE_STALE")])
@in_ros
async def test_whoever_waits_for_contact_is_told_of_wrenches_that_say_nothing(runtime, force_n, time_s, code):
    told = {"force": 0.0, "time": None}
    hardware = Hardware(runtime, "wrist_force")

    def wrench() -> WrenchStamped:
        message = convert.wrench_message("flange", NO_LOAD, 0.0)
        message.wrench.force.z = told["force"]
        message.header.stamp = hardware.now() if told["time"] is None else stamp(told["time"])
        return message

    hardware.tell(WrenchStamped, names.wrench("wrist_force"), wrench)
    await hardware.device.connect()
    await hardware.device.tare()
    waiting = asyncio.ensure_future(hardware.device.wait_pressing(5.0))
    await asyncio.sleep(5 * PERIOD_S)
    assert not waiting.done()
    told.update(force=force_n, time=time_s)
    with pytest.raises(FaultError, match=f"{code} at wrist_force"):
        await asyncio.wait_for(waiting, 5.0)
    await hardware.close()


class Sensor(Hardware):
    """A force sensor that has been tared, and somebody who waits until the tool presses with 5 N."""

    def __init__(self, runtime: Any) -> None:
        super().__init__(runtime, "wrist_force")
        self.force_n = 0.0
        self.forces: Iterator[float] = iter(())
        self.tell(WrenchStamped, names.wrench("wrist_force"), self._wrench)

    def _wrench(self) -> WrenchStamped:
        self.force_n = next(self.forces, self.force_n)
        message = convert.wrench_message("flange", NO_LOAD, 0.0)
        message.wrench.force.z = self.force_n
        message.header.stamp = self.now()
        return message

    async def awaited(self) -> asyncio.Future[Wrench]:
        await self.device.connect()
        await self.device.tare()
        waiting = asyncio.ensure_future(self.device.wait_pressing(5.0))
        await asyncio.sleep(5 * PERIOD_S)
        assert not waiting.done()
        return waiting


@in_ros
async def test_a_sensor_that_falls_silent_during_a_press_is_noticed_long_before_its_answers_would_be_missed(runtime):
    sensor = Sensor(runtime)
    sensor.device.device._answer_s = 60.0
    waiting = await sensor.awaited()
    sensor.silence()
    with pytest.raises(FaultError, match=r"DEVICE_SILENT at wrist_force: .*no wrench for 0\.5 s while the arm presses"):
        await asyncio.wait_for(waiting, 5.0)
    await sensor.close()


@in_ros
async def test_a_sensor_in_a_world_that_stands_still_is_not_silent(runtime, monkeypatch):
    sensor = Sensor(runtime)
    waiting = await sensor.awaited()
    now, stood_s = sensor.clock.now, sensor.clock.now()
    monkeypatch.setattr(sensor.clock, "now", lambda: stood_s)
    sensor.silence()
    await asyncio.sleep(2.2)
    assert not waiting.done()
    monkeypatch.setattr(sensor.clock, "now", now)
    with pytest.raises(FaultError, match="DEVICE_SILENT at wrist_force"):
        await asyncio.wait_for(waiting, 5.0)
    await sensor.close()


@in_ros
async def test_a_sensor_is_not_silent_because_its_listener_was_held_up(runtime):
    sensor = Sensor(runtime)
    waiting = await sensor.awaited()
    time.sleep(0.8)  # the event loop, and with it who publishes, stands
    await asyncio.sleep(0.5)
    assert not waiting.done()
    waiting.cancel()
    await sensor.close()


@in_ros
async def test_a_sensor_that_feels_a_pull_where_the_tool_presses_is_not_believed(runtime):
    sensor = Sensor(runtime)
    waiting = await sensor.awaited()
    sensor.forces = itertools.repeat(31.0)
    wrong = (
        "SENSOR_IMPLAUSIBLE at wrist_force: .*it pulls with 31 N where it should press: look at the sensor's sign and frame"
    )
    with pytest.raises(FaultError, match=wrong):
        await asyncio.wait_for(waiting, 5.0)
    await sensor.close()


@in_ros
async def test_a_tool_that_is_pulled_for_a_moment_or_a_little_is_still_waited_for(runtime):
    sensor = Sensor(runtime)
    waiting = await sensor.awaited()
    sensor.forces = iter((31.0, 31.0, 0.0, 31.0, 31.0, 14.0))
    while sensor.force_n != 14.0:
        await asyncio.sleep(PERIOD_S)
    await asyncio.sleep(10 * PERIOD_S)
    assert not waiting.done()
    waiting.cancel()
    await sensor.close()


@in_ros
async def test_depth_of_the_images_moment_is_found_when_later_ones_have_come_already(runtime):
    depth = {"width_px": 4, "height_px": 3, "depth": True}
    devices = LINE.cell_description.devices
    camera = devices["camera_1"].model_copy(update=depth)
    cell = LINE.cell_description.model_copy(update={"devices": {**devices, "camera_1": camera}})
    hardware = Hardware(runtime, "camera_1", LINE.model_copy(update={"cell_description": cell}))
    images = hardware.node.create_publisher(Image, names.image("camera_1"), qos.IMAGE)
    depths = hardware.node.create_publisher(Image, names.depth_image("camera_1"), qos.IMAGE)

    def expose(request: CaptureImage.Request, response: CaptureImage.Response) -> CaptureImage.Response:
        response.stamp = hardware.now()
        for number, publisher in enumerate((depths, images, depths, images)):
            pixels = np.full((3, 4), 1.0, np.float32) if publisher is depths else np.full((3, 4), number, np.uint8)
            time = stamp(convert.seconds(response.stamp) + number // 2)
            publisher.publish(convert.image_message(pixels, "lens", time))
        return response

    hardware.node.create_service(CaptureImage, names.capture("camera_1"), expose)
    await hardware.device.connect()
    for _ in range(3):
        frame = await hardware.device.capture(0.01)
        assert int(frame.pixels[0, 0]) == 1 and frame.depth_m is not None
    await hardware.close()


@in_ros
async def test_fingers_are_found_by_name_among_the_other_joints_of_a_broadcaster(runtime):
    gripper = "parallel_gripper"
    joints = (*names.arm_joints("arm", SPECS["arm"]), *names.finger_joints(gripper))
    hardware = Hardware(runtime, gripper)
    hardware.node.create_subscription(JointTrajectoryMsg, names.joint_trajectory(gripper), lambda message: None, qos.COMMAND)

    def state() -> JointStateMsg:
        positions, efforts = (*(9.0,) * 6, 0.01, 0.01), (*(math.nan,) * 6, 8.0, 8.0)
        return convert.joint_state_message(joints, positions, (*(1.0,) * 6, 0.0, 0.0), hardware.now(), efforts)

    hardware.tell(JointStateMsg, names.joint_states(gripper), state)
    await hardware.device.connect()
    grip = await hardware.device.grip()
    assert (grip.width_m, grip.force_n, grip.holding) == (pytest.approx(0.02), 8.0, True)
    await hardware.close()


class Fingers(Hardware):
    """A gripper that goes straight to where it is sent, but no closer than `stops_m`; its velocities have noise."""

    def __init__(self, runtime: Any, stops_m: float, effort: Callable[[], tuple[float, ...]] = lambda: (0.0, 0.0)) -> None:
        super().__init__(runtime, "parallel_gripper")
        self.joints = names.finger_joints("parallel_gripper")
        self.width_m, self.stops_m, self._effort = 0.04, stops_m, effort
        self._noise = itertools.cycle((0.0012, -0.0008, 0.0004))
        commanded = runtime.to_loop(self._commanded)
        topic = names.joint_trajectory("parallel_gripper")
        self.node.create_subscription(JointTrajectoryMsg, topic, commanded, qos.COMMAND)
        self.tell(JointStateMsg, names.joint_states("parallel_gripper"), self._state)

    def _commanded(self, message: JointTrajectoryMsg) -> None:
        self.width_m = max(self.stops_m, sum(message.points[-1].positions))

    def _state(self) -> JointStateMsg:
        positions, velocities = (self.width_m / 2.0,) * 2, (next(self._noise),) * 2
        return convert.joint_state_message(self.joints, positions, velocities, self.now(), self._effort())


@in_ros
async def test_fingers_that_stop_a_little_short_and_never_tell_that_they_stand_are_where_they_were_sent(runtime):
    fingers = Fingers(runtime, stops_m=0.0004)
    await fingers.device.connect()
    grip = await fingers.device.close(10.0)
    assert (grip.width_m, grip.holding) == (pytest.approx(0.0004), False)
    assert (await fingers.device.open(0.03)).width_m == pytest.approx(0.03)
    await fingers.close()


@in_ros
async def test_fingers_that_stay_elsewhere_say_where_they_stand_and_where_they_should(runtime):
    fingers = Fingers(runtime, stops_m=0.005)
    await fingers.device.connect()
    stand = r"the fingers stand 5\.0 mm apart and press with 0\.0 N; they were sent to 0\.0 mm \(goal_tolerance_m 1 mm\)"
    with pytest.raises(FaultError, match=f"DEVICE_FAILED at parallel_gripper: .*{stand}"):
        await fingers.device.close(10.0)
    await fingers.close()


@in_ros
async def test_fingers_that_fall_silent_on_their_way_are_silent(runtime):
    fingers = Fingers(runtime, stops_m=0.005)
    await fingers.device.connect()
    closing = asyncio.ensure_future(fingers.device.close(10.0))
    await asyncio.sleep(5 * PERIOD_S)
    fingers.silence()
    with pytest.raises(FaultError, match="DEVICE_SILENT at parallel_gripper: .*did not get where they were sent"):
        await closing
    await fingers.close()


@pytest.mark.parametrize("effort", [(), (math.nan, math.nan)])
@in_ros
async def test_fingers_that_tell_no_effort_open_but_do_not_know_what_they_hold(runtime, effort):
    fingers = Fingers(runtime, stops_m=0.0, effort=lambda: effort)
    await fingers.device.connect()
    assert (await fingers.device.open(0.03)).width_m == pytest.approx(0.03)
    for command in (fingers.device.grip(), fingers.device.close(10.0)):
        with pytest.raises(
            FaultError, match="DEVICE_MALFORMED at parallel_gripper: .*tell no effort of .*_left_finger_joint"
        ):
            await command
    await fingers.close()


@in_ros
async def test_the_effort_of_one_finger_is_enough(runtime):
    fingers = Fingers(runtime, stops_m=0.02, effort=lambda: (8.0, math.nan))
    await fingers.device.connect()
    grip = await fingers.device.close(10.0)
    assert (grip.width_m, grip.force_n, grip.holding) == (pytest.approx(0.02), 8.0, True)
    await fingers.close()


@pytest.mark.parametrize("kept", [False, True])
@in_ros
async def test_a_stop_button_that_nobody_hears_who_comes_late_is_told_of_when_connecting(runtime, kept, monkeypatch):
    monkeypatch.setattr("microcell.ros.driver.CONNECT_S", 1.0)
    hardware = Hardware(runtime, "safety")
    (button,) = SPECS["safety"].buttons
    stopped = hardware.node.create_publisher(
        Bool, names.emergency_stop("safety", button), qos.latched() if kept else qos.FEEDBACK
    )
    arm = hardware.node.create_publisher(Bool, names.protective_stop("safety", "arm"), qos.latched())
    for publisher in (stopped, arm):
        publisher.publish(Bool(data=False))
    if kept:
        await hardware.device.connect()
        assert await hardware.device.stops() == Stops()
    else:
        unfit = rf"no source of '/safety/emergency_stop/{button}' that fits \(Volatile publisher and transient local"
        with pytest.raises(FaultError, match=f"DEVICE_SILENT at safety: .*{unfit}"):
            await hardware.device.connect()
    await hardware.close()


class Relay:
    """What reads a safety controller's outputs and publishes them."""

    def __init__(self, hardware: Hardware) -> None:
        self.node, self._made = hardware.node, []
        (button,) = SPECS["safety"].buttons
        self.button, self.arm = names.emergency_stop("safety", button), names.protective_stop("safety", "arm")

    def publisher(self, topic: str) -> Any:
        self._made.append(self.node.create_publisher(Bool, topic, qos.latched()))
        return self._made[-1]

    def end(self) -> None:
        while self._made:
            self.node.destroy_publisher(self._made.pop())


async def safe(hardware: Hardware) -> Relay:
    """A relay that says that nothing stops the cell, and a driver that has heard it."""
    relay = Relay(hardware)
    for topic in (relay.button, relay.arm):
        relay.publisher(topic).publish(Bool(data=False))
    await hardware.device.connect()
    assert await hardware.device.stops() == Stops()
    return relay


@in_ros
async def test_a_stop_is_told_however_short_it_was(runtime):
    hardware = Hardware(runtime, "safety")
    relay = await safe(hardware)
    inbox = hardware.device.device._inboxes["protective", "arm"]
    for stopped in (True, False):
        inbox.receive(Bool(data=stopped))
    assert await hardware.device.wait_change(Stops()) == Stops((), ("arm",))
    assert await hardware.device.wait_change(Stops((), ("arm",))) == Stops()
    relay.end()
    await hardware.close()


@in_ros
async def test_what_a_relay_said_that_has_ended_does_not_count_for_one_that_says_nothing(runtime, monkeypatch):
    monkeypatch.setattr("microcell.devices.safety.ros.LOOK_S", 0.05)
    monkeypatch.setattr("microcell.devices.safety.ros.PATIENCE_S", 1.0)
    hardware = Hardware(runtime, "safety")
    relay = await safe(hardware)
    looking = asyncio.ensure_future(hardware.device.wait_change(Stops()))
    while len(hardware.device.device._sources) < 2:
        await asyncio.sleep(0.01)
    relay.end()
    for topic in (relay.button, relay.arm):
        relay.publisher(topic)
    with pytest.raises(FaultError, match="DEVICE_SILENT at safety: .*new source told nothing"):
        await asyncio.wait_for(looking, 20.0)
    assert not any(inbox.newest for inbox in hardware.device.device._inboxes.values())
    relay.end()
    await hardware.close()


@in_ros
async def test_many_messages_do_not_use_up_the_patience_with_a_source_that_is_lost_for_a_moment(runtime, monkeypatch):
    monkeypatch.setattr("microcell.devices.safety.ros.LOOK_S", 0.02)
    hardware = Hardware(runtime, "safety")
    relay = await safe(hardware)
    driver = hardware.device.device
    monkeypatch.setattr(driver, "_missing", lambda: ["source of a topic"])
    looking = asyncio.ensure_future(hardware.device.wait_change(Stops()))
    for _ in range(50):
        driver._inboxes["protective", "arm"].receive(Bool(data=False))
        await asyncio.sleep(0.01)
    assert not looking.done()
    looking.cancel()
    relay.end()
    await hardware.close()


@in_ros
async def test_a_relay_that_is_to_publish_again_and_again_and_does_not_is_silent(runtime):
    cell = LINE.cell_description
    spec = SPECS["safety"].model_copy(update={"parameters": {"max_age_s": 0.4}})
    told = cell.model_copy(update={"devices": {**cell.devices, "safety": spec}})
    hardware = Hardware(runtime, "safety", LINE.model_copy(update={"cell_description": told}))
    relay = await safe(hardware)
    with pytest.raises(FaultError, match=r"DEVICE_SILENT at safety: .*nothing on .*safety/.* for 0\.4 s"):
        await asyncio.wait_for(hardware.device.wait_change(Stops()), 20.0)
    relay.end()
    await hardware.close()
