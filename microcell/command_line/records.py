"""Commands about journals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.command_line.arguments import add_command, takes_cell, takes_json, takes_keys

if TYPE_CHECKING:
    from microcell.command_line.arguments import Commands


def add_report_command(commands: Commands) -> None:
    """report."""
    report = add_command(commands, "report", "what a journal says: units, serials, lots, measured values, yield, OEE")
    report.add_argument("journal", type=Path, metavar="JOURNAL")
    report.add_argument("--gantt", type=Path, metavar="FILE", help="draw who did what when, as PNG or SVG")
    report.add_argument("--quality", type=Path, metavar="FILE", help="draw distributions and control charts, as PNG or SVG")
    report.add_argument("--all", action="store_true", help="list every unit")
    takes_json(report)


def add_journal_commands(commands: Commands) -> None:
    """verify, backup, rotate, key."""
    verify = add_command(commands, "verify", "check that a journal is what was written: chain, signatures, nothing missing")
    verify.add_argument("journal", type=Path, metavar="JOURNAL")
    verify.add_argument(
        "--public-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="of the site; may be repeated for keys that followed each other; default: those in the folder of keys",
    )
    verify.add_argument(
        "--noted", action="append", default=[], metavar="N:HASH", help="a head that was noted earlier; may be repeated"
    )
    takes_keys(verify)
    takes_json(verify)

    backup = add_command(commands, "backup", "copy a journal, also while a cell writes it, and verify the copy")
    backup.add_argument("journal", type=Path, metavar="JOURNAL")
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file")

    rotate = add_command(commands, "rotate", "leave what a journal holds to a file beside it, and go on after that")
    rotate.add_argument(
        "journal", nargs="?", type=Path, metavar="JOURNAL", help="that no cell writes; default: that of a running cell"
    )
    takes_keys(rotate)
    takes_cell(rotate)

    key = add_command(commands, "key", "make or show the site's key, which signs journals")
    key.add_argument("what", choices=("new", "show", "sign"), help="sign: the last entry of a journal that nobody writes")
    key.add_argument("journal", nargs="?", type=Path, metavar="JOURNAL", help="to sign")
    key.add_argument("--replace", action="store_true", help="new: in place of the key that is there")
    takes_keys(key)
