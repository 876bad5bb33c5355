"""`microcell expect`: parts will come to a running cell."""

from __future__ import annotations

import argparse

from microcell.commands.client import talk
from microcell.ros.cell_client import CellClient


def run(args: argparse.Namespace) -> int:
    """Announce them and print the cell's word for it."""

    async def announce(cell: CellClient) -> int:
        print(await cell.announce_delivery(args.part, args.quantity, args.reference))
        return 0

    return talk(args.cell, announce)
