"""`microcell questions`: what a running cell asks its operator."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

from microcell.commands.client import talk
from microcell.ros.cell_client import CellClient
from microcell.ros.convert_skills import unix_s
from microcell_interfaces.msg import OperatorQuestion


def run(args: argparse.Namespace) -> int:
    """List the open questions, with --all the settled ones too."""

    async def questions(cell: CellClient) -> int:
        found = await cell.list_questions(args.all)
        for question in found:
            print(described(question))
        if not found:
            print("no questions")
        return 0

    return talk(args.cell, questions)


def described(question: OperatorQuestion) -> str:
    """A question, what can be answered, and what each answer leads to; of a settled one the answer."""
    lines = [f"{question.id}  {question.text}"]
    if not question.open:
        return f"{lines[0]}\n    {question.answer or 'fell away'}, by {question.answered_by}"
    width = max(map(len, question.choices), default=0)
    for choice, consequence in zip(question.choices, question.consequences, strict=True):
        lines.append(f"    {choice:<{width}}  {consequence}")
    if question.default_choice:
        at = datetime.fromtimestamp(unix_s(question.deadline) or 0.0, timezone.utc)
        lines.append(f"    without an answer by {at:%H:%M:%S} UTC: {question.default_choice}")
    return "\n".join(lines)
