"""Which lines a cell has, which of them it makes now, and how far a change between them is: a fold of the journal.

Every product of the cell has a line. Those that are `active` are set up: their orders are worked off. The orders of the
others wait. A change goes through its phases in one direction:

    Draining: the units of the lines that leave are finished, or parked where they stand.
    Setting up: a station at a time, each step told as done. Nothing of the lines that leave or come is begun.
    Proving: the new lines are active; of each, one unit is built and must pass before the next is begun.

So the journal says at each moment which line the cell is set up for: the old one up to `LinesChanged`, then the new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from microcell import events
from microcell.description.contents import at_once, contents, first_set_up
from microcell.description.line import Line
from microcell.events import Event

UNITS = ""
"""The station of a change's first step: the units in work."""


class Phase(Enum):
    """How far a change is."""

    DRAINING = "draining"
    SETTING_UP = "setting up"
    PROVING = "proving"


@dataclass(frozen=True)
class Step:
    """Something to be done at a station for a product."""

    station: str
    product: str
    text: str


@dataclass(frozen=True)
class Change:
    """A change that is under way; `done` are the stations of its steps that have ended."""

    number: str
    leaving: tuple[str, ...]
    coming: tuple[str, ...]
    to: tuple[str, ...]
    how: str
    steps: tuple[Step, ...]
    begun_s: float
    phase: Phase = Phase.DRAINING
    done: tuple[str, ...] = ()

    @property
    def left(self) -> tuple[Step, ...]:
        """Steps that are still to be done, besides the units in work."""
        return tuple(step for step in self.steps if step.station not in self.done)

    @property
    def irreversible(self) -> bool:
        """Whether something is changed already."""
        return self.phase is Phase.PROVING or any(step.product and step.station in self.done for step in self.steps)


@dataclass(frozen=True)
class Article:
    """The first unit of a product after a change: "" before it is begun. `fault` says why it is not good at once."""

    unit: str = ""
    fault: str = ""
    ended: bool = False


@dataclass
class Lines:
    """The lines of a cell. `articles` are those products whose first unit is still to be proven."""

    line: Line
    active: tuple[str, ...] = ()
    set_up: dict[str, str] = field(default_factory=dict)
    change: Change | None = None
    articles: dict[str, Article] = field(default_factory=dict)
    changes: int = 0
    _units: dict[str, str] = field(default_factory=dict)
    _alike: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.active = tuple(line.product for line in at_once(self.line.every))
        self.set_up = first_set_up(self.line)

    def of(self, product: str) -> Line:
        """The line of a product, "" for the cell's first one. KeyError for a product that no line makes."""
        return self.line.making(product)

    @property
    def main(self) -> Line:
        """The first of the lines that are active."""
        return self.of(self.active[0])

    @property
    def products(self) -> tuple[str, ...]:
        """Every product of the cell."""
        return tuple(line.product for line in self.line.every)

    def is_worked_on(self, product: str) -> bool:
        """Whether units of a product that are begun are worked on, also those that a change lets be finished."""
        product = product or self.line.product
        parked = (
            self.change is not None
            and product in self.change.leaving
            and (self.change.how == "park" or self.change.phase is not Phase.DRAINING)
        )
        return product in self.active and not parked

    def runs(self, product: str) -> bool:
        """Whether the line of a product is set up and is not being left."""
        product = product or self.line.product
        return product in self.active and not (self.change is not None and product in self.change.leaving)

    def takes_units(self, product: str) -> bool:
        """Whether units of a product may be begun: its line is active, is not being left, and waits for no verdict."""
        article = self.articles.get(product or self.line.product)
        return self.runs(product) and (article is None or not article.unit)

    def is_set_up(self, station: str, product: str) -> bool:
        """Whether a station may take a unit of a product: it holds what the product's line wants there, and is not to be
        set up for another line, by a change that lets units rest where they stand.
        """
        product, change = product or self.line.product, self.change
        is_left = change is not None and change.how == "park" and product in change.leaving
        to_do = change.steps if change is not None and is_left else ()
        if any(step.station == station and step.product for step in to_do):
            return False
        key = (station, product, self.set_up.get(station, product))
        if key[1] == key[2]:
            return True
        if key not in self._alike:
            wanted, held = (contents(self.of(each), station) for each in key[1:])
            self._alike[key] = wanted is None or held is None or wanted.likeness == held.likeness
        return self._alike[key]

    def why_not(self, product: str) -> str:
        """Why no unit of a product is begun; "" where it is not for its line."""
        product = product or self.line.product
        change = self.change
        if change is not None and product in (*change.leaving, *change.coming) and not self.takes_units(product):
            return f"the change {change.number} to {', '.join(change.to)} is {change.phase.value}"
        if product not in self.active:
            return f"the cell is set up for {', '.join(self.active)}"
        return ""

    def told(self) -> str:
        """The change that is under way in words; "" for none."""
        change = self.change
        if change is None:
            return ""
        left = ", ".join(step.station for step in change.left if step.station != UNITS)
        rest = "finished" if change.how == "drain" else "parked"
        waits = {
            Phase.DRAINING: f"units of {', '.join(change.leaving)} are being {rest}",
            Phase.SETTING_UP: f"to be set up: {left or 'nothing more'}",
            Phase.PROVING: f"the first {' and the first '.join(self.articles) or 'article'} is to pass",
        }
        return f"{change.number} to {', '.join(change.to)}: {waits[change.phase]}"

    # the fold

    def apply(self, event: Event) -> None:
        """Take an event into account that is in the journal."""
        if isinstance(event, events.LineChangeBegun):
            self._begun(event)
        elif isinstance(event, events.LineChangeStepEnded) and self.change is not None:
            self._step_ended(self.change, event)
        elif isinstance(event, events.LinesChanged) and self.change is not None:
            self.active = event.products
            self.articles = {product: Article() for product in self.change.coming}
            self.change = replace(self.change, phase=Phase.PROVING)
        elif isinstance(event, events.FirstArticleJudged):
            self._judged(event)
        elif isinstance(event, events.LineChangeEnded):
            self.change = None
            self.articles = {}
        else:
            self._follow(event)

    def _begun(self, event: events.LineChangeBegun) -> None:
        self.changes += 1
        steps = tuple(Step(*step) for step in event.steps)
        self.change = Change(event.change, event.leaving, event.coming, event.to, event.how, steps, event.time_s)

    def _step_ended(self, change: Change, event: events.LineChangeStepEnded) -> None:
        for step in change.steps:
            if step.station == event.station and step.product:
                self.set_up[step.station] = step.product
        self.change = replace(change, done=(*change.done, event.station), phase=Phase.SETTING_UP)

    def _judged(self, event: events.FirstArticleJudged) -> None:
        if event.verdict == "again":
            self.articles[event.product] = Article()
        elif event.verdict in ("passed", "released"):
            self.articles.pop(event.product, None)

    def _follow(self, event: Event) -> None:
        """What becomes of the first articles; a unit that was parked when its line was left counts as one, too."""
        if isinstance(event, events.UnitStarted):
            self._units[event.unit] = event.product
            if event.product in self.articles and not self.articles[event.product].unit:
                self.articles[event.product] = Article(event.unit)
        elif isinstance(event, events.RecoveryDecided) and event.action in ("rework", "scrap"):
            if article := self._article_of(event.unit):
                fault = article.fault or f"{event.action}: {event.reason}"
                self.articles[self._units[event.unit]] = replace(article, fault=fault)
        elif isinstance(event, events.UnitEnded):
            if article := self._article_of(event.unit):
                scrapped = event.reason if event.disposition != "good" else ""
                self.articles[self._units[event.unit]] = replace(article, ended=True, fault=article.fault or scrapped)
            self._units.pop(event.unit, None)

    def _article_of(self, unit: str) -> Article | None:
        """The article that a unit is, or becomes because its line had none yet."""
        article = self.articles.get(self._units.get(unit, ""))
        return replace(article, unit=unit) if article is not None and article.unit in ("", unit) else None
