"""Whether each arm of a line is in its robot file as the cell says, and each tool's model can be read."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.cell import ArmSpec
from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.errors import Issue
from microcell.motion.carried import tool_solids
from microcell.motion.described_arm import Wider, check_joints, described_chain, wider_limits
from microcell.motion.limits import Limits
from microcell.motion.link_solids import felt
from microcell.motion.robot_file import RobotFileError


def unusable_files(context: Context, line: Line) -> Iterator[Issue]:
    """What is wrong with the robot files of a line's arms and the models of its tools."""
    yield from _unusable_arms(context, line)
    for name, tool in line.tools.items():
        try:
            tool_solids(tool)
        except RobotFileError as error:
            source = context.tool_readings[name].source
            yield source.issue(("model",), f"{error.path.name}: {error.what}", _remedy(error))


def _unusable_arms(context: Context, line: Line) -> Iterator[Issue]:
    """Each arm whose robot file cannot be read, or has not the arm that is described, and limits wider than the file's."""
    for name, spec in line.cell_description.of_kind("arm").items():
        limits = Limits.of(spec.joints)
        try:
            robot, chain = described_chain(spec)
            check_joints(robot, chain, limits)
            felt(robot, chain)
        except RobotFileError as error:
            yield file_issue(context, name, error)
        else:
            for wider in wider_limits(chain, limits):
                where = ("devices", name, "joints", wider.joint, _key(spec, wider))
                yield context.issue("cell", where, wider.what, f"{wider.remedy}.")


def _key(spec: ArmSpec, wider: Wider) -> str:
    unit = spec.joints[wider.joint].unit
    return f"velocity_{unit}_s" if wider.which == "velocity" else f"{wider.which}_{unit}"


def file_issue(context: Context, arm: str, error: RobotFileError) -> Issue:
    """What is wrong with a robot file, at the key of the arm that it concerns."""
    return context.issue("cell", ("devices", arm, error.key), f"{error.path.name}: {error.what}", _remedy(error))


def _remedy(error: RobotFileError) -> str:
    return f"{error.remedy[0].lower()}{error.remedy[1:]}."
