"""`microcell view`: the cell in 3-D while it makes a unit, in a browser, or as a picture that needs no screen."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from microcell.description.loader import load_line
from microcell.errors import UsageError

if TYPE_CHECKING:
    from microcell.viewing.recording import Recording

HEIGHT_PER_WIDTH = 0.625
TICK_S = 1 / 30
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
    return _serve(args, recording) if args.output is None else _write(args, recording)


def _serve(args: argparse.Namespace, recording: Recording) -> int:
    """Play the recording until Ctrl-C, which is how one ends looking."""
    from microcell.viewing.browser import HOST, Player, open_server

    server = open_server(f"microcell · {recording.line.name}", args.port)
    print(f"http://{HOST}:{args.port} shows {recording.unit} of {recording.line.name}; Ctrl-C ends.", flush=True)
    try:
        player = Player(recording, server)
        while True:
            player.advance(TICK_S)
            time.sleep(TICK_S)
    except KeyboardInterrupt:
        return 0
    finally:
        server.stop()


def _write(args: argparse.Namespace, recording: Recording) -> int:
    from microcell.viewing.picture import save_animation, save_still

    size = (round(args.width), round(args.width * HEIGHT_PER_WIDTH))
    if args.output.suffix.lower() == ".png":
        save_still(recording, args.output, STILL_AT_RATIO * recording.duration_s if args.at is None else args.at, *size)
    else:
        save_animation(recording, args.output, args.speed, *size, _tell)
    size_mb = args.output.stat().st_size / 1e6
    print(f"{args.output} ({size_mb:.1f} MB): {recording.unit}, made in {recording.duration_s:.1f} s")
    return 0


def _tell(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of} pictures", end="" if done < of else "\n", file=sys.stderr, flush=True)
