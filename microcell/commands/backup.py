"""`microcell backup`: copy a journal while it is written."""

from __future__ import annotations

import argparse

from microcell.records.journal import JournalReader
from microcell.records.segments import backup
from microcell.records.verifying import verify


def run(args: argparse.Namespace) -> int:
    """Copy, then verify the copy. 0 when the copy holds, 1 where the journal, and so the copy, is broken."""
    written = backup(args.journal, args.file)
    with JournalReader.open(args.file) as copy:
        verdict = verify(copy)
    for path in written:
        print(f"written: {path}")
    if verdict.broken:
        print(f"the copy is as broken as the journal: {verdict.broken}")
        return 1
    print(f"verified: entries 1 to {verdict.head.sequence}, head {verdict.head}")
    return 0
