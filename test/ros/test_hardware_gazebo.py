"""The hardware beside a Gazebo world: a world's arm is led from place to place, and what it takes is held there."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from hardware_bench import DOMAIN, LIMIT_S, LINE, NAMESPACE
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Bool

from microcell.clock import Clock
from microcell.devices.factory import DeviceHost, device_specs, make_devices
from microcell.errors import UsageError
from microcell.events import JournalOpened, UnitEnded, UnitStarted
from microcell.faults import FaultError
from microcell.gazebo import scheme
from microcell.gazebo.standing import Attach, Release, Remove, Spawn, Step
from microcell.geometry import Pose
from microcell.motion.inverse import InverseKinematics
from microcell.motion.robot import RobotModel
from microcell.nodes.gazebo import earlier_worlds
from microcell.plant.plant import Plant
from microcell.records.journal import Journal
from microcell.ros import convert, names, qos
from microcell.ros.clock import RosClock, ScaledClock
from microcell.ros.gazebo_cameras import FIRST_TRIES
from microcell.ros.hardware_arm import ArmFace
from microcell.ros.hardware_face import Face, own_time
from microcell.ros.hardware_gazebo import HOME_TRIES, GazeboHardware, SimulationClock
from microcell.ros.node import HostNode
from microcell.ros.runtime import RosRuntime

pytestmark = pytest.mark.ros
SEEING = "camera_1"
SIMULATED = ["-p", "use_sim_time:=true"]
DOWN = LINE.cell_description.devices["crib"].pockets[0].flange_in_cell.pose.orientation


class Told:
    """A port that only remembers; nothing may be done while the world runs."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.stands = False
        self.halts = 0
        self.begun = False
        self.may_do: asyncio.Event | None = None
        self.fails: type[Step] | None = None
        self.stuck = False

    async def do(self, step: Step) -> None:
        assert self.stands, step
        if self.may_do is not None:
            self.begun = True
            await self.may_do.wait()
        if self.fails is not None and isinstance(step, self.fails):
            raise FaultError("DEVICE_SILENT", "valve", "Gazebo does not tell that it has done so")
        self.steps.append(step)

    async def halt(self) -> None:
        self.stands = True
        self.halts += 1

    async def let_run(self) -> None:
        if self.stuck:
            raise FaultError("DEVICE_SILENT", "valve", "Gazebo does not answer")
        self.stands = False


class WorldDouble:
    """What a world and its bridge do: the clock runs, and an arm tells where its joints are."""

    def __init__(self, runtime: RosRuntime, node: Node) -> None:
        self.clock = ScaledClock(1.0)
        self.plant = Plant(LINE, 0, self.clock)
        self.face = Face(runtime, node, self.clock)
        self.deaf = 0
        self.told = Told()
        self._clocks = self.face.publisher(ClockMsg, names.CLOCK, qos.CLOCK)
        self._kinematics = InverseKinematics(RobotModel.of(device_specs(LINE)["arm"], "arm"))

    async def open(self) -> None:
        (arm,) = make_devices(DeviceHost(LINE, self.clock, plant=self.plant), "virtual", ["arm"]).values()
        await arm.connect()
        arm.follow = partial(self._follow, arm, arm.follow)
        ArmFace(self.face, arm, device_specs(LINE)["arm"])
        self.face.regularly(100.0, self._tick)
        self._infos = self.face.publisher(CameraInfo, names.camera_info(SEEING), qos.COMMAND)
        self.face.listen(Bool, scheme.trigger(SEEING), self._expose)

    async def _follow(self, arm: Any, follow: Any, trajectory: Any) -> Any:
        """As the world does what it is told, but for the first `deaf` motions."""
        if self.deaf == 0:
            return await follow(trajectory)
        self.deaf -= 1
        return await arm.joints()

    def _expose(self, message: Bool) -> None:
        info = CameraInfo()
        info.header.stamp = self.face.now()
        self._infos.publish(info)

    def lead(self, flange_in_cell: Pose) -> None:
        """Have the arm stand there."""
        motion = self.plant.bench.arm("arm")
        motion.rest(self._kinematics.solve(flange_in_cell, motion.joints()[0]))

    async def _tick(self) -> None:
        if not self.told.stands:
            self._clocks.publish(ClockMsg(clock=self.face.now()))


async def led(world: WorldDouble, hardware: GazeboHardware, flange_in_cell: Pose) -> None:
    """The arm stands there, and the hardware has heard of it."""
    world.lead(flange_in_cell)
    wanted = world.plant.bench.arm("arm").flange()
    while hardware.plant.bench.arm("arm").flange() != wanted:
        await asyncio.sleep(0.01)


async def take_and_place(world: WorldDouble, hardware: GazeboHardware, told: Told, clock: Clock, drivers: dict) -> None:  # type: ignore[type-arg]
    pocket = LINE.cell_description.devices["crib"].pockets[0].flange_in_cell.pose
    await led(world, hardware, pocket)
    told.fails = Attach
    with pytest.raises(FaultError, match="DEVICE_SILENT"):
        await drivers["changer"].lock()
    told.fails = None
    assert not told.stands and told.steps[-1] == Release("crib", "parallel_gripper")
    told.stuck = True
    coupling = await drivers["changer"].lock()  # what is still to be done is done now
    assert told.stands
    told.stuck = False
    await drivers["changer"].lock()
    assert not told.stands, "a world that could not be let run is told again"
    assert coupling.tool_serial == "PG-0007"
    released, attached = told.steps[-2:]
    assert released == Release("crib", "parallel_gripper")
    assert isinstance(attached, Attach) and (attached.hold.model, attached.model) == ("arm", "parallel_gripper")

    presented = await drivers["nest_1"].present()
    (spawned,) = [step for step in told.steps if isinstance(step, Spawn)]
    assert spawned.rests, "nobody has taken it"
    tool = hardware.plant.tool("parallel_gripper")
    grasp = LINE.product_description.parts["body"].grasp.tcp_in_part.pose
    await drivers["parallel_gripper"].open(0.06)
    await led(world, hardware, presented.part_in_cell @ grasp @ tool.tcp_in_flange.inverse())
    grip = await drivers["parallel_gripper"].close(20.0)
    assert grip.holding and grip.width_m == pytest.approx(0.040)
    gone, anew, _, taken = told.steps[-4:]
    assert gone == Remove(spawned.model)
    assert isinstance(anew, Spawn) and (anew.model, anew.rests) == (spawned.model, False)
    assert isinstance(taken, Attach) and (taken.hold.model, taken.model) == ("parallel_gripper", spawned.model)

    seat = LINE.cell_description.devices["fixture_1"].seat_in_cell.pose
    await led(world, hardware, seat @ grasp @ tool.tcp_in_flange.inverse())
    told.fails, before = Release, list(told.steps)
    with pytest.raises(FaultError, match="DEVICE_SILENT"):
        await drivers["parallel_gripper"].open(0.06)
    with pytest.raises(FaultError, match="DEVICE_SILENT"):
        await drivers["fixture_1"].clamp()
    assert told.steps == before, "nobody else takes what is not let go of"
    halts = told.halts
    for _ in range(10):
        await asyncio.sleep(0.02)
        assert not (await drivers["parallel_gripper"].grip()).holding
    assert told.halts == halts, "only commands try it again"
    told.fails = None
    await drivers["parallel_gripper"].close(20.0)
    again = told.steps[len(before) :]
    assert again[0] == Release("parallel_gripper", spawned.model), "it may have let go by now"
    assert isinstance(again[-1], Attach) and again[-1].hold.model == "parallel_gripper"

    before, told.fails = list(told.steps), Release
    with pytest.raises(FaultError, match="DEVICE_SILENT"):
        await drivers["parallel_gripper"].open(0.06)
    told.fails, told.may_do = None, asyncio.Event()
    left = asyncio.ensure_future(hardware.devices["parallel_gripper"].open(0.06))  # type: ignore[attr-defined]
    while not told.begun:
        await asyncio.sleep(0.01)
    left.cancel()
    await asyncio.wait({left})
    told.may_do.set()
    while told.stands:
        await asyncio.sleep(0.01)
    assert left.cancelled() and told.steps[len(before)] == Release("parallel_gripper", spawned.model)
    await drivers["parallel_gripper"].open(0.06)
    assert len([step for step in told.steps[len(before) :] if isinstance(step, Release)]) == 1, "it is known to be done"
    assert await drivers["fixture_1"].part_present()
    await drivers["fixture_1"].clamp()
    assert isinstance(told.steps[-1], Attach) and told.steps[-1].hold.model == "fixture_1"


async def look(hardware: GazeboHardware) -> None:
    seeing, blind, *_ = hardware.cameras
    first = await seeing.expose(FIRST_TRIES)
    second = await seeing.expose()
    assert convert.seconds(second.header.stamp) > convert.seconds(first.header.stamp)
    with pytest.raises(FaultError, match="CAMERA_NO_IMAGE at camera_2: .*the world exposed none in 3 s"):
        await blind.expose(tries=1)


async def press(hardware: GazeboHardware, drivers: dict) -> None:  # type: ignore[type-arg]
    """Nothing presses here, and the sensor says so, from the plant's contact with where the arm is."""
    await drivers["wrist_force"].tare()
    assert abs((await drivers["wrist_force"].read()).pressing_n) < 1.0


def test_a_new_world_is_refused_for_units_in_work_and_else_has_lots_and_cartons_of_its_own(tmp_path: Path) -> None:
    journal = tmp_path / "valve.journal"
    opened = {"cell": "c", "line": "l", "product": "p", "world": "gazebo", "camera": "rendered", "seed": 1, "epoch": 1}
    assert earlier_worlds(journal) == 0
    with Journal.create_or_open(journal) as written:
        written.append(JournalOpened(time_s=0.0, epoch_s=1.7e9, ideal_cycle_s=30.0, release="0.1.0", **opened))
        assert earlier_worlds(journal) == 0, "nothing was made there"
        for unit in ("VLV-1", "VLV-2"):
            written.append(UnitStarted(time_s=1.0, unit=unit, order_id="o", variant="adult"))
        ended = {"order_id": "o", "disposition": "good", "reason": "", "carton": "C-1"}
        written.append(UnitEnded(time_s=2.0, unit="VLV-1", **ended))
        with pytest.raises(UsageError, match=r"^VLV-2 of the journal .* were in work in a world that is gone"):
            earlier_worlds(journal)
        written.append(UnitEnded(time_s=3.0, unit="VLV-2", **ended))
        assert earlier_worlds(journal) == 1
    first, second = (Plant(LINE, 0, ScaledClock(), earlier) for earlier in (0, 1))
    told = [{item.lot for item in plant.inventory} | set(plant.bench.cartons.values()) for plant in (first, second)]
    assert "tray_1-L0001" in told[0] and "CTN-000001" in told[0]
    assert "tray_1-W2-L0001" in told[1] and "CTN-W2-000001" in told[1]
    assert not told[0] & told[1] - {""}


def test_what_devices_do_is_done_in_the_world_before_they_answer() -> None:
    async def run() -> None:
        async with (
            RosRuntime(NAMESPACE, DOMAIN) as outside,
            RosRuntime([*NAMESPACE, *SIMULATED], DOMAIN) as there,
            RosRuntime([*NAMESPACE, *SIMULATED], DOMAIN) as here,
        ):
            world = WorldDouble(outside, outside.create_node("world_double", parameter_overrides=own_time()))
            await world.open()
            node = there.create_node(names.HARDWARE)
            clock, told = SimulationClock(node), world.told
            hardware = GazeboHardware(there, node, LINE, Plant(LINE, 3, clock), clock)
            await clock.started()
            await hardware.open(told)
            home_rad = tuple(device_specs(LINE)["arm"].home_rad)
            world.plant.bench.arm("arm").rest((home_rad[0] + 0.1, *home_rad[1:]))
            while hardware.plant.bench.arm("arm").joints()[0] == home_rad:
                await asyncio.sleep(0.01)
            world.deaf = HOME_TRIES + 1
            await hardware.come_home(1.0)
            assert world.deaf == 0
            assert hardware.plant.bench.arm("arm").joints()[0] == pytest.approx(home_rad, abs=1e-3)
            own = here.create_node("drivers")
            here.clock = RosClock(own)
            wanted = ("changer", "nest_1", "parallel_gripper", "fixture_1", "wrist_force")
            drivers = make_devices(DeviceHost(LINE, here.clock, node=HostNode(here, own)), "gazebo", wanted)
            await asyncio.gather(*(driver.connect() for driver in drivers.values()))
            await take_and_place(world, hardware, told, here.clock, drivers)
            await press(hardware, drivers)
            await look(hardware)
            await asyncio.gather(*(driver.disconnect() for driver in drivers.values()))
            await hardware.close()
            await world.face.close()

    asyncio.run(asyncio.wait_for(run(), LIMIT_S))
