"""Faults and when they are to happen: a YAML file, or drawn from one integer seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from microcell.description.base import FAULT_PATTERN, SIZE_PATTERN, Description, Document, Name
from microcell.description.injectable import INJECTABLE, kinds_in
from microcell.description.injectable_kinds import Size, World
from microcell.description.line import Line
from microcell.description.part_uses import feeders_by_hand, spared_feeders
from microcell.description.wording import choice
from microcell.errors import UsageError

SizeText = Annotated[str, StringConstraints(pattern=SIZE_PATTERN, max_length=40)]
FaultId = Annotated[str, StringConstraints(pattern=FAULT_PATTERN, max_length=63)]
Condition = Literal["holding", "empty_handed", "moving", "resting", "unit_seated", "no_unit"]

DRAWN_FAULTS = 8
DRAWN_WITHIN_S = 300.0
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
    size: SizeText | None = Field(None, description="Size of the fault with the catalogue's unit; without it, its default.")

    @property
    def how_often(self) -> int:
        return self.times if self.times is not None else INJECTABLE[self.fault].times

    @property
    def how_large(self) -> float:
        """The size in the catalogue's unit; 0 for a fault that has none."""
        if self.size is not None:
            return float(self.size.partition(" ")[0])
        size = INJECTABLE[self.fault].size
        return size.default if size is not None else 0.0


class FaultSchedule(Document):
    """Faults that are to happen to one line."""

    kind: Literal["fault_schedule"]
    line: Name = Field(description="The line that they happen to.")
    faults: tuple[ScheduledFault, ...] = Field(min_length=1, max_length=10_000, description="What happens, and when.")


@dataclass(frozen=True)
class Scope:
    """What faults can happen to on a line: kind of each device, tool and program, and the names of all operations.

    `spared` are, for a fault, the feeders to whose parts it cannot happen, `by_hand` those where it needs a person although
    the catalogue has it as recoverable.
    """

    kinds: Mapping[str, str]
    operations: tuple[str, ...]
    spared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    by_hand: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, line: Line) -> Scope:
        product = line.product_description
        arms = line.cell_description.of_kind("arm")
        operations = operations_of((*product.plan, *product.scrap_plan), arms, line.tools)
        spared = [spared_feeders(each.product_description, _filled(each)) for each in line.every]
        by_hand = [feeders_by_hand(each.product_description, _filled(each)) for each in line.every]
        return cls(
            kinds_in(line),
            operations,
            {fault: frozenset.intersection(*(each[fault] for each in spared)) for fault in spared[0]},
            {fault: frozenset().union(*(each[fault] for each in by_hand)) for fault in by_hand[0]},
        )

    def fitting(self, fault: str) -> tuple[str, ...]:
        """What a fault of the catalogue can happen to."""
        spared = self.spared.get(fault, ())
        return tuple(name for name, kind in self.kinds.items() if kind in INJECTABLE[fault].fits and name not in spared)

    def alone(self, fault: str) -> tuple[str, ...]:
        """What a fault can happen to so that the cell gets over it by itself."""
        by_hand = self.by_hand.get(fault, ())
        return tuple(name for name in self.fitting(fault) if INJECTABLE[fault].recoverable and name not in by_hand)


def _filled(line: Line) -> dict[str, str]:
    """The part in each feeder, "" in those that the line does not use."""
    filled = {name: setup.part for name, setup in line.feeders.items()}
    return {name: filled.get(name, "") for name in line.cell_description.of_kind("feeder")}


def operations_of(plan: Iterable[str], arms: Iterable[str], tools: Iterable[str]) -> tuple[str, ...]:
    """Every operation: those of the plans, and those that the cell does by itself."""
    own = [f"{what}_{arm}" for arm in arms for what in ("settle", "dock", "park", "stand_back")]
    return (*plan, *(f"mount_{tool}" for tool in tools), *own, "drop_part")


Refusal = tuple[str, str, str]
"""The key that is wrong, what is wrong with it, what to do."""


def refusals(scope: Scope, scheduled: ScheduledFault) -> Iterator[Refusal]:
    """What is wrong with a scheduled fault on a line."""
    if scheduled.fault not in INJECTABLE:
        remedy = choice(scheduled.fault, tuple(INJECTABLE))
        yield "fault", f"there is no injectable fault '{scheduled.fault}'", remedy
        return
    yield from _place_refusals(scope, scheduled)
    if scheduled.operation is not None and scheduled.operation not in scope.operations:
        what = f"there is no operation '{scheduled.operation}'"
        yield "operation", what, choice(scheduled.operation, scope.operations)
    if scheduled.size is not None:
        yield from _size_refusals(scheduled, scheduled.size, INJECTABLE[scheduled.fault].size)


def _place_refusals(scope: Scope, scheduled: ScheduledFault) -> Iterator[Refusal]:
    where, fitting = scheduled.where, scope.fitting(scheduled.fault)
    if not fitting:
        yield "fault", f"nothing on this line can have '{scheduled.fault}'", "leave it out, or take another line."
    elif where is not None and where not in scope.kinds:
        yield "where", f"there is no device '{where}'", choice(where, fitting)
    elif where is not None and where in scope.spared.get(scheduled.fault, ()):
        yield "where", f"it does not happen to what is in this feeder ('{where}')", choice(where, fitting)
    elif where is not None and where not in fitting:
        yield "where", f"it does not happen to a {scope.kinds[where]} ('{where}')", choice(where, fitting)


def checked(line: Line, scheduled: ScheduledFault, world: World) -> ScheduledFault:
    """The fault itself; `UsageError` where it cannot happen on this line in this world."""
    for _, what, remedy in refusals(Scope.of(line), scheduled):
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
    scope = Scope.of(line)
    places = scope.alone if recoverable else scope.fitting
    drawable = [name for name, entry in INJECTABLE.items() if "virtual" in entry.worlds and places(name)]
    return tuple(_drawn(places, stream, stream.choice(drawable), within_s) for _ in range(count))


def _drawn(places: Callable[[str], tuple[str, ...]], stream: Random, fault: str, within_s: float) -> ScheduledFault:
    where = stream.choice(places(fault))
    return ScheduledFault(
        fault=fault, where=where, after_s=round(stream.uniform(0.0, within_s), 1), nth=stream.randint(1, LATEST_NTH)
    )


def with_size(scheduled: ScheduledFault, value: float) -> ScheduledFault:
    """The fault with another size, in the catalogue's unit; `UsageError` for one that has none."""
    size = INJECTABLE[scheduled.fault].size
    if size is None:
        raise UsageError(f"'{scheduled.fault}' has no size: it happens or it does not.")
    return scheduled.model_copy(update={"size": f"{value!r} {size.unit}"})


def _size_refusals(scheduled: ScheduledFault, told: str, size: Size | None) -> Iterator[Refusal]:
    if size is None:
        yield "size", f"'{scheduled.fault}' has no size ('{told}')", "it happens or it does not. Leave the key out."
        return
    bounds = f"{size.low:g} to {size.high:g} {size.unit} are allowed"
    if told.partition(" ")[2] != size.unit:
        yield "size", f"another unit is needed ('{told}')", f"{bounds}: {size.meaning}. Correct it."
    elif not size.low <= scheduled.how_large <= size.high:
        yield "size", f"out of bounds ('{told}')", f"{bounds}: {size.meaning}. Correct it."
