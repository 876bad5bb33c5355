"""`microcell change-line`: let a running cell make another product."""

from __future__ import annotations

import argparse

from microcell.commands.client import talk, user
from microcell.errors import UsageError
from microcell.ros.cell_client import CellClient


def run(args: argparse.Namespace) -> int:
    """Begin, check or cancel a change; without a line, tell what the cell makes."""

    async def change(cell: CellClient) -> int:
        if not args.line and not args.cancel:
            print(_present(cell))
            return 0
        if args.line and args.cancel:
            raise UsageError("give the lines to change to, or --cancel; not both.")
        how = "park" if args.park else "drain"
        message, steps = await cell.change_line(args.line, how, args.check, args.cancel, args.by or user())
        print(message)
        for step in steps:
            print(f"  {step}")
        if steps and not args.check:
            print("The cell asks about each station: microcell questions, microcell answer ID done.")
        return 0

    return talk(args.cell, change)


def _present(cell: CellClient) -> str:
    if cell.state is None:
        raise UsageError("the cell has not told its state yet. Ask again.")
    made = f"the cell makes {', '.join(cell.state.lines)}"
    return f"{made}; {cell.state.change}" if cell.state.change else made
