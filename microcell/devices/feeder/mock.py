"""Simulated feeder, with the operator who fills it."""

from __future__ import annotations

import asyncio

from microcell.devices.feeder.contract import Feeder, Presented
from microcell.devices.mocking import MockDevice


class MockFeeder(MockDevice, Feeder):
    """While it is connected, the simulated operator brings parts as the line says."""

    _operator: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await super().connect()
        if self._operator is None and self.name in self.plant.line.feeders:
            self._operator = asyncio.ensure_future(self.plant.feeding.keep_filled(self.name))

    async def disconnect(self) -> None:
        await super().disconnect()
        if self._operator is not None:
            self._operator.cancel()
            self._operator = None

    async def present(self) -> Presented:
        self._begin("present")
        if self.plant.feeding.needs_bringing(self.name):
            await self._takes(self.spec.index_s)
        offer = self.plant.feeding.present(self.name)
        return Presented(offer.part, offer.lot, offer.part_in_cell, self.plant.feeding.level(self.name))

    async def level(self) -> int:
        self._begin("level")
        return self.plant.feeding.level(self.name)

    async def refill(self, quantity: int, lot: str = "") -> int:
        self._begin("refill")
        return self.plant.feeding.refill(self.name, quantity, lot)

    async def wait_level(self, minimum: int) -> int:
        self._begin("wait_level")
        return await self.plant.feeding.wait_at_least(self.name, minimum)


PLUGIN = MockFeeder
