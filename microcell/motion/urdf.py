"""An arm as URDF for programs that show it, such as RViz: named as in its cell, standing where it stands."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from microcell.description.cell import ArmSpec
from microcell.geometry import Pose, Quaternion
from microcell.motion.robot_elements import Primitive
from microcell.motion.robot_file import FileJoint, RobotFile, read_robot_file
from microcell.paths import share_directory

ROOT = "cell"
"""Link of the cell frame, on which all arms hang."""

_POINTS_UP = 1.0 - 1e-9


def arm_urdf(
    arm: str,
    spec: ArmSpec,
    joint_names: Sequence[str],
    at_flange: Sequence[str] = (),
    in_cell: Mapping[str, Pose] = MappingProxyType({}),
) -> str:
    """URDF of an arm at its base in the cell; links are called `<arm>/<link>`, moving joints as its controller calls them.

    `at_flange` and `in_cell` name further frames: those that are the flange's, and fixed ones with their poses. It is for
    showing: there are no masses in it, and limits are the description's. Raises RobotFileError.
    """
    robot = read_robot_file(share_directory() / "urdf" / "robots" / Path(spec.robot))
    chain = robot.chain(spec.base_link, spec.tip_link)
    moving = {joint.name: index for index, joint in enumerate(chain.joints)}
    root = ET.Element("robot", name=arm)
    ET.SubElement(root, "link", name=ROOT)
    _add_link(root, arm, robot, chain.base)
    _add_joint(root, f"{arm}_base", "fixed", spec.base_in_cell.pose, ROOT, f"{arm}/{chain.base}")
    for joint in robot.below(chain.base):
        _add_link(root, arm, robot, joint.child)
        ends = f"{arm}/{joint.parent}", f"{arm}/{joint.child}"
        if joint.name in moving:
            index = moving[joint.name]
            element = _add_joint(root, joint_names[index], joint.kind, joint.origin, *ends)
            _add_axis(element, joint, spec.joints[index].values)
        else:
            _add_joint(root, f"{arm}/{joint.name}", "fixed", joint.locked(), *ends)
    for frame in at_flange:
        _add_frame(root, frame, Pose(), f"{arm}/{chain.tip}")
    for frame, pose in in_cell.items():
        _add_frame(root, frame, pose, ROOT)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def _add_joint(root: ET.Element, name: str, kind: str, at: Pose, parent: str, child: str) -> ET.Element:
    joint = ET.SubElement(root, "joint", name=name, type=kind)
    _add_origin(joint, at)
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=child)
    return joint


def _add_frame(root: ET.Element, frame: str, at: Pose, parent: str) -> None:
    ET.SubElement(root, "link", name=frame)
    _add_joint(root, f"{frame}_fixed", "fixed", at, parent, frame)


def _add_axis(element: ET.Element, joint: FileJoint, limits: Sequence[float]) -> None:
    ET.SubElement(element, "axis", xyz=_numbers(joint.axis))
    lower, upper, velocity = limits[:3]
    bounds = {"lower": lower, "upper": upper, "velocity": velocity, "effort": 0.0}
    ET.SubElement(element, "limit", {key: f"{value:.9g}" for key, value in bounds.items()})


def _add_link(root: ET.Element, arm: str, robot: RobotFile, link: str) -> None:
    element = ET.SubElement(root, "link", name=f"{arm}/{link}")
    for index, seen in enumerate(robot.links[link].visuals):
        visual = ET.SubElement(element, "visual")
        _add_origin(visual, seen.pose)
        shape, attributes = _shape(seen)
        ET.SubElement(ET.SubElement(visual, "geometry"), shape, dict(attributes))
        if seen.rgba is not None:
            material = ET.SubElement(visual, "material", name=f"{arm}/{link}/{index}")
            ET.SubElement(material, "color", rgba=_numbers(seen.rgba))


def _shape(seen: Primitive) -> tuple[str, Mapping[str, str]]:
    sizes = [f"{size:.9g}" for size in seen.sizes]
    if seen.kind in ("cylinder", "capsule"):  # older readers know no capsule
        return "cylinder", {"radius": sizes[0], "length": sizes[1]}
    if seen.kind == "sphere":
        return "sphere", {"radius": sizes[0]}
    if seen.kind == "mesh":
        return "mesh", {"filename": seen.mesh, "scale": " ".join(sizes)}
    return "box", {"size": " ".join(sizes)}


def _add_origin(element: ET.Element, pose: Pose) -> None:
    ET.SubElement(element, "origin", xyz=_numbers(pose.position), rpy=_numbers(roll_pitch_yaw(pose.orientation)))


def roll_pitch_yaw(turn: Quaternion) -> tuple[float, float, float]:
    """Fixed-axis roll, pitch, yaw in rad (REP 103, URDF) of a quaternion; with x straight up or down, yaw is 0."""
    x, y, z, w = turn
    sine = max(-1.0, min(1.0, 2.0 * (w * y - x * z)))
    if abs(sine) > _POINTS_UP:
        return 2.0 * math.atan2(x, w), math.copysign(math.pi / 2.0, sine), 0.0
    roll = math.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    return roll, math.asin(sine), math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value + 0.0:.12g}" for value in values)
