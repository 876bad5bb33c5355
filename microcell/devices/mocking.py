"""What all mock drivers share: they act on the plant, take a real device's time, and fail on order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, TypeVar

from microcell.devices.contract import Device, DeviceStatus
from microcell.devices.effects import happen
from microcell.devices.factory import DeviceHost
from microcell.devices.injected import Call
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.plant.bench import ToolTruth
from microcell.plant.plant import Plant
from microcell.plant.signals import sleep_unless

DRIVING = frozenset({
    "follow", "close", "open", "on", "off", "drive", "loosen", "clamp", "release", "present", "exchange", "print_label",
    "lock", "unlock", "press", "turn", "measure", "weld",
})  # fmt: skip
"""Commands that drive something, which an emergency stop forbids; sensors answer all the same."""

Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


def command(method: Method) -> Method:
    """Make a method of a mock device one of its commands: DEVICE_SILENT before `connect`, and open to injected faults."""
    return command_named(method.__name__)(method)


def command_named(name: str) -> Callable[[Method], Method]:
    """The same for a method of another name."""

    def wrap(method: Method) -> Method:
        @wraps(method)
        async def commanded(device: MockDevice, *arguments: Any, **named: Any) -> Any:
            device.check_ready()
            if name in DRIVING:
                device.plant.safety.check(device.name, device.name)
            if device.plant.injections.idle:
                return await method(device, *arguments, **named)
            return await device.carry_out(name, partial(method, device, **named), arguments)

        return commanded  # type: ignore[return-value]

    return wrap


class MockDevice(Device):
    """A device in the plant. Faults of the catalogue happen to its commands as `plant.injections` says.

    `answers` are its last ones by command, kept while faults are to come: some faults repeat them.
    """

    def __init__(self, name: str, spec: Any, host: DeviceHost) -> None:
        self.name = name
        self.spec = spec
        self.clock = host.clock
        self._plant = host.plant
        self._connected = False
        self.answers: dict[str, Any] = {}

    @property
    def kind(self) -> str:
        """Kind of device, as the catalogue of faults has it."""
        return str(self.spec.kind)

    @property
    def plant(self) -> Plant:
        """The plant that the device is in; `UsageError` when the host has none."""
        if self._plant is None:
            raise UsageError(f"mock device '{self.name}' needs a plant; this host has none")
        return self._plant

    async def connect(self) -> None:
        self._check_refusal("connect")
        self._connected = True

    async def disconnect(self) -> None:
        self._connected = False

    async def status(self) -> DeviceStatus:
        return DeviceStatus(self._connected, self._connected, "simulated")

    def check_ready(self) -> None:
        """DEVICE_SILENT while nobody could answer."""
        if not self._connected:
            raise FaultError("DEVICE_SILENT", self.name, "not connected")

    async def _takes(self, duration_s: float) -> None:
        """Drive for so long; EMERGENCY_STOP as soon as one is pressed."""
        end_s = self.clock.now() + duration_s
        while await sleep_unless(self.clock, end_s - self.clock.now(), self.plant.safety.changed.next()):
            self.plant.safety.check(self.name, self.name)

    async def carry_out(self, name: str, method: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> Any:
        """Carry a command out, with the injected fault that is due at it."""
        self._check_refusal(name)
        happening = self.plant.injections.due(self.name, self.kind, name, self.clock.now())
        if happening is None:
            answer = await method(*arguments)
        else:
            answer = await happen(Call(self, name, method, arguments, happening))
        self.answers[name] = answer
        return answer

    def _check_refusal(self, name: str) -> None:
        code = self.plant.injections.refusal(self.name, name, self.clock.now())
        if code is not None:
            raise FaultError(code, self.name, f"injected at '{name}'")

    def _refuse(self, detail: str) -> FaultError:
        return FaultError("DEVICE_REFUSED", self.name, detail)


class MockTool(MockDevice):
    """A tool of the arm: silent while it is not on a flange, because it gets its power there."""

    @property
    def kind(self) -> str:
        return str(self.spec.device)

    @property
    def tool(self) -> ToolTruth:
        return self.plant.tool(self.name)

    async def status(self) -> DeviceStatus:
        arm = self.tool.arm
        return DeviceStatus(self._connected, self._connected and arm is not None, f"on {arm}" if arm else "not on an arm")

    def check_ready(self) -> None:
        super().check_ready()
        if self.tool.arm is None:
            raise FaultError("DEVICE_SILENT", self.name, "the tool is not on an arm")
