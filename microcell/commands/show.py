"""`microcell show`: what would run."""

from __future__ import annotations

import argparse
import json

from microcell.composition.compose import compose
from microcell.composition.describe import describe
from microcell.description.loader import load_line


def run(args: argparse.Namespace) -> int:
    """Print the Blueprint of a line in a world."""
    blueprint = compose(load_line(args.line), args.world, line_path=args.line)
    print(json.dumps(blueprint.as_data(), indent=2) if args.json else describe(blueprint))
    return 0
