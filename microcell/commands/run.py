"""`microcell run`: the whole cell in one process on virtual time."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from microcell.commands.import_orders import foreign_orders
from microcell.description.defects import with_defects
from microcell.description.fault_schedule import ScheduledFault, random_schedule
from microcell.description.line import Line
from microcell.description.loader import ENDINGS, load_faults, load_line, load_order
from microcell.description.order import Order, OrderLine
from microcell.errors import UsageError
from microcell.gateways.own import is_list
from microcell.motion.arm_files import unusable_files
from microcell.orchestration.job_control import JobState
from microcell.orchestration.order_view import OrderView
from microcell.orchestration.packml import State
from microcell.records.journal import Entry
from microcell.records.report import Report, as_json, report
from microcell.truth_log import truth_of
from microcell.virtual import VirtualResult, VirtualRun, run_line

MAX_QUANTITY = 100_000


def run(args: argparse.Namespace) -> int:
    """Produce, then print the report. 0 when every ordered unit was made and is accounted for."""
    line = load_line(args.line, args.also, (unusable_files,))
    if args.defects:
        line = with_defects(line, args.defects)
    orders = _orders(args, line)
    stop_after_s = args.hours * 3600.0 if args.hours else None
    faults = _faults(args.faults, line)
    wanted = VirtualRun(line, orders, args.seed, args.camera, args.journal, stop_after_s, faults)
    if args.journal is not None:
        return _run(wanted, args)
    with tempfile.TemporaryDirectory(prefix="microcell-") as folder:
        return _run(replace(wanted, journal=Path(folder) / "run.journal"), args)


def _faults(told: str | None, line: Line) -> tuple[ScheduledFault, ...]:
    """The faults of a schedule's file, or those drawn from a seed, which are told on the error output."""
    if told is None:
        return ()
    if not told.lstrip("-").isdigit():
        return load_faults(told, line)
    drawn = random_schedule(line, int(told))
    for fault in drawn:
        print(f"from {fault.after_s:.1f} s on: {fault.fault} at {fault.where}, command {fault.nth}", file=sys.stderr)
    return drawn


def _orders(args: argparse.Namespace, line: Line) -> tuple[Order, ...]:
    """The orders of the files, and one of `--quantity` units; a run makes exactly so many, scrapped ones included."""
    orders = [order for path in args.order for order in _orders_of(path, args, line)]
    if args.quantity is None and not orders:
        raise UsageError("nothing to make: give --quantity N, or --order FILE.")
    if args.quantity is not None:
        orders.append(_exactly(line, args.quantity, args.variant))
    return tuple(orders)


def _orders_of(path: Path, args: argparse.Namespace, line: Line) -> tuple[Order, ...]:
    """The orders of a file of ours, or of another system's; raises ConfigError."""
    if path.suffix in ENDINGS and not is_list(path):
        return (load_order(path, line),)
    return foreign_orders(path, args, line.product)


def _exactly(line: Line, quantity: int, variant: str | None) -> Order:
    product = line.product_description
    if variant is not None and variant not in product.variants:
        raise UsageError(f"no variant '{variant}'; there are: {', '.join(product.variants)}.")
    if quantity > MAX_QUANTITY:
        raise UsageError(f"--quantity {quantity} is too many: {MAX_QUANTITY} at most in one run.")
    return Order(product=line.product, lines=(OrderLine(variant=variant, quantity=quantity),), replace_scrapped=False)


def _run(wanted: VirtualRun, args: argparse.Namespace) -> int:
    units = sum(order.quantity for order in wanted.orders)
    with _Progress(units, quiet=args.json) as progress:
        result = run_line(wanted, progress.saw)
    found = report(wanted.journal or Path(), truth_of(wanted.journal or Path()))
    if args.json:
        print(json.dumps(as_json(found), indent=2))
    else:
        from microcell.commands.console import printing
        from microcell.records.tables import print_report

        print_report(found, printing())
    return _exit_code(result, wanted) or (_scrapped(found) if args.all_good else 0)


def _scrapped(found: Report) -> int:
    """1, and their serials, when units were scrapped."""
    bad = [unit.serial for unit in found.units if unit.state == "scrapped"]
    if bad:
        print(f"scrapped: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


def _exit_code(result: VirtualResult, wanted: VirtualRun) -> int:
    snapshot = result.snapshot
    if result.interrupted:
        print(f"interrupted; the cell is {snapshot.state.title}", file=sys.stderr)
        return 130
    for fault in snapshot.active_faults:
        print(f"the cell needs a person: {fault}", file=sys.stderr)
    for question in snapshot.questions:
        choices = f"choices: {', '.join(question.choices)}" + (f"; default: {question.default}" if question.default else "")
        print(f"the cell asks {question.question}: {question.text} ({choices})", file=sys.stderr)
    open_orders = [order for order in snapshot.orders if not order.status.ended]
    if open_orders and wanted.stop_after_s is None:
        print(f"not finished: {', '.join(map(_unfinished, open_orders))}", file=sys.stderr)
        return 1
    return 0 if snapshot.state in (State.STOPPED, State.IDLE) and not snapshot.active_faults else 1


def _unfinished(order: OrderView) -> str:
    """An order with what it waits for, where that is told."""
    stored = ["stored, and nobody starts it"] if order.job.state is JobState.NOT_ALLOWED_TO_START else []
    why = [*stored, *(f"short of {part}" for part in order.shortages)]
    return f"{order.order_id} ({'; '.join(why)})" if why else order.order_id


class _Progress:
    """A bar on the terminal's error output; nothing where that is no terminal."""

    def __init__(self, units: int, quiet: bool) -> None:
        self._units = units
        self._quiet = quiet or not sys.stderr.isatty()
        self._advance: Callable[[], Any] = lambda: None

    def __enter__(self) -> _Progress:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            task = self._bar.add_task("units", total=self._units)
            self._advance = lambda: self._bar.advance(task)
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._quiet:
            self._bar.stop()

    def saw(self, entry: Entry) -> None:
        if entry.kind == "unit.ended":
            self._advance()
