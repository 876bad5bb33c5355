"""Wake those who wait for a change, without polling."""

from __future__ import annotations

import asyncio

from microcell.clock import Clock


class Signal:
    """Something that changes now and then."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def next(self) -> asyncio.Future[None]:
        """A future that is done at the next change."""
        self._waiting = [future for future in self._waiting if not future.done()]
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def notify(self) -> None:
        """Tell everybody who waits."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


async def sleep_unless(clock: Clock, duration_s: float, change: asyncio.Future[None]) -> bool:
    """Sleep on the clock; True when the change came first."""
    try:
        return await clock.wait(change, duration_s)
    finally:
        change.cancel()
