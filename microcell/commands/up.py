"""`microcell up`: start a line's ROS 2 cell."""

from __future__ import annotations

import argparse
from pathlib import Path

from microcell.composition.bringup import bring_up
from microcell.composition.compose import compose
from microcell.description.loader import find_line, load_line


def run(args: argparse.Namespace) -> int:
    """Start the Blueprint's processes and keep them running until Ctrl-C."""
    line = load_line(args.line, args.also)
    journal = args.journal or Path("out") / f"{line.name}.journal"
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
