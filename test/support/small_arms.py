"""Small robot files made up for a test, and where the arms of our own are."""

from __future__ import annotations

from pathlib import Path

from microcell.motion.robot import RobotModel
from microcell.paths import share_directory

ROBOTS = share_directory() / "urdf" / "robots"
SIX_AXIS, SCARA = ROBOTS / "six_axis.urdf.xacro", ROBOTS / "scara.urdf.xacro"
OTHERS = share_directory().parent / "shared" / "data" / "robots"


def joint(name: str, parent: str, child: str, kind: str = "revolute", more: str = "", axis: str = "0 1 0") -> str:
    limit = '<limit lower="-2" upper="2" velocity="3" effort="1"/>' if kind in ("revolute", "prismatic") else ""
    return f"""<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>
        <origin xyz="0 0 0.2"/><axis xyz="{axis}"/>{more or limit}</joint>"""


def arm_elements(prefix: str = "", count: int = 4, first: str = "base") -> str:
    """Links and joints of a chain `<prefix>1` to `<prefix>n` on `first`."""
    names = [first, *(f"{prefix}{number}" for number in range(1, count + 1))]
    links = "".join(f'<link name="{name}"/>' for name in names[1:])
    axes = ("0 0 1", "0 1 0")
    return links + "".join(
        joint(f"{prefix}j{number}", names[number - 1], names[number], axis=axes[number % 2])
        for number in range(1, count + 1)
    )


def load(folder: Path, elements: str, **options: str) -> RobotModel:
    path = folder / "robot.urdf"
    path.write_text(f'<robot name="test"><link name="base"/>{elements}</robot>', encoding="utf-8")
    return RobotModel.from_file(path, **options)
