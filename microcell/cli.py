"""The `microcell` command: arguments in, one module of `microcell.commands` called, exit code out.

Exit codes: 0 done, 1 the work did not end well (scrap, a held cell, a failed check), 2 wrong usage or configuration,
130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence

from microcell import __version__
from microcell.command_line.cell import add_cell_commands
from microcell.command_line.descriptions import add_description_commands
from microcell.command_line.inspections import add_inspection_commands
from microcell.command_line.orders import add_import_command
from microcell.command_line.production import add_run_command, add_view_command
from microcell.command_line.records import add_journal_commands, add_report_command
from microcell.errors import MicrocellError

OF_FILES = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP,
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
}  # fmt: skip
"""What a file or folder that the user named can be at fault for; other errors of the system are ours."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and run the command; errors of ours become one clear text and exit code 2."""
    args = _parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # who reads a log or a pipe waits for `the cell is ready`
    module = importlib.import_module(f"microcell.commands.{getattr(args, 'module', args.command)}")
    try:
        return int(module.run(args))
    except MicrocellError as error:
        print(f"microcell {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in OF_FILES:
            raise
        file = f"{error.filename2 or error.filename}: " if error.filename else ""
        remedy = "Check the path, the rights of this user and the free space."
        print(f"microcell {args.command}: {file}{error.strerror}. {remedy}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="microcell",
        description="Runs modular automation cells: from a YAML description to packed, inspected units.",
    )
    parser.add_argument("--version", action="version", version=f"microcell {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_description_commands(commands)
    add_run_command(commands)
    add_view_command(commands)
    add_cell_commands(commands)
    add_report_command(commands)
    add_journal_commands(commands)
    add_inspection_commands(commands)
    add_import_command(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
