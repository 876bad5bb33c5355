"""Where the models of a running world are, as `gz topic` prints it.

The bridge is no way for it: Pose_V has names, and what the bridge makes of it has none (ros_gz, convert/tf2_msgs.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from microcell.geometry import Pose


def poses_of(told: Mapping[str, Any]) -> dict[str, Pose]:
    """Pose in the world by model, of a gz.msgs.Pose_V in JSON; numbers that are 0 are left out there.

    Links are in it as well, each in its model: who asks for a model must know its name.
    """
    return {str(pose["name"]): _pose(pose) for pose in reversed(told.get("pose", ())) if "name" in pose}


def _pose(told: Mapping[str, Any]) -> Pose:
    at, turn = told.get("position", {}), told.get("orientation", {})
    x, y, z = (float(at.get(key, 0.0)) for key in "xyz")
    qx, qy, qz, qw = (float(turn.get(key, 0.0)) for key in "xyzw")
    return Pose((x, y, z), (qx, qy, qz, qw))
