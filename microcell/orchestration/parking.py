"""Keeps arms out of each other's zones: an arm leaves those that its next chain does not need, and waits in none.

And out of the cameras' view, where an operation was interrupted before its arm had left.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, Protocol

from microcell.faults import Fault
from microcell.orchestration.dispatch import Job
from microcell.orchestration.recovery import Tries, again_or_hold
from microcell.orchestration.shop import Shop
from microcell.orchestration.tooling import Tooling, Work, ended, fault_of
from microcell.orchestration.work import UnitWork
from microcell.skills.contract import Outcome


class Cell(Protocol):
    """What parking asks of the controller."""

    async def hold(self, fault: Fault) -> None:
        """Hold the cell because of a fault; returns when a person let it go on."""

    async def pass_through(self, after_s: float = 0.0) -> None:
        """Return after so long, as soon as the cell is in Execute."""

    def freed(self) -> None:
        """Something was given back."""


class Parking:
    """The arms of a cell; in one without zones none is ever parked."""

    def __init__(self, shop: Shop, work: Work, cell: Cell, tooling: Tooling) -> None:
        self._shop = shop
        self._work = work
        self._cell = cell
        self._tooling = tooling
        self._in_view: dict[str, Mapping[str, str]] = {}

    def start(self, in_view: Mapping[str, Mapping[str, str]]) -> None:
        """After a restart: units that wait until an arm has left the cameras' view, with the devices that it worked with."""
        for serial, resources in in_view.items():
            if (unit := self._shop.units.get(serial)) is not None and not unit.running:
                unit.running = True
                self._in_view[serial] = resources

    def due(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What is to be run now, with names: the parking of each idle arm in a zone, which is leased for it."""
        arms = self._shop.resources.in_the_way()
        for arm in arms:
            self._shop.resources.take([arm], f"{arm}/park_{arm}")
        return [*self._leaving_the_view(), *((f"{arm}/park_{arm}", self._park(arm)) for arm in arms)]

    def _leaving_the_view(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        resources = self._shop.resources
        for serial, devices in list(self._in_view.items()):
            arm, unit = devices["arm"], self._shop.units.get(serial)
            if unit is None:
                del self._in_view[serial]
            elif arm in resources.out_of_service:  # whoever mends it moves it
                del self._in_view[serial]
                unit.running = False
            elif arm not in resources.unsettled and all(map(resources.is_free, devices.values())):
                del self._in_view[serial]
                resources.take(devices.values(), f"{arm}/stand_back_{arm}")
                yield f"{arm}/stand_back_{arm}", self._leave_the_view(unit, devices)

    async def _leave_the_view(self, unit: UnitWork, devices: Mapping[str, str]) -> None:
        try:
            await self._stand_back(unit, devices)
        finally:
            self._shop.resources.release(devices.values())
            unit.running = False
            self._cell.freed()

    async def enter(self, job: Job) -> None:
        """Before a chain begins to move: leave the zones that it does not need."""
        arm, zones, resources = job.binding.arm, job.binding.all_zones(), self._shop.resources
        if arm:
            if not resources.zones_of(arm) <= zones:
                await self._leave(arm)
            resources.enters(arm, zones)

    async def _park(self, arm: str) -> None:
        try:
            await self._leave(arm)
        finally:
            self._shop.resources.release([arm])

    async def stand_back(self, job: Job, operation: str) -> None:
        """After an operation whose last way may not have been gone: draw its arm back, so that cameras see its work."""
        resources = job.binding.operations[operation]
        if "arm" in resources:
            await self._stand_back(job.unit, resources)

    async def _stand_back(self, unit: UnitWork, resources: Mapping[str, str]) -> None:
        await self._insist("stand_back", resources, unit.serial, unit.variant)

    async def _leave(self, arm: str) -> None:
        """Draw the arm back until it is in no zone."""
        await self._insist("park", {"arm": arm})
        self._shop.resources.stands_in(arm)
        self._cell.freed()

    async def _insist(self, skill: str, resources: Mapping[str, str], unit: str = "", variant: str = "") -> None:
        """Have a leased arm moved; what fails is tried again, in the end after a person has looked."""
        arm, tries = resources["arm"], Tries()
        operation = f"{skill}_{arm}"
        while True:
            result = await ended(self._work.goal(unit, variant, operation, skill, {}, resources))
            if result.outcome is Outcome.SUCCEEDED:
                return
            fault = fault_of(result)
            self._shop.saw_fault(fault)
            step = again_or_hold(fault.code, tries, self._shop.line.recovery)
            self._shop.decided(unit, operation, fault.code, step.action, str(fault))
            if step.action != "hold":
                await self._cell.pass_through(step.pause_s)
                continue
            await self._cell.hold(fault)
            if fault.code.startswith("TOOL_"):
                await self._tooling.settle_after_hold(arm, self._shop.resources.holders[arm])  # a person may have changed it
