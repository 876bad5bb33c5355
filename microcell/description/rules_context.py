"""What the rules between documents see, and how they say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias, get_args

from microcell.description.base import is_name
from microcell.description.calibration import Calibration
from microcell.description.cell import Cell, DeviceUnion
from microcell.description.fault_schedule import FaultSchedule
from microcell.description.line import LineDocument
from microcell.description.order import Order
from microcell.description.product import Product
from microcell.description.reading import Reading
from microcell.description.schema_view import child
from microcell.description.source import Where
from microcell.description.tool import DispenserTool, GripperTool, ScrewdriverTool, VacuumTool, WelderTool
from microcell.description.wording import choice
from microcell.errors import Issue

AnyTool: TypeAlias = "GripperTool | VacuumTool | ScrewdriverTool | DispenserTool | WelderTool"

DEVICE_KINDS: tuple[str, ...] = tuple(
    get_args(spec.model_fields["kind"].annotation)[0] for spec in get_args(get_args(DeviceUnion)[0])
)
"""Every kind of device that a cell can have."""


@dataclass(frozen=True)
class Context:
    """Documents that belong together, by kind, as far as there are such; tools by name.

    Calibrations are by the name of the camera that names them. Without `today` nothing is too old.
    Damaged entries are left out of the documents; whether a name exists is asked of `names`, which knows them
    too. A rule says what it needs, so that none judges by what is missing because something else is wrong.
    """

    readings: Mapping[str, Reading]
    tool_readings: Mapping[str, Reading] = field(default_factory=dict)
    unread_tools: bool = False
    calibration_readings: Mapping[str, Reading] = field(default_factory=dict)
    today: date | None = None

    @property
    def line(self) -> LineDocument:
        return self.readings["line"].document

    @property
    def cell(self) -> Cell:
        return self.readings["cell"].document

    @property
    def product(self) -> Product:
        return self.readings["product"].document

    @property
    def fault_schedule(self) -> FaultSchedule:
        return self.readings["fault_schedule"].document

    @property
    def order(self) -> Order:
        return self.readings["order"].document

    @property
    def tools(self) -> dict[str, AnyTool]:
        """The sound tools by name."""
        return {name: reading.document for name, reading in self.tool_readings.items() if reading.document is not None}

    @property
    def calibrations(self) -> dict[str, Calibration]:
        """The sound calibrations by the name of their camera."""
        return {name: r.document for name, r in self.calibration_readings.items() if r.document is not None and r.whole()}

    def has(self, need: str) -> bool:
        """Whether a document (`cell`) was read at least in part, or a section (`cell.devices`) is whole."""
        kind, _, section = need.partition(".")
        if kind == "tools":
            return not self.unread_tools and len(self.tools) == len(self.tool_readings)
        reading = self.readings.get(kind)
        if reading is None or reading.document is None:
            return False
        return not section or reading.whole(section)

    @property
    def sound(self) -> bool:
        """Whether a line, and all that it names, was read without any issue."""
        readings = [*self.readings.values(), *self.tool_readings.values(), *self.calibration_readings.values()]
        there = {"line", "cell", "product"} <= self.readings.keys() and not self.unread_tools
        return there and all(reading.document is not None and not reading.issues for reading in readings)

    def names(self, kind: str, section: str) -> tuple[str, ...] | None:
        """Names of the entries of a section; None where they cannot be known."""
        reading = self.readings.get(kind)
        return reading.names(section) if reading else None

    def devices(self, *kinds: str, certain: bool = False) -> tuple[str, ...] | None:
        """Names of the cell's devices of some kinds, damaged ones too; None where they cannot be known.

        A device whose own kind is wrong may be of any, if that is not to be certain.
        """
        names = self.names("cell", "devices")
        if names is None:
            return None
        said = {name: self.readings["cell"].value("devices", name, "kind") for name in names}
        return tuple(name for name, kind in said.items() if kind in kinds or not (certain or kind in DEVICE_KINDS))

    def issue(self, kind: str, where: Where, what: str, remedy: str, key: bool = False) -> Issue:
        """An issue at a place of a document."""
        return self.readings[kind].source.issue(where, what, remedy, key)

    def refer_each(
        self, kind: str, places: Where, known: Iterable[str] | None, noun: str, keys: bool = False
    ) -> Iterator[Issue]:
        """`refer` for every name at some places of a document, or for the keys there; `*` is any step.

        Goes by the file itself, so that damage elsewhere in an entry hides nothing.
        """
        for where, value in _matches(self.readings[kind].source.data, places):
            name = where[-1] if keys else value
            if is_name(name):
                yield from self.refer(kind, where, str(name), known, noun)

    def refer(self, kind: str, where: Where, name: str, known: Iterable[str] | None, noun: str) -> Iterator[Issue]:
        """An issue where a document names something that is not known; none where that cannot be told."""
        if known is not None and name not in (every := tuple(known)):
            yield self.issue(kind, where, f"there is no {noun} '{name}'", choice(name, every))


def _matches(data: Any, pattern: Where, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every place in the data that a pattern fits, with its value."""
    if not pattern:
        yield where, data
        return
    steps: Iterable[str | int] = pattern[:1]
    if pattern[0] == "*":
        steps = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for step in steps:
        value = child(data, step)
        if value is not None:
            yield from _matches(value, pattern[1:], (*where, step))


Check: TypeAlias = "Callable[[Context], Iterator[Issue]]"


@dataclass(frozen=True)
class Rule:
    """A rule and what must be sound for it to be judged."""

    check: Check
    needs: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule in one line."""
        return (self.check.__doc__ or "").strip()


RULES: list[Rule] = []
"""Every rule, in the order of the modules that `rules.py` imports."""


def rule(*needs: str) -> Callable[[Check], Check]:
    """Enter a function into the list of rules; it needs `cell` in part, `cell.devices` whole, all `tools`."""

    def enter(check: Check) -> Check:
        RULES.append(Rule(check, needs))
        return check

    return enter
