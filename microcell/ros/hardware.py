"""The mock hardware of a line: its simulated plant, and all devices behind their ROS face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from rosgraph_msgs.msg import Clock

from microcell.description.line import Line
from microcell.devices.arm.contract import Arm
from microcell.devices.bin.contract import Bin
from microcell.devices.camera.contract import Camera
from microcell.devices.carton_station.contract import CartonStation
from microcell.devices.contract import Device
from microcell.devices.factory import DeviceHost, device_specs, make_devices
from microcell.devices.feeder.contract import Feeder
from microcell.devices.fixture.contract import Fixture
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.devices.gripper.contract import Gripper
from microcell.devices.printer.contract import Printer
from microcell.devices.screwdriver.contract import Screwdriver
from microcell.devices.tool_changer.contract import ToolChanger
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.devices.vacuum.contract import Vacuum
from microcell.plant.injection import Injection
from microcell.plant.plant import Plant
from microcell.ros import names, qos
from microcell.ros.clock import ScaledClock
from microcell.ros.hardware_arm import ArmFace, ForceSensorFace
from microcell.ros.hardware_cameras import CameraFace
from microcell.ros.hardware_face import Face
from microcell.ros.hardware_stations import FeederFace, FixtureFace, serve_bin, serve_carton_station, serve_printer
from microcell.ros.hardware_tooling import (
    GripperFace,
    ScrewdriverFace,
    ToolChangerFace,
    VacuumFace,
    serve_tool_crib,
)
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.srv import InjectFault

CLOCK_HZ = 50.0
"""Messages on /clock in a second of real time; those who listen run on between them."""

_SHOWN: tuple[tuple[type[Device], str, Callable[[Face, Any, Any, Line], object]], ...] = (
    (Arm, names.ARM_CONTROLLER, lambda face, arm, spec, line: ArmFace(face, arm, len(spec.joints))),
    (ForceSensor, names.ARM_CONTROLLER, lambda face, sensor, spec, line: ForceSensorFace(face, sensor, _frame(line, sensor))),
    (Gripper, names.TOOLING, lambda face, gripper, spec, line: GripperFace(face, gripper, spec.speed_m_s)),
    (Vacuum, names.TOOLING, lambda face, vacuum, spec, line: VacuumFace(face, vacuum)),
    (Screwdriver, names.TOOLING, lambda face, screwdriver, spec, line: ScrewdriverFace(face, screwdriver)),
    (ToolChanger, names.TOOLING, lambda face, changer, spec, line: ToolChangerFace(face, changer)),
    (ToolCrib, names.TOOLING, lambda face, crib, spec, line: serve_tool_crib(face, crib)),
    (Feeder, names.STATIONS, lambda face, feeder, spec, line: FeederFace(face, feeder)),
    (Fixture, names.STATIONS, lambda face, fixture, spec, line: FixtureFace(face, fixture)),
    (CartonStation, names.STATIONS, lambda face, station, spec, line: serve_carton_station(face, station)),
    (Printer, names.STATIONS, lambda face, printer, spec, line: serve_printer(face, printer)),
    (Bin, names.STATIONS, lambda face, bin_, spec, line: serve_bin(face, bin_)),
    (Camera, names.CAMERAS, lambda face, camera, spec, line: CameraFace(face, camera, spec)),
)
"""Kind of device, the node that shows it, and how."""


class MockHardware:
    """All hardware of a line, simulated.

    Nodes: arm_controller, tooling, stations, cameras; what each offers is said at the faces (`hardware_*.py`).
    Service:  hardware/inject_fault (microcell_interfaces/InjectFault).
    Topic:    /clock (rosgraph_msgs/Clock) when cell time does not run as fast as real time.
    """

    def __init__(self, runtime: RosRuntime, line: Line, seed: int = 0, time_scale: float = 1.0) -> None:
        self.clock = ScaledClock(time_scale)
        self.plant = Plant(line, seed, self.clock)
        self.devices = make_devices(DeviceHost(line, self.clock, plant=self.plant), "virtual")
        self._runtime = runtime
        self._line = line
        self._faces: dict[str, Face] = {}

    async def open(self) -> None:
        """Connect the devices and show them."""
        await asyncio.gather(*(device.connect() for device in self.devices.values()))
        await self._runtime.in_executor(self._show)

    async def close(self) -> None:
        """Stop publishing and disconnect the devices."""
        for face in self._faces.values():
            await face.close()
        await asyncio.gather(*(device.disconnect() for device in self.devices.values()))

    def _show(self) -> None:
        own = self._face(names.HARDWARE)
        self._runtime.create_service(own.node, InjectFault, names.INJECT_FAULT, self._inject)
        if self.clock.scale != 1.0:
            self._clocks = own.publisher(Clock, names.CLOCK, qos.CLOCK)
            own.regularly(CLOCK_HZ / self.clock.scale, self._tick)
        specs = device_specs(self._line)
        for name, device in self.devices.items():
            node, show = next((node, show) for kind, node, show in _SHOWN if isinstance(device, kind))
            show(self._face(node), device, specs[name], self._line)

    def _face(self, node: str) -> Face:
        if node not in self._faces:
            self._faces[node] = Face(self._runtime, node, self.clock)
        return self._faces[node]

    async def _tick(self) -> None:
        self._clocks.publish(Clock(clock=self._faces[names.HARDWARE].now()))

    async def _inject(self, request: InjectFault.Request, response: InjectFault.Response) -> InjectFault.Response:
        try:
            if request.device not in self.devices:
                raise ValueError(f"no device '{request.device}'; there are: {', '.join(self.devices)}")
            nth, times = max(1, request.nth), max(1, request.times)
            self.plant.injections.add(Injection(request.device, request.command, request.code, nth, times=times))
            response.accepted = True
        except ValueError as error:
            response.message = str(error)
        return response


def _frame(line: Line, sensor: Device) -> str:
    """The flange that a force sensor is at."""
    arms = line.cell_description.of_kind("arm").items()
    return next((names.flange_frame(name) for name, spec in arms if spec.force_sensor == sensor.name), sensor.name)
