"""All that is known about production, folded from the events of a journal.

The same fold serves reports, a live view and the controller that finds its state again after a restart: feed
events as they come to `ProductionFold.apply`, and take a `Production` whenever it is wanted. A fold keeps
every attempt, about 1 kB each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from microcell import events
from microcell.events import Event
from microcell.records.changes import FACTS as CHANGE_FACTS
from microcell.records.changes import ChangeRow, change_rows
from microcell.records.orders import OrderRecord, OrdersFold
from microcell.records.packml import PackmlFold, UnitTimes
from microcell.records.questions import QuestionRow, question_rows
from microcell.records.states import StatesFold, StateSpan
from microcell.records.tools import ToolLifeRow, ToolsFold
from microcell.records.units import GOOD, Attempt, UnitHistory, UnitsFold, in_doubt

E = TypeVar("E", bound=Event)

_KEPT = (
    events.JournalOpened, events.RecoveryDecided, events.FaultRaised, events.FeederRefilled, events.ProcessDrift,
    events.QuestionAsked, events.QuestionAnswered, events.DeliveryAnnounced, *CHANGE_FACTS,
)  # fmt: skip


class Timeline:
    """Puts the cell times of all controller runs on one axis: production time, s since the first run's 0.

    Each `JournalOpened` says which date its cell time 0 has. Where dates would lead backwards (a virtual
    clock that begins anew, a clock that was set), the later run follows the earlier one without a gap, and so
    does what comes after a clock was set back in the midst of a run.
    """

    def __init__(self) -> None:
        self._epoch_s: float | None = None
        self._offset_s = 0.0
        self._last_s = 0.0

    def place(self, event: Event) -> Event:
        """The same event at its production time."""
        if isinstance(event, events.JournalOpened):
            if self._epoch_s is None:
                self._epoch_s = event.epoch_s
            else:
                self._offset_s = max(event.epoch_s - self._epoch_s, self._last_s - event.time_s)
        elif self._epoch_s is not None:
            self._offset_s = max(self._offset_s, self._last_s - event.time_s)
        event = events.moved(event, self._offset_s)
        self._last_s = max(self._last_s, event.time_s)
        return event

    @property
    def last_s(self) -> float:
        """Production time of the last event."""
        return self._last_s


@dataclass(frozen=True, slots=True)
class Production:
    """What happened up to `last_s`. Times are production time (see `Timeline`); mappings keep their order."""

    last_s: float
    state: str
    state_reason: str
    openings: tuple[events.JournalOpened, ...]
    orders: Mapping[str, OrderRecord]
    units: Mapping[str, UnitHistory]
    attempts: tuple[Attempt, ...]
    spans: tuple[StateSpan, ...]
    recoveries: tuple[events.RecoveryDecided, ...]
    cell_faults: tuple[events.FaultRaised, ...]
    refills: tuple[events.FeederRefilled, ...]
    tools: Mapping[str, str]
    mounted: Mapping[str, events.ToolMounted]
    tool_life: tuple[ToolLifeRow, ...] = ()
    packml: tuple[UnitTimes, ...] = ()
    drifts: tuple[events.ProcessDrift, ...] = ()
    questions: tuple[QuestionRow, ...] = ()
    changes: tuple[ChangeRow, ...] = ()

    @property
    def in_doubt(self) -> tuple[Attempt, ...]:
        """Attempts begun and not ended: running in a live journal, of unknown outcome in a killed one."""
        return in_doubt(self.attempts)

    @property
    def set_ups(self) -> tuple[Attempt, ...]:
        """Attempts that belong to no unit, tool changes above all."""
        return tuple(attempt for attempt in self.attempts if not attempt.unit)

    @property
    def good_serials(self) -> Mapping[str, tuple[str, ...]]:
        """Serials of the good units of each order, in the order of their end."""
        serials: dict[str, list[str]] = {order_id: [] for order_id in self.orders}
        for unit in sorted(self.units.values(), key=lambda unit: unit.ended_s or 0.0):
            if unit.state == GOOD:
                serials.setdefault(unit.order_id, []).append(unit.serial)
        return {order_id: tuple(found) for order_id, found in serials.items()}


class ProductionFold:
    """Folds `Production` out of events, one at a time."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        self._units = UnitsFold()
        self._orders = OrdersFold()
        self._states = StatesFold()
        self._facts: list[Event] = []
        self._tools: dict[str, str] = {}
        self._mounted: dict[str, events.ToolMounted] = {}
        self._wear = ToolsFold()
        self._packml = PackmlFold()

    def apply(self, event: Event) -> None:
        """Take the next event into account."""
        self._wear.apply(event)
        event = self._timeline.place(event)
        if not isinstance(event, events.JournalOpened):  # nobody could work while the journal was closed
            for start_s in self._orders.released_by(event.time_s):
                self._states.released(start_s)
        self._units.apply(event)
        self._orders.apply(event)
        self._packml.apply(event)
        self._states.apply(event, self._orders.any_waits)
        if isinstance(event, events.ToolMounted):
            self._mounted[event.arm] = event
            if event.serial:
                self._tools[event.serial] = event.tool
        elif isinstance(event, _KEPT):
            self._facts.append(event)

    def production(self) -> Production:
        """What is known by now."""
        return Production(
            last_s=self._timeline.last_s,
            state=self._states.state,
            state_reason=self._states.reason,
            openings=self._all(events.JournalOpened),
            orders=self._orders.orders(),
            units=self._units.units(),
            attempts=self._units.attempts(),
            spans=self._states.spans(),
            recoveries=self._all(events.RecoveryDecided),
            cell_faults=self._all(events.FaultRaised),
            refills=self._all(events.FeederRefilled),
            tools=dict(self._tools),
            mounted=dict(self._mounted),
            tool_life=self._wear.rows(),
            packml=self._packml.times(),
            drifts=self._all(events.ProcessDrift),
            changes=change_rows(self._facts),
            questions=question_rows(self._all(events.QuestionAsked), self._all(events.QuestionAnswered)),
        )

    def _all(self, kind: type[E]) -> tuple[E, ...]:
        return tuple(event for event in self._facts if isinstance(event, kind))


def fold(history: Iterable[Event]) -> Production:
    """What is known after a whole history of events."""
    folded = ProductionFold()
    for event in history:
        folded.apply(event)
    return folded.production()
