"""What the cell demands of every answer of a device: in time, in its contract's form, possible, and not old.

A guard has its device's contract and stands between it and whoever gives it commands, in every world. In ROS the drivers
wait themselves, with limits of real time (`ros/guards.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from microcell.clock import Clock
from microcell.devices.arm.contract import Arm
from microcell.devices.bin.contract import Bin
from microcell.devices.camera.contract import Camera
from microcell.devices.carton_station.contract import CartonStation
from microcell.devices.contract import Device, DeviceStatus
from microcell.devices.dispenser.contract import Dispenser
from microcell.devices.feeder.contract import Feeder
from microcell.devices.fixture.contract import Fixture
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.devices.gripper.contract import Gripper
from microcell.devices.patience import TooLateError, within
from microcell.devices.plausible import Judge, Terms, judge_of
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
from microcell.faults import FaultError

ANSWER_S = 5.0
"""How long a device may take to answer, besides the time that its command takes."""
SLOWER_RATIO = 1.5
"""How much longer than it should a command may take."""
STEP_S = 0.5
"""More than this between cell time and steady time is a step of the clock."""
SLEW_RATIO = 0.001
"""So much faster or slower than steady time a clock runs that is being corrected and not set."""

CONTRACTS: tuple[type[Device], ...] = (
    Arm, Bin, Camera, CartonStation, Dispenser, Feeder, Fixture, ForceSensor, Gripper, Press, Printer, Safety, Screwdriver,
    Tester, ToolChanger, ToolCrib, Turner, Vacuum, Welder,
)  # fmt: skip
_LIFE = ("connect", "disconnect", "status", "stop")

Lasts = Callable[[Any, tuple[Any, ...]], float]
"""How long a command should take, s, from the device's description and the command's arguments."""

LASTS: dict[tuple[type[Device], str], Lasts | None] = {
    (Arm, "follow"): lambda spec, args: args[0].duration_s,
    (ForceSensor, "wait_pressing"): None,
    (Feeder, "wait_level"): None,
    (Safety, "wait_change"): None,
    (Feeder, "present"): lambda spec, args: spec.index_s,
    (Gripper, "open"): lambda spec, args: spec.stroke_m / spec.speed_m_s,
    (Gripper, "close"): lambda spec, args: spec.stroke_m / spec.speed_m_s,
    (Vacuum, "on"): lambda spec, args: spec.settle_s,
    (Vacuum, "off"): lambda spec, args: spec.settle_s,
    (Screwdriver, "drive"): lambda spec, args: args[1] / args[2] if args[2] > 0.0 else 0.0,
    (Screwdriver, "loosen"): lambda spec, args: args[0] / args[1] if args[1] > 0.0 else 0.0,
    (Dispenser, "open"): lambda spec, args: spec.open_s,
    (Dispenser, "close"): lambda spec, args: spec.open_s,
    (Welder, "weld"): lambda spec, args: spec.weld_s,
    (Press, "press"): lambda spec, args: _press_s(spec, args[0]),
    (Turner, "turn"): lambda spec, args: spec.turn_s,
    (Tester, "measure"): lambda spec, args: spec.measure_s,
    (ToolChanger, "lock"): lambda spec, args: spec.lock_s,
    (ToolChanger, "unlock"): lambda spec, args: spec.lock_s,
    (Fixture, "clamp"): lambda spec, args: spec.clamp_s,
    (Fixture, "release"): lambda spec, args: spec.clamp_s,
    (Printer, "print_label"): lambda spec, args: spec.print_s,
    (CartonStation, "exchange"): lambda spec, args: spec.exchange_s,
    (Camera, "capture"): lambda spec, args: args[0],
    (Camera, "measure"): lambda spec, args: args[1],
    (Camera, "locate"): lambda spec, args: args[1],
}
"""Commands that take their time; None: may take for ever. All others answer at once."""


def _press_s(spec: Any, program: str) -> float:
    """Time for a stroke of a press, s, with what its program holds."""
    hold_s: float = spec.programs[program].hold_s if program in spec.programs else 0.0
    return hold_s + 2.0 * spec.stroke_m / spec.speed_m_s


@dataclass(frozen=True)
class World:
    """What guards go by that differs between worlds.

    `patience`: the guard bounds how long an answer may take, for the driver does not. `steady`: cell time runs along with
    time that nobody can set. `terms`: by what answers are judged.
    """

    patience: bool = True
    steady: bool = True
    terms: Terms = Terms()  # noqa: RUF009 - it is frozen


class SteadyTime:
    """Notices when the cell's clock is set: it no longer runs along with time that nobody can set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked_s = asyncio.get_running_loop().time()
        self._ahead_s = clock.now() - self._looked_s

    def check(self) -> None:
        """CLOCK_JUMPED, once for each step of the clock."""
        now_s = asyncio.get_running_loop().time()
        step_s = self._clock.now() - now_s - self._ahead_s
        slew_s = SLEW_RATIO * (now_s - self._looked_s)
        self._looked_s = now_s
        jumped = abs(step_s) > STEP_S + slew_s
        self._ahead_s += step_s if jumped else max(-slew_s, min(slew_s, step_s))
        if jumped:
            raise FaultError("CLOCK_JUMPED", "clock", f"cell time was set by {step_s:+.1f} s")


def guarded(devices: Mapping[str, Device], clock: Clock, world: World = World()) -> dict[str, Device]:
    """Each device behind its guard, by the same names."""
    steady = SteadyTime(clock) if world.steady else None
    return {name: guard_of(_contract(device))(device, clock, steady, world) for name, device in devices.items()}


class Guard(Device):
    """A device of some contract; whatever else it has can be reached as well."""

    def __init__(self, device: Device, clock: Clock, steady: SteadyTime | None, world: World) -> None:
        self.name = device.name
        self.device = device
        self._clock = clock
        self._steady = steady
        self._patience = world.patience
        self._judge: Judge = judge_of(_contract(device))(device, world.terms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)

    async def connect(self) -> None:
        await self._told("connect", self.device.connect())

    async def disconnect(self) -> None:
        await self._told("disconnect", self.device.disconnect())

    async def stop(self) -> None:
        await self._told("stop", self.device.stop())

    async def set_up(self, product: str) -> None:
        await self._answer("set_up", lambda spec, args: 0.0, (product,))

    async def status(self) -> DeviceStatus:
        return await self.device.status()

    async def ask(self, command: str, form: Any, lasts: Lasts | None, arguments: tuple[Any, ...]) -> Any:
        """The answer to a command; DEVICE_SILENT, DEVICE_FAILED, DEVICE_MALFORMED, and what the judge says."""
        if self._steady is not None and lasts is not None:
            self._steady.check()
        self._judge.begins(command)
        answer = await self._answer(command, lasts, arguments)
        if not _has_form(answer, form):
            raise FaultError("DEVICE_MALFORMED", self.name, f"to '{command}' it answered {answer!r:.80}")
        self._judge.answered(command, answer, arguments, self._clock.now())
        return answer

    async def _answer(self, command: str, lasts: Lasts | None, arguments: tuple[Any, ...]) -> Any:
        asked = getattr(self.device, command)(*arguments)
        try:
            if lasts is None or not self._patience:
                return await asked
            limit_s = ANSWER_S + SLOWER_RATIO * lasts(getattr(self.device, "spec", None), arguments)
            return await within(self._clock, limit_s, asked)
        except FaultError:
            raise
        except TooLateError:
            raise FaultError("DEVICE_SILENT", self.name, f"'{command}' was not answered within {limit_s:.1f} s") from None
        except Exception as error:  # the edge of foreign code: any mistake in a driver becomes a fault
            raise self._failed(command, error) from error

    async def _told(self, command: str, doing: Awaitable[None]) -> None:
        try:
            await doing
        except FaultError:
            raise
        except Exception as error:  # as above: a driver may not find its machine, and say so in its own way
            raise self._failed(command, error) from error

    def _failed(self, command: str, error: Exception) -> FaultError:
        return FaultError("DEVICE_FAILED", self.name, f"'{command}': {type(error).__name__}: {error}")


@cache
def guard_of(contract: type[Device]) -> type[Guard]:
    """The guard with a contract's commands."""
    names = sorted(set(contract.__abstractmethods__) - set(_LIFE))
    commands = {name: _guarded_command(contract, name) for name in names}
    return type(f"Guarded{contract.__name__}", (Guard, contract), commands)


def _guarded_command(contract: type[Device], name: str) -> Any:
    form = get_type_hints(getattr(contract, name))["return"]
    lasts = LASTS.get((contract, name), lambda spec, args: 0.0)

    async def command(guard: Guard, *arguments: Any) -> Any:
        return await guard.ask(name, form, lasts, arguments)

    return command


def _contract(device: Device) -> type[Device]:
    return next(contract for contract in CONTRACTS if isinstance(device, contract))


def _has_form(answer: Any, form: Any) -> bool:
    """Whether an answer is of the type that the contract says; of a sequence, whether it is one."""
    if form is type(None) or form is None:
        return True
    origin = get_origin(form)
    if origin is tuple:
        parts = get_args(form)
        return isinstance(answer, tuple) and len(answer) == len(parts) and all(map(_has_form, answer, parts))
    if origin is not None:
        return isinstance(answer, Sequence) and not isinstance(answer, str)
    return isinstance(answer, form)
