"""A fake shop floor of a cell with two lines, a person who answers, and what the journal says of the change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from fake_shop_floor import CONFIG, Floor, fault

from microcell import events
from microcell.description.loader import load_line
from microcell.events import Event
from microcell.orchestration.lines import Lines
from microcell.orchestration.questions import Question
from microcell.records.journal import Journal
from microcell.skills.contract import Outcome, SkillGoal, SkillResult

TWO_LINES = load_line(CONFIG / "lines" / "valve.yaml", [CONFIG / "lines" / "controller.yaml"])
"""Valve and controller on one bench: the controller wants most stations otherwise."""

Answer = Callable[[Question], str]


def always_done(question: Question) -> str:
    """The first choice: what was asked for is done, another first article is built."""
    return question.choices[0]


class Person:
    """Answers every question as soon as it is asked, in the way of `answer`; notes what was asked."""

    def __init__(self, floor: Floor, answer: Answer = always_done) -> None:
        self.texts: list[str] = []
        self._floor, self._answer = floor, answer
        floor.controller.add_listener(lambda entry: self._saw(entry.event()))
        for question in floor.controller.shop.questions.open():
            asyncio.get_running_loop().call_soon(self._settle, question.question)

    def _saw(self, event: Event) -> None:
        if isinstance(event, events.QuestionAsked):
            self.texts.append(event.text)
            asyncio.get_running_loop().call_soon(self._settle, event.question)

    def _settle(self, number: str) -> None:
        open_ = {question.question: question for question in self._floor.controller.shop.questions.open()}
        if number in open_ and (choice := self._answer(open_[number])):
            self._floor.controller.service.answer(number, choice, "anna")


async def change_is_over(floor: Floor) -> None:
    """Return when no change is under way."""
    await floor.controller._waiting.until(lambda: floor.controller.shop.lines.change is None)


def begun(journal: Journal) -> list[str]:
    """Products of the units in the order of their beginning."""
    return [event.product for event in journal.events() if isinstance(event, events.UnitStarted)]


def broken_rules(told: Iterable[Event]) -> list[str]:
    """What must never be in a journal of a cell with several lines, as sentences."""
    lines, found = Lines(TWO_LINES), []
    for event in told:
        if isinstance(event, events.UnitStarted) and not lines.takes_units(event.product):
            found.append(f"{event.unit} is begun while {lines.why_not(event.product) or 'the first article is out'}")
        if isinstance(event, events.LinesChanged):
            found += _not_set_up(lines, event)
        lines.apply(event)
    return found


def _not_set_up(lines: Lines, event: events.LinesChanged) -> list[str]:
    """Steps of the change that nobody has told as done when the lines change."""
    change = lines.change
    if change is None:
        return [f"{event.change} is no change that was begun"]
    return [f"{event.change} changes the lines before {step.station or 'the units'}" for step in change.left]


def copy_of(told: Iterable[Event]) -> Journal:
    """A journal of these events: what a program that is killed after the last of them leaves."""
    journal = Journal.create_or_open(":memory:", durability="batch")
    for event in told:
        journal.append(event)
    return journal


def not_done(goal: SkillGoal) -> SkillResult:
    """Every interrupted attempt turns out to have done nothing."""
    return fault("SKILL_CANCELLED", goal.skill, Outcome.CANCELLED)


def on_flange(told: Iterable[Event]) -> dict[str, str]:
    """The serials on the arms' flanges by the last that a journal says."""
    return {event.arm: event.serial for event in told if isinstance(event, events.ToolMounted)}
