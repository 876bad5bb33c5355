"""`microcell report`: what a journal says."""

from __future__ import annotations

import argparse
import json

from microcell.records.report import as_json, report
from microcell.truth_log import truth_of


def run(args: argparse.Namespace) -> int:
    """Print the report of a journal, also of one that is being written, and draw the Gantt chart when asked."""
    found = report(args.journal, truth_of(args.journal))
    if args.gantt is not None:
        from microcell.records.gantt import draw_gantt

        draw_gantt(found.production, args.gantt)
    if args.quality is not None:
        from microcell.records.quality_picture import draw_quality

        draw_quality(found.production, args.quality)
    if args.json:
        print(json.dumps(as_json(found), indent=2))
    else:
        from microcell.commands.console import printing
        from microcell.records.tables import print_report

        print_report(found, printing(), all_units=args.all)
        if args.gantt is not None:
            print(f"Gantt chart: {args.gantt}")
        if args.quality is not None:
            print(f"Quality: {args.quality}")
    return 0
