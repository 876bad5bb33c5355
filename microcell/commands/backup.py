"""`microcell backup`: copy a journal while it is written."""

from __future__ import annotations

import argparse

from microcell.records.evidence import copy_evidence, evidence_folder
from microcell.records.journal import JournalReader
from microcell.records.segments import backup
from microcell.records.verifying import verify


def run(args: argparse.Namespace) -> int:
    """Copy, pictures too, then verify the copy. 0 when it holds, 1 where the journal, and so the copy, is broken."""
    written = backup(args.journal, args.file)
    with JournalReader.open(args.file) as copy:
        verdict = verify(copy)
    with JournalReader.open(args.journal) as journal:
        pictures = copy_evidence(journal, args.file.resolve())
    for path in written:
        print(f"written: {path}")
    if pictures:
        print(f"pictures copied: {pictures}, to {evidence_folder(args.file)}")
    if verdict.broken:
        print(f"the copy is as broken as the journal: {verdict.broken}")
        return 1
    print(f"verified: entries 1 to {verdict.head.sequence}, head {verdict.head}")
    return 0
