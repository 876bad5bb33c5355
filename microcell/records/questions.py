"""Questions of the cell to a person, folded from the journal: what was asked, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from microcell import events


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question; times are production time, s. `unit` is "" for a notice about `device`.

    `by` is who answered, `default`, or why it fell away (then `choice` is ""); "" and `settled_s` None while it is open.
    """

    question: str
    unit: str
    operation: str
    where: str
    device: str
    code: str
    text: str
    choices: tuple[str, ...]
    asked_s: float
    settled_s: float | None
    choice: str
    by: str


def question_rows(
    asked: Iterable[events.QuestionAsked], answered: Iterable[events.QuestionAnswered]
) -> tuple[QuestionRow, ...]:
    """Every question, the oldest first."""
    answers = {answer.question: answer for answer in answered}
    return tuple(_row(question, answers.get(question.question)) for question in asked)


def _row(asked: events.QuestionAsked, answer: events.QuestionAnswered | None) -> QuestionRow:
    return QuestionRow(
        question=asked.question,
        unit=asked.unit,
        operation=asked.operation,
        where=str(asked.fault["where"]),
        device=asked.device,
        code=str(asked.fault["code"]),
        text=asked.text,
        choices=asked.choices,
        asked_s=asked.time_s,
        settled_s=answer.time_s if answer else None,
        choice=answer.choice if answer else "",
        by=answer.by if answer else "",
    )
