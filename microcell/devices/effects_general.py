"""What injected faults do to the commands of any device."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from typing import Any

from microcell.devices.injected import Call, Effect

SILENT_S = 120.0


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


EFFECTS: dict[str, Effect] = {
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
