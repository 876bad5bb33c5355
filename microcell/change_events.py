"""The facts of a change to another line, from its beginning to the proof by a first article."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from microcell.event import Event


@dataclass(frozen=True, kw_only=True)
class LineChangeBegun(Event):
    """The cell is to make other products: from now on no unit of those that it leaves is begun.

    `to` are the products that it makes afterwards. `steps` are to be done, in order, each with its station, the product
    that it is for, and what is to be done in words; `how` is what becomes of units in work: drain or park.
    """

    kind: ClassVar[str] = "line.change_begun"
    change: str
    leaving: tuple[str, ...]
    coming: tuple[str, ...]
    to: tuple[str, ...]
    how: str
    steps: tuple[tuple[str, str, str], ...]
    by: str


@dataclass(frozen=True, kw_only=True)
class LineChangeStepEnded(Event):
    """A step of a change is done: a station is set up, or the units in work are (`station` is "")."""

    kind: ClassVar[str] = "line.step_ended"
    change: str
    station: str
    by: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class LinesChanged(Event):
    """The cell makes these products from now on; of each that is new, one unit first. `cycles_s` are their ideal cycles."""

    kind: ClassVar[str] = "line.changed"
    change: str
    lines: tuple[str, ...]
    products: tuple[str, ...]
    cycles_s: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class FirstArticleJudged(Event):
    """What follows from the first unit of a product after a change: passed, failed; again or released by a person."""

    kind: ClassVar[str] = "line.first_article"
    change: str
    product: str
    unit: str
    verdict: str
    reason: str
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class LineChangeEnded(Event):
    """A change is over: completed; cancelled before anything was changed; unproven where another one began before that."""

    kind: ClassVar[str] = "line.change_ended"
    change: str
    outcome: str
    duration_s: float
    reason: str
