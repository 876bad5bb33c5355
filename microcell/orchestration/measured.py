"""What was measured of the units in work, for operations that are given values of earlier ones. Folded from the journal."""

from __future__ import annotations

from microcell import events
from microcell.description.line import Line
from microcell.events import Event


class Measured:
    """The newest value of each feature that some operation of the plan is given, by unit."""

    def __init__(self, line: Line) -> None:
        plans = (each.product_description.plan for each in line.every)
        operations = (operation for plan in plans for operation in plan.values())
        self._wanted = {name for operation in operations for names in operation.given.values() for name in names}
        self._values: dict[str, dict[str, float]] = {}

    def apply(self, event: Event) -> None:
        """Take an event into account."""
        if isinstance(event, events.OperationEnded) and event.outcome == "succeeded":
            for measurement in event.measurements if self._wanted else ():
                if measurement["name"] in self._wanted and measurement["value"] is not None:
                    self._values.setdefault(event.unit, {})[measurement["name"]] = measurement["value"]
        elif isinstance(event, events.UnitEnded):
            self._values.pop(event.unit, None)

    def values(self, unit: str, names: tuple[str, ...]) -> tuple[float, ...]:
        """Values of a unit, of those features that were measured so far, in the order of the names."""
        known = self._values.get(unit, {})
        return tuple(known[name] for name in names if name in known)
