"""`microcell answer`: answer a question of a running cell."""

from __future__ import annotations

import argparse

from microcell.commands.client import talk, user
from microcell.ros.cell_client import CellClient


def run(args: argparse.Namespace) -> int:
    """Give the answer and print the cell's word for it."""

    async def answer(cell: CellClient) -> int:
        print(await cell.answer_question(args.id, args.choice, args.by or user()))
        return 0

    return talk(args.cell, answer)
