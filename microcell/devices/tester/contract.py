"""A voltage tester with a nest for one part."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device


@dataclass(frozen=True, slots=True)
class Tested:
    """Voltage between the contacts, V; 0 where they touch nothing."""

    voltage_v: float
    touching: bool


class Tester(Device):
    """Contacts that close on the part in the nest."""

    @abstractmethod
    async def measure(self) -> Tested:
        """Close the contacts, measure, and open them again."""
