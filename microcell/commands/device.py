"""`microcell device`: put a device of a running cell out of service, or back into it."""

from __future__ import annotations

import argparse

from microcell.commands.client import talk
from microcell.ros.cell_client import CellClient


def run(args: argparse.Namespace) -> int:
    """Do it and print the cell's word for it."""

    async def service(cell: CellClient) -> int:
        print(await cell.set_device_service(args.device, args.in_service, args.reason))
        return 0

    return talk(args.cell, service)
