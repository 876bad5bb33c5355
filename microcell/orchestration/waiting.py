"""Who waits in a running cell, and for what: chains at their safe points, and everybody who waits for a look at the cell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Waiting:
    """Counts those who wait. `parked` are chains at a safe point: of them `asked` wait for a person's answer, and `eager`
    for the cell to go on.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.parked = self.asked = self.eager = 0
        self._wake = wake
        self._looked = asyncio.Event()

    async def park(self, waiting: Awaitable[T]) -> T:
        """Wait at a safe point: for Holding, Stopping and Aborting, this chain has come to rest."""
        self.parked += 1
        self._wake()
        try:
            return await waiting
        finally:
            self.parked -= 1

    async def answer(self, waiting: Awaitable[T]) -> T:
        """Wait for an answer at a safe point."""
        self.asked += 1
        try:
            return await self.park(waiting)
        finally:
            self.asked -= 1

    async def go_on(self, goes_on: Callable[[], bool]) -> None:
        """Wait at a safe point until the cell goes on."""
        self.eager += 1
        try:
            await self.park(self.until(goes_on))
        finally:
            self.eager -= 1

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds when the cell was looked at."""
        while not condition():
            await self._looked.wait()

    def looked(self) -> None:
        """The cell was looked at: who waits for something looks whether it has come."""
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()
