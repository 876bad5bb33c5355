"""`microcell mode`: the PackML units of a running cell, with their modes, states, times and counts; change a mode."""

from __future__ import annotations

import argparse
import asyncio

from rich.table import Table

from microcell.commands.client import talk
from microcell.commands.console import printing
from microcell.errors import UsageError
from microcell.orchestration.packml import Mode, State
from microcell.records.packml import STATION_KINDS
from microcell.ros.cell_client import FIND_S, CellClient
from microcell_interfaces.msg import PackMLStatus


def run(args: argparse.Namespace) -> int:
    """Change the mode and print the cell's word for it; without a mode, list the units."""

    async def mode(cell: CellClient) -> int:
        if args.mode:
            print(await cell.set_mode(Mode[args.mode.upper()], args.reason, args.unit))
            return 0
        stations = [s.name for s in cell.state.stations if s.kind in STATION_KINDS] if cell.state else []
        try:
            await asyncio.wait_for(cell.until(lambda: len(cell.units) > len(stations)), FIND_S)
        except asyncio.TimeoutError:
            missing = ", ".join(name for name in stations if name not in cell.units) or "the cell"
            raise UsageError(f"cell '{cell.cell}' does not tell the state of {missing}. Is it just going down?") from None
        order = {name: number for number, name in enumerate(stations)}
        shown = sorted(cell.units.values(), key=lambda unit: order.get(unit.unit, -1))
        printing().print(table([unit for unit in shown if args.unit in ("", unit.unit)]))
        return 0

    return talk(args.cell, mode)


def table(units: list[PackMLStatus]) -> Table:
    """State and mode of each unit, why, the share of its time in Execute as of its last change, and what it has done."""
    shown = Table(box=None)
    for heading in ("unit", "mode", "state", "in Execute", "done", "bad", "legal now", "why"):
        shown.add_column(heading, no_wrap=heading != "why")
    for unit in units:
        times = unit.state_cumulative_times
        share = f"{times[State.EXECUTE] / sum(times):.0%}" if sum(times) > 0 else "-"
        counts = (str(unit.units_processed), str(unit.units_defective))
        legal = " ".join(unit.legal_commands).lower()
        shown.add_row(unit.unit, unit.mode_name, unit.state_name, share, *counts, legal, unit.reason)
    return shown
