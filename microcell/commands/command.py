"""`microcell command`: a PackML command to a running cell or to one of its stations."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from microcell.commands.client import talk
from microcell.errors import UsageError
from microcell.orchestration.packml import Command
from microcell.ros.cell_client import CellClient

MEANT = {"resume": "unhold", "continue": "unhold"}
"""What other machines call our commands."""


def run(args: argparse.Namespace) -> int:
    """Give the command and print the cell's word for it."""
    known = {command.name.lower(): command for command in Command}
    name = args.name.lower()
    if name not in known:
        near = [MEANT[name]] if name in MEANT else get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UsageError(f"no command '{args.name}'; {hint}there are: {', '.join(known)}.")

    async def command(cell: CellClient) -> int:
        print(await cell.command(known[name], args.reason, args.unit))
        return 0

    return talk(args.cell, command)
