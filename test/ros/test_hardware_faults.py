"""Injected faults of mock hardware, seen through the drivers: each has the effect that the catalogue says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("rclpy")

from hardware_bench import LINE, Bench, on_bench

from microcell.description.fault_schedule import ScheduledFault, checked
from microcell.faults import FaultError
from microcell.motion.trajectory import JointTrajectory

pytestmark = pytest.mark.ros
HOME = tuple(LINE.cell_description.devices["arm"].home_rad)
ASIDE = (HOME[0] + 0.5, *HOME[1:])
REST = (0.0,) * 6

Ask = Callable[[Bench], Awaitable[Any]]


async def turn_aside(bench: Bench) -> Any:
    """Turn the arm by its first joint, from where it is to the other place."""
    here = (await bench.devices["arm"].joints()).positions
    there = ASIDE if abs(here[0] - HOME[0]) < 0.25 else HOME
    return await bench.devices["arm"].follow(JointTrajectory((0.0, 1.0), (here, there), (REST, REST)))


def asking(device: str, command: str, *arguments: Any) -> Ask:
    async def ask(bench: Bench) -> Any:
        return await getattr(bench.devices[device], command)(*arguments)

    return ask


TOLD: tuple[tuple[str, str, Ask, str], ...] = (
    ("arm.protective_stop", "arm", turn_aside, "ARM_PROTECTIVE_STOP"),
    ("feeder.stuck", "nest_1", asking("nest_1", "present"), "FEEDER_JAMMED"),
    ("feeder.empty", "nest_1", asking("nest_1", "present"), "FEEDER_EMPTY"),
    ("fixture.not_clamped", "fixture_1", asking("fixture_1", "clamp"), "FIXTURE_"),
    ("printer.no_label", "printer", asking("printer", "print_label", "X"), "LABEL_NOT_PRINTED"),
    ("camera.blackout", "camera_1", asking("camera_1", "capture", 0.02), "CAMERA_NO_IMAGE"),
    ("arm.emergency_stop", "arm", turn_aside, "EMERGENCY_STOP"),  # the last one: the button stays in
)
"""Fault, place, what is asked, and the code in which that ends."""

SEEN: tuple[tuple[str, str, Ask, Callable[[Any], bool]], ...] = (
    ("fixture.blind", "fixture_1", asking("fixture_1", "part_present"), lambda present: present is True),
    ("tool_changer.misread", "changer", asking("changer", "coupling"), lambda coupling: coupling.tool_serial == ""),
    ("tool_crib.missing", "crib", asking("crib", "pockets"), lambda serials: list(serials).count("") == 2),
    ("vacuum.leak", "vacuum_cup", asking("vacuum_cup", "on"), lambda suction: not suction.sealed),
    ("carton_station.missing", "cartons", asking("cartons", "carton"), lambda carton: carton.carton != ""),
    ("camera.dark", "camera_1", asking("camera_1", "capture", 0.02), lambda frame: frame.pixels.mean() < 40),
    ("camera.dazzled", "camera_1", asking("camera_1", "capture", 0.02), lambda frame: frame.pixels.mean() > 200),
    ("feeder.announces_other", "nest_2", asking("nest_2", "present"), lambda presented: presented.part != "cap_white"),
    ("feeder.wrong_part", "nest_2", asking("nest_2", "present"), lambda presented: presented.part == "cap_white"),
    ("device.slow", "nest_2", asking("nest_2", "present"), lambda presented: presented.part == "cap_white"),
    ("device.duplicate", "changer", asking("changer", "lock"), lambda coupling: coupling.locked),
)
"""Fault, place, what is asked, and whether the answer is what the fault makes of it."""


def test_what_the_devices_controllers_tell_of_a_fault_reaches_whoever_asked():
    async def scenario(bench: Bench) -> None:
        for fault, where, ask, code in TOLD:
            schedule(bench, fault, where)
            with pytest.raises(FaultError, match=f"{code}.* at {where}: "):
                await ask(bench)
        assert {one.fault for one in bench.hardware.plant.injections.happened} == {fault for fault, *_ in TOLD}

    on_bench(scenario, "arm", "nest_1", "fixture_1", "printer", "camera_1")


def test_what_the_plant_makes_of_a_fault_is_what_the_drivers_read():
    async def scenario(bench: Bench) -> None:
        for fault, where, ask, is_so in SEEN:
            schedule(bench, fault, where)
            assert is_so(await ask(bench)), fault
        happened = {one.fault for one in bench.hardware.plant.injections.happened}
        assert happened == {fault for fault, *_ in SEEN} - {"carton_station.missing"}  # no unit is in the hand

    wanted = ("fixture_1", "changer", "crib", "vacuum_cup", "cartons", "camera_1", "nest_2")
    on_bench(scenario, *wanted, mounted="vacuum_cup")


def test_a_device_that_never_answers_is_silent_for_its_driver_and_there_again_later():
    async def scenario(bench: Bench) -> None:
        schedule(bench, "device.silence", "crib")
        with pytest.raises(FaultError, match="DEVICE_SILENT at crib: .*did not answer within"):
            await bench.devices["crib"].pockets()
        assert await asyncio.wait_for(bench.devices["crib"].pockets(), 30.0)

    on_bench(scenario, "crib")


def schedule(bench: Bench, fault: str, where: str) -> None:
    plant = bench.hardware.plant
    plant.injections.schedule(checked(LINE, ScheduledFault(fault=fault, where=where, times=1), "mock"))
