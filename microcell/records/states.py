"""Where the cell's time went: spans of PackML state, with and without work to do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from microcell import events
from microcell.events import Event

EXECUTE = "Execute"
OFFLINE = "Offline"
"""Not a PackML state: no controller was writing the journal."""


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A time in one state; `orders_open` says whether an order was waiting for the cell (see `OrderRecord.waits`)."""

    state: str
    orders_open: bool
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class StatesFold:
    """Folds state spans out of events."""

    def __init__(self) -> None:
        self._ended: list[StateSpan] = []
        self._present: StateSpan | None = None
        self.reason = ""

    def apply(self, event: Event, orders_open: bool) -> None:
        """Take the next event into account; `orders_open` is how things stand after it."""
        before = self._present
        if isinstance(event, events.JournalOpened):
            # Whoever wrote before was gone since its last event: that time belongs to no state.
            state, since_s, self.reason = OFFLINE, before.end_s if before else event.time_s, ""
        elif isinstance(event, events.StateChanged):
            state, since_s, self.reason = event.state, event.time_s, event.reason
        else:
            state, since_s = (before.state if before else OFFLINE), event.time_s
        if before and (before.state, before.orders_open) == (state, orders_open):
            self._present = replace(before, end_s=event.time_s)
            return
        if before and since_s > before.start_s:
            self._ended.append(replace(before, end_s=since_s))
        self._present = StateSpan(state, orders_open, since_s, event.time_s)

    def released(self, time_s: float) -> None:
        """From this time on an order waits, whose earliest start has come."""
        before = self._present
        if before and not before.orders_open and before.state != OFFLINE and time_s > before.start_s:
            self._ended.append(replace(before, end_s=time_s))
            self._present = StateSpan(before.state, True, time_s, time_s)

    @property
    def state(self) -> str:
        """The present state; `OFFLINE` before a controller said anything."""
        return self._present.state if self._present else OFFLINE

    def spans(self) -> tuple[StateSpan, ...]:
        """All spans, the present one up to the last event."""
        present = [self._present] if self._present and self._present.duration_s > 0 else []
        return (*self._ended, *present)
