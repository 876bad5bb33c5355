"""`microcell refill`: a feeder of a running cell was refilled."""

from __future__ import annotations

import argparse

from microcell.commands.client import talk
from microcell.ros.cell_client import CellClient


def run(args: argparse.Namespace) -> int:
    """Tell the feeder and print its level."""

    async def refill(cell: CellClient) -> int:
        level = await cell.refill_feeder(args.feeder, args.quantity, args.lot)
        print(f"{args.feeder}: {level} pieces")
        return 0

    return talk(args.cell, refill)
