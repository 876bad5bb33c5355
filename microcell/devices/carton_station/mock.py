"""Simulated carton station."""

from __future__ import annotations

from microcell.devices.carton_station.contract import Carton, CartonStation
from microcell.devices.mocking import MockDevice
from microcell.plant.stations import CartonTruth


class MockCartonStation(MockDevice, CartonStation):
    """Counts the units that truly stand in the carton. It never runs out of cartons, unless on order."""

    async def carton(self) -> Carton:
        self._begin("carton")
        return _as_seen(self.plant.stations.carton(self.name))

    async def exchange(self) -> Carton:
        self._begin("exchange")
        await self._takes(self.spec.exchange_s)
        return _as_seen(self.plant.stations.exchange(self.name))


def _as_seen(truth: CartonTruth) -> Carton:
    return Carton(truth.carton, truth.places, truth.filled)


PLUGIN = MockCartonStation
