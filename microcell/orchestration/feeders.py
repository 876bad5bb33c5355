"""Watches the feeders: what is left in each, and when one has more parts again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from microcell.description.cell import FeederSpec
from microcell.devices.contract import Device
from microcell.devices.feeder.contract import Feeder
from microcell.errors import JournalError
from microcell.faults import FaultError
from microcell.orchestration.shop import Shop

log = logging.getLogger(__name__)
AGAIN_S = 5.0


class FeederWatch:
    """Keeps the shop's levels true. `wake` is called when a feeder has more parts than before, `failed` when that cannot be
    written down.
    """

    def __init__(
        self,
        shop: Shop,
        devices: Mapping[str, Device],
        wake: Callable[[], None],
        failed: Callable[[JournalError], None],
    ) -> None:
        self._shop = shop
        self._wake, self._failed = wake, failed
        feeders = shop.line.cell_description.of_kind("feeder")
        self._capacity = {name: spec.capacity for name, spec in feeders.items() if isinstance(spec, FeederSpec)}
        self._feeders = {name: _feeder(name, devices[name]) for name in shop.lines.set_up if name in feeders}
        self._watchers: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Read every level. One that cannot be read counts as empty, so that work which does not need it can begin."""
        for feeder in self._feeders:
            await self.begin(feeder)

    async def begin(self, feeder: str) -> None:
        """Read a feeder of whose contents nothing is known: the cell has just started, or it was set up with other parts."""
        self._shop.forget_level(feeder)
        try:
            await self.read(feeder)
        except FaultError as error:
            self._shop.raised(error.fault)
            self._watch(feeder, 0)

    async def read(self, feeder: str) -> None:
        """Read a feeder's level, and from then on watch for a refill: orders ask what is there before a feeder is used."""
        level = await self._feeders[feeder].level()
        self._shop.saw_level(feeder, level)
        self._watch(feeder, level + 1)

    async def take_for_empty(self, feeder: str) -> bool:
        """Take a feeder for empty, whatever it counts, until its level has risen; False for a full one: its level cannot."""
        level = await self._feeders[feeder].level()
        if level >= self._capacity[feeder]:
            return False
        self._shop.takes_for_empty(feeder, level)
        self._watch(feeder, level + 1)
        return True

    async def close(self) -> None:
        """Watch no more."""
        watchers = list(self._watchers.values())
        for task in watchers:
            task.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    def _watch(self, feeder: str, minimum: int) -> None:
        """Watch for such a level, and no more for the one that was watched for before."""
        if (before := self._watchers.pop(feeder, None)) is not None:
            before.cancel()
        self._watchers[feeder] = asyncio.get_running_loop().create_task(self._until(feeder, minimum), name=f"watch {feeder}")

    async def _until(self, feeder: str, minimum: int) -> None:
        try:
            while True:
                level = await self._level(feeder, minimum)
                self._shop.saw_level(feeder, level)
                self._wake()
                minimum = level + 1
        except JournalError as error:
            self._failed(error)

    async def _level(self, feeder: str, minimum: int) -> int:
        """The level as soon as it is so high; a feeder that is silent is asked again."""
        while True:
            try:
                return await self._feeders[feeder].wait_level(minimum)
            except FaultError as error:
                log.warning("feeder %s: %s", feeder, error)
                await self._shop.clock.sleep(AGAIN_S)


def _feeder(name: str, device: Device) -> Feeder:
    if not isinstance(device, Feeder):
        raise TypeError(f"'{name}' is no feeder")
    return device
