"""`microcell rotate`: leave what is written to a file beside the journal."""

from __future__ import annotations

import argparse

from microcell.errors import JournalError
from microcell.records.journal import Journal
from microcell.records.segments import rotate
from microcell.records.signing import keys_folder, site_key


def run(args: argparse.Namespace) -> int:
    """Rotate a journal that nobody writes, or have a running cell rotate its own."""
    if args.journal is None:
        return _ask_cell(args.cell)
    if not args.journal.is_file():
        raise JournalError(f"there is no journal at {args.journal}: check the path")
    with Journal.create_or_open(args.journal, signer=site_key(args.keys or keys_folder())) as journal:
        print(f"written so far: {rotate(journal)}")
    return 0


def _ask_cell(cell: str) -> int:
    from microcell.commands.client import talk
    from microcell.ros.cell_client import CellClient

    async def ask(client: CellClient) -> int:
        print(await client.rotate_journal())
        return 0

    return talk(cell, ask)
