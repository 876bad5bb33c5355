"""Planners that the cells of many tests share: motions of a line are planned once in a test process."""

from __future__ import annotations

from microcell.description.line import Line
from microcell.motion.planner import MotionPlanner

_KNOWN: dict[tuple[int, ...], tuple[Line, dict[str, MotionPlanner]]] = {}


def shared_planners(line: Line) -> dict[str, MotionPlanner]:
    """The planners of all lines with this very cell, product and tools; the line is kept, so that no identity is reused."""
    tools = (id(line.tools[name]) for name in sorted(line.tools))
    key = (id(line.cell_description), id(line.product_description), *tools)
    return _KNOWN.setdefault(key, (line, {}))[1]
