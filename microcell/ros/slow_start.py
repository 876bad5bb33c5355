"""Work of a start that takes long, beside the loop: this process goes on to say that it lives, and asks for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from microcell.ros.notify import notify

T = TypeVar("T")

MORE_S = 60.0
"""So much more time the start may take, each time that it asks."""


async def beside_the_loop(work: Callable[[], T], status: str) -> T:
    """What `work` returns, from a thread of its own; `status` says what it is.

    Cancelled, it waits until the work has ended: nobody may close a file under it.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        while not (await asyncio.wait({working}, timeout=MORE_S / 4.0))[0]:
            notify(f"EXTEND_TIMEOUT_USEC={MORE_S * 1e6:.0f}", f"STATUS={status}")
    except asyncio.CancelledError:
        await asyncio.wait({working})
        working.exception()
        raise
    return working.result()
