"""Questions of the cell to a person: asked, answered or left to their default; folded from the journal, so none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from microcell.clock import Clock
from microcell.description.wording import choice as near_choice
from microcell.errors import UsageError
from microcell.events import Event, JournalOpened, QuestionAnswered, QuestionAsked
from microcell.faults import Fault

BY_DEFAULT = "default"
KEPT_ANSWERED = 200


@dataclass(frozen=True, slots=True)
class Question:
    """One question; times are cell time in s. A unit waits for the answer, or none where it is a notice about a device.

    `choice` is "" while it is open, and where it fell away: then `by` says why.
    """

    question: str
    unit: str
    operation: str
    fault: Fault
    text: str
    choices: tuple[str, ...]
    consequences: tuple[str, ...]
    default: str
    after_s: float | None
    device: str
    asked_s: float
    deadline_s: float | None
    choice: str = ""
    by: str = ""

    @property
    def open(self) -> bool:
        return not self.by


class Questions:
    """All questions of a journal, by their ids. The deadline of an open one counts anew after a restart: before, nobody
    could have answered.
    """

    def __init__(self, clock: Clock, record: Callable[[Event], None]) -> None:
        self._clock = clock
        self._record = record
        self._asked = 0
        self._all: dict[str, Question] = {}
        self._waiting: dict[str, asyncio.Future[Question]] = {}

    def apply(self, event: Event) -> None:
        """Take an event into account."""
        if isinstance(event, QuestionAsked):
            self._asked += 1
            self._all[event.question] = _question(event)
        elif isinstance(event, QuestionAnswered) and event.question in self._all:
            self._settle(event)
        elif isinstance(event, JournalOpened):
            for question in self.open():
                deadline_s = None if question.after_s is None else event.time_s + question.after_s
                self._all[question.question] = replace(question, deadline_s=deadline_s)

    def open(self) -> tuple[Question, ...]:
        """Questions that nobody has answered, the oldest first."""
        return tuple(question for question in self._all.values() if question.open)

    def every(self) -> tuple[Question, ...]:
        """All questions that are still known, the oldest first."""
        return tuple(self._all.values())

    def about(self, operation: str) -> Question | None:
        """The last question that was asked about something, settled or not; None where none is known."""
        return next((q for q in reversed(self._all.values()) if q.operation == operation), None)

    def ask(
        self,
        fault: Fault,
        text: str,
        choices: Mapping[str, str],
        default: str = "",
        after_s: float | None = None,
        unit: str = "",
        operation: str = "",
        device: str = "",
    ) -> str:
        """Ask; the question's id. `choices` has the consequence of each."""
        number = f"Q-{self._asked + 1:04d}"
        self._record(
            QuestionAsked(
                time_s=self._clock.now(),
                question=number,
                unit=unit,
                operation=operation,
                fault=fault.as_data(),
                text=text,
                choices=tuple(choices),
                consequences=tuple(choices.values()),
                default=default,
                after_s=after_s,
                device=device,
            )
        )
        return number

    def answer(self, number: str, choice: str, by: str) -> Question:
        """Settle a question; `UsageError` says why not."""
        question = self._all.get(number)
        if question is None:
            known = ", ".join(q.question for q in self.open()) or "none"
            raise UsageError(f"there is no question '{number}'. Open questions: {known}.")
        if not question.open:
            raise UsageError(f"question {number} is settled: {question.choice or 'it fell away'}, by {question.by}.")
        if choice not in question.choices:
            raise UsageError(f"'{choice}' is no choice of {number}; {near_choice(choice, question.choices, 'choice')}")
        self._record(QuestionAnswered(time_s=self._clock.now(), question=number, choice=choice, by=by or "operator"))
        return self._all[number]

    def withdraw(self, number: str, why: str) -> None:
        """Settle an open question that has fallen away."""
        if self._all[number].open:
            self._record(QuestionAnswered(time_s=self._clock.now(), question=number, choice="", by=why))

    async def answered(self, number: str) -> Question:
        """The question as soon as it is settled: by its default when its time is over."""
        question = self._all[number]
        if not question.open:
            return question
        future = self._waiting.setdefault(number, asyncio.get_running_loop().create_future())
        if question.deadline_s is None:
            return await asyncio.shield(future)
        if not await self._clock.wait(future, question.deadline_s - self._clock.now()):
            self.answer(number, question.default, BY_DEFAULT)
        return self._all[number]

    def _settle(self, event: QuestionAnswered) -> None:
        question = replace(self._all[event.question], choice=event.choice, by=event.by)
        self._all[event.question] = question
        future = self._waiting.pop(event.question, None)
        if future is not None and not future.done():
            future.set_result(question)
        settled = [q.question for q in self._all.values() if not q.open]
        for number in settled[:-KEPT_ANSWERED]:
            del self._all[number]


def _question(event: QuestionAsked) -> Question:
    return Question(
        question=event.question,
        unit=event.unit,
        operation=event.operation,
        fault=Fault(**event.fault),
        text=event.text,
        choices=event.choices,
        consequences=event.consequences,
        default=event.default,
        after_s=event.after_s,
        device=event.device,
        asked_s=event.time_s,
        deadline_s=None if event.after_s is None else event.time_s + event.after_s,
    )
