"""`microcell world`: a line's cell as a Gazebo world, with the bridge's file."""

from __future__ import annotations

import argparse

from microcell.clock import LoopClock, run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.gazebo.bridge import bridge_text
from microcell.gazebo.world import world_text
from microcell.plant.items import Item
from microcell.plant.plant import Plant


def run(args: argparse.Namespace) -> int:
    """Write the SDF file, and beside it the bridge's YAML."""
    line = load_line(args.line)
    bridge = args.output.with_suffix(".bridge.yaml")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(world_text(line, args.namespace, run_virtual(_items(line, args.seed))), encoding="utf-8")
    bridge.write_text(bridge_text(line, args.namespace), encoding="utf-8")
    print(f"world:  {args.output}\nbridge: {bridge}")
    return 0


async def _items(line: Line, seed: int) -> tuple[Item, ...]:
    """The parts that lie at the feeders when the cell is set up."""
    return tuple(Plant(line, seed, LoopClock()).inventory)
