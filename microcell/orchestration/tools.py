"""The tools of a cell as the orchestrator knows them: on which flange, how worn, in service or not."""

from __future__ import annotations

from microcell.clock import Clock
from microcell.description.cell import Pocket
from microcell.description.line import Line
from microcell.events import Event, ToolMounted
from microcell.faults import Fault
from microcell.records.tools import Remaining, ToolsFold, ToolWear, reached, remaining


class ToolLedger:
    """Folds every event that is written, and those of the journal that it goes on with. Tools go by their names here,
    what is counted by the serials in their pockets.
    """

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._fold = ToolsFold()
        self._disregarded: set[str] = set()
        cribs = line.cell_description.of_kind("tool_crib")
        self.places: dict[str, tuple[str, Pocket]] = {
            str(pocket.tool): (crib, pocket) for crib, spec in cribs.items() for pocket in spec.pockets if pocket.tool
        }

    def apply(self, event: Event) -> None:
        """Take an event into account."""
        self._fold.apply(event)
        if isinstance(event, ToolMounted):
            self._disregarded.discard(event.arm)

    def disregard(self, arm: str) -> None:
        """What the journal says about a flange does not count until it is recorded anew what is there."""
        self._disregarded.add(arm)

    def limits(self) -> tuple[tuple[str, str, int, float, int, str], ...]:
        """What `JournalOpened` tells about each tool's life."""
        found = []
        for tool, (_, pocket) in self.places.items():
            life, day = self._line.tools[tool].life, pocket.calibrated.isoformat() if pocket.calibrated else ""
            found.append((tool, pocket.serial, life.cycles, life.torque_n_m_h, life.calibration_days, day))
        return tuple(found)

    def serial_of(self, tool: str) -> str:
        """Serial of a tool, "" for one that stands in no pocket."""
        return self.places[tool][1].serial if tool in self.places else ""

    def serial_on(self, arm: str) -> str | None:
        """Serial that is believed to be on a flange, "" for none; None where nobody knows."""
        mounted = None if arm in self._disregarded else self._fold.mounted.get(arm)
        return None if mounted is None else mounted.serial

    def wear(self, tool: str) -> ToolWear:
        """What a tool has done so far."""
        return self._fold.of(tool, self.serial_of(tool))

    def remaining(self, tool: str) -> Remaining:
        """What is left of a tool's life."""
        pocket = self.places[tool][1]
        now_s = self._clock.epoch_s + self._clock.now()
        return remaining(self._line.tools[tool].life, self.wear(tool), pocket.calibrated, now_s)

    def refusal(self, tool: str) -> Fault | None:
        """Why a tool must not be used: TOOL_OUT_OF_SERVICE, TOOL_WORN_OUT; None when it may."""
        if tool not in self.places:
            return None
        if reason := self.wear(tool).out_of_service:
            return Fault("TOOL_OUT_OF_SERVICE", tool, f"{self.serial_of(tool)}: {reason}")
        if limit := self._reached(tool):
            return Fault("TOOL_WORN_OUT", tool, f"{self.serial_of(tool)}: {limit}")
        return None

    def is_fit(self, tool: str) -> bool:
        """Whether a tool may be used; asked for every binding, so it is quick."""
        return tool not in self.places or not (self.wear(tool).out_of_service or self._reached(tool))

    def out_of_service(self) -> list[str]:
        """Tools that were put out of service."""
        return [tool for tool in self.places if self.wear(tool).out_of_service]

    def _reached(self, tool: str) -> str:
        pocket, now_s = self.places[tool][1], self._clock.epoch_s + self._clock.now()
        return reached(self._line.tools[tool].life, self.wear(tool), pocket.calibrated, now_s)

    def is_changing(self, arm: str) -> bool:
        """Whether steps of a change were recorded since it was last read what is on the flange."""
        return arm in self._fold.steps

    def expected(self, arm: str) -> tuple[str, ...]:
        """Serials that may be on a flange by the journal, "" for none; empty when it says nothing."""
        believed, step = self.serial_on(arm), self._fold.steps.get(arm)
        if step is not None and step.step in _AFTER and arm not in self._disregarded:
            return tuple(dict.fromkeys(_AFTER[step.step](step.serial)))
        return () if believed is None else (believed,)

    def last_crib(self, arm: str) -> str:
        """The crib of the last step of an unfinished change, "" for none."""
        step = self._fold.steps.get(arm)
        return step.crib if step else ""

    def last_step(self, arm: str) -> str:
        """The last step of an unfinished change in words, "" for none."""
        step = self._fold.steps.get(arm)
        return f"{step.step} with {step.tool} {step.serial} at pocket {step.pocket} of {step.crib}" if step else ""


_AFTER = {
    "leave": lambda serial: (serial,),
    "dock.unlock": lambda serial: (serial, ""),
    "dock.confirm": lambda serial: (serial, ""),
    "dock.retract": lambda serial: ("", serial),
    "fetch.approach": lambda serial: ("",),
    "fetch.verify": lambda serial: ("",),
    "fetch.align": lambda serial: ("",),
    "fetch.lock": lambda serial: ("", serial),
    "fetch.confirm": lambda serial: ("", serial),
    "fetch.retract": lambda serial: (serial,),
}
"""What may be on the flange when a step is the last one that is recorded: it was done, or not, or half."""
