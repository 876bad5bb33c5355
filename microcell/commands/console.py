"""Where commands print tables."""

from __future__ import annotations

import os
import sys

from rich.console import Console

PIPED_WIDTH = 240
"""Columns where no terminal shows them: wide enough that no name of a table breaks, for whoever searches in it."""


def printing() -> Console:
    """The standard output, as wide as its terminal; without one as wide as tables are, or as COLUMNS says."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console()
    return Console(width=PIPED_WIDTH)
