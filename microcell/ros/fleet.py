"""Brings a set of managed nodes up in order, watches over them, and brings them down in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from rclpy.node import Node

from microcell.ros.lifecycle import ACTIVE, INACTIVE, UNCONFIGURED, LifecycleClient
from microcell.ros.runtime import RosRuntime

ANSWER_S = 5.0
TRANSITION_S = 60.0
"""A server connects all its devices in one transition."""
AGAIN_S = 1.0
MISSES = 2
"""So often in a row a node may leave the question for its state unanswered before it counts as gone."""

Say = Callable[[str], None]


class Presence:
    """Which servers can be worked with now. `changed` is called when one has gone or is back."""

    def __init__(self, names: Iterable[str], changed: Callable[[frozenset[str]], None]) -> None:
        self._there = {name: asyncio.Event() for name in names}
        self._changed = changed
        self._leaving = asyncio.Event()
        for event in self._there.values():
            event.set()

    @property
    def gone(self) -> frozenset[str]:
        """Servers that are gone."""
        return frozenset(name for name, event in self._there.items() if not event.is_set())

    def set(self, name: str, there: bool) -> None:
        """Take note whether a server is there."""
        if self._there[name].is_set() == there:
            return
        if there:
            self._there[name].set()
        else:
            self._there[name].clear()
        self._changed(self.gone)

    async def until_there(self, name: str, timeout_s: float) -> bool:
        """Wait for the server in real time; whether it is there. Cancelled when all leave and it is gone."""
        there, leaving = (asyncio.ensure_future(event.wait()) for event in (self._there[name], self._leaving))
        try:
            await asyncio.wait((there, leaving), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            leaving.cancel()
        if self._leaving.is_set() and not self._there[name].is_set():
            raise asyncio.CancelledError(f"{name} is gone, and nobody starts it again")
        return self._there[name].is_set()

    def leave(self) -> None:
        """Nothing is started again any more: how the attempts of lost servers ended is asked after the next start."""
        self._leaving.set()


class Fleet:
    """The managed nodes that a cell needs."""

    def __init__(self, runtime: RosRuntime, node: Node, names: Iterable[str]) -> None:
        self._runtime = runtime
        self._members = [LifecycleClient(runtime, node, name) for name in names]

    async def bring_up(self, say: Say) -> None:
        """Activate every node, waiting for each as long as it takes; `say` is told what is waited for.

        One that is active already worked for an earlier orchestrator: it is taken down first, so that nothing of that
        time still runs.
        """
        for member in self._members:
            say(f"waiting for {member.name}")
            while not member.is_there():
                await asyncio.sleep(0.05)
            while not await self._activated(member):
                say(f"{member.name} cannot be activated, its log says why; trying again")
                await asyncio.sleep(AGAIN_S)

    async def watch(self, presence: Presence) -> None:
        """Notice, until cancelled, which nodes are gone, and activate again the ones that were started again."""
        await asyncio.gather(*(self._watch(member, presence) for member in self._members))

    async def take_down(self) -> None:
        """Deactivate in reverse order; a node that is gone or does not answer is left alone."""
        for member in reversed(self._members):
            try:
                if member.is_there() and await member.state(ANSWER_S) == ACTIVE:
                    await member.change("deactivate", TRANSITION_S)
            except asyncio.TimeoutError:
                continue

    async def _watch(self, member: LifecycleClient, presence: Presence) -> None:
        misses = 0
        while True:
            state = await self._state(member)
            misses = misses + 1 if state is None else 0
            if state == ACTIVE:
                presence.set(member.name, True)
            elif state is not None or misses >= MISSES:
                presence.set(member.name, False)
            if state is not None and state != ACTIVE and await self._activated(member):
                presence.set(member.name, True)
            await asyncio.sleep(AGAIN_S)

    async def _state(self, member: LifecycleClient) -> int | None:
        """A node's state; None when it is not there or does not answer."""
        if not member.is_there():
            return None
        try:
            return await member.state(ANSWER_S)
        except asyncio.TimeoutError:
            return None

    async def _activated(self, member: LifecycleClient) -> bool:
        steps = {ACTIVE: ("deactivate", "cleanup"), INACTIVE: ("cleanup",), UNCONFIGURED: ()}
        try:
            for label in (*steps.get(await member.state(ANSWER_S), ()), "configure", "activate"):
                if not await member.change(label, TRANSITION_S):
                    return False
        except asyncio.TimeoutError:
            return False
        return True
