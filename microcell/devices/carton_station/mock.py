"""Simulated carton station."""

from __future__ import annotations

from microcell.devices.carton_station.contract import Carton, CartonStation
from microcell.devices.mocking import MockDevice, command
from microcell.plant.stations import CartonTruth


class MockCartonStation(MockDevice, CartonStation):
    """Counts the units that truly stand in the carton. It never runs out of cartons, unless on order."""

    @command
    async def set_up(self, product: str) -> None:
        self.plant.set_up(self.name, product)

    @command
    async def carton(self) -> Carton:
        return _as_seen(self.plant.stations.carton(self.name))

    @command
    async def exchange(self) -> Carton:
        await self._takes(self.spec.exchange_s)
        return _as_seen(self.plant.stations.exchange(self.name))


def _as_seen(truth: CartonTruth) -> Carton:
    return Carton(truth.carton, truth.places, truth.filled)


PLUGIN = MockCartonStation
