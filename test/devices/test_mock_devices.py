"""Mock drivers: they take their time, act on the plant, are silent when off the arm, and fail on order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from steady_hand import SteadyHand, valve_line

from microcell.clock import LoopClock, run_virtual
from microcell.devices.factory import DeviceHost, make_devices
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.plant.injection import Injection
from microcell.plant.plant import Plant

QUESTION = {
    "arm": "joints",
    "changer": "coupling",
    "wrist_force": "read",
    "crib": "pockets",
    "fixture_1": "part_present",
    "nest_1": "level",
    "screws_1": "level",
    "printer": "print_label",
    "cartons": "carton",
    "reject_bin": "count",
    "safety": "stops",
    "parallel_gripper": "grip",
    "vacuum_cup": "suction",
    "screwdriver": "has_screw",
}
NAMES = tuple(QUESTION)


class Shop:
    """Mock devices of the valve line on virtual time, with an arm that goes where it is told."""

    def __init__(self) -> None:
        line = valve_line()
        self.clock = LoopClock(0.0)
        self.plant = Plant(line, 5, self.clock)
        self.devices = make_devices(DeviceHost(line, self.clock, self.plant), "virtual", NAMES)
        self.reach = SteadyHand(self.plant, self.clock)  # type: ignore[arg-type]

    async def go(self, tcp, duration_s: float = 1.0) -> None:
        await self.devices["arm"].follow(self.reach.trajectory(tcp, duration_s))

    async def mount(self, tool: str) -> None:
        crib, number = self.plant.tool(tool).pocket
        await self.go(self.plant.line.cell_description.devices[crib].pockets[number].flange_in_cell.pose)
        coupling = await self.devices["changer"].lock()
        assert coupling.tool_serial == self.plant.tool(tool).serial
        await self.go(self.plant.tcp(tool).shifted(dz=0.1))

    async def over_part(self, feeder: str, dz: float = 0.0) -> None:
        presented = await self.devices[feeder].present()
        part = self.plant.line.product_description.parts[presented.part]
        await self.go((presented.part_in_cell @ part.grasp.tcp_in_part.pose).shifted(dz=dz))


def in_shop(scenario: Callable[[Shop], Awaitable[None]]) -> None:
    """Run a scenario with every device connected."""

    async def run() -> None:
        shop = Shop()
        for device in shop.devices.values():
            await device.connect()
        await scenario(shop)
        for device in shop.devices.values():
            await device.disconnect()

    run_virtual(run())


@pytest.mark.parametrize(
    ("tool", "command"),
    [("parallel_gripper", "grip"), ("vacuum_cup", "suction"), ("screwdriver", "has_screw")],
)
def test_a_tool_that_is_not_on_the_arm_is_silent(tool, command):
    async def scenario(shop):
        with pytest.raises(FaultError, match=f"DEVICE_SILENT at {tool}: .*the tool is not on an arm"):
            await getattr(shop.devices[tool], command)()
        assert not (await shop.devices[tool].status()).ready

    in_shop(scenario)


@pytest.mark.parametrize("name", NAMES)
def test_a_device_that_is_not_connected_is_silent(name):
    async def scenario(shop):
        await shop.devices[name].disconnect()
        arguments = ("X",) if name == "printer" else ()
        with pytest.raises(FaultError, match=f"DEVICE_SILENT at {name}: .*not connected"):
            await getattr(shop.devices[name], QUESTION[name])(*arguments)

    in_shop(scenario)


@pytest.mark.parametrize(
    ("device", "command", "arguments", "code"),
    [
        ("nest_1", "present", (), "FEEDER_JAMMED"),
        ("fixture_1", "clamp", (), "FIXTURE_NOT_CLAMPED"),
        ("printer", "print_label", ("X",), "LABEL_NOT_PRINTED"),
        ("cartons", "exchange", (), "CARTON_MISSING"),
        ("changer", "lock", (), "TOOL_NOT_LOCKED"),
        ("crib", "connect", (), "DEVICE_SILENT"),
    ],
)
def test_a_command_fails_with_the_injected_fault_and_works_the_next_time(device, command, arguments, code):
    async def scenario(shop):
        shop.plant.injections.add(Injection(device, command, code))
        with pytest.raises(FaultError, match=f"{code} at {device}: .*injected at '{command}'"):
            await getattr(shop.devices[device], command)(*arguments)
        if command != "clamp":
            await getattr(shop.devices[device], command)(*arguments)

    in_shop(scenario)


def test_a_mock_without_a_plant_says_so():
    async def scenario():
        host = DeviceHost(valve_line(), LoopClock(0.0))
        device = make_devices(host, "virtual", ["reject_bin"])["reject_bin"]
        with pytest.raises(UsageError, match="mock device 'reject_bin' needs a plant; this host has none"):
            await device.connect()

    run_virtual(scenario())


def test_a_gripper_takes_as_long_as_its_fingers_travel():
    async def scenario(shop):
        await shop.mount("parallel_gripper")
        await shop.over_part("nest_1")
        start = shop.clock.now()
        grip = await shop.devices["parallel_gripper"].close(25.0)
        assert grip.holding and grip.width_m == pytest.approx(0.040)
        assert grip.force_n == 25.0
        assert shop.clock.now() - start == pytest.approx(0.020 / 0.15)

    in_shop(scenario)


def test_a_cup_switched_on_in_the_air_seals_when_it_touches():
    async def scenario(shop):
        await shop.mount("vacuum_cup")
        assert not (await shop.devices["vacuum_cup"].on()).sealed
        label = await shop.devices["printer"].print_label("VLV-1")
        grasp = shop.plant.line.product_description.parts["label"].grasp
        await shop.go(label.label_in_cell @ grasp.tcp_in_part.pose)
        assert (await shop.devices["vacuum_cup"].suction()).sealed
        assert (await shop.devices["vacuum_cup"].off()).pressure_pa == 0.0

    in_shop(scenario)


def test_waiting_for_force_returns_at_the_moment_of_contact_and_the_arm_can_be_stopped_there():
    async def scenario(shop):
        await shop.mount("parallel_gripper")
        await shop.over_part("nest_1")
        await shop.devices["parallel_gripper"].close(25.0)
        seat = shop.plant.line.cell_description.devices["fixture_1"].seat_in_cell.pose
        grasp = shop.plant.line.product_description.parts["body"].grasp
        held = shop.plant.holding.held(shop.plant.tool("parallel_gripper"))
        above = seat @ held.pose.inverse()
        await shop.go(above.shifted(dz=0.02))
        await shop.devices["wrist_force"].tare()
        waiting = asyncio.ensure_future(shop.devices["wrist_force"].wait_pressing(5.0))
        down = asyncio.ensure_future(shop.go(above.shifted(dz=-0.01), 3.0))
        wrench = await waiting
        down.cancel()
        await asyncio.gather(down, return_exceptions=True)
        assert wrench.pressing_n == pytest.approx(5.0, abs=0.2)
        reached = shop.plant.tcp("parallel_gripper").position[2] - above.position[2]
        assert reached == pytest.approx(-5.0 / 20_000, abs=2e-5)
        assert grasp.force_n == 25.0

    in_shop(scenario)


def test_an_arm_that_runs_into_something_makes_a_protective_stop():
    async def scenario(shop):
        await shop.mount("vacuum_cup")
        await shop.over_part("nest_1", dz=0.05)
        with pytest.raises(FaultError, match=r"ARM_PROTECTIVE_STOP at arm: .*it presses with"):
            await shop.go(shop.plant.tcp("vacuum_cup").shifted(dz=-0.085))

    in_shop(scenario)


def test_an_arm_does_not_follow_two_trajectories_at_once():
    async def scenario(shop):
        first = asyncio.ensure_future(shop.go(shop.reach._arm.flange().shifted(dz=0.02)))
        await asyncio.sleep(0)
        with pytest.raises(FaultError, match=r"DEVICE_REFUSED at arm: .*follows another trajectory already"):
            await shop.go(shop.reach._arm.flange())
        await first

    in_shop(scenario)


def test_a_screw_is_driven_in_the_time_that_its_turns_take_and_stays_half_way_when_cancelled():
    async def scenario(shop):
        await shop.mount("screwdriver")
        await shop.over_part("screws_1")
        assert await shop.devices["screwdriver"].has_screw()
        start = shop.clock.now()
        await shop.devices["screwdriver"].drive(0.45, 60.0, 30.0)
        assert shop.clock.now() - start == pytest.approx(2.0)
        cancelled = asyncio.ensure_future(shop.devices["screwdriver"].drive(0.45, 60.0, 30.0))
        await asyncio.sleep(1.0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert not shop.plant.tool("screwdriver").driving

    in_shop(scenario)


def test_the_operator_of_a_connected_feeder_refills_it_and_is_gone_after_disconnect():
    async def scenario(shop):
        for _ in range(110):
            await shop.devices["nest_1"].present()
            item = shop.plant.inventory.at("feeder", "nest_1")[0]
            shop.plant.bench.lose(item, item.pose, "taken by the test")
        start = shop.clock.now()
        assert await shop.devices["nest_1"].wait_level(120) == 120
        assert shop.clock.now() - start == pytest.approx(120.0)
        await shop.devices["nest_1"].disconnect()

    in_shop(scenario)


def test_reading_force_and_joints_is_cheap_enough_to_sample():
    async def scenario(shop):
        await shop.mount("parallel_gripper")
        asyncio.ensure_future(shop.go(shop.plant.tcp("parallel_gripper").shifted(dz=0.05)))  # noqa: RUF006
        best = 1.0
        for _ in range(20):
            await asyncio.sleep(0.01)
            start = time.perf_counter()
            await shop.devices["wrist_force"].read()
            await shop.devices["arm"].joints()
            best = min(best, time.perf_counter() - start)
        await asyncio.sleep(1.0)
        assert best < 300e-6

    in_shop(scenario)
