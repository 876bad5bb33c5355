"""Rules about the URDF and xacro files of robots and tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from microcell.description.files import find_file, named_file, shipped_file
from microcell.description.rules_context import Context, rule
from microcell.description.wording import choice
from microcell.errors import Issue


@rule("cell")
def rule_robot_files_are_there(context: Context) -> Iterator[Issue]:
    """The file of each arm's robot is shipped, or lies beside the cell's."""
    path = context.readings["cell"].path
    for name, arm in context.cell.of_kind("arm").items():
        if find_file(arm, path) is None:
            what = f"there is no file '{arm.robot}' in urdf/robots or beside the cell's"
            yield context.issue("cell", ("devices", name, "robot"), what, choice(arm.robot, _shipped("robots")))


@rule()
def rule_tool_files_are_there(context: Context) -> Iterator[Issue]:
    """The file of each tool's looks is shipped, or lies beside the tool's."""
    for name, tool in context.tools.items():
        reading = context.tool_readings[name]
        _, model, folder = named_file(tool)
        if model and find_file(tool, reading.path) is None:
            what = f"there is no file '{model}' in urdf/tools or beside the tool's"
            yield reading.source.issue(("model",), what, choice(model, _shipped(folder)))


def _shipped(folder: str) -> list[str]:
    files: list[Path] = sorted(shipped_file("", folder).glob("*.urdf*"))
    return [file.name for file in files]
