"""The arm that a cell describes, in its robot file: which chain, and whether the limits given are for its joints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from microcell.motion.limits import Limits
from microcell.motion.robot_file import Chain, RobotFile, read_robot_file
from microcell.paths import share_directory

if TYPE_CHECKING:
    from microcell.description.cell import ArmSpec

SAME = 1e-4
"""Limits that differ by so little, rad, m or one of them in a second, are the same with fewer digits."""


def described_chain(spec: ArmSpec, folder: Path | None = None) -> tuple[RobotFile, Chain]:
    """The robot file of an arm's description, from `folder` or `urdf/robots`, and the arm in it; raises RobotFileError."""
    places = [place for place in (folder, share_directory() / "urdf" / "robots") if place is not None]
    paths = [place / spec.robot for place in places]
    robot = read_robot_file(next((path for path in paths if path.is_file()), paths[-1]))
    return robot, robot.chain(spec.base_link, spec.tip_link)


def check_limits(robot: RobotFile, chain: Chain, limits: Limits) -> None:
    """RobotFileError for limits of other joints than the chain's, or wider than the file's."""
    check_joints(robot, chain, limits)
    for wider in wider_limits(chain, limits):
        raise robot.error(wider.what, wider.remedy, "joints")


def check_joints(robot: RobotFile, chain: Chain, limits: Limits) -> None:
    """RobotFileError for limits of other joints than the chain's."""
    if limits.n != len(chain.joints):
        names = ", ".join(joint.name for joint in chain.joints)
        what = f"limits are given for {limits.n} joints, there are {len(chain.joints)}"
        raise robot.error(what, f"They are {names}", "joints")
    for joint, sliding in zip(chain.joints, limits.sliding, strict=True):
        if joint.slides != sliding:
            units = ("m", "rad") if joint.slides else ("rad", "m")
            what = f"joint {joint.name} is {joint.kind}, its limits are in {units[1]}"
            raise robot.error(what, f"Give them in {units[0]}", "joints")


@dataclass(frozen=True, slots=True)
class Wider:
    """A limit that lets a joint (0 = the base's) go further or faster than its robot file does."""

    joint: int
    name: str
    which: Literal["lower", "upper", "velocity"]
    given: float
    file: float

    @property
    def what(self) -> str:
        """What is wrong."""
        more = "goes faster" if self.which == "velocity" else "goes further"
        return f"joint {self.name} {more} than its robot file lets it ({self.given:g})"

    @property
    def remedy(self) -> str:
        """What is allowed."""
        return f"there its {self.which} limit is {self.file:g}. Limits may be tighter than the file's, not wider"


def wider_limits(chain: Chain, limits: Limits) -> Iterator[Wider]:
    """Each limit of position or velocity that is wider than the file's. Continuous joints have none of position.

    The numbers of limits and joints must be the same. What the file leaves open is for the cell to say.
    """
    rows = zip(limits.lower, limits.upper, limits.velocity, strict=True)
    for index, (joint, (lower, upper, velocity)) in enumerate(zip(chain.joints, rows, strict=True)):
        if joint.kind != "continuous" and joint.lower is not None and joint.upper is not None and joint.lower < joint.upper:
            if lower < joint.lower - SAME:
                yield Wider(index, joint.name, "lower", lower, joint.lower)
            if upper > joint.upper + SAME:
                yield Wider(index, joint.name, "upper", upper, joint.upper)
        if joint.velocity and velocity > joint.velocity + SAME:
            yield Wider(index, joint.name, "velocity", velocity, joint.velocity)
