"""`microcell show`: what would run, as text, as data or as a picture."""

from __future__ import annotations

import argparse
import json

from microcell.composition.compose import compose
from microcell.composition.describe import describe
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.errors import UsageError


def run(args: argparse.Namespace) -> int:
    """Print the Blueprint of a line in a world, or draw what was asked for."""
    line = load_line(args.line)
    if args.graph is not None or args.packing is not None:
        _draw(args, line)
        return 0
    blueprint = compose(line, args.world, line_path=args.line)
    print(json.dumps(blueprint.as_data(), indent=2) if args.json else describe(blueprint))
    return 0


def _draw(args: argparse.Namespace, line: Line) -> None:
    if args.graph is not None:
        from microcell.viewing.line_picture import draw_line

        print(f"plan and cell: {draw_line(line, args.graph)}")
    if args.packing is not None:
        from microcell.packing.picture import check_ending, draw

        check_ending(args.packing)
        if line.carton.packing is None:
            raise UsageError(f"the places in the carton of '{line.product}' are a grid, so that there is no layout to draw.")
        draw(line.carton.packing, args.packing, f"{line.product}: {len(line.carton.places)} units in a carton")
        print(f"layout of a carton: {args.packing}")
