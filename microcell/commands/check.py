"""`microcell check`: are these descriptions right?"""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

from microcell.description.loader import check_paths
from microcell.description.rules_doubts import doubts
from microcell.description.rules_ready import untaught_checks
from microcell.motion.arm_rules import wrong_with_arms
from microcell.motion.standing import overlapping
from microcell.orchestration.workable import chains_of_no_arm


def run(args: argparse.Namespace) -> int:
    """Print every mistake, and what is doubtful; 0 when there is no mistake, 2 otherwise."""
    further = (untaught_checks, doubts, overlapping, chains_of_no_arm, wrong_with_arms)
    issues = check_paths(args.paths, datetime.now(timezone.utc).date(), further)
    for issue in issues:
        print(issue)
    mistakes = [issue for issue in issues if not issue.doubtful]
    doubtful = len(issues) - len(mistakes)
    besides = f", {doubtful} warning{'s' * (doubtful > 1)}" if doubtful else ""
    if mistakes:
        files = len({issue.file for issue in mistakes})
        print(f"{len(mistakes)} mistake{'s' * (len(mistakes) > 1)} in {files} file{'s' * (files > 1)}{besides}")
        return 2
    print(f"no mistakes found{besides}")
    return 0
