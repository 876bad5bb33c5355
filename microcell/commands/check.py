"""`microcell check`: are these descriptions right?"""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

from microcell.description.loader import check_paths
from microcell.description.rules_ready import untaught_checks
from microcell.motion.arm_files import unusable_files
from microcell.motion.reaching import out_of_reach
from microcell.motion.standing import overlapping


def run(args: argparse.Namespace) -> int:
    """Print every mistake; 0 when there is none, 2 otherwise."""
    further = (untaught_checks, unusable_files, overlapping, out_of_reach)
    issues = check_paths(args.paths, datetime.now(timezone.utc).date(), further)
    for issue in issues:
        print(issue)
    if issues:
        files = len({issue.file for issue in issues})
        print(f"{len(issues)} mistake{'s' * (len(issues) > 1)} in {files} file{'s' * (files > 1)}")
        return 2
    print("no mistakes found")
    return 0
