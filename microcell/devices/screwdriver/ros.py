"""Screwdriver over ROS: services `<name>/drive` (microcell_interfaces/DriveScrew), `<name>/stop` and `<name>/read`."""

from __future__ import annotations

from std_srvs.srv import Trigger

from microcell.devices.screwdriver.contract import Drive, Screwdriver
from microcell.faults import FaultError
from microcell.ros import names
from microcell.ros.driver import RosDevice
from microcell_interfaces.srv import DriveScrew


class RosScrewdriver(RosDevice, Screwdriver):
    """A drive is one call that answers with its curve; cancelled, it is stopped by the other service."""

    def _open(self) -> None:
        self._drive = self._client(DriveScrew, names.drive(self.name))
        self._stop = self._client(Trigger, names.stop(self.name))
        self._sensors = self._client(Trigger, names.read(self.name))

    async def drive(self, torque_n_m: float, angle_limit_rad: float, speed_rad_s: float) -> Drive:
        return await self._turn(
            DriveScrew.Request(torque=torque_n_m, angle=angle_limit_rad, speed=speed_rad_s), angle_limit_rad, speed_rad_s
        )

    async def loosen(self, angle_rad: float, speed_rad_s: float) -> Drive:
        return await self._turn(DriveScrew.Request(loosen=True, angle=angle_rad, speed=speed_rad_s), angle_rad, speed_rad_s)

    async def has_screw(self) -> bool:
        return self._read(bool, await self._ask(self._sensors))

    async def stop(self) -> None:
        if self._connected:
            await self._ask(self._stop)

    async def _turn(self, request: DriveScrew.Request, angle_rad: float, speed_rad_s: float) -> Drive:
        expected_s = angle_rad / speed_rad_s if speed_rad_s > 0.0 else 0.0
        answer = await self._call(self._drive, request, expected_s, stop=self._stop)
        self._raise_fault(answer.fault)
        if len(answer.curve_angles) != len(answer.curve_torques):
            raise FaultError("DEVICE_MALFORMED", self.name, "its curve has not one torque for each angle")
        curve = tuple(zip(answer.curve_angles, answer.curve_torques, strict=True))
        return Drive(answer.torque, answer.angle, answer.reached, curve)


PLUGIN = RosScrewdriver
