"""Rules about the URDF and xacro files of robots and tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from microcell.description.base import Description
from microcell.description.checks import TAUGHT
from microcell.description.files import find_file, leads_out, named_file, shipped_file
from microcell.description.reading import Reading
from microcell.description.rules_context import Context, rule
from microcell.description.source import Where
from microcell.description.wording import choice
from microcell.errors import Issue


@rule("cell")
def rule_robot_files_are_there(context: Context) -> Iterator[Issue]:
    """The file of each arm's robot is shipped, or lies beside the cell's."""
    reading = context.readings["cell"]
    for name, arm in context.cell.of_kind("arm").items():
        yield from _wrong_file(reading, ("devices", name, "robot"), arm, "in urdf/robots or beside the cell's")


@rule()
def rule_tool_files_are_there(context: Context) -> Iterator[Issue]:
    """The file of each tool's looks is shipped, or lies beside the tool's."""
    for name, tool in context.tools.items():
        yield from _wrong_file(context.tool_readings[name], ("model",), tool, "in urdf/tools or beside the tool's")


@rule("product")
def rule_models_lie_beside_the_product(context: Context) -> Iterator[Issue]:
    """The model of a taught check, where it is there already, is no link to somewhere else."""
    reading = context.readings["product"]
    for inspection_name, inspection in context.product.inspections.items():
        for name, check in inspection.checks.items():
            model = check.model if isinstance(check, TAUGHT) else None
            if model and leads_out(reading.path.absolute().parent / model, reading.path):
                yield _link(reading, ("inspections", inspection_name, "checks", name, "model"), model)


def _wrong_file(reading: Reading, where: Where, description: Description, places: str) -> Iterator[Issue]:
    """What is wrong with the file that a description names, if it names one."""
    _, name, folder = named_file(description)
    if not name:
        return
    found = find_file(description, reading.path)
    if found is None:
        shipped: list[Path] = sorted(shipped_file("", folder).glob("*.urdf*"))
        yield reading.source.issue(where, f"there is no file '{name}' {places}", choice(name, [p.name for p in shipped]))
    elif leads_out(found, reading.path):
        yield _link(reading, where, name)


def _link(reading: Reading, where: Where, name: str) -> Issue:
    what = f"the file '{name}' is a link that leads out of the configuration"
    return reading.source.issue(where, what, "it must lie there itself. Put the file there.")
