"""A made-up history of the valve line: a greedy schedule on one arm and two fixtures, as events."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from microcell import events
from microcell.events import Event
from microcell.faults import Fault

STEPS = (
    # operation, skill, stations, tool, duration, part
    ("load_body", "place", ("fixture",), "gripper", 9.0, "body"),
    ("insert_membrane", "insert", ("fixture", "camera"), "vacuum", 8.0, "membrane"),
    ("inspect_open", "inspect", ("fixture", "camera"), "", 1.2, ""),
    ("insert_cap", "insert", ("fixture",), "gripper", 11.0, "cap"),
    ("screw_1", "fasten", ("fixture",), "screwdriver", 4.5, "screw"),
    ("screw_2", "fasten", ("fixture",), "screwdriver", 4.5, "screw"),
    ("label", "label", ("fixture", "printer"), "vacuum", 6.0, ""),
    ("inspect_closed", "inspect", ("fixture", "camera"), "", 1.6, ""),
    ("pack", "pack", ("fixture", "carton_station"), "gripper", 7.0, ""),
)
TORQUE = {
    "name": "seated.torque",
    "unit": "N m",
    "lower": 0.42,
    "upper": 0.58,
    "text": "",
    "source": "screwdriver",
}


def opened(time_s: float = 0.0, **other: Any) -> events.JournalOpened:
    """A controller begins."""
    names = {"cell": "bench", "line": "valve", "product": "valve", "world": "virtual", "camera": "modelled"}
    given = {**names, "seed": 7, "epoch": 1, "epoch_s": 1.7e9, "ideal_cycle_s": 30.0, "release": "0.1.0"}
    return events.JournalOpened(time_s=time_s, **{**given, **other})


def state(time_s: float, name: str, reason: str = "") -> events.StateChanged:
    """The cell goes into a PackML state."""
    return events.StateChanged(time_s=time_s, state=name, reason=reason)


def order(time_s: float, quantity: int, order_id: str = "order-0001") -> events.OrderAccepted:
    """An order of blue valves."""
    lines = (("blue", quantity),)
    given = {"product": "valve", "priority": 0, "due_s": None, "replace_scrapped": True}
    return events.OrderAccepted(time_s=time_s, order_id=order_id, lines=lines, **given)


def controlled(time_s: float, name: str, order_id: str = "order-0001") -> events.OrderControlled:
    """An order changes its state."""
    return events.OrderControlled(time_s=time_s, order_id=order_id, state=name, reason="")


def unit_started(time_s: float, unit: str, variant: str = "blue") -> events.UnitStarted:
    """A unit gets its serial."""
    return events.UnitStarted(time_s=time_s, unit=unit, order_id="order-0001", variant=variant)


def unit_ended(time_s: float, unit: str, disposition: str = "good") -> events.UnitEnded:
    """A unit leaves."""
    reason = "" if disposition == "good" else "flaw"
    return events.UnitEnded(
        time_s=time_s, unit=unit, order_id="order-0001", disposition=disposition, reason=reason, carton="C-1"
    )


def attempt(
    start_s: float,
    end_s: float,
    unit: str,
    operation: str,
    number: int = 1,
    resources: Any = None,
    **outcome: Any,
) -> tuple[events.OperationStarted, events.OperationEnded]:
    """Intent and outcome of one attempt."""
    skill = outcome.pop("skill", "fasten")
    name = {
        "unit": unit,
        "operation": operation,
        "skill": skill,
        "attempt_id": f"{unit}/{operation}/{number}",
    }
    given = {"outcome": "succeeded", "message": "done", "duration_s": end_s - start_s, **outcome}
    return (
        events.OperationStarted(time_s=start_s, resources=resources or {"arm": "arm"}, **name),
        events.OperationEnded(time_s=end_s, **name, **given),
    )


def decided(time_s: float, unit: str, operation: str, code: str, action: str) -> events.RecoveryDecided:
    """The cell decides about a fault or a rejection."""
    return events.RecoveryDecided(time_s=time_s, unit=unit, operation=operation, code=code, action=action, reason="")


@dataclass
class Schedule:
    """Writes each operation as soon as the arm is free; events are put in order at the end."""

    units: int
    seed: int = 7
    arm_free_s: float = 6.0
    tool: str = ""
    history: list[Event] = field(default_factory=list)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed}:schedule")

    def events(self) -> list[Event]:
        """The whole history, in order of time."""
        self.history += [opened(), state(0.0, "Idle"), order(1.0, self.units), state(2.0, "Starting")]
        self.history += [state(6.0, "Execute"), controlled(6.0, "running")]
        for first in range(0, self.units, 2):
            self._pair([(index, f"fixture_{index % 2 + 1}") for index in range(first, min(first + 2, self.units))])
        end_s = self.arm_free_s
        self.history += [
            controlled(end_s, "completed"),
            state(end_s, "Completing"),
            state(end_s + 1.0, "Complete"),
        ]
        return sorted(self.history, key=lambda event: event.time_s)

    def _pair(self, places: list[tuple[int, str]]) -> None:
        """Both fixtures are served in turn, so that a tool is used twice before it is changed."""
        for step in STEPS:
            for index, fixture in places:
                self._step(f"VALVE-{index + 1:06d}", fixture, step)

    def _step(self, unit: str, fixture: str, step: tuple[Any, ...]) -> None:
        operation, skill, stations, tool, expected_s, part = step
        if tool and tool != self.tool:
            self._change_tool(tool)
        if operation == STEPS[0][0]:
            self.history.append(unit_started(self.arm_free_s, unit, "blue" if int(unit[-1]) % 3 else "red"))
        resources = {"arm": "arm"} if tool else {}
        resources |= {kind: fixture if kind == "fixture" else kind for kind in stations}
        number = 1
        if skill == "insert" and self.random.random() < 0.15:
            fault = Fault("INSERT_JAMMED", "arm").at(unit, operation, self.arm_free_s).as_data()
            self._attempt(unit, operation, skill, resources, expected_s * 0.6, number, outcome="fault", fault=fault)
            self.history.append(decided(self.arm_free_s, unit, operation, "INSERT_JAMMED", "retry"))
            number = 2
        facts: dict[str, Any] = {"tool_serial": f"{tool}-01" if tool else ""}
        if part:
            facts["parts"] = ((part, f"{part}-L{int(unit[-6:]) // 8 + 1}"),)
        if skill == "fasten":
            facts["measurements"] = ({**TORQUE, "value": self.random.gauss(0.5, 0.025)},)
        length_s = expected_s * self.random.uniform(0.92, 1.12)
        self._attempt(unit, operation, skill, resources, length_s, number, **facts)
        if operation == STEPS[-1][0]:
            self.history.append(unit_ended(self.arm_free_s, unit))

    def _change_tool(self, tool: str) -> None:
        self._attempt("", "change_tool", "change_tool", {"arm": "arm", "tool_crib": "tool_crib"}, 5.5, len(self.history))
        self.history.append(events.ToolMounted(time_s=self.arm_free_s, arm="arm", tool=tool, serial=f"{tool}-01"))
        self.tool = tool

    def _attempt(
        self,
        unit: str,
        operation: str,
        skill: str,
        resources: Any,
        length_s: float,
        number: int,
        **facts: Any,
    ) -> None:
        start_s, self.arm_free_s = self.arm_free_s, self.arm_free_s + length_s
        self.history += attempt(start_s, self.arm_free_s, unit, operation, number, resources, skill=skill, **facts)


class Story:
    """The builders above, as one fixture."""

    opened = staticmethod(opened)
    state = staticmethod(state)
    order = staticmethod(order)
    controlled = staticmethod(controlled)
    unit_started = staticmethod(unit_started)
    unit_ended = staticmethod(unit_ended)
    attempt = staticmethod(attempt)
    decided = staticmethod(decided)

    @staticmethod
    def shift(units: int, seed: int = 7) -> list[Event]:
        """An order of valves from its first to its last unit."""
        return Schedule(units, seed).events()


@pytest.fixture(scope="session")
def story() -> Story:
    """Builders of events."""
    return Story()
