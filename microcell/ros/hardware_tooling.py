"""The face of the tools, of the coupling that holds them, and of the rack where they stand."""

from __future__ import annotations

import asyncio

from sensor_msgs.msg import FluidPressure
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Header, String
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg

from microcell.description.cell import ToolChangerSpec, ToolCribSpec
from microcell.description.tool import DispenserTool, GripperTool, ScrewdriverTool, VacuumTool, WelderTool
from microcell.devices.dispenser.contract import Dispenser
from microcell.devices.gripper.contract import Grip, Gripper
from microcell.devices.screwdriver.contract import Drive, Screwdriver
from microcell.devices.tool_changer.contract import Coupling, ToolChanger
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.devices.vacuum.contract import Suction, Vacuum
from microcell.devices.welder.contract import Welder
from microcell.faults import FaultError
from microcell.ros import convert, names, qos
from microcell.ros.hardware_face import Command, Face, FaultTopic
from microcell_interfaces.srv import Dispense, DriveScrew

JOINT_STATE_HZ = 50.0
AMBIENT_PA = 101_325.0


class GripperFace:
    """A gripper as ros2_control shows it.

    Subscribes `<gripper>/joint_trajectory`: the last point counts; with `effort` and both fingers at 0 it closes with that
    force, otherwise it opens to the width. Publishes `<gripper>/joint_states` at 50 Hz while the gripper has power (it is
    on an arm) and at once when a motion begins and ends, and `<gripper>/fault`.
    """

    def __init__(self, face: Face, gripper: Gripper, spec: GripperTool) -> None:
        self._face = face
        self._gripper = gripper
        self._speed_m_s = spec.speed_m_s
        self._names = names.finger_joints(gripper.name)
        self._states = face.publisher(JointStateMsg, names.joint_states(gripper.name), qos.FEEDBACK)
        self._fault = FaultTopic(face, gripper.name)
        self._motion: asyncio.Task[None] | None = None
        self._velocity_m_s = 0.0
        face.listen(JointTrajectoryMsg, names.joint_trajectory(gripper.name), self._on_command)
        face.regularly(JOINT_STATE_HZ, self._publish)

    def _on_command(self, message: JointTrajectoryMsg) -> None:
        previous, self._motion = self._motion, None
        if previous is not None:
            previous.cancel()
        self._motion = self._face.start(self._move(message, previous))

    async def _move(self, message: JointTrajectoryMsg, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.wait((previous,))
        self._fault.clear()
        try:
            await self._command(message)
        except FaultError as error:
            self._fault.show(error.fault)
            return  # the rest is told with the next regular state: nobody shall read it before the fault
        finally:
            self._velocity_m_s = 0.0
        await self._publish()

    async def _command(self, message: JointTrajectoryMsg) -> None:
        if sorted(message.joint_names) != sorted(self._names) or not message.points:
            detail = f"a trajectory for {list(message.joint_names)}; this gripper has {list(self._names)}"
            raise FaultError("DEVICE_REFUSED", self._gripper.name, detail)
        point = message.points[-1]
        width_m, force_n = sum(point.positions), max(point.effort, default=0.0)
        grip = await self._gripper.grip()
        # A motion is seen to begin even where the fingers are there already.
        self._velocity_m_s = self._speed_m_s if width_m > grip.width_m else -self._speed_m_s
        self._send(grip)
        if force_n > 0.0 and width_m <= 0.0:
            await self._gripper.close(force_n)
        else:
            await self._gripper.open(width_m)

    async def _publish(self) -> None:
        try:
            self._send(await self._gripper.grip())
        except FaultError as error:
            if error.fault.code != "DEVICE_SILENT":
                self._fault.show(error.fault)

    def _send(self, grip: Grip) -> None:
        half_m, half_m_s = grip.width_m / 2.0, self._velocity_m_s / 2.0
        self._states.publish(
            convert.joint_state_message(
                self._names, (half_m, half_m), (half_m_s, half_m_s), self._face.now(), (grip.force_n, grip.force_n)
            )
        )


class VacuumFace:
    """A vacuum cup: services `<vacuum>/suction` and `<vacuum>/read`, latched topic `<vacuum>/pressure`."""

    def __init__(self, face: Face, vacuum: Vacuum, spec: VacuumTool) -> None:
        self._face = face
        self._pressures = face.publisher(FluidPressure, names.pressure(vacuum.name), qos.latched())
        face.switch(names.suction(vacuum.name), self._showing(vacuum.on), self._showing(vacuum.off))
        face.trigger(names.read(vacuum.name), self._showing(vacuum.suction))

    def _showing(self, command: Command) -> Command:
        async def run() -> Suction:
            suction: Suction = await command()
            header = Header(stamp=self._face.now())
            absolute_pa = AMBIENT_PA - suction.pressure_pa
            self._pressures.publish(FluidPressure(header=header, fluid_pressure=absolute_pa))
            return suction

        return run


class ScrewdriverFace:
    """A screwdriver: services `<screwdriver>/drive`, `<screwdriver>/stop` and `<screwdriver>/read`."""

    def __init__(self, face: Face, screwdriver: Screwdriver, spec: ScrewdriverTool) -> None:
        self._screwdriver = screwdriver
        self._turning: asyncio.Task[Drive] | None = None
        face.serve(DriveScrew, names.drive(screwdriver.name), self._drive)
        face.trigger(names.stop(screwdriver.name), self._stop)
        face.trigger(names.read(screwdriver.name), screwdriver.has_screw)

    async def _drive(self, request: DriveScrew.Request, response: DriveScrew.Response) -> None:
        name = self._screwdriver.name
        if self._turning is not None:
            raise FaultError("DEVICE_REFUSED", name, "it turns already")
        if request.loosen:
            turn = self._screwdriver.loosen(request.angle, request.speed)
        else:
            turn = self._screwdriver.drive(request.torque, request.angle, request.speed)
        self._turning = asyncio.ensure_future(turn)
        try:
            await asyncio.wait((self._turning,))
            if self._turning.cancelled():
                raise FaultError("DEVICE_REFUSED", name, "it was stopped")
            drive = self._turning.result()
        finally:
            self._turning = None
        response.torque, response.angle, response.reached = drive.torque_n_m, drive.angle_rad, drive.reached
        response.curve_angles = [angle for angle, _ in drive.curve]
        response.curve_torques = [torque for _, torque in drive.curve]

    async def _stop(self) -> None:
        if self._turning is not None:
            self._turning.cancel()
        await self._screwdriver.stop()


def serve_dispenser(face: Face, dispenser: Dispenser, spec: DispenserTool) -> None:
    """A dispenser: services `<dispenser>/dispense` and `<dispenser>/read`."""

    async def dispense(request: Dispense.Request, response: Dispense.Response) -> None:
        said = await (dispenser.open(request.rate) if request.rate > 0.0 else dispenser.close())
        response.mass, response.left = said.mass_kg, said.left_kg

    face.serve(Dispense, names.dispense(dispenser.name), dispense)
    face.trigger(names.read(dispenser.name), dispenser.dispensed)


def serve_welder(face: Face, welder: Welder, spec: WelderTool) -> None:
    """A welding head: service `<welder>/weld`."""
    face.trigger(names.weld(welder.name), welder.weld)


class ToolChangerFace:
    """A tool changer: services `<changer>/lock` and `<changer>/read`, latched topic `<changer>/tool_serial`."""

    def __init__(self, face: Face, changer: ToolChanger, spec: ToolChangerSpec) -> None:
        self._serials = face.publisher(String, names.tool_serial(changer.name), qos.latched())
        face.switch(names.lock(changer.name), self._showing(changer.lock), self._showing(changer.unlock))
        face.trigger(names.read(changer.name), self._showing(changer.coupling))

    def _showing(self, command: Command) -> Command:
        async def run() -> Coupling:
            coupling: Coupling = await command()
            self._serials.publish(String(data=coupling.tool_serial))
            return coupling

        return run


def serve_tool_crib(face: Face, crib: ToolCrib, spec: ToolCribSpec) -> None:
    """A tool crib: service `<crib>/read`."""
    face.trigger(names.read(crib.name), crib.pockets)
