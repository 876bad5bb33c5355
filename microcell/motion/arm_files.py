"""Whether each arm of a line is in its robot file as the cell says; asked of the files alone."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.errors import Issue
from microcell.motion.described_arm import described_chain
from microcell.motion.robot_file import RobotFileError


def unusable_arms(context: Context, line: Line) -> Iterator[Issue]:
    """Each arm whose robot file cannot be read, or has no arm between the links named with the joints described."""
    for name, spec in line.cell_description.of_kind("arm").items():
        try:
            described_chain(spec)
        except RobotFileError as error:
            yield file_issue(context, name, error)


def file_issue(context: Context, arm: str, error: RobotFileError) -> Issue:
    """What is wrong with a robot file, at the key of the arm that it concerns."""
    remedy = error.remedy[0].lower() + error.remedy[1:]
    return context.issue("cell", ("devices", arm, error.key), f"{error.path.name}: {error.what}", f"{remedy}.")
