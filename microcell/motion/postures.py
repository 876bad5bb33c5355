"""Which of its postures an arm takes at a place: the nearest to which it unfolds without touching itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.motion.limits import Joints

if TYPE_CHECKING:
    from microcell.motion.collision import CollisionChecker
    from microcell.motion.inverse import InverseKinematics


def posture(
    inverse: InverseKinematics, tip_in_base: Pose, near: Joints, among: CollisionChecker, alone: CollisionChecker
) -> Joints:
    """The joints that bring the tip there free of collisions, nearest to `near`.

    Joints with much room have postures that are near by their angles and yet on the far side: folded over its own back an
    arm comes home only by a long way around, if at all. So those come first to which the straight joint way from `near` is
    free of the arm itself (`alone`, with what it carries); `among` has all that stands around, too. Raises as `solve` does.
    """
    try:
        return inverse.solve(tip_in_base, near, lambda joints: among.free(joints) and alone.way_free(near, joints))
    except FaultError as error:
        if error.fault.code != "ARM_BLOCKED":
            raise
    return inverse.solve(tip_in_base, near, among.free)
