"""`microcell up`: start a line's ROS 2 cell."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from microcell.composition.bringup import bring_up
from microcell.composition.compose import compose
from microcell.description.loader import find_line, load_line
from microcell.errors import JournalError
from microcell.events import JournalOpened
from microcell.motion.arm_files import unusable_files
from microcell.orchestration.restore import refuse_other
from microcell.records.journal_reader import JournalReader


def run(args: argparse.Namespace) -> int:
    """Start the Blueprint's processes and keep them running until Ctrl-C."""
    line = load_line(args.line, args.also, (unusable_files,))
    journal = args.journal or Path("out") / f"{line.name}.journal"
    _refuse_other(journal, line.name, args.world)
    blueprint = compose(
        line,
        args.world,
        line_path=str(find_line(args.line)),
        journal=str(journal),
        seed=args.seed,
        time_scale=args.time_scale,
        namespace=args.namespace,
        headless=not args.window,
        also=[str(find_line(name)) for name in args.also],
    )
    return bring_up(blueprint, journal.parent / "logs")


def _refuse_other(journal: Path, line: str, world: str) -> None:
    """`UsageError` for the journal of another line or world, before anything is started; what else is wrong with it the
    orchestrator tells.
    """
    if journal.is_file():
        with suppress(JournalError), JournalReader.open(journal) as reader:
            opened = next((event for event in reader.events() if isinstance(event, JournalOpened)), None)
            if opened is not None:
                refuse_other(opened, line, world)
