"""`microcell check`: are these descriptions right?"""

from __future__ import annotations

import argparse

from microcell.description.loader import check_paths


def run(args: argparse.Namespace) -> int:
    """Print every mistake; 0 when there is none, 2 otherwise."""
    checked = check_paths(args.paths)
    for issue in checked.issues:
        print(issue)
    if checked.issues:
        plural = "" if len(checked.issues) == 1 else "s"
        print(f"{len(checked.issues)} mistake{plural} in {len({i.file for i in checked.issues})} of {len(checked.files)} files")
        return 2
    print(f"{len(checked.files)} files are right")
    return 0
