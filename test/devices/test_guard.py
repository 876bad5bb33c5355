"""What the cell demands of every answer: it comes in time, has its form, is possible, and is not old."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from skill_bench import valve_line

from microcell.clock import LoopClock, run_virtual
from microcell.devices.arm.contract import Arm, JointState
from microcell.devices.carton_station.contract import Carton, CartonStation
from microcell.devices.factory import DeviceHost, make_devices
from microcell.devices.feeder.contract import Feeder
from microcell.devices.force_sensor.contract import ForceSensor, Wrench
from microcell.devices.guard import CONTRACTS, Guard, World, guard_of, guarded
from microcell.devices.plausible import Terms
from microcell.devices.screwdriver.contract import Drive
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.faults import FaultError
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.plant import Plant

LINE = valve_line()
HOME = LINE.cell_description.devices["arm"].home_rad


async def cell() -> tuple[dict[str, Any], dict[str, Any], LoopClock]:
    """Mock devices, the same ones behind guards, and the clock that the guards go by."""
    clock = LoopClock(0.0)
    plant = Plant(LINE, 1, LoopClock(0.0))
    devices = make_devices(DeviceHost(LINE, clock, plant), "virtual", camera="modelled")
    for device in devices.values():
        await device.connect()
    return devices, guarded(devices, clock), clock


def in_cell(scenario: Callable[[dict[str, Any], dict[str, Any], LoopClock], Awaitable[None]]) -> None:
    async def run() -> None:
        devices, guards, clock = await cell()
        await scenario(devices, guards, clock)
        for device in devices.values():
            await device.disconnect()

    run_virtual(run())


def answering(device: Any, command: str, *answers: Any) -> None:
    """Let a device give these answers, one after the other."""
    left = list(answers)

    async def answer(*arguments: Any) -> Any:
        return left.pop(0)

    setattr(device, command, answer)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_a_guard_has_its_devices_contract_and_guards_every_command(contract):
    kind = guard_of(contract)
    assert issubclass(kind, (Guard,)) and issubclass(kind, contract)
    assert not kind.__abstractmethods__


def test_a_guard_passes_on_what_is_sound_and_whatever_else_the_device_has():
    async def scenario(devices, guards, clock):
        assert (await guards["arm"].joints()).positions == tuple(HOME)
        assert await guards["nest_1"].level() == 120
        assert guards["arm"].spec is devices["arm"].spec
        assert (await guards["cartons"].status()).connected

    in_cell(scenario)


def test_no_answer_in_time_is_device_silent():
    async def scenario(devices, guards, clock):
        async def never():
            await clock.sleep(1e6)

        devices["reject_bin"].count = never
        with pytest.raises(FaultError, match="DEVICE_SILENT at reject_bin: .*'count' was not answered within 5.0 s"):
            await guards["reject_bin"].count()
        assert clock.now() == 5.0

    in_cell(scenario)


def test_a_mistake_of_a_driver_is_device_failed():
    async def scenario(devices, guards, clock):
        async def burn():
            raise KeyError("register 7")

        devices["reject_bin"].count = burn
        with pytest.raises(FaultError, match="DEVICE_FAILED at reject_bin: .*'count': KeyError: 'register 7'"):
            await guards["reject_bin"].count()

    in_cell(scenario)


@pytest.mark.parametrize("command", ["connect", "disconnect", "stop"])
def test_a_driver_that_does_not_find_its_machine_is_device_failed(command):
    async def scenario(devices, guards, clock):
        async def refused():
            raise ConnectionRefusedError("192.0.2.17")

        setattr(devices["printer"], command, refused)
        with pytest.raises(FaultError, match=f"DEVICE_FAILED at printer: .*'{command}': ConnectionRefusedError: 192.0.2.17"):
            await getattr(guards["printer"], command)()
        del devices["printer"].__dict__[command]

    in_cell(scenario)


@pytest.mark.parametrize(("device", "contract", "command", "answer", "said"), [
    ("reject_bin", None, "count", "three", "DEVICE_MALFORMED at reject_bin: .*to 'count' it answered 'three'"),
    ("crib", ToolCrib, "pockets", ("PG-0007",), "DEVICE_MALFORMED at crib: .*1 serials for 3 pockets"),
    ("crib", ToolCrib, "pockets", "PG-0007", "DEVICE_MALFORMED at crib: .*it answered 'PG-0007'"),
    ("nest_1", Feeder, "level", 121, "SENSOR_IMPLAUSIBLE at nest_1: .*a level of 121, its capacity is 120"),
    ("cartons", CartonStation, "carton", Carton("C", 6, 7), "SENSOR_IMPLAUSIBLE at cartons: .*7 units in 6 places"),
    ("wrist_force", ForceSensor, "read", Wrench((0.0, 0.0, float("nan")), (0.0, 0.0, 0.0), 0.0),
     "DEVICE_MALFORMED at wrist_force: .*holds a value that is no number"),
    ("wrist_force", ForceSensor, "read", Wrench((0.0, 0.0, -2e3), (0.0, 0.0, 0.0), 0.0),
     "SENSOR_IMPLAUSIBLE at wrist_force: .*it reads 2000 N, more than 1000 N cannot be"),
    ("arm", Arm, "joints", JointState((9.0, *HOME[1:]), (0.0,) * 6, 0.0),
     "SENSOR_IMPLAUSIBLE at arm: .*joint 1 reads 9.000 rad, its limits are -3.05 to 3.05"),
    ("arm", Arm, "joints", JointState(HOME, (0.0,) * 6, -7.0), "DEVICE_STALE at arm: .*is 7.0 s old"),
])  # fmt: skip
def test_an_answer_that_cannot_be_is_told(device, contract, command, answer, said):
    async def scenario(devices, guards, clock):
        assert contract is None or isinstance(guards[device], contract)
        answering(devices[device], command, answer)
        with pytest.raises(FaultError, match=said):
            await getattr(guards[device], command)()

    in_cell(scenario)


def test_a_curve_with_a_hole_is_no_curve():
    async def scenario(devices, guards, clock):
        answering(devices["screwdriver"], "drive", Drive(0.5, 6.0, True, ((0.0, 0.0), (3.0, float("nan")))))
        with pytest.raises(FaultError, match="DEVICE_MALFORMED at screwdriver: .*'drive' holds a value that is no number"):
            await guards["screwdriver"].drive(0.5, 6.0, 10.0)

    in_cell(scenario)


def test_a_reading_must_not_be_older_than_the_one_before_it():
    async def scenario(devices, guards, clock):
        await clock.sleep(10.0)
        later = Wrench((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), 9.9)
        answering(devices["wrist_force"], "read", later, replace(later, force=(0.0, 0.0, 2.0), time_s=9.8))
        await guards["wrist_force"].read()
        with pytest.raises(FaultError, match="DEVICE_STALE at wrist_force: .*0.100 s older than the one that came before"):
            await guards["wrist_force"].read()

    in_cell(scenario)


def test_a_noisy_sensor_never_reads_the_same_twice():
    async def scenario(devices, guards, clock):
        same = Wrench((0.1, 0.2, 0.3), (0.0, 0.0, 0.0), 0.0)
        answering(devices["wrist_force"], "read", same, same)
        await guards["wrist_force"].read()
        with pytest.raises(FaultError, match="SENSOR_IMPLAUSIBLE at wrist_force: .*repeats its last reading"):
            await guards["wrist_force"].read()

    in_cell(scenario)


def test_joints_do_not_change_without_a_motion_and_end_where_they_were_sent():
    async def scenario(devices, guards, clock):
        there = (HOME[0] + 0.1, *HOME[1:])
        resting = (0.0,) * 6
        answering(devices["arm"], "joints", JointState(HOME, resting, 0.0), JointState(there, resting, 0.0))
        await guards["arm"].joints()
        with pytest.raises(FaultError, match="SENSOR_IMPLAUSIBLE at arm: .*joint 1 went from 0.000 to 0.100 rad without"):
            await guards["arm"].joints()
        answering(devices["arm"], "follow", JointState(HOME, resting, 0.0))
        motion = JointTrajectory((0.0, 1.0), (HOME, there), (resting, resting))
        with pytest.raises(FaultError, match="ARM_DEVIATION at arm: .*came to rest at 0.000 rad, its goal was 0.100 rad"):
            await guards["arm"].follow(motion)

    in_cell(scenario)


def test_where_drivers_wait_themselves_a_guard_lets_them_and_ages_go_by_the_pace_of_the_cells_time():
    async def scenario(devices, guards, clock):
        async def slowly():
            await clock.sleep(300.0)
            return 0

        terms = Terms(stale_s=lambda: 20.0, repeats=1)
        lenient = guarded(devices, clock, World(patience=False, steady=False, terms=terms))
        devices["reject_bin"].count = slowly
        assert await lenient["reject_bin"].count() == 0
        now_s = clock.now()
        same = Wrench((0.1, 0.2, 0.3), (0.0, 0.0, 0.0), now_s - 19.0)
        answering(devices["wrist_force"], "read", same, same, same)
        assert [await lenient["wrist_force"].read(), await lenient["wrist_force"].read()] == [same, same]
        with pytest.raises(FaultError, match="SENSOR_IMPLAUSIBLE at wrist_force: .*repeats its last reading"):
            await lenient["wrist_force"].read()
        clock.step(60.0)
        answering(devices["wrist_force"], "read", replace(same, force=(0.0, 0.0, 0.0)))
        with pytest.raises(FaultError, match="DEVICE_STALE at wrist_force: .*is 79.0 s old"):
            await lenient["wrist_force"].read()

    in_cell(scenario)


def test_a_clock_that_is_corrected_little_by_little_is_not_set():
    async def scenario(devices, guards, clock):
        for _ in range(200):
            await clock.sleep(100.0)
            clock.step(0.05)
            await guards["reject_bin"].count()
        assert clock.now() == pytest.approx(20_010.0)

    in_cell(scenario)


@pytest.mark.parametrize("step_s", [60.0, -60.0])
def test_a_clock_that_is_set_is_told_once(step_s):
    async def scenario(devices, guards, clock):
        await guards["reject_bin"].count()
        clock.step(step_s)
        said = re.escape(f"cell time was set by {step_s:+.1f} s")
        with pytest.raises(FaultError, match=f"CLOCK_JUMPED at clock: .*{said}"):
            await guards["reject_bin"].count()
        assert await guards["reject_bin"].count() == 0
        assert (await guards["arm"].joints()).time_s == clock.now()

    in_cell(scenario)
