"""Changes of the line, folded from a journal: from what to what, what was done, and how long each part took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from microcell import events
from microcell.events import Event

FACTS = (
    events.LineChangeBegun, events.LineChangeStepEnded, events.LinesChanged, events.FirstArticleJudged,
    events.LineChangeEnded,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change. Times are production time, s, None for what is not over; `outcome` is "" while it is under way."""

    change: str
    leaving: tuple[str, ...]
    coming: tuple[str, ...]
    how: str
    steps: int
    begun_s: float
    drained_s: float | None
    set_up_s: float | None
    proven_s: float | None
    first_articles: tuple[str, ...]
    outcome: str
    reason: str

    @property
    def took_s(self) -> float | None:
        """The whole change; None where it is not over."""
        parts = [part for part in (self.drained_s, self.set_up_s, self.proven_s) if part is not None]
        return sum(parts) if self.outcome else None


def change_rows(facts: Iterable[Event]) -> tuple[ChangeRow, ...]:
    """Every change, the oldest first."""
    by_change: dict[str, list[Event]] = {}
    for fact in facts:
        if isinstance(fact, FACTS):
            by_change.setdefault(fact.change, []).append(fact)
    return tuple(_row(told) for told in by_change.values() if isinstance(told[0], events.LineChangeBegun))


def _row(told: list[Event]) -> ChangeRow:
    begun = next(event for event in told if isinstance(event, events.LineChangeBegun))
    drained = _time(event for event in told if isinstance(event, events.LineChangeStepEnded) and not event.station)
    changed = _time(event for event in told if isinstance(event, events.LinesChanged))
    ended = next((event for event in told if isinstance(event, events.LineChangeEnded)), None)
    articles = (event for event in told if isinstance(event, events.FirstArticleJudged))
    over_s = ended.time_s if ended else None
    return ChangeRow(
        change=begun.change,
        leaving=begun.leaving,
        coming=begun.coming,
        how=begun.how,
        steps=len(begun.steps),
        begun_s=begun.time_s,
        drained_s=_between(begun.time_s, drained, over_s),
        set_up_s=_between(drained, changed, over_s),
        proven_s=_between(changed, over_s, over_s),
        first_articles=tuple(f"{article.unit} {article.verdict}" for article in articles),
        outcome=ended.outcome if ended else "",
        reason=ended.reason if ended else "",
    )


def _time(told: Iterable[Event]) -> float | None:
    return next((event.time_s for event in told), None)


def _between(from_s: float | None, to_s: float | None, over_s: float | None) -> float | None:
    """The time of a part of a change; one that was broken off ended with the change."""
    end_s = over_s if to_s is None else to_s
    return None if from_s is None or end_s is None else end_s - from_s
