"""Wait for a device's answer, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

from microcell.clock import Clock

T = TypeVar("T")


class TooLateError(Exception):
    """The answer did not come in time."""


async def within(clock: Clock, limit_s: float, command: Coroutine[Any, Any, T]) -> T:
    """The answer of a command, or `TooLateError` after so much cell time; the command is cancelled then.

    A command that answers at once, as most do, costs neither a task nor a timer: it is only run on in a task of its own
    from the place on where it first waits for something.
    """
    try:
        waits_for = command.send(None)
    except StopIteration as answered:
        return answered.value
    task = asyncio.ensure_future(_rest_of(command, waits_for))
    try:
        if await clock.wait(task, limit_s):
            return task.result()
    except asyncio.CancelledError:
        await _end(task)
        raise
    await _end(task)
    raise TooLateError


async def _end(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _rest_of(command: Coroutine[Any, Any, T], waits_for: Any) -> T:
    return await _go_on(command, waits_for)


@coroutine
def _go_on(command: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """What `await` does, from the first wait on."""
    try:
        while True:
            try:
                sent = yield waits_for
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it belongs to the command
                waits_for = command.throw(error)
            else:
                waits_for = command.send(sent)
    except StopIteration as answered:
        return answered.value
