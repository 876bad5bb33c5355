"""The mock hardware of a line: its simulated plant, and all devices behind their ROS face."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from microcell.description.cell import SafetySpec
from microcell.description.line import Line
from microcell.devices.arm.contract import Arm
from microcell.devices.bin.contract import Bin
from microcell.devices.camera.contract import Camera
from microcell.devices.carton_station.contract import CartonStation
from microcell.devices.contract import Device
from microcell.devices.dispenser.contract import Dispenser
from microcell.devices.factory import DeviceHost, device_specs, make_devices
from microcell.devices.feeder.contract import Feeder
from microcell.devices.fixture.contract import Fixture
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.devices.gripper.contract import Gripper
from microcell.devices.press.contract import Press
from microcell.devices.printer.contract import Printer
from microcell.devices.safety.contract import Safety
from microcell.devices.screwdriver.contract import Screwdriver
from microcell.devices.tester.contract import Tester
from microcell.devices.tool_changer.contract import ToolChanger
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.devices.turner.contract import Turner
from microcell.devices.vacuum.contract import Vacuum
from microcell.devices.welder.contract import Welder
from microcell.plant.plant import Plant
from microcell.plant.state import PlantFile
from microcell.ros import names, qos
from microcell.ros.clock import ScaledClock
from microcell.ros.hardware_arm import ArmFace, ForceSensorFace
from microcell.ros.hardware_cameras import CameraFace
from microcell.ros.hardware_face import Face, own_time
from microcell.ros.hardware_faults import FaultsFace, Strike
from microcell.ros.hardware_stations import (
    FeederFace,
    FixtureFace,
    SafetyFace,
    serve_bin,
    serve_carton_station,
    serve_press,
    serve_printer,
    serve_tester,
    serve_turner,
)
from microcell.ros.hardware_tooling import (
    GripperFace,
    ScrewdriverFace,
    ToolChangerFace,
    VacuumFace,
    serve_dispenser,
    serve_tool_crib,
    serve_welder,
)
from microcell.ros.runtime import RosRuntime

KEEP_HZ = 20.0
"""So often the bench is kept while something moves by itself; besides, after every command, before its answer."""

CLOCK_HZ = 50.0
"""Messages on /clock in a second of real time; those who listen run on between them."""

SHOWN: tuple[tuple[type[Device], str, Callable[[Face, Any, Any], object]], ...] = (
    (Arm, names.ARM_CONTROLLER, ArmFace),
    (ForceSensor, names.ARM_CONTROLLER, ForceSensorFace),
    (Gripper, names.TOOLING, GripperFace),
    (Vacuum, names.TOOLING, VacuumFace),
    (Screwdriver, names.TOOLING, ScrewdriverFace),
    (Dispenser, names.TOOLING, serve_dispenser),
    (Welder, names.TOOLING, serve_welder),
    (ToolChanger, names.TOOLING, ToolChangerFace),
    (ToolCrib, names.TOOLING, serve_tool_crib),
    (Feeder, names.STATIONS, FeederFace),
    (Fixture, names.STATIONS, FixtureFace),
    (CartonStation, names.STATIONS, serve_carton_station),
    (Printer, names.STATIONS, serve_printer),
    (Bin, names.STATIONS, serve_bin),
    (Press, names.STATIONS, serve_press),
    (Turner, names.STATIONS, serve_turner),
    (Tester, names.STATIONS, serve_tester),
    (Safety, names.STATIONS, SafetyFace),
    (Camera, names.CAMERAS, CameraFace),
)  # fmt: skip
"""Kind of device, the node that shows it, and what shows it."""


CHANGING = (
    "follow", "close", "open", "on", "off", "drive", "loosen", "clamp", "release", "lock", "unlock", "present", "refill",
    "print_label", "exchange", "press", "turn", "weld", "set_up",
)  # fmt: skip
"""Commands that change something on the bench."""


class MockHardware:
    """All hardware of a line, simulated. With a `plant_state` it goes on with the bench that this file tells of, if there
    is one, and keeps it there.

    Nodes: arm_controller, tooling, stations, cameras; what each offers is said at the faces (`hardware_*.py`).
    Services: hardware/schedule_fault, hardware/list_faults (microcell_interfaces/ScheduleFault, ListFaults);
              `<safety>/emergency_stop/<button>/press` and `<safety>/protective_stop/<arm>/press` (std_srvs/SetBool).
    Topic:    /clock (rosgraph_msgs/Clock) when cell time does not run as fast as real time.
    """

    def __init__(
        self,
        runtime: RosRuntime,
        node: Node,
        line: Line,
        seed: int = 0,
        time_scale: float = 1.0,
        strike: Strike | None = None,
        plant_state: Path | None = None,
    ) -> None:
        self.clock = ScaledClock(time_scale)
        self.plant = Plant(line, seed, self.clock)
        self._bench = PlantFile(self.plant, plant_state) if plant_state is not None else None
        self._rendering = ThreadPoolExecutor(1, "rendering")
        work = partial(runtime.loop.run_in_executor, self._rendering)
        self.devices = make_devices(DeviceHost(line, self.clock, plant=self.plant, work=work), "virtual")
        self._runtime = runtime
        self._line = line
        self._strike = strike
        self._own = Face(runtime, node, self.clock)
        self._faces: dict[str, Face] = {}

    async def open(self) -> None:
        """Connect the devices and show them."""
        if self._bench is not None and self._bench.load():
            self._own.node.get_logger().info("the bench is as it was left")
        for device in self.devices.values():
            await device.connect()
            if isinstance(device, Camera):  # the first image takes longest: now nobody waits for it
                await device.capture(0.0)
        specs = device_specs(self._line)
        shown: dict[str, Any] = {}
        for name, device in self.devices.items():
            node, show = next((node, show) for kind, node, show in SHOWN if isinstance(device, kind))
            shown[name] = show(self._face(node), device, specs[name])
        for name, spec in self._line.cell_description.of_kind("arm").items():
            shown[spec.force_sensor].reflex = partial(self._halt, name, shown[name])
        for name, spec in self._line.cell_description.of_kind("safety").items():
            shown[name].show_arms(self._line.cell_description.of_kind("arm"))
            self._serve_presses(name, spec)
        self._faults = FaultsFace(self._own, self.plant, self._strike)
        if self._bench is not None:
            self._keep(self._bench)
        if self.clock.scale != 1.0:
            self._clocks = self._own.publisher(Clock, names.CLOCK, qos.CLOCK)
            self._own.regularly(CLOCK_HZ / min(1.0, self.clock.scale), self._tick)

    async def _halt(self, arm: str, face: ArmFace, at_s: float) -> None:
        """What an arm's own controller does on contact, at that instant however late this process comes to it."""
        self.plant.halt(arm, at_s)
        await face.halt()

    async def close(self) -> None:
        """Stop publishing and disconnect the devices."""
        for face in (self._own, *self._faces.values()):
            await face.close()
        for device in self.devices.values():
            await device.disconnect()
        self._rendering.shutdown(wait=False, cancel_futures=True)

    def _keep(self, bench: PlantFile) -> None:
        """Write the bench after every command that changes it, before that is answered, and now and then meanwhile."""

        async def regularly() -> None:
            bench.save()

        for device in self.devices.values():
            for name in CHANGING:
                if hasattr(device, name):
                    setattr(device, name, _kept(getattr(device, name), bench))
        self._own.regularly(KEEP_HZ / min(1.0, self.clock.scale), regularly)

    def _face(self, name: str) -> Face:
        if name not in self._faces:
            node = self._runtime.create_node(name, start_parameter_services=False, parameter_overrides=own_time())
            self._faces[name] = Face(self._runtime, node, self.clock)
        return self._faces[name]

    def _serve_presses(self, safety: str, spec: SafetySpec) -> None:
        """Let somebody press the buttons, and trip the arms."""
        circuit = self.plant.safety
        for button in spec.buttons:
            topic = names.press(names.emergency_stop(safety, button))
            self._own.switch(topic, _call(circuit.press, button), _call(circuit.release, button))
        for arm in self._line.cell_description.of_kind("arm"):
            topic = names.press(names.protective_stop(safety, arm))
            self._own.switch(topic, _call(circuit.trip, arm), _call(circuit.restore, arm))

    async def _tick(self) -> None:
        self._clocks.publish(Clock(clock=self._own.now()))


def _call(act: Callable[[str], None], name: str) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        act(name)

    return call


def _kept(command: Callable[..., Awaitable[Any]], bench: PlantFile) -> Callable[..., Awaitable[Any]]:
    @wraps(command)
    async def run(*arguments: Any, **options: Any) -> Any:
        try:
            return await command(*arguments, **options)
        finally:
            bench.save()

    return run
