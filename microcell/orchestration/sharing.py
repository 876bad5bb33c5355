"""Docks tools for others: an idle arm's for the arm that waits for it, and one whose successor is in another crib."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from microcell.orchestration.binding import Docking
from microcell.orchestration.dispatch import Dispatcher, Job
from microcell.orchestration.recovery import Tries
from microcell.orchestration.shop import Shop
from microcell.orchestration.tooling import Tooling, Work, ended, fault_of
from microcell.skills.contract import Outcome


class Sharing:
    """Docks tools. In a cell with one crib for each arm it does nothing: there `change_tool` does it on its way."""

    def __init__(self, shop: Shop, work: Work, tooling: Tooling) -> None:
        self._shop = shop
        self._work = work
        self._tooling = tooling

    def due(self, dispatcher: Dispatcher) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What is to be run now, with names: the next docking, whose arm, crib and zones are leased for it."""
        docking = dispatcher.next_docking()
        if docking is None:
            return []
        holder = f"{docking.arm}/free_{docking.tool}"
        self._shop.resources.take(docking.devices(), holder)
        self._shop.resources.enters(docking.arm, docking.zones)
        return [(holder, self._dock(docking))]

    async def put_away_first(self, job: Job) -> None:
        """Dock the tool on the arm of a chain that gets one from another crib; all of it was leased for the chain."""
        if job.binding.old_crib:
            await self._until_docked(job.binding.arm, job.binding.old_crib)

    async def _dock(self, docking: Docking) -> None:
        try:
            await self._until_docked(docking.arm, docking.crib)
            self._shop.resources.stands_in(docking.arm, docking.zones)
        finally:
            self._shop.resources.release(docking.devices())

    async def _until_docked(self, arm: str, crib: str) -> None:
        """Dock the tool; what a failure left on the flange is settled, and a person is asked as often as it fails."""
        operation, resources, tries = f"dock_{arm}", {"arm": arm, "tool_crib": crib}, Tries()
        while self._shop.resources.mounted.get(arm):
            self._tooling.unsettled.add(arm)  # until it has ended well
            result = await ended(self._work.goal("", "", operation, "dock_tool", {}, resources))
            fault = None if result.outcome is Outcome.SUCCEEDED else fault_of(result)
            fault = fault or await self._work.insist(lambda: self._tooling.not_as_told(arm, ""))
            if fault is None:
                self._tooling.unsettled.discard(arm)
                return
            await self._tooling.recovered(operation, fault, tries)
            await self._tooling.settle(arm, resources)
