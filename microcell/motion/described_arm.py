"""The arm that a cell describes, in its robot file: which chain, and whether the limits given are for its joints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.motion.limits import Limits
from microcell.motion.robot_file import Chain, RobotFile, read_robot_file
from microcell.paths import share_directory

if TYPE_CHECKING:
    from microcell.description.cell import ArmSpec


def described_chain(spec: ArmSpec, folder: Path | None = None) -> tuple[RobotFile, Chain]:
    """The robot file of an arm's description, from `folder` or `urdf/robots`, and the arm in it.

    Raises RobotFileError, also where the joints' limits are for others than the file's.
    """
    places = [place for place in (folder, share_directory() / "urdf" / "robots") if place is not None]
    paths = [place / spec.robot for place in places]
    robot = read_robot_file(next((path for path in paths if path.is_file()), paths[-1]))
    chain = robot.chain(spec.base_link, spec.tip_link)
    check_limits(robot, chain, Limits.of(spec.joints))
    return robot, chain


def check_limits(robot: RobotFile, chain: Chain, limits: Limits) -> None:
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
