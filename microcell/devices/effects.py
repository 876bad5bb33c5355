"""What injected faults do to a mock device's commands: those that can happen to any device, and where the others are.

An effect stands in for a command. It may let the command run, before or after something that it does to the plant; that way
the part really slips and the image is really dark. Where the plant has no physics for it, the answer is changed.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from microcell.faults import FaultError
from microcell.plant.injection import Happening

if TYPE_CHECKING:
    from microcell.devices.mocking import MockDevice
    from microcell.plant.plant import Plant


@dataclass(frozen=True)
class Call:
    """A command to which a fault happens."""

    device: MockDevice
    command: str
    method: Callable[..., Awaitable[Any]]
    arguments: tuple[Any, ...]
    happening: Happening

    @property
    def plant(self) -> Plant:
        return self.device.plant

    @property
    def size(self) -> float:
        """Size of the fault, in the catalogue's unit."""
        return self.happening.size

    @property
    def before(self) -> Any:
        """What the device answered to this command the last time; None where it is not known."""
        return self.device.answers.get(self.command)

    async def run(self, *arguments: Any) -> Any:
        """Carry the command out, with its own arguments or with others."""
        return await self.method(*(arguments or self.arguments))

    async def sleep(self, duration_s: float) -> None:
        """Let cell time pass."""
        await self.device.clock.sleep(duration_s)

    async def not_after_all(self) -> Any:
        """Nothing is there that the fault could happen to: the command runs, and the fault waits for the next one."""
        self.plant.injections.not_after_all(self.happening)
        return await self.run()

    def fault(self, code: str, detail: str) -> FaultError:
        """What the device's own controller tells of the fault."""
        return FaultError(code, self.device.name, detail)


SILENT_S = 120.0

Effect = Callable[[Call], Awaitable[Any]]


async def happen(call: Call) -> Any:
    """Let a fault happen to a command; the command's answer."""
    return await effects()[call.happening.fault](call)


def effects() -> dict[str, Effect]:
    """Every effect on a device, by the id of its fault."""
    from microcell.devices import effects_process, effects_stations, effects_tools

    return {**GENERAL, **effects_tools.EFFECTS, **effects_stations.EFFECTS, **effects_process.EFFECTS}


async def silence(call: Call) -> Any:
    """Never answer; after a time that nobody waits for, the device is there again for what comes next."""
    await call.sleep(SILENT_S)
    raise call.fault("DEVICE_SILENT", f"it did not answer '{call.command}'")


async def late(call: Call) -> Any:
    await call.sleep(call.size)
    return await call.run()


async def disconnected(call: Call) -> Any:
    await call.device.disconnect()
    call.plant.injections.leaves(call.device.connect)
    raise call.fault("DEVICE_SILENT", "the connection is gone")


async def stale(call: Call) -> Any:
    answer = await call.run()
    return replace(answer, time_s=answer.time_s - call.size)


async def out_of_order(call: Call) -> Any:
    if call.before is None:
        return await call.not_after_all()
    answer = await call.run()
    return replace(answer, time_s=call.before.time_s - call.size)


async def duplicate(call: Call) -> Any:
    await call.run()
    return await call.run()


async def malformed(call: Call) -> Any:
    await call.run()
    return "\ufffd\ufffd#"


async def not_a_number(call: Call) -> Any:
    """The first number of the answer, or of its first vector, is lost."""
    answer = await call.run()
    for entry in fields(answer) if is_dataclass(answer) else ():
        value = getattr(answer, entry.name)
        if isinstance(value, float):
            return replace(answer, **{entry.name: math.nan})
        if isinstance(value, tuple) and value and isinstance(value[0], float):
            return replace(answer, **{entry.name: (math.nan, *value[1:])})
    return answer


async def driver_crash(call: Call) -> Any:
    raise RuntimeError(f"injected at '{call.command}'")


GENERAL: dict[str, Effect] = {
    "device.silence": silence,
    "device.late": late,
    "device.slow": late,
    "device.disconnected": disconnected,
    "device.stale": stale,
    "device.out_of_order": out_of_order,
    "device.duplicate": duplicate,
    "device.malformed": malformed,
    "device.not_a_number": not_a_number,
    "device.driver_crash": driver_crash,
}
