"""What has been tried: folded from the journal, so that neither a policy nor a budget begins anew with a restart."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from microcell import events
from microcell.description.line import RecoveryBudget
from microcell.events import Event
from microcell.orchestration.questions import BY_DEFAULT
from microcell.orchestration.recovery import REPEATING

_ENDED = ("completed", "cancelled", "failed")


class Attempts:
    """Counts decisions. What a person lets the cell go on with, by Unhold or by an answer, begins to count anew."""

    def __init__(self) -> None:
        self._tried: Counter[tuple[str, str, str]] = Counter()
        self._approach: Counter[tuple[str, str]] = Counter()
        self._failed: dict[tuple[str, str], str] = {}
        self._operation: Counter[tuple[str, str]] = Counter()
        self._unit: Counter[str] = Counter()
        self._order: Counter[str] = Counter()
        self._order_of: dict[str, str] = {}
        self._times_s: deque[float] = deque(maxlen=10_000)

    def apply(self, event: Event) -> None:
        """Take an event into account."""
        if isinstance(event, events.RecoveryDecided):
            self._decided(event)
        elif isinstance(event, events.OperationEnded) and event.outcome == "succeeded":
            self._approach.pop((event.unit, event.operation), None)
            self._failed.pop((event.unit, event.operation), None)
        elif isinstance(event, events.OperationEnded) and event.fault and event.unit:
            self._failed[event.unit, event.operation] = event.fault["code"]
        elif isinstance(event, events.UnitStarted):
            self._order_of[event.unit] = event.order_id
        elif isinstance(event, events.UnitEnded):
            self._forget(event.unit)
        elif isinstance(event, events.OrderControlled) and event.state in _ENDED:
            self._order.pop(event.order_id, None)

    def tried(self, unit: str, operation: str, code: str) -> int:
        """How many occurrences of a fault were dealt with since a person last did."""
        return self._tried[unit, operation, code]

    def approach(self, unit: str, operation: str) -> int:
        """Number of the approach of the next attempt, 0 for the usual one."""
        return self._approach[unit, operation]

    def failed(self, unit: str, operation: str) -> str:
        """Code of the fault in which the last attempt ended, "" where there was none or it succeeded."""
        return self._failed.get((unit, operation), "")

    def spent(self, budget: RecoveryBudget, unit: str, operation: str, now_s: float) -> tuple[str, str]:
        """What is to be done because a budget is spent (scrap, hold), and which, in words; two empty texts otherwise."""
        if self._operation[unit, operation] >= budget.per_operation:
            return budget.beyond, f"{budget.per_operation} repetitions of {operation} are all that the budget allows"
        if self._unit[unit] >= budget.per_unit:
            return budget.beyond, f"{budget.per_unit} repetitions for a unit are all that the budget allows"
        order = self._order_of.get(unit, "")
        if self._order[order] >= budget.per_order:
            return "hold", f"{budget.per_order} repetitions for order {order} are all that the budget allows"
        recent = sum(time_s > now_s - budget.window_s for time_s in self._times_s)
        if recent >= budget.per_window:
            return "hold", f"{recent} repetitions within {budget.window_s:.0f} s are all that the budget allows"
        return "", ""

    def _decided(self, event: events.RecoveryDecided) -> None:
        place = (event.unit, event.operation)
        asked_person = event.action == "hold" or (event.question and event.answered_by != BY_DEFAULT)
        if asked_person:
            self._person_decided(event)
        elif not event.question and event.action != "go_on":
            self._tried[event.unit, event.operation, event.code] += 1
        if event.action == "retry":
            self._approach[place] += 1
        elif event.action != "look_again":
            self._approach.pop(place, None)
        if event.action in REPEATING:
            self._operation[place] += 1
            self._unit[event.unit] += 1
            self._order[self._order_of.get(event.unit, "")] += 1
            self._times_s.append(event.time_s)

    def _person_decided(self, event: events.RecoveryDecided) -> None:
        self._tried.pop((event.unit, event.operation, event.code), None)
        self._operation.pop((event.unit, event.operation), None)
        self._unit.pop(event.unit, None)
        self._order.pop(self._order_of.get(event.unit, ""), None)
        self._times_s.clear()

    def _forget(self, unit: str) -> None:
        self._order_of.pop(unit, None)
        self._unit.pop(unit, None)
        by_unit: tuple[dict[Any, Any], ...] = (self._tried, self._approach, self._operation, self._failed)
        for counts in by_unit:
            for key in [key for key in counts if key[0] == unit]:
                del counts[key]
