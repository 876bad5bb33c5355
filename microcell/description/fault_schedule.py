"""Faults and when they are to happen: a YAML file, or drawn from one integer seed."""

from __future__ import annotations

from random import Random
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from microcell.description.base import Description, Document, Name
from microcell.description.injectable import INJECTABLE, Size, World, kinds_in, places
from microcell.description.line import Line
from microcell.description.wording import choice
from microcell.errors import UsageError

FAULT_PATTERN = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"
FaultId = Annotated[str, StringConstraints(pattern=FAULT_PATTERN, max_length=63)]
Condition = Literal["holding", "empty_handed", "moving", "resting", "unit_seated", "no_unit"]

DRAWN_FAULTS = 8
DRAWN_WITHIN_S = 900.0
LATEST_NTH = 4


class ScheduledFault(Description):
    """One fault of the catalogue, and when it happens: all that is said here must hold together."""

    fault: FaultId = Field(description="Id in the catalogue of injectable faults.")
    where: Name | None = Field(None, description="Device, tool or program; without it, whatever the fault fits.")
    after_s: float = Field(0.0, ge=0, le=1e7, description="Cell time before which it does not happen.")
    nth: int = Field(1, ge=1, le=1_000_000, description="From which command on that it could happen at.")
    times: int | None = Field(None, ge=1, le=1_000_000, description="How often; without it, as the catalogue says.")
    operation: Name | None = Field(None, description="Only during this operation of the plan.")
    unit: str | None = Field(None, max_length=63, description="Only for the unit with this serial.")
    condition: Condition | None = Field(None, description="Only while this is so.")
    size: float | None = Field(None, description="Size of the fault, in the catalogue's unit; without it, its default.")

    @property
    def how_often(self) -> int:
        return self.times if self.times is not None else INJECTABLE[self.fault].times

    @property
    def how_large(self) -> float:
        """The size in the catalogue's unit; 0 for a fault that has none."""
        if self.size is not None:
            return self.size
        size = INJECTABLE[self.fault].size
        return size.default if size is not None else 0.0


class FaultSchedule(Document):
    """Faults that are to happen to one line."""

    kind: Literal["faults"]
    line: Name = Field(description="The line that they happen to.")
    faults: tuple[ScheduledFault, ...] = Field(min_length=1, max_length=10_000, description="What happens, and when.")


def refusals(line: Line, scheduled: ScheduledFault) -> list[tuple[str, str, str]]:
    """What is wrong with a scheduled fault on a line, as (key, what is wrong, what to do)."""
    if scheduled.fault not in INJECTABLE:
        return [("fault", f"there is no injectable fault '{scheduled.fault}'", choice(scheduled.fault, tuple(INJECTABLE)))]
    entry, known, found = INJECTABLE[scheduled.fault], kinds_in(line), []
    fitting = places(line, scheduled.fault)
    if scheduled.where is not None and scheduled.where not in known:
        found.append(("where", f"there is no device '{scheduled.where}'", choice(scheduled.where, fitting)))
    elif scheduled.where is not None and scheduled.where not in fitting:
        what = f"it does not happen to a {known[scheduled.where]} ('{scheduled.where}')"
        found.append(("where", what, choice(scheduled.where, fitting)))
    plan = {**line.product_description.plan, **line.product_description.scrap_plan}
    if scheduled.operation is not None and scheduled.operation not in plan and not _of_the_cell(line, scheduled.operation):
        found.append(("operation", f"there is no operation '{scheduled.operation}'", choice(scheduled.operation, tuple(plan))))
    if scheduled.size is not None:
        found += _size_refusals(scheduled.fault, scheduled.size, entry.size)
    return found


def checked(line: Line, scheduled: ScheduledFault, world: World) -> ScheduledFault:
    """The fault itself; `UsageError` where it cannot happen on this line in this world."""
    for _, what, remedy in refusals(line, scheduled):
        raise UsageError(f"{what}; {remedy}")
    if world not in (worlds := INJECTABLE[scheduled.fault].worlds):
        raise UsageError(f"'{scheduled.fault}' cannot be injected in the world '{world}', only in: {', '.join(worlds)}.")
    return scheduled


def random_schedule(
    line: Line, seed: int, count: int = DRAWN_FAULTS, within_s: float = DRAWN_WITHIN_S, recoverable: bool = True
) -> tuple[ScheduledFault, ...]:
    """So many faults, drawn from one seed, for the virtual world: each happens once, at some command within a time.

    `recoverable` draws only those that the cell gets over without an operator.
    """
    stream = Random(f"faults:{seed}")
    drawable = [
        name
        for name, entry in INJECTABLE.items()
        if "virtual" in entry.worlds and (entry.recoverable or not recoverable) and places(line, name)
    ]
    return tuple(_drawn(line, stream, stream.choice(drawable), within_s) for _ in range(count))


def _drawn(line: Line, stream: Random, fault: str, within_s: float) -> ScheduledFault:
    where = stream.choice(places(line, fault))
    return ScheduledFault(
        fault=fault, where=where, after_s=round(stream.uniform(0.0, within_s), 1), nth=stream.randint(1, LATEST_NTH)
    )


def _of_the_cell(line: Line, operation: str) -> bool:
    """Whether an operation is one that the cell does by itself: a tool change, settling, dropping a part, parking."""
    tools, arms = line.tools, line.cell_description.of_kind("arm")
    own = {f"mount_{tool}" for tool in tools}
    own |= {f"{what}_{arm}" for what in ("settle", "dock", "park") for arm in arms} | {"drop_part"}
    return operation in own


def _size_refusals(fault: str, value: float, size: Size | None) -> list[tuple[str, str, str]]:
    if size is None:
        return [("size", f"'{fault}' has no size ({value:g})", "it is one thing or nothing. Leave it out.")]
    if not size.low <= value <= size.high:
        bounds = f"{size.low:g} to {size.high:g} {size.unit} are allowed"
        return [("size", f"out of bounds ({value:g})", f"{bounds}: {size.meaning}. Correct it.")]
    return []
