"""Commands that produce in this process, and show how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.command_line.arguments import (
    MOST_WIDTH_PX,
    add_command,
    positive,
    ratio,
    takes_also,
    takes_foreign,
    takes_json,
    takes_line,
    takes_what,
)

if TYPE_CHECKING:
    from microcell.command_line.arguments import Commands


def add_run_command(commands: Commands) -> None:
    """run."""
    run = add_command(commands, "run", "produce in one process on virtual time, faster than real time")
    takes_line(run)
    takes_also(run)
    takes_what(run)
    run.add_argument("--seed", type=int, default=0, help="of all that scatters; the same seed gives the same journal")
    run.add_argument(
        "--camera",
        choices=("modelled", "rendered"),
        default="modelled",
        help="modelled: readings drawn around the truth with the measured errors of the rendered pipeline; "
        "rendered: images are made and judged (default: %(default)s)",
    )
    run.add_argument(
        "--faults",
        metavar="FILE|SEED",
        help="faults that happen: a schedule as YAML, or an integer that some are drawn from (see 'microcell faults')",
    )
    run.add_argument(
        "--defects",
        type=ratio,
        default=0.0,
        metavar="RATIO",
        help="about so many units come out bad, of every kind that the inspections look for (0.05: one in twenty)",
    )
    takes_foreign(run, product=False)
    run.add_argument("--hours", type=positive(float), help="end after so many hours of cell time")
    run.add_argument("--all-good", action="store_true", help="end with 1 when a unit was scrapped, too")
    run.add_argument("--journal", type=Path, metavar="FILE", help="keep the journal; without it, it is only in memory")
    takes_json(run)


def add_view_command(commands: Commands) -> None:
    """view."""
    view = add_command(commands, "view", "show the cell in 3-D while it makes a unit: in a browser, or as a picture")
    takes_line(view)
    view.add_argument(
        "--output", type=Path, metavar="FILE", help="write a .gif (animated) or .png (still) and open no browser"
    )
    view.add_argument("--unit", type=positive(int), default=1, metavar="N", help="which unit of the run (default: 1)")
    view.add_argument("--seed", type=int, default=0, help="of all that scatters, as in run")
    view.add_argument("--at", type=positive(float), metavar="S", help="still: so long after the unit was begun")
    view.add_argument("--speed", type=positive(float), default=4.0, help="animation: times as fast (default: 4)")
    view.add_argument(
        "--width", type=positive(int, MOST_WIDTH_PX), default=800, metavar="PX", help="of the picture (default: 800)"
    )
    view.add_argument("--port", type=int, default=8080, help="of the browser's page, on this machine (default: 8080)")
