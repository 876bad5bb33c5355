"""`microcell tools`: the tools of a running cell; change, dock and renew them, put them out of service and back."""

from __future__ import annotations

import argparse
import math

from rich.table import Table

from microcell.commands.client import talk
from microcell.commands.console import printing
from microcell.ros.cell_client import CellClient
from microcell_interfaces.msg import ToolState


def run(args: argparse.Namespace) -> int:
    """Do what is asked for, print the cell's word for it; without anything asked, list the tools."""

    async def tools(cell: CellClient) -> int:
        if args.change:
            print(await cell.change_tool(args.change, args.arm))
        elif args.dock:
            print(await cell.dock_tool(args.arm))
        elif args.renew:
            print(await cell.renew_tool(args.renew, args.reason))
        elif args.out_of_service or args.in_service:
            tool = args.out_of_service or args.in_service
            print(await cell.set_tool_service(tool, bool(args.in_service), args.reason))
        else:
            found = await cell.list_tools()
            printing().print(table(found))
            for tool in found:
                if tool.refusal:
                    print(tool.refusal)
        return 0

    return talk(args.cell, tools)


def table(tools: list[ToolState]) -> Table:
    """Where each tool is, how worn, and what is left of its life."""
    shown = Table(box=None)
    for heading in ("tool", "serial", "place", "can", "uses", "uses left", "h left", "fit"):
        shown.add_column(heading, no_wrap=True)
    for tool in tools:
        uses_left = "-" if tool.uses_left < 0 else str(tool.uses_left)
        hours_left = "-" if math.isinf(tool.hours_left) else f"{tool.hours_left:.0f}"
        fit, can = "yes" if tool.in_service else "no", ", ".join(tool.capabilities)
        shown.add_row(tool.name, tool.serial, tool.place, can, str(tool.cycles), uses_left, hours_left, fit)
    return shown
