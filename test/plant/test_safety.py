"""The simulated safety circuit: a pressed button stops what is driven, at once and until it is released."""

import asyncio

import pytest
from steady_hand import valve_line

from microcell.clock import LoopClock, run_virtual
from microcell.devices.factory import DeviceHost, make_devices
from microcell.devices.safety.contract import Stops
from microcell.faults import FaultError
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.plant import Plant


def in_the_cell(scenario) -> None:
    """Run a scenario with the plant and its connected mock devices."""

    async def run() -> None:
        line, clock = valve_line(), LoopClock(0.0)
        plant = Plant(line, 1, clock)
        devices = make_devices(DeviceHost(line, clock, plant), "virtual")
        for device in devices.values():
            await device.connect()
        await scenario(plant, devices, clock)
        for device in devices.values():
            await device.disconnect()

    run_virtual(run())


def turn(arm) -> JointTrajectory:
    """Turn the first joint by a radian in two seconds."""
    start = tuple(arm.spec.home_rad)
    still = (0.0,) * len(start)
    return JointTrajectory((0.0, 2.0), (start, (start[0] + 1.0, *start[1:])), (still, still))


def test_an_emergency_stop_stops_a_moving_arm_where_it_is_and_it_moves_no_more():
    async def scenario(plant, devices, clock):
        arm = devices["arm"]
        moving = asyncio.ensure_future(arm.follow(turn(arm)))
        await clock.sleep(1.0)
        plant.safety.press("panel")
        with pytest.raises(FaultError, match=r"EMERGENCY_STOP at arm: An emergency stop is pressed\. \(pressed: panel\)"):
            await moving
        stopped = (await arm.joints()).positions
        assert 0.2 < stopped[0] < 0.8
        with pytest.raises(FaultError, match="EMERGENCY_STOP"):
            await arm.follow(turn(arm))
        plant.safety.release("panel")
        await clock.sleep(5.0)
        assert (await arm.joints()).positions == stopped, "a release moves nothing"

    in_the_cell(scenario)


def test_a_protective_stop_stops_its_arm_and_nothing_else():
    async def scenario(plant, devices, clock):
        arm = devices["arm"]
        moving = asyncio.ensure_future(arm.follow(turn(arm)))
        printing = asyncio.ensure_future(devices["printer"].print_label("VLV-1"))
        await clock.sleep(0.5)
        plant.safety.trip("arm")
        with pytest.raises(FaultError, match="ARM_PROTECTIVE_STOP at arm"):
            await moving
        assert (await printing).content == "VLV-1"
        plant.safety.restore("arm")
        with pytest.raises(FaultError, match="ARM_DEVIATION"):  # it stands somewhere else now, and may move again
            await arm.follow(turn(arm))

    in_the_cell(scenario)


def test_an_emergency_stop_ends_what_a_station_is_driving_and_sensors_still_answer():
    async def scenario(plant, devices, clock):
        exchanging = asyncio.ensure_future(devices["cartons"].exchange())
        await clock.sleep(1.0)
        before = clock.now()
        plant.safety.press("panel")
        with pytest.raises(FaultError, match="EMERGENCY_STOP at cartons"):
            await exchanging
        assert clock.now() == before
        for device, command in (("fixture_1", "release"), ("changer", "lock"), ("nest_1", "present")):
            with pytest.raises(FaultError, match=f"EMERGENCY_STOP at {device}"):
                await getattr(devices[device], command)()
        assert not await devices["fixture_1"].part_present()
        assert not (await devices["changer"].coupling()).locked
        assert await devices["nest_1"].level() > 0

    in_the_cell(scenario)


def test_the_safety_controller_tells_each_press_trip_and_release():
    async def scenario(plant, devices, clock):
        safety, circuit = devices["safety"], plant.safety
        changed = asyncio.ensure_future(safety.wait_change(Stops()))
        await clock.sleep(1.0)
        circuit.press("panel")
        assert await changed == await safety.stops() == Stops(emergency=("panel",))
        circuit.trip("arm")
        assert await safety.wait_change(Stops(emergency=("panel",))) == Stops(("panel",), ("arm",))
        circuit.release("panel")
        circuit.restore("arm")
        assert not await safety.wait_change(Stops(("panel",), ("arm",)))

    in_the_cell(scenario)


def test_an_unknown_button_or_arm_is_refused_with_those_that_there_are():
    async def scenario(plant, devices, clock):
        with pytest.raises(ValueError, match="no button 'door'; there are: panel"):
            plant.safety.press("door")
        with pytest.raises(ValueError, match="no arm 'leg'; there are: arm"):
            plant.safety.trip("leg")

    in_the_cell(scenario)
