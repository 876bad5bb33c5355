"""What `microcell check` asks of the arms of a line: do they come to their work, and out of each other's way?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from microcell.description.line import Line
from microcell.description.rules_context import Context
from microcell.errors import Issue
from microcell.motion.arm_files import unusable_files
from microcell.motion.parked import in_the_way
from microcell.motion.reacher import Reacher, reachers
from microcell.motion.reaching import out_of_reach


def wrong_with_arms(context: Context, line: Line) -> Iterator[Issue]:
    """What is wrong with the files of a line's arms, or else with where they work and wait."""
    wrong = list(unusable_files(context, line))
    yield from wrong
    if not wrong:
        arms = reachers(line)  # of both questions the same, for they remember what they worked out
        yield from _without_meshes(context, arms)
        yield from out_of_reach(context, line, arms)
        yield from in_the_way(context, line, arms)


def _without_meshes(context: Context, arms: Mapping[str, Reacher]) -> Iterator[Issue]:
    """A warning for each arm whose links are guessed, because meshes are not there: it may touch with what it has not."""
    for name, reacher in arms.items():
        if missing := reacher.model.meshes_not_read():
            what = f"{len(missing)} mesh{'es' * (len(missing) > 1)} not found or not read ({missing[0]})"
            remedy = (
                "rods stand for them, and may touch what the arm does not. "
                "Put them beside the robot file or into its package."
            )
            yield replace(context.issue("cell", ("devices", name, "robot"), what, remedy), doubtful=True)
