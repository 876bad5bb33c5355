"""Brings a set of managed nodes up in order, and down in reverse."""

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

Say = Callable[[str], None]


class Fleet:
    """The managed nodes that a cell needs."""

    def __init__(self, runtime: RosRuntime, node: Node, names: Iterable[str]) -> None:
        self._runtime = runtime
        self._members = [LifecycleClient(runtime, node, name) for name in names]

    async def bring_up(self, say: Say) -> None:
        """Activate every node, waiting for each as long as it takes; `say` is told what is waited for.

        One that is active already worked for an earlier orchestrator: it is taken down first, so that nothing of that
        time still runs or is remembered.
        """
        for member in self._members:
            say(f"waiting for {member.name}")
            while not member.is_there():
                await asyncio.sleep(0.05)
            while not await self._activated(member):
                say(f"{member.name} cannot be activated, its log says why; trying again")
                await asyncio.sleep(AGAIN_S)

    async def take_down(self) -> None:
        """Deactivate in reverse order; a node that is gone or does not answer is left alone."""
        for member in reversed(self._members):
            try:
                if member.is_there() and await member.state(ANSWER_S) == ACTIVE:
                    await member.change("deactivate", TRANSITION_S)
            except asyncio.TimeoutError:
                continue

    async def _activated(self, member: LifecycleClient) -> bool:
        steps = {ACTIVE: ("deactivate", "cleanup"), INACTIVE: ("cleanup",), UNCONFIGURED: ()}
        try:
            for label in (*steps.get(await member.state(ANSWER_S), ()), "configure", "activate"):
                if not await member.change(label, TRANSITION_S):
                    return False
        except asyncio.TimeoutError:
            return False
        return True
