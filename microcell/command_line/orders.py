"""Commands about other systems' orders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.command_line.arguments import add_command, takes_also, takes_foreign, takes_json

if TYPE_CHECKING:
    from microcell.command_line.arguments import Commands


def add_import_command(commands: Commands) -> None:
    """import."""
    imported = add_command(
        commands, "import", "read orders of other systems (CSV, B2MML, NEXUS, ARIAC), say what is wrong in them"
    )
    imported.set_defaults(module="import_orders")
    imported.add_argument("file", type=Path, metavar="FILE")
    imported.add_argument("--check", action="store_true", help="only say what is wrong, row by row for a table")
    imported.add_argument("--line", metavar="LINE", help="also whether a line can make the orders")
    imported.add_argument("--output", type=Path, metavar="FILE", help="write the orders as our YAML, if nothing is wrong")
    takes_also(imported)
    takes_foreign(imported)
    takes_json(imported)
