"""Leases one more device for a chain in work, however long that takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from microcell.faults import Fault
from microcell.orchestration.shop import Shop


class Patience(Protocol):
    """What waiting for a device asks of the controller."""

    async def hold(self, fault: Fault) -> None:
        """Hold the cell because of a fault; returns when a person let it go on."""

    async def park(self, waiting: Awaitable[Any]) -> Any:
        """Wait at a safe point."""


async def lease(
    shop: Shop, cell: Patience, until: Callable[[Callable[[], bool]], Awaitable[None]], device: str, holder: str
) -> None:
    """Lease a device as soon as it is free; a person is asked about one that is out of service."""
    resources = shop.resources
    if resources.holders.get(device) == holder:
        return
    while not resources.is_free(device):
        if device in resources.out_of_service:
            await cell.hold(shop.saw_fault(shop.lacking(device)))
        else:
            await cell.park(until(lambda: device in resources.out_of_service or device not in resources.holders))
    resources.take([device], holder)
