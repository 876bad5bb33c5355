"""Dijkstra's banker for stations: a unit gets one only when every unit in work could still be finished afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

Claim = frozenset[str]
"""Stations of which a unit will still need one."""


def can_all_finish(free: Set[str], units: Iterable[tuple[Set[str], Iterable[Claim]]]) -> bool:
    """Whether units, each with the stations that it holds and its claims, can be finished one after the other."""
    left = [(held, Counter(claims)) for held, claims in units]
    available = set(free)
    while left:
        ready = next((unit for unit in left if _enough(available, unit[1])), None)
        if ready is None:
            return False
        available |= ready[0]
        left.remove(ready)
    return True


def _enough(available: Set[str], claims: Counter[Claim]) -> bool:
    return all(len(stations & available) >= count for stations, count in claims.items())
