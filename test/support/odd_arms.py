"""Robot files of arms as makers build them, made up here: offset wrists, parallel axes, joints to spare, no meshes.

None is a maker's arm; the lengths are of the usual size. `FILES` holds the text of each, whose tip is `flange`; some turn
without end, carry a gripper with a mimic joint, or have a camera as a second chain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from microcell.motion.robot import RobotModel

Z, Y, X, DOWN, BACK = "0 0 1", "0 1 0", "1 0 0", "0 0 -1", "0 -1 0"
WIDE, HALF, BENT = 2.9, 2.0, 2.4
TIP = "flange"
ENDLESS = math.inf
"""Instead of a limit: a continuous joint."""


@dataclass(frozen=True)
class Turn:
    """A joint: where it sits on the one before, m and rad, its axis, and how far it turns or slides either way."""

    xyz: str
    axis: str
    reach: float = WIDE
    kind: str = "revolute"
    rpy: str = "0 0 0"


_ARMS: dict[str, tuple[tuple[Turn, ...], str]] = {
    "palletiser": (
        (Turn("0 0 0.2", Z), Turn("0.15 0 0.2", Y, 1.6), Turn("0 0 0.5", Y, 2.2), Turn("0.55 0 0", Y, HALF)),
        "0.1 0 -0.08",
    ),
    "gantry_4": (
        (
            Turn("0 0 1", X, 0.6, "prismatic"), Turn("0 0 0", Y, 0.4, "prismatic"), Turn("0 0 0", DOWN, 0.3, "prismatic"),
            Turn("0 0 -0.2", Z, ENDLESS),
        ),
        "0 0 -0.1",
    ),
    "five_in_line": (
        (Turn("0 0 0.15", Z), Turn("0.03 0 0.1", Y, HALF), Turn("0 0 0.26", Y, BENT), Turn("0 0 0.22", Y, HALF),
         Turn("0 0 0.1", Z)),
        "0 0 0.06",
    ),
    "five_skew": (
        (Turn("0 0 0.3", Z, BENT), Turn("0 0 0.05", Y, BENT), Turn("0 0 0.4", X, BENT), Turn("0 0.03 0", Y, BENT),
         Turn("0 0 0.35", Z, BENT)),
        "0 0 0.1",
    ),
    "offset_wrist": (
        (Turn("0 0 0.27", Z), Turn("0 0 0", Y, HALF), Turn("0.05 0 0.29", Y, BENT, rpy="0 1.3 0"), Turn("0.08 0 0.17", Z),
         Turn("0 0 0.17", Y, 1.6), Turn("0.076 0 0.1", Z)),
        "0 0 0.05",
    ),
    "light_wrist": (
        (Turn("0 0 0.13", Z, 2.7), Turn("0 -0.03 0.115", Y, 2.6), Turn("0 0.02 0.28", Y, 2.6), Turn("0 -0.02 0.14", Z, 2.6),
         Turn("0 0.0285 0.105", Y, 2.5), Turn("0 -0.105 0.0285", BACK, 2.6)),
        "0 -0.13 0",
    ),
    "hollow_wrist": (
        (Turn("0 0 0.4", Z, ENDLESS), Turn("0.02 0.1 0", Y, HALF), Turn("0 0 0.45", Y, BENT), Turn("0 0 0.4", Z, ENDLESS),
         Turn("0 0.02 0.11", "0 0.866 0.5", 1.6), Turn("0 0 0.11", Z, ENDLESS)),
        "0 0 0.08",
    ),
    "seven_in_line": (
        (Turn("0 0 0.16", Z), Turn("0 0 0.2", Y, 2.1), Turn("0 0 0.2", Z), Turn("0 0 0.2", BACK, 2.1), Turn("0 0 0.2", Z),
         Turn("0 0 0.2", Y, 2.1), Turn("0 0 0.08", Z, 3.0)),
        "0 0 0.05",
    ),
    "seven_endless": (
        (Turn("0 0 0.156", Z, ENDLESS), Turn("0 0.005 0.128", Y, 2.24), Turn("0 -0.006 0.21", Z, ENDLESS),
         Turn("0 0.006 0.21", Y, 2.57), Turn("0 -0.006 0.208", Z, ENDLESS), Turn("0 0 0.106", Y, 2.09),
         Turn("0 0 0.106", Z, ENDLESS)),
        "0 0 0.06",
    ),
    "seven_on_a_rail": (
        (Turn("0 0 0.1", Y, 0.5, "prismatic"), Turn("0 0 0.3", Z), Turn("0.05 0 0.1", Y, HALF), Turn("0 0 0.4", Y, BENT),
         Turn("0.1 0 0.1", X), Turn("0.3 0 0", Y, HALF), Turn("0.06 0 0", X, 6.0)),
        "0.04 0 0",
    ),
}  # fmt: skip

GRIPPER = """<link name="finger"/><link name="other_finger"/>
<joint name="finger_joint" type="prismatic"><parent link="flange"/><child link="finger"/><origin xyz="0 0.02 0.05"/>
  <axis xyz="0 1 0"/><limit lower="0" upper="0.04" velocity="0.1" effort="20"/></joint>
<joint name="other_finger_joint" type="prismatic"><parent link="flange"/><child link="other_finger"/>
  <origin xyz="0 -0.02 0.05"/><axis xyz="0 -1 0"/><limit lower="0" upper="0.04" velocity="0.1" effort="20"/>
  <mimic joint="finger_joint"/></joint>"""
CAMERA = """<link name="camera"/><joint name="camera_joint" type="fixed"><parent link="link_3"/><child link="camera"/>
  <origin xyz="0.05 0 0"/></joint>"""
EXTRA = {"offset_wrist": GRIPPER, "light_wrist": CAMERA, "seven_endless": GRIPPER + CAMERA}


def _joint(number: int, turn: Turn, parent: str) -> str:
    kind = "continuous" if turn.reach == ENDLESS else turn.kind
    limit = f'lower="{-turn.reach}" upper="{turn.reach}"' if turn.reach != ENDLESS else ""
    return f"""<link name="link_{number}"/><joint name="joint_{number}" type="{kind}"><parent link="{parent}"/>
<child link="link_{number}"/><origin xyz="{turn.xyz}" rpy="{turn.rpy}"/><axis xyz="{turn.axis}"/>
<limit {limit} velocity="{0.8 if turn.kind == "prismatic" else 2.5}" effort="50"/></joint>"""


def _file(name: str) -> str:
    turns, flange = _ARMS[name]
    parents = ["base", *(f"link_{number}" for number in range(1, len(turns)))]
    joints = "\n".join(_joint(n, turn, parent) for n, (turn, parent) in enumerate(zip(turns, parents, strict=True), 1))
    tip = f"""<link name="flange"/><joint name="flange_joint" type="fixed"><parent link="link_{len(turns)}"/>
<child link="flange"/><origin xyz="{flange}"/></joint>"""
    return f'<robot name="{name}"><link name="base"/>\n{joints}\n{tip}\n{EXTRA.get(name, "")}</robot>'


FILES = {name: _file(name) for name in _ARMS}


def odd_arm(name: str, folder: Path) -> RobotModel:
    """Write an arm's file and load it."""
    path = folder / f"{name}.urdf"
    path.write_text(FILES[name], encoding="utf-8")
    return RobotModel.from_file(path, tip_link=TIP, name=name)
