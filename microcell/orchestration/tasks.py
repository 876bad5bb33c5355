"""The pieces of work that run beside a controller, each in a task: they come to rest before the cell does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from microcell.orchestration.waiting import Waiting
from microcell.orchestration.work import UnitWork

T = TypeVar("T")
Ended = Callable[[str, UnitWork | None, BaseException | None], None]
"""Told the name of what ended, its unit, and its error."""


class Tasks:
    """What is at work. A unit counts as running until its work has ended."""

    def __init__(self, waiting: Waiting, ended: Ended) -> None:
        self._waiting = waiting
        self._told = ended
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def moving(self) -> int:
        """Those that are not parked at a safe point."""
        return len(self._tasks) - self._waiting.parked

    def begin(self, work: Coroutine[Any, Any, T], name: str, unit: UnitWork | None = None) -> asyncio.Task[T]:
        """Run some work beside all other."""
        if unit is not None:
            unit.running = True
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, name, unit))
        return task

    async def cancel(self) -> None:
        """Cancel what is left, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any], name: str, unit: UnitWork | None) -> None:
        self._tasks.discard(task)
        if unit is not None:
            unit.running = False
        self._told(name, unit, None if task.cancelled() else task.exception())
