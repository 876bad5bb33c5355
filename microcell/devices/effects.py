"""What injected faults do to a mock device's commands, by the id of the fault.

An effect stands in for a command. It may let the command run, before or after something that it does to the plant; that way
the part really slips and the image is really dark. Where the plant has no physics for it, the answer is changed.
"""

from __future__ import annotations

from typing import Any

from microcell.devices import effects_general, effects_process, effects_stations, effects_tools
from microcell.devices.injected import Call, Effect

EFFECTS: dict[str, Effect] = {
    **effects_general.EFFECTS,
    **effects_tools.EFFECTS,
    **effects_stations.EFFECTS,
    **effects_process.EFFECTS,
}


async def happen(call: Call) -> Any:
    """Let a fault happen to a command; the command's answer."""
    return await EFFECTS[call.happening.fault](call)
