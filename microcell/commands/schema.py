"""`microcell schema`: JSON Schemas for editors."""

from __future__ import annotations

import argparse

from microcell.description.schema import write_schemas


def run(args: argparse.Namespace) -> int:
    """Write one schema for each kind of document."""
    for path in write_schemas(args.output):
        print(path)
    return 0
