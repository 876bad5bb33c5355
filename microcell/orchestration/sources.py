"""Devices and tools that work draws on: how each did in its last uses, and those that fail too often taken out of use.

Folded from the journal. Of several that a fault may come from, the first in `BLAMED` is taken out first, and what it was
blamed for then no longer counts against the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from microcell import events
from microcell.description.line import Line
from microcell.events import Event
from microcell.records.tools import TOOLING_SKILLS
from microcell.records.units import found_nothing_to_drop

TOOL = "tool"
WATCHED = ("feeder", "fixture", "camera", "printer", "carton_station", "press", "turner", "tester")

BLAMED: dict[str, tuple[str, ...]] = {
    "GRIP_NOTHING_HELD": ("feeder", TOOL),
    "GRIP_WRONG_WIDTH": ("feeder",),
    "GRIP_PART_LOST": (TOOL,),
    "VACUUM_NOT_SEALED": (TOOL, "feeder"),
    "FEEDER_JAMMED": ("feeder",),
    "PART_NOT_FOUND": ("feeder", "camera"),
    "FASTEN_NO_SCREW": ("feeder", TOOL),
    "FASTEN_CROSS_THREADED": (TOOL,),
    "FASTEN_NOT_SEATED": (TOOL,),
    "DISPENSE_OFF_LIMITS": (TOOL,),
    "DISPENSE_BROKEN_OFF": (),
    "PRESS_OFF_LIMITS": ("press",),
    "WELD_OFF_LIMITS": (TOOL,),
    "TEST_NO_CONTACT": ("tester",),
    "PART_OFF_LIMITS": (),
    "FIXTURE_NOT_CLAMPED": ("fixture",),
    "FIXTURE_OCCUPIED": ("fixture",),
    "CAMERA_NO_IMAGE": ("camera",),
    "CAMERA_UNUSABLE_IMAGE": ("camera",),
    "CAMERA_NOT_CALIBRATED": ("camera",),
    "LABEL_NOT_PRINTED": ("printer",),
    "CARTON_MISSING": ("carton_station",),
    "CARTON_FULL": ("carton_station",),
}
"""Kinds of source that a fault speaks against, the likeliest first. Of other faults it is the device that they name."""


class Sources:
    """How every source did in its last uses.

    `reasons` says why a device or a tool is out of service.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._uses: dict[str, deque[bool]] = {}
        self._running: dict[str, dict[str, str]] = {}
        self._mounted: dict[str, str] = {}
        self._blamed: dict[tuple[str, str], tuple[str, ...]] = {}
        self.reasons: dict[str, str] = {}

    def apply(self, event: Event) -> None:
        """Take an event into account."""
        if isinstance(event, events.OperationStarted) and event.skill not in TOOLING_SKILLS:
            self._running[event.attempt_id] = self._sources(event.resources)
        elif isinstance(event, events.OperationEnded):
            self._ended(event)
        elif isinstance(event, events.ToolMounted):
            self._mounted[event.arm] = event.tool
        elif isinstance(event, events.RecoveryDecided) and event.action == "hold":
            for source in self._blamed.pop((event.unit, event.operation), ()):
                self._uses.pop(source, None)
        elif isinstance(event, (events.DeviceServiceChanged, events.ToolServiceChanged)):
            self._service(event)
        elif isinstance(event, events.ToolRenewed):
            self._uses.pop(event.tool, None)
        elif isinstance(event, events.UnitEnded):
            self._blamed = {place: blamed for place, blamed in self._blamed.items() if place[0] != event.unit}

    def suspect(self, unit: str, operation: str) -> str:
        """The source for which the last fault of an operation is one failure too many; "" for none."""
        blamed, most = self._blamed.get((unit, operation), ()), self._line.recovery_budget.source_failures
        return next((s for s in blamed if self.failures(s)[0] >= most), "")

    def failures(self, source: str) -> tuple[int, int]:
        """How many of the last uses of a source failed, and how many uses that are."""
        uses = self._uses.get(source, ())
        return sum(not good for good in uses), len(uses)

    def _sources(self, resources: Mapping[str, str]) -> dict[str, str]:
        found = {kind: name for kind, name in resources.items() if kind in WATCHED}
        if tool := self._mounted.get(resources.get("arm", ""), ""):
            found[TOOL] = tool
        return found

    def _ended(self, event: events.OperationEnded) -> None:
        sources = self._running.pop(event.attempt_id, {})
        place = (event.unit, event.operation)
        if event.outcome in ("succeeded", "rejected"):
            self._blamed.pop(place, None)
            self._note(sources.values(), True)
        elif event.outcome == "fault" and event.fault and not found_nothing_to_drop(event):
            self._blamed[place] = _blamed(event.fault["code"], event.fault["where"], sources)
            self._note(self._blamed[place], False)

    def _note(self, sources: Iterable[str], good: bool) -> None:
        for source in sources:
            self._uses.setdefault(source, deque(maxlen=self._line.recovery_budget.source_uses)).append(good)

    def _service(self, event: events.DeviceServiceChanged | events.ToolServiceChanged) -> None:
        device = event.device if isinstance(event, events.DeviceServiceChanged) else event.tool
        for place, blamed in list(self._blamed.items()):
            if device in blamed:
                del self._blamed[place]
                for other in blamed:
                    self._uses.pop(other, None)
        self._uses.pop(device, None)
        if event.in_service:
            self.reasons.pop(device, None)
        else:
            self.reasons[device] = event.reason


def _blamed(code: str, where: str, sources: Mapping[str, str]) -> tuple[str, ...]:
    if code in BLAMED:
        return tuple(sources[kind] for kind in BLAMED[code] if kind in sources)
    return (where,) if where in sources.values() and code not in ("FEEDER_EMPTY", "FIXTURE_EMPTY") else ()
