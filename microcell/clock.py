"""Time is handed in: a Clock for the code, and an event loop whose time is virtual for fast, repeatable runs."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Cell time in seconds. Only differences mean something, except where `epoch_s` turns them into dates."""

    @property
    def epoch_s(self) -> float:
        """Unix time of cell time 0."""

    def now(self) -> float:
        """Present cell time, s."""

    async def sleep(self, duration_s: float) -> None:
        """Wait for a duration of cell time; none or a negative one still yields to other tasks."""

    async def wait(self, future: asyncio.Future[Any], duration_s: float) -> bool:
        """Wait until a future is done, but no longer than a duration of cell time; whether it is done then."""


class LoopClock:
    """The running event loop's time as cell time: virtual on a `VirtualTimeLoop`, otherwise real."""

    def __init__(self, epoch_s: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self.epoch_s = time.time() if epoch_s is None else epoch_s

    def now(self) -> float:
        return self._loop.time() - self._start

    def step(self, by_s: float) -> None:
        """Set the clock ahead, or back; who sleeps sleeps on as long as he meant to."""
        self._start -= by_s

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(max(0.0, duration_s))

    async def wait(self, future: asyncio.Future[Any], duration_s: float) -> bool:
        await asyncio.wait((future,), timeout=max(0.0, duration_s))
        return future.done()


class _AdvancingSelector(selectors.DefaultSelector):
    """Where a real selector would wait, time jumps ahead by as much."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.resting: list[asyncio.Future[None]] = []

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout == 0:  # a task can go on at this instant: files (of signals) are looked at when all rest
            return []
        if ready := super().select(0):
            return ready
        if timeout is None:
            self._rest()
            return []
        self.now += timeout
        return []

    def _rest(self) -> None:
        waiting, self.resting = [future for future in self.resting if not future.done()], []
        if not waiting:
            raise DeadlockError("every task waits for another: nothing is left that could happen")
        for future in waiting:
            future.set_result(None)


class DeadlockError(RuntimeError):
    """On virtual time nothing can wake the loop any more."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits: same tasks, same order, same result, in no time.

    Only for code without sockets, threads or subprocesses.
    """

    def __init__(self) -> None:
        self._virtual = _AdvancingSelector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._virtual.now

    def at_rest(self) -> asyncio.Future[None]:
        """Done as soon as every task waits for another, and nothing would happen any more."""
        future: asyncio.Future[None] = self.create_future()
        self._virtual.resting.append(future)
        return future


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on virtual time and return its result; tasks that are left are cancelled."""
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
