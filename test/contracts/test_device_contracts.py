"""What every driver must keep, whoever wrote it: run unasked on each that is installed and needs no ROS."""

from __future__ import annotations

import asyncio
import atexit
import importlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from microcell import plugins
from microcell.clock import LoopClock, run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, device_specs
from microcell.devices.safety.contract import Stops
from microcell.faults import FaultError
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.plant import Plant

LINE = load_line("valve")
LINES = (LINE, *(load_line(name) for name in ("footwear", "battery")))
"""Between them they have a device of every kind."""
DRIVERS = [name for name in plugins.driver_names() if not name.endswith("/ros")]


def kind_of(spec: Any) -> str:
    return spec.device if spec.kind == "tool" else spec.kind


def contract_of(kind: str) -> type[Device]:
    module = importlib.import_module(f"microcell.devices.{kind}.contract")
    wanted = kind.replace("_", "")
    return next(value for name, value in vars(module).items() if name.lower() == wanted)


def of_kind(kind: str) -> list[str]:
    """Drivers of a kind, as test parameters."""
    return [name for name in DRIVERS if name.partition("/")[0] == kind]


def first_of(kind: str) -> tuple[Line, str, Any]:
    """The first line that has a device of a kind, the device's name and its description."""
    return next((line, name, spec) for line in LINES for name, spec in device_specs(line).items() if kind_of(spec) == kind)


def make(driver: str) -> tuple[Any, Plant]:
    """The driver of the first device of its kind, on a fresh plant; needs a running loop."""
    line, name, spec = first_of(driver.partition("/")[0])
    clock = LoopClock(0.0)
    plant = Plant(line, 3, clock)
    if driver == "camera/files":
        spec = spec.model_copy(update={"parameters": {"folder": str(photographed())}})
    if spec.kind == "tool":
        plant.tool(name).arm, plant.tool(name).pocket = "arm", None
    elif spec.kind == "force_sensor":
        plant.tool("parallel_gripper").arm, plant.tool("parallel_gripper").pocket = "arm", None
    return plugins.driver(driver)(name, spec, DeviceHost(line, clock, plant)), plant


@cache
def photographed() -> Path:
    """A folder with an image of the size of the line's first camera."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _, _, camera = first_of("camera")
    cv2.imwrite(str(folder / "a.png"), np.full((camera.height_px, camera.width_px, 3), 90, np.uint8))
    return folder


def connected(driver: str, scenario: Callable[[Any], Awaitable[None]]) -> None:
    """Run a scenario with a connected device on virtual time."""

    async def run() -> None:
        device, _ = make(driver)
        await device.connect()
        try:
            await scenario(device)
        finally:
            await device.disconnect()

    run_virtual(run())


def motion(device: Any, by_rad: float, duration_s: float) -> JointTrajectory:
    """Turn the first joint from home, at rest at both ends."""
    start = tuple(device.spec.home_rad)
    still = (0.0,) * len(start)
    return JointTrajectory((0.0, duration_s), (start, (start[0] + by_rad, *start[1:])), (still, still))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_is_a_device_of_its_kind(driver):
    assert issubclass(plugins.driver(driver), contract_of(driver.partition("/")[0]))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_device_is_silent_before_it_is_connected_connects_and_disconnects_twice(driver):
    async def life():
        device, _ = make(driver)
        await device.stop()
        assert not (await device.status()).connected
        await device.connect()
        status = await device.status()
        assert status.connected and status.ready
        await device.stop()
        await device.disconnect()
        await device.disconnect()
        assert not (await device.status()).connected

    run_virtual(life())


@pytest.mark.parametrize("driver", of_kind("arm"))
def test_an_arm_returns_the_joints_reached_after_the_time_of_its_trajectory(driver):
    async def scenario(arm):
        reached = await arm.follow(motion(arm, 0.5, 2.0))
        assert reached.positions[0] == pytest.approx(0.5)
        assert reached.velocities == pytest.approx((0.0,) * 6)
        assert reached.time_s == pytest.approx(2.0)
        assert (await arm.joints()).positions == reached.positions

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("arm"))
def test_an_arm_refuses_to_start_anywhere_but_where_it_is(driver):
    async def scenario(arm):
        plan = motion(arm, 0.5, 2.0)
        away = JointTrajectory(plan.times_s, (plan.positions[1], plan.positions[1]), plan.velocities)
        with pytest.raises(FaultError, match="ARM_DEVIATION"):
            await arm.follow(away)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("arm"))
@pytest.mark.parametrize(("by_rad", "duration_s"), [(4.0, 20.0), (1.0, 0.2)], ids=["position", "velocity"])
def test_an_arm_does_not_exceed_its_limits(driver, by_rad, duration_s):
    async def scenario(arm):
        with pytest.raises(FaultError, match=r"ARM_LIMIT at arm: .*joint 1 would"):
            await arm.follow(motion(arm, by_rad, duration_s))
        assert (await arm.joints()).positions == tuple(arm.spec.home_rad)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("arm"))
def test_a_cancelled_arm_comes_to_rest_on_its_way(driver):
    async def scenario(arm):
        following = asyncio.ensure_future(arm.follow(motion(arm, 1.0, 4.0)))
        await asyncio.sleep(1.5)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await check_rest(arm)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("arm"))
def test_a_stopped_arm_comes_to_rest_and_says_that_it_was_stopped(driver):
    async def scenario(arm):
        following = asyncio.ensure_future(arm.follow(motion(arm, 1.0, 4.0)))
        await asyncio.sleep(1.5)
        await arm.stop()
        with pytest.raises(FaultError, match="ARM_STOPPED"):
            await following
        await check_rest(arm)

    connected(driver, scenario)


async def check_rest(arm: Any) -> None:
    """Somewhere between start and end, and not moving by more than a controller settles (0.01 rad)."""
    rest = await arm.joints()
    await asyncio.sleep(1.0)
    assert (await arm.joints()).positions == pytest.approx(rest.positions, abs=0.01)
    assert 0.05 < rest.positions[0] < 0.9


@pytest.mark.parametrize("driver", of_kind("gripper"))
def test_a_gripper_says_where_its_fingers_came_to_rest(driver):
    async def scenario(gripper):
        grip = await gripper.close(10.0)
        assert (grip.width_m, grip.holding) == (0.0, False)
        assert (await gripper.open(0.03)).width_m == pytest.approx(0.03)
        assert (await gripper.grip()).width_m == pytest.approx(0.03)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("gripper"))
def test_a_gripper_refuses_what_it_cannot_do(driver):
    async def scenario(gripper):
        with pytest.raises(FaultError, match="DEVICE_REFUSED"):
            await gripper.close(10_000.0)
        with pytest.raises(FaultError, match="DEVICE_REFUSED"):
            await gripper.open(0.5)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("vacuum"))
def test_a_cup_in_the_air_does_not_seal(driver):
    async def scenario(vacuum):
        suction = await vacuum.on()
        assert not suction.sealed and suction.pressure_pa < vacuum.spec.pressure_pa / 2
        assert (await vacuum.off()).pressure_pa == 0.0
        assert await vacuum.suction() == await vacuum.off()

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("screwdriver"))
def test_a_bare_bit_turns_to_its_angle_without_torque(driver):
    async def scenario(driver_tool):
        assert not await driver_tool.has_screw()
        drive = await driver_tool.drive(0.5, 30.0, 10.0)
        assert not drive.reached and drive.angle_rad == pytest.approx(30.0)
        assert drive.curve[0][0] == 0.0 and drive.curve[-1][0] == pytest.approx(30.0)
        with pytest.raises(FaultError, match="DEVICE_REFUSED"):
            await driver_tool.drive(100.0, 30.0, 10.0)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("safety"))
def test_a_safety_controller_that_has_nothing_to_tell_waits_for_a_change(driver):
    async def scenario(safety):
        assert await safety.stops() == Stops()
        assert await safety.wait_change(Stops(emergency=("panel",))) == Stops()
        waiting = asyncio.ensure_future(safety.wait_change(Stops()))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waiting.cancel()
        assert await safety.stops() == Stops()

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("tool_changer"))
def test_a_changer_tells_lock_and_tool(driver):
    async def scenario(changer):
        assert not (await changer.coupling()).locked
        coupling = await changer.lock()
        assert coupling.locked and coupling.tool_serial == ""
        assert not (await changer.unlock()).locked

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("tool_crib"))
def test_a_crib_reads_the_serial_in_every_pocket(driver):
    async def scenario(crib):
        assert list(await crib.pockets()) == [pocket.serial for pocket in crib.spec.pockets]

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("feeder"))
def test_a_feeder_presents_the_same_part_until_it_is_picked(driver):
    async def scenario(feeder):
        first, again = await feeder.present(), await feeder.present()
        assert first == again
        assert first.part == LINE.feeders[feeder.name].part and first.lot
        assert await feeder.level() == first.level == feeder.spec.capacity
        assert await feeder.wait_level(1) == first.level

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("fixture"))
def test_an_empty_fixture_does_not_clamp(driver):
    async def scenario(fixture):
        assert not await fixture.part_present()
        with pytest.raises(FaultError, match="FIXTURE_EMPTY"):
            await fixture.clamp()
        await fixture.release()

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("force_sensor"))
def test_a_tared_force_sensor_reads_nothing_but_noise(driver):
    async def scenario(sensor):
        await sensor.tare()
        readings = [(await sensor.read()).pressing_n for _ in range(50)]
        assert abs(sum(readings) / 50) < sensor.spec.noise_n
        assert max(map(abs, readings)) < 6 * sensor.spec.noise_n

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("force_sensor"))
def test_waiting_for_a_force_that_never_comes_can_be_given_up(driver):
    async def scenario(sensor):
        await sensor.tare()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(sensor.wait_pressing(5.0), 10.0)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("carton_station"))
def test_an_exchanged_carton_is_another_and_empty(driver):
    async def scenario(station):
        before = await station.carton()
        after = await station.exchange()
        assert after.carton != before.carton
        assert (after.filled, after.places) == (0, len(LINE.carton.places))
        assert await station.carton() == after

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("printer"))
def test_a_printed_label_says_what_is_on_it_and_where_it_lies(driver):
    async def scenario(printer):
        label = await printer.print_label("VLV-000001")
        assert label.content == "VLV-000001"
        assert label.label_in_cell.position == printer.spec.label_in_cell.pose.position

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("bin"))
def test_a_fresh_bin_has_counted_nothing(driver):
    async def scenario(reject_bin):
        assert await reject_bin.count() == 0

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("dispenser"))
def test_a_nozzle_that_stands_lets_nothing_out_though_its_valve_is_open(driver):
    async def scenario(dispenser):
        full = await dispenser.dispensed()
        assert (full.mass_kg, full.left_kg) == (0.0, dispenser.spec.cartridge_kg)
        await dispenser.open(0.004)
        await dispenser.clock.sleep(1.0)
        assert await dispenser.close() == full
        assert await dispenser.close() == await dispenser.dispensed()

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("welder"))
def test_electrodes_in_the_air_weld_nothing(driver):
    async def scenario(welder):
        with pytest.raises(FaultError, match="WELD_NO_CONTACT"):
            await welder.weld()

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("press"))
def test_a_press_over_an_empty_fixture_comes_all_the_way_down(driver):
    async def scenario(press):
        name, program = next(iter(press.spec.programs.items()))
        pressed = await press.press(name)
        assert pressed.height_m == 0.0
        assert pressed.force_n == pytest.approx(program.force_n, rel=0.05)
        with pytest.raises(FaultError, match=r"DEVICE_REFUSED at press_1: .*program 'crush'; stored are: "):
            await press.press("crush")

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("turner"))
def test_a_turner_goes_to_the_end_that_it_is_told(driver):
    async def scenario(turner):
        assert not await turner.is_upside_down()
        assert await turner.turn(True) and await turner.turn(True)
        assert await turner.is_upside_down()
        assert not await turner.turn(False)

    connected(driver, scenario)


@pytest.mark.parametrize("driver", of_kind("tester"))
def test_the_contacts_of_an_empty_nest_touch_nothing(driver):
    async def scenario(tester):
        tested = await tester.measure()
        assert (tested.voltage_v, tested.touching) == (0.0, False)

    connected(driver, scenario)
