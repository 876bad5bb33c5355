"""The ROS drivers against the mock hardware's ROS face: what devices do and what they refuse comes through unchanged."""

from __future__ import annotations

import asyncio
import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from hardware_bench import LINE, Bench, hardware_bench, on_bench
from std_srvs.srv import SetBool

from microcell.devices.factory import device_specs
from microcell.devices.safety.contract import Stops
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.motion.limits import Limits
from microcell.motion.planner import Load, MotionPlanner
from microcell.motion.timing import time_joint_move
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.injection import Injection
from microcell.ros import names

pytestmark = pytest.mark.ros
SPECS = device_specs(LINE)
TOOLS = tuple(LINE.tools)


def first_of(kind: str) -> str:
    """The line's first device of a kind."""
    return next(name for name, spec in SPECS.items() if (spec.device if spec.kind == "tool" else spec.kind) == kind)


# --- the contract, as for every driver ---------------------------------------------------------------------------------


def contract_module() -> Any:
    path = Path(__file__).parent.parent / "contracts" / "test_device_contracts.py"
    spec = importlib.util.spec_from_file_location("device_contracts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONTRACTS = contract_module()
OWN_TESTS = {
    "test_a_driver_is_a_device_of_its_kind": "makes no device",
    "test_a_device_is_silent_before_it_is_connected_connects_and_disconnects_twice": "see below",
    "test_an_arm_returns_the_joints_reached_after_the_time_of_its_trajectory": "needs a clock that stands still",
    "test_waiting_for_a_force_that_never_comes_can_be_given_up": "waits for ten seconds",
}


def contract_tests() -> list[Any]:
    """Each test of a kind's contract with its other parameters, once."""
    found = []
    for name, test in vars(CONTRACTS).items():
        if not name.startswith("test_") or name in OWN_TESTS:
            continue
        marks = {mark.args[0]: mark.args[1] for mark in test.pytestmark if mark.name == "parametrize"}
        kind = marks.pop("driver")[0].partition("/")[0]
        for others in marks.values() or [[()]]:
            found += [pytest.param(test, kind, other, id=f"{name}-{other}") for other in others]
    return found


@pytest.mark.parametrize(("test", "kind", "others"), contract_tests())
def test_a_ros_driver_keeps_its_kinds_contract(test, kind, others, monkeypatch):
    line, name, _ = CONTRACTS.first_of(kind)
    mounted = name if name in line.tools else "parallel_gripper" if kind == "force_sensor" else ""

    def connected(driver: str, scenario: Any) -> None:
        on_bench(lambda bench: scenario(bench.devices[name]), name, mounted=mounted, line=line)

    monkeypatch.setattr(CONTRACTS, "connected", connected)
    test(f"{kind}/ros", *others)


def test_every_ros_driver_connects_and_disconnects_twice_and_is_silent_before():
    async def life() -> None:
        async with hardware_bench() as bench:
            arm, gripper = bench.devices["arm"], bench.devices["parallel_gripper"]
            with pytest.raises(FaultError, match=r"DEVICE_SILENT at arm: .*not connected"):
                await arm.joints()
            with pytest.raises(FaultError, match=r"DEVICE_SILENT at parallel_gripper: .*not connected"):
                await gripper.close(5.0)
            for _ in range(2):
                await asyncio.gather(*(device.stop() for device in bench.devices.values()))
                await asyncio.gather(*(device.connect() for device in bench.devices.values()))
                states = [await device.status() for device in bench.devices.values()]
                assert all(state.connected and state.ready and not state.text for state in states)
                await asyncio.gather(*(device.disconnect() for device in bench.devices.values()))
                await asyncio.gather(*(device.disconnect() for device in bench.devices.values()))
                assert not any([(await device.status()).connected for device in bench.devices.values()])

    asyncio.run(asyncio.wait_for(life(), 60.0))


# --- faults come through unchanged -------------------------------------------------------------------------------------

COMMANDS = [
    ("arm", "follow", "ARM_PROTECTIVE_STOP", lambda arm: arm.follow(way(0.2))),
    ("parallel_gripper", "close", "GRIP_PART_LOST", lambda gripper: gripper.close(10.0)),
    ("vacuum_cup", "on", "VACUUM_NOT_SEALED", lambda vacuum: vacuum.on()),
    ("screwdriver", "drive", "FASTEN_NO_SCREW", lambda screwdriver: screwdriver.drive(0.5, 6.0, 10.0)),
    ("changer", "lock", "TOOL_NOT_LOCKED", lambda changer: changer.lock()),
    ("crib", "pockets", "TOOL_MISSING", lambda crib: crib.pockets()),
    ("nest_1", "present", "FEEDER_JAMMED", lambda feeder: feeder.present()),
    ("nest_1", "refill", "DEVICE_REFUSED", lambda feeder: feeder.refill(1)),
    ("fixture_1", "clamp", "FIXTURE_NOT_CLAMPED", lambda fixture: fixture.clamp()),
    ("cartons", "exchange", "CARTON_MISSING", lambda station: station.exchange()),
    ("printer", "print_label", "LABEL_NOT_PRINTED", lambda printer: printer.print_label("VLV-1")),
    ("reject_bin", "count", "DEVICE_SILENT", lambda reject_bin: reject_bin.count()),
]


def way(by_rad: float, duration_s: float = 0.5) -> JointTrajectory:
    """Turn all joints of the arm from home, from rest to rest."""
    home = tuple(SPECS["arm"].home_rad)
    still = (0.0,) * len(home)
    return JointTrajectory((0.0, duration_s), (home, tuple(angle + by_rad for angle in home)), (still, still))


@pytest.mark.parametrize(("name", "command", "code", "call"), COMMANDS, ids=[f"{c[0]}-{c[1]}" for c in COMMANDS])
def test_a_fault_arrives_with_the_code_place_and_detail_that_the_hardware_gave_it(name, command, code, call):
    async def scenario(bench: Bench) -> None:
        bench.hardware.plant.injections.add(Injection(name, command, code))
        with pytest.raises(FaultError) as raised:
            await call(bench.devices[name])
        fault = raised.value.fault
        assert (fault.code, fault.where, fault.detail) == (code, name, f"injected at '{command}'")
        if command not in ("clamp", "refill"):
            await call(bench.devices[name])  # it was ordered once

    on_bench(scenario, name, mounted=name if name in TOOLS else "")


def test_an_image_that_the_camera_cannot_take_is_camera_no_image():
    async def scenario(bench: Bench) -> None:
        await bench.hardware.devices["camera_1"].disconnect()
        with pytest.raises(FaultError, match=r"CAMERA_NO_IMAGE at camera_1: .*not connected"):
            await bench.devices["camera_1"].capture(0.02)

    on_bench(scenario, "camera_1")


def test_a_gripper_that_is_not_on_an_arm_is_silent_and_one_that_is_put_away_refuses():
    async def scenario(bench: Bench) -> None:
        gripper = bench.devices["parallel_gripper"]
        with pytest.raises(FaultError, match=r"DEVICE_SILENT at parallel_gripper: .*the tool is not on an arm"):
            await gripper.close(10.0)

    on_bench(scenario, "parallel_gripper")


def test_hardware_that_is_not_there_is_named_when_connecting(monkeypatch):
    monkeypatch.setattr("microcell.ros.driver.CONNECT_S", 0.3)

    async def scenario() -> None:
        async with hardware_bench(("changer",)) as bench:
            changer = bench.devices["changer"]
            changer.name = "nobody"
            with pytest.raises(FaultError, match=r"DEVICE_SILENT at nobody: .*no service '/bench/nobody/lock'"):
                await changer.connect()
            assert not (await changer.status()).connected

    asyncio.run(asyncio.wait_for(scenario(), 30.0))


def test_a_service_that_does_not_answer_is_named(monkeypatch):
    async def scenario(bench: Bench) -> None:
        never = asyncio.Event()
        monkeypatch.setattr(bench.hardware.devices["changer"].clock, "sleep", lambda duration_s: never.wait())
        monkeypatch.setattr(bench.devices["changer"], "_answer_s", 0.1)
        with pytest.raises(FaultError, match=r"DEVICE_SILENT at changer: .*service '/bench/changer/lock' did not answer"):
            await bench.devices["changer"].lock()
        never.set()

    on_bench(scenario, "changer")


# --- motion ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time_scale", [1.0, 5.0])
def test_an_arm_reaches_its_goal_when_its_trajectory_ends(time_scale):
    async def scenario(bench: Bench) -> None:
        arm, plan = bench.devices["arm"], way(0.4, 1.0)
        start_s = bench.clock.now()
        reached = await arm.follow(plan)
        assert reached.positions == pytest.approx(plan.positions[-1], abs=1e-12)
        assert reached.velocities == (0.0,) * 6
        late_s = reached.time_s - start_s - plan.duration_s
        assert late_s > -0.02 * time_scale
        assert (await arm.joints()).positions == reached.positions

    on_bench(scenario, "arm", time_scale=time_scale)


@pytest.mark.parametrize("time_scale", [1.0, 5.0])
def test_a_cancelled_motion_leaves_the_arm_still_on_its_way(time_scale):
    async def scenario(bench: Bench) -> None:
        arm, truth = bench.devices["arm"], bench.hardware.plant.bench.arm("arm")
        start = truth.joints()[0]
        following = asyncio.ensure_future(arm.follow(way(0.6, 4.0 * time_scale)))
        while truth.joints()[0][0] - start[0] < 0.1 and not following.done():
            await asyncio.sleep(0.01)
        following.cancel()
        await asyncio.wait((following,))
        assert following.cancelled()
        rest, velocities = truth.joints()
        assert velocities == pytest.approx((0.0,) * 6, abs=0.01), "standing still, as the driver takes it"
        assert 0.05 < rest[0] - start[0] < 0.59
        assert (await arm.joints()).positions == pytest.approx(rest, abs=0.01)
        reached = await arm.follow(time_joint_move(Limits.of(SPECS["arm"].joints), rest, tuple(SPECS["arm"].home_rad)))
        assert reached.positions == pytest.approx(SPECS["arm"].home_rad)

    on_bench(scenario, "arm", time_scale=time_scale)


def test_an_arm_that_another_command_takes_elsewhere_is_a_deviation():
    async def scenario(bench: Bench) -> None:
        arm = bench.devices["arm"]
        following = asyncio.ensure_future(arm.follow(way(0.6, 10.0)))
        await bench.clock.sleep(0.5)
        await bench.hardware.devices["arm"].stop()
        with pytest.raises(FaultError, match=r"ARM_(STOPPED|DEVIATION) at arm"):
            await following

    on_bench(scenario, "arm")


def test_a_second_trajectory_is_refused_while_the_first_is_followed():
    async def scenario(bench: Bench) -> None:
        arm = bench.devices["arm"]
        following = asyncio.ensure_future(arm.follow(way(0.2)))
        await asyncio.sleep(0)
        with pytest.raises(FaultError, match=r"DEVICE_REFUSED at arm: .*follows another trajectory already"):
            await asyncio.gather(following, arm.follow(way(0.2)))
        await following

    on_bench(scenario, "arm")


def over_fixture(height_m: float) -> Pose:
    """The flange's pose with the gripper pointing down on the empty seat, its tips so high over it."""
    seat = SPECS["fixture_1"].seat_in_cell.pose.shifted(dz=height_m)
    tcp = Pose(seat.position, from_rpy(math.pi, 0.0, 0.0))
    return tcp @ SPECS["parallel_gripper"].tcp_in_flange.pose.inverse()


@pytest.mark.parametrize("time_scale", [1.0, 10.0])
def test_an_arm_that_presses_until_contact_stops_there(time_scale):
    async def scenario(bench: Bench) -> None:
        arm, sensor = bench.devices["arm"], bench.devices["wrist_force"]
        planner, load = MotionPlanner(LINE, "arm"), Load("parallel_gripper")
        home = tuple(SPECS["arm"].home_rad)
        here = frozenset({"fixture_1"})
        above = planner.inverse(over_fixture(0.10), home, load)
        reached = await arm.follow(planner.joint_move(home, above, 1.0, load))
        reached = await arm.follow(planner.straight_move(reached.positions, over_fixture(0.02), 0.1, load, here))
        await sensor.tare()
        down = planner.straight_move(reached.positions, over_fixture(-0.01), 0.01, load, here, True)
        pressing = asyncio.ensure_future(sensor.wait_pressing(4.0))
        following = asyncio.ensure_future(arm.follow(down))
        wrench = await pressing
        following.cancel()
        await asyncio.wait((following,))
        assert wrench.pressing_n >= 3.9
        stopped_at = bench.hardware.plant.bench.arm("arm").joints()
        assert stopped_at[1] == (0.0,) * 6
        assert max(abs(a - b) for a, b in zip(stopped_at[0], down.positions[-1], strict=True)) > 1e-3
        held_n = (await sensor.read()).pressing_n
        await bench.clock.sleep(1.0)
        assert (await sensor.read()).pressing_n == pytest.approx(held_n, abs=0.5)

    on_bench(scenario, "arm", "wrist_force", mounted="parallel_gripper", time_scale=time_scale)


def test_a_sensor_that_cannot_tare_itself_is_tared_by_its_driver(monkeypatch):
    async def scenario(bench: Bench) -> None:
        sensor = bench.devices["wrist_force"]
        monkeypatch.setattr(sensor._own_tare, "service_is_ready", lambda: False)
        weight_n = (await sensor.read()).force[2]
        assert weight_n > 3.0
        await sensor.tare()
        assert (await sensor.read()).force[2] == pytest.approx(0.0, abs=0.5)
        raw = bench.hardware.plant.contact.load("arm").force[2]
        assert raw == pytest.approx(weight_n, abs=0.5)

    on_bench(scenario, "wrist_force", mounted="parallel_gripper")


def test_a_cancelled_drive_stops_the_bit():
    async def scenario(bench: Bench) -> None:
        screwdriver = bench.devices["screwdriver"]
        driving = asyncio.ensure_future(screwdriver.drive(0.5, 1000.0, 10.0))
        await asyncio.sleep(0.3)
        driving.cancel()
        await asyncio.wait((driving,), timeout=5.0)
        assert driving.cancelled()
        assert not (await screwdriver.drive(0.5, 1.0, 10.0)).reached

    on_bench(scenario, "screwdriver", mounted="screwdriver")


# --- feeders and cameras -----------------------------------------------------------------------------------------------


def test_a_wait_for_parts_ends_when_the_feeder_is_refilled():
    async def scenario(bench: Bench) -> None:
        feeder, plant = bench.devices["nest_1"], bench.hardware.plant
        level = await feeder.level()
        for item in list(plant.inventory.at("feeder", "nest_1")):
            plant.inventory.remove(item)
        plant.feeding._stocks["nest_1"].lots.clear()
        waiting = asyncio.ensure_future(feeder.wait_level(10))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert await feeder.refill(12, "LOT-7") == 12
        assert await waiting == 12 < level
        assert (await feeder.present()).lot == "LOT-7"

    on_bench(scenario, "nest_1")


def test_an_image_is_the_hardwares_to_the_last_bit():
    async def scenario(bench: Bench) -> None:
        import numpy as np

        from microcell.plant.render import Light, render
        from microcell.plant.surroundings import surroundings

        frame = await bench.devices["camera_1"].capture(0.02)
        assert frame.pixels.shape == (960, 1280, 3)
        assert frame.time_s <= bench.clock.now()
        spec, plant = SPECS["camera_1"], bench.hardware.plant
        import zlib

        second = np.random.default_rng((plant.seed, zlib.crc32(b"camera_1"), 2))  # the hardware made one when it was opened
        same = render(plant.scene("camera_1"), spec, Light(0.02 / spec.exposure_s), second, surroundings(plant.line))
        assert np.array_equal(frame.pixels, same)

    on_bench(scenario, "camera_1")


def test_a_camera_without_a_service_is_taken_as_it_runs(monkeypatch):
    monkeypatch.setattr("microcell.devices.camera.ros.FREE_RUNNING_S", 0.2)

    async def scenario() -> None:
        import numpy as np
        from sensor_msgs.msg import Image

        from microcell.ros import convert, qos
        from microcell.ros.convert_skills import stamp

        async with hardware_bench(("camera_1",)) as bench:
            monkeypatch.setattr("microcell.ros.names.capture", lambda device: f"{device}/nobody_serves_this")
            publisher = bench.node.create_publisher(Image, "camera_1/image", qos.IMAGE)
            pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)

            async def run_freely() -> None:
                while True:
                    publisher.publish(convert.image_message(pixels, "lens", stamp(bench.clock.epoch_s + bench.clock.now())))
                    await asyncio.sleep(0.05)

            running = asyncio.ensure_future(run_freely())
            camera = bench.devices["camera_1"]
            await camera.connect()
            asked_s = bench.clock.now()
            frame = await camera.capture(0.02)
            assert frame.time_s >= asked_s and np.array_equal(frame.pixels, pixels)
            running.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 30.0))


def test_an_arms_joints_have_the_names_that_its_controller_gives_them():
    spec = SPECS["arm"]
    assert names.arm_joints("left", spec)[:2] == ("left_joint_1", "left_joint_2")
    told = spec.model_copy(update={"parameters": {"joint_names": [f"axis_{k}" for k in "abcdef"]}})
    assert names.arm_joints("left", told)[0] == "axis_a"
    short = spec.model_copy(update={"parameters": {"joint_names": ["axis_a"]}})
    with pytest.raises(UsageError, match="arm 'left': joint_names has 1 names, the arm 6 joints"):
        names.arm_joints("left", short)


def test_what_stops_the_cell_is_told_over_the_safety_topics_and_the_arms_motion_ends_with_it():
    async def scenario(bench: Bench) -> None:
        safety, arm = bench.devices["safety"], bench.devices["arm"]
        assert await safety.stops() == Stops()
        start = (await arm.joints()).positions
        still = (0.0,) * len(start)
        away = JointTrajectory((0.0, 30.0), (start, (start[0] + 1.0, *start[1:])), (still, still))
        moving = asyncio.ensure_future(arm.follow(away))
        press = bench.node.create_client(SetBool, names.press(names.emergency_stop("safety", "panel")))
        told = asyncio.ensure_future(safety.wait_change(Stops()))
        assert (await bench.runtime.call(press, SetBool.Request(data=True), 30.0)).success
        assert await told == Stops(emergency=("panel",))
        with pytest.raises(FaultError, match="EMERGENCY_STOP at arm"):
            await moving
        trip = bench.node.create_client(SetBool, names.press(names.protective_stop("safety", "arm")))
        await bench.runtime.call(trip, SetBool.Request(data=True), 30.0)
        assert await safety.wait_change(Stops(("panel",))) == Stops(("panel",), ("arm",))
        await bench.runtime.call(press, SetBool.Request(data=False), 30.0)
        assert await safety.wait_change(Stops(("panel",), ("arm",))) == Stops((), ("arm",))

    on_bench(scenario, "safety", "arm")
