"""Planners that the cells of many tests share: motions of a line are planned once in a test process."""

from __future__ import annotations

from collections import OrderedDict

from microcell.description.line import Line
from microcell.motion.planner import MotionPlanner

KEPT_LINES = 10
"""Of so many lines that were used last: the planners of one are some 100 MB."""

_KNOWN: OrderedDict[tuple[int, ...], tuple[Line, dict[str, MotionPlanner]]] = OrderedDict()


def shared_planners(line: Line) -> dict[str, MotionPlanner]:
    """The planners of all lines with this very cell, product and tools; the line is kept, so that no identity is reused."""
    tools = (id(line.tools[name]) for name in sorted(line.tools))
    key = (id(line.cell_description), id(line.product_description), *tools)
    planners = _KNOWN.setdefault(key, (line, {}))[1]
    _KNOWN.move_to_end(key)
    if len(_KNOWN) > KEPT_LINES:
        _KNOWN.popitem(last=False)
    return planners
