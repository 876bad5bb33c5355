"""Tools that several arms can fetch: an idle arm docks the one that another waits for and that it cannot use for it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from microcell.orchestration.dispatch import Dispatcher
from microcell.orchestration.resources import Docking
from microcell.orchestration.shop import Shop
from microcell.orchestration.tooling import Tooling, Work, ended, fault_of
from microcell.skills.contract import Outcome


class Sharing:
    """Carries out the dockings that the dispatcher decides. In a cell whose arms share no tools it does nothing."""

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

    async def _dock(self, docking: Docking) -> None:
        try:
            await self._until_docked(docking)
        finally:
            self._shop.resources.release(docking.devices())

    async def _until_docked(self, docking: Docking) -> None:
        """Dock the tool; what a failure left on the flange is settled, and a person is asked as often as it fails."""
        arm, resources, tried = docking.arm, {"arm": docking.arm, "tool_crib": docking.crib}, 0
        operation = f"dock_{arm}"
        while self._shop.resources.mounted.get(arm) == docking.tool:
            self._tooling.unsettled.add(arm)  # until it has ended well
            result = await ended(self._work.goal("", "", operation, "dock_tool", {}, resources))
            fault = None if result.outcome is Outcome.SUCCEEDED else fault_of(result)
            fault = fault or await self._work.insist(lambda: self._tooling.not_as_told(arm, ""))
            if fault is None:
                self._tooling.unsettled.discard(arm)
                self._shop.resources.stands_in(arm, docking.zones)
                return
            action = await self._tooling.recovered(operation, fault, tried)
            tried = 0 if action == "hold" else tried + 1
            await self._tooling.settle(arm, resources)
