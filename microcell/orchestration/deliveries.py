"""Parts that are announced: so many come, and count as there for orders that are taken in; a refill brings them."""

from __future__ import annotations

from collections import Counter

from microcell import events
from microcell.description.line import Line

MOST_PIECES = 1_000_000


class Deliveries:
    """What is expected of each part, a fold of the journal."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._expected: Counter[str] = Counter()

    def apply(self, event: events.Event) -> None:
        """Add what is announced (a negative number calls it off); take off what a feeder got."""
        if isinstance(event, events.DeliveryAnnounced):
            self._expected[event.part] = max(0, self._expected[event.part] + event.quantity)
        elif isinstance(event, events.FeederRefilled):
            self._expected[event.part] = max(0, self._expected[event.part] - event.added)

    def of(self, part: str) -> int:
        """Pieces of a part that are still to come."""
        return self._expected[part]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that feeders of the cell's lines offer."""
        return tuple(dict.fromkeys(setup.part for line in self._line.every for setup in line.feeders.values()))
