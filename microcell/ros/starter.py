"""Leave with the process that started this one, where that one has asked for it."""

from __future__ import annotations

import asyncio
import os

from microcell.composition.processes import STARTED_BY

LOOK_S = 1.0
PATIENCE_S = 60.0
"""So long may be waited for an orderly end; nobody is left who would press Ctrl-C a second time."""


def is_gone() -> bool:
    """Whether the process named by the environment is this one's parent no more. Without a name nobody is missed: what
    was started by hand outlives its terminal as any program does.
    """
    starter = os.environ.get(STARTED_BY, "")
    return starter.isdigit() and os.getppid() != int(starter)


async def leave_with(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """Ask this process to stop when its starter is gone, and to hurry when that takes long."""
    while not is_gone():
        await asyncio.sleep(LOOK_S)
    stop.set()
    await asyncio.sleep(PATIENCE_S)
    hurry.set()
