"""Simulated feeder, with the operator who fills it."""

from __future__ import annotations

import asyncio

from microcell.devices.feeder.contract import Feeder, Presented
from microcell.devices.mocking import MockDevice, command


class MockFeeder(MockDevice, Feeder):
    """While it is connected, the simulated operator brings parts as the line says."""

    _operator: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await super().connect()
        if self._operator is None and self.plant.feeding.is_set_up(self.name):
            self._operator = asyncio.ensure_future(self.plant.feeding.keep_filled(self.name))

    async def disconnect(self) -> None:
        await super().disconnect()
        if self._operator is not None:
            self._operator.cancel()
            self._operator = None

    @command
    async def set_up(self, product: str) -> None:
        """The operator brings from now on what the line of this product wants there."""
        self.plant.set_up(self.name, product)
        if self._operator is not None:
            self._operator.cancel()
        self._operator = asyncio.ensure_future(self.plant.feeding.keep_filled(self.name))

    @command
    async def present(self) -> Presented:
        if self.plant.feeding.needs_bringing(self.name):
            await self._takes(self.spec.index_s)
        offer = self.plant.feeding.present(self.name)
        return Presented(offer.part, offer.lot, offer.part_in_cell, self.plant.feeding.level(self.name))

    @command
    async def level(self) -> int:
        return self.plant.feeding.level(self.name)

    @command
    async def refill(self, quantity: int, lot: str = "") -> int:
        return self.plant.feeding.refill(self.name, quantity, lot)

    @command
    async def wait_level(self, minimum: int) -> int:
        return await self.plant.feeding.wait_at_least(self.name, minimum)


PLUGIN = MockFeeder
