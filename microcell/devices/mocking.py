"""What all mock drivers share: they act on the plant, take a real device's time, and fail on order."""

from __future__ import annotations

from typing import Any

from microcell.devices.contract import Device, DeviceStatus
from microcell.devices.factory import DeviceHost
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.plant.bench import ToolTruth
from microcell.plant.plant import Plant
from microcell.plant.signals import sleep_unless

DRIVING = frozenset({
    "follow", "close", "open", "on", "off", "drive", "loosen", "clamp", "release", "present", "exchange", "print_label",
    "lock", "unlock",
})  # fmt: skip
"""Commands that drive something, which an emergency stop forbids; sensors answer all the same."""


class MockDevice(Device):
    """A device in the plant. Any of its commands can be made to fail with `plant.injections`."""

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        self.name = name
        self.spec = spec
        self.clock = host.clock
        self._plant = host.plant
        self._connected = False

    @property
    def plant(self) -> Plant:
        """The plant that the device is in; `UsageError` when the host has none."""
        if self._plant is None:
            raise UsageError(f"mock device '{self.name}' needs a plant; this host has none")
        return self._plant

    async def connect(self) -> None:
        self._injected("connect")
        self._connected = True

    async def disconnect(self) -> None:
        self._connected = False

    async def status(self) -> DeviceStatus:
        return DeviceStatus(self._connected, self._connected, "simulated")

    def _begin(self, command: str) -> None:
        """To be called first by every command: raises DEVICE_SILENT before `connect`, injected faults, EMERGENCY_STOP."""
        if not self._connected:
            raise FaultError("DEVICE_SILENT", self.name, "not connected")
        if command in DRIVING:
            self.plant.safety.check(self.name, self.name)
        self._injected(command)

    async def _takes(self, duration_s: float) -> None:
        """Drive for so long; EMERGENCY_STOP as soon as one is pressed."""
        end_s = self.clock.now() + duration_s
        while await sleep_unless(self.clock, end_s - self.clock.now(), self.plant.safety.changed.next()):
            self.plant.safety.check(self.name, self.name)

    def _injected(self, command: str) -> None:
        code = self.plant.injections.due(self.name, command, self.clock.now())
        if code is not None:
            raise FaultError(code, self.name, f"injected at '{command}'")

    def _refuse(self, detail: str) -> FaultError:
        return FaultError("DEVICE_REFUSED", self.name, detail)


class MockTool(MockDevice):
    """A tool of the arm: silent while it is not on a flange, because it gets its power there."""

    @property
    def tool(self) -> ToolTruth:
        return self.plant.tool(self.name)

    async def status(self) -> DeviceStatus:
        arm = self.tool.arm
        return DeviceStatus(
            self._connected, self._connected and arm is not None, f"on {arm}" if arm else "not on an arm"
        )

    def _begin(self, command: str) -> None:
        super()._begin(command)
        if self.tool.arm is None:
            raise FaultError("DEVICE_SILENT", self.name, "the tool is not on an arm")
