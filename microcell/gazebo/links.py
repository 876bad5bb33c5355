"""Links and joints of a robot or tool file as SDFormat."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from microcell.description.shape import ShapeSpec
from microcell.gazebo.elements import (
    Rgba,
    add,
    add_collision,
    add_inertial,
    add_pose,
    add_visual,
    numbers,
)
from microcell.gazebo.inertia import Body, body_of, given, robust
from microcell.geometry import Pose
from microcell.motion.robot_file import FileJoint, FileLink, RobotFile

DENSITY_KG_M3 = 1500.0
"""Of links whose file tells no mass: robots and tools are mostly hollow aluminium."""


OF_FILE = "_of_file"
"""Ends the name of a link or joint of a file whose own is taken."""


@dataclass(frozen=True)
class Limit:
    """What one moving joint may do: positions in rad or m, speed per s."""

    lower: float
    upper: float
    velocity: float


def other_names(robot: RobotFile, own: Collection[str] = ()) -> dict[str, str]:
    """Names for those links of a file whose own are taken: in SDF links and joints of a model share theirs, and `world` is
    no link's.
    """
    taken = {"world", *own, *(joint.name for joint in robot.joint_of.values())}
    return {link: f"{link}{OF_FILE}" for link in robot.links if link in taken}


def file_body(link: FileLink, solids: Sequence[tuple[ShapeSpec, Pose]]) -> Body | None:
    """A link's mass and inertia: those of the file, else of its solids; None for a frame without a body."""
    from microcell.gazebo.elements import volume_m3

    if link.inertial is not None and link.inertial.mass_kg > 0.0:
        return robust(given(link.inertial.mass_kg, link.inertial.pose, link.inertial.inertia))
    if solids:
        return robust(body_of(solids, DENSITY_KG_M3 * sum(volume_m3(shape) for shape, _ in solids)))
    return None


def add_link(
    model: ET.Element,
    name: str,
    body: Body,
    seen: Sequence[tuple[ShapeSpec, Pose, Rgba]],
    felt: Sequence[tuple[ShapeSpec, Pose]],
    collides_with: int,
    at: str = "",
    gravity: bool = True,
) -> ET.Element:
    """A link; `at` is the joint (or frame) of the model that it stands in."""
    link = add(model, "link", name=name)
    if at:
        add_pose(link, Pose(), at)
    add_inertial(link, body.mass_kg, body.pose, body.entries)
    if not gravity:
        add(link, "gravity", "false")
    for index, (shape, pose, colour) in enumerate(seen):
        add_visual(link, f"{name}_visual_{index}", shape, pose, colour)
    for index, (shape, pose) in enumerate(felt):
        add_collision(link, f"{name}_collision_{index}", shape, pose, collides_with)
    return link


def add_fixed_joint(model: ET.Element, name: str, parent: str, child: str, pose: Pose | None = None) -> ET.Element:
    """A joint that does not move; `parent` may be `world`."""
    joint = add(model, "joint", name=name, type="fixed")
    if pose is not None:
        add_pose(joint, pose, parent)
    add(joint, "parent", parent)
    add(joint, "child", child)
    return joint


def add_moving_joint(model: ET.Element, name: str, joint: FileJoint, limit: Limit, at: Pose) -> ET.Element:
    """A turning or sliding joint; its frame stands in the parent link at `at`."""
    element = add(model, "joint", name=name, type="prismatic" if joint.slides else "revolute")
    add_pose(element, at, joint.parent)
    add(element, "parent", joint.parent)
    add(element, "child", joint.child)
    axis = add(element, "axis")
    add(axis, "xyz", numbers(joint.axis))
    bounds = add(axis, "limit")
    add(bounds, "lower", limit.lower)
    add(bounds, "upper", limit.upper)
    add(bounds, "velocity", limit.velocity)
    return element


def add_joint(model: ET.Element, joint: FileJoint, limits: Mapping[str, Limit], called: Callable[[str], str]) -> None:
    """A joint of a file: those with a limit move, the others are fixed where they rest."""
    if joint.name in limits:
        add_moving_joint(model, called(joint.name), joint, limits[joint.name], joint.origin)
    else:
        add_fixed_joint(model, called(joint.name), joint.parent, joint.child, joint.locked())
