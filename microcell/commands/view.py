"""`microcell view`: the cell in 3-D while it makes a unit, in a browser, or as a picture that needs no screen."""

from __future__ import annotations

import argparse
import sys

from microcell.description.loader import load_line
from microcell.errors import UsageError

STILL_AT_RATIO = 0.5
"""Without --at a still shows this share of the unit's making."""


def run(args: argparse.Namespace) -> int:
    """Make the unit on virtual time, then show it or write the picture."""
    if args.output is not None:
        from microcell.viewing.picture import check_format

        check_format(args.output)
    else:
        from microcell.viewing.browser import check_installed

        check_installed()
    from microcell.viewing.recording import record

    recording = record(load_line(args.line), args.unit, args.seed)
    if args.at is not None and args.at > recording.duration_s:
        raise UsageError(f"--at {args.at:g} is too late: the unit is made within {recording.duration_s:.1f} s.")
    if args.output is None:
        from microcell.viewing.browser import serve

        serve(recording, args.port)
        return 0
    return _write(args, recording)


def _write(args: argparse.Namespace, recording) -> int:  # type: ignore[no-untyped-def]
    from microcell.viewing.picture import save_animation, save_still

    width_px = 2 * round(args.width / 2)
    size = (width_px, 2 * round(width_px * 5 / 16))
    if args.output.suffix.lower() == ".png":
        save_still(recording, args.output, STILL_AT_RATIO * recording.duration_s if args.at is None else args.at, *size)
    else:
        save_animation(recording, args.output, args.speed, *size, _tell)
    print(f"{args.output}: {recording.unit}, made in {recording.duration_s:.1f} s; {args.output.stat().st_size / 1e6:.1f} MB")
    return 0


def _tell(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of} pictures", end="" if done < of else "\n", file=sys.stderr, flush=True)
