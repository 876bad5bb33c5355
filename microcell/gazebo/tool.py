"""A tool as a model of the world: it stands in its pocket until a coupling takes it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache

from microcell.description.files import shipped_file
from microcell.description.tool import GripperTool, ScrewdriverTool, Tool
from microcell.gazebo import scheme
from microcell.gazebo.arm import add_trajectory_controller
from microcell.gazebo.elements import TOOLS_BIT, add, add_plugin, add_pose
from microcell.gazebo.inertia import FRAME, Body, body_of, joined, robust
from microcell.gazebo.links import Limit, add_joint, add_link, file_body, other_names
from microcell.gazebo.tuning import STEP_S, Gains
from microcell.geometry import Pose
from microcell.motion import link_solids
from microcell.motion.carried import tool_solids
from microcell.motion.robot_file import FileJoint, RobotFile, read_robot_file
from microcell.ros import names

WHOLE = "whole"
"""The only link of a tool that has no model file."""

GREY = (0.4, 0.42, 0.45, 1.0)
_FINGER_HZ = 30.0


@dataclass(frozen=True)
class ToolModel:
    """What is known of a tool's model file; without one, a single body of the description's solids."""

    robot: RobotFile | None
    root: str

    @property
    def moving(self) -> tuple[FileJoint, ...]:
        """Joints that move, in the file's order: fingers, or a bit."""
        return tuple(joint for joint in self.robot.joint_of.values() if joint.moves) if self.robot else ()


def tool_model(tool: Tool) -> ToolModel:
    """What the tool's model file tells; it is read once."""
    return ToolModel(None, WHOLE) if not tool.model or tool.shape else _in_file(tool.model)


@lru_cache(maxsize=64)
def _in_file(model: str) -> ToolModel:
    read = read_robot_file(shipped_file(model, "tools"))
    robot = read.renamed(other_names(read))
    root = next(link for link in robot.links if link not in robot.joint_of)
    return ToolModel(robot, root)


def add_tool(world: ET.Element, namespace: str, name: str, tool: Tool, flange_in_cell: Pose) -> ET.Element:
    """The model of a tool where it stands when the cell is set up. Weightless, as an arm knows its tool's load."""
    known = tool_model(tool)
    model = add(world, "model", name=name)
    add_pose(model, flange_in_cell)
    if known.robot is None:
        _add_whole(model, tool)
    else:
        _add_links(model, name, tool, known.robot, known.moving)
    if isinstance(tool, GripperTool) and known.moving:
        _add_fingers(model, namespace, name, tool, known.moving)
    if isinstance(tool, ScrewdriverTool) and known.moving:
        _add_bit(model, namespace, name, known.moving[0])
    return model


def bodies_of(tool: Tool, robot: RobotFile) -> dict[str, Body]:
    """Mass and inertia by link, scaled so that together they have the described mass; without frames that carry none."""
    found: dict[str, Body] = {}
    for link in robot.links.values():
        body = file_body(link, link_solids.placed(robot.path, link.collisions))
        if body is not None:
            found[link.name] = body
    for name in list(found):
        while name in robot.joint_of:
            name = robot.joint_of[name].parent
            found.setdefault(name, FRAME)
    whole = joined(list(found.values())).mass_kg
    return {link: robust(body.scaled(body.mass_kg * tool.mass_kg / whole)) for link, body in found.items()}


def _add_whole(model: ET.Element, tool: Tool) -> None:
    solids = [(solid.shape, solid.middle) for solid in tool_solids(tool)]
    seen = [(shape, pose, GREY) for shape, pose in solids]
    add_link(model, WHOLE, robust(body_of(solids, tool.mass_kg)), seen, solids, TOOLS_BIT, gravity=False)


def _add_links(model: ET.Element, name: str, tool: Tool, robot: RobotFile, moving: tuple[FileJoint, ...]) -> None:
    bodies = bodies_of(tool, robot)
    limits = {joint.name: _limit(tool, joint) for joint in moving}
    called = _called(name, tool, moving)
    for link in bodies:
        felt = link_solids.placed(robot.path, robot.links[link].collisions)
        seen = [(shape, pose, GREY) for shape, pose in felt]
        joint = robot.joint_of.get(link)
        add_link(
            model, link, bodies[link], seen, felt, TOOLS_BIT,
            at=called.get(joint.name, joint.name) if joint else "", gravity=False,
        )  # fmt: skip
    for joint in robot.joint_of.values():
        if joint.child in bodies:
            add_joint(model, joint, limits, lambda file_name: called.get(file_name, file_name))


def _called(name: str, tool: Tool, moving: tuple[FileJoint, ...]) -> dict[str, str]:
    """Names of the moving joints in the world; fingers are called as their ROS driver calls them."""
    if isinstance(tool, GripperTool) and len(moving) == 2:
        return dict(zip((joint.name for joint in moving), names.finger_joints(name), strict=True))
    return {joint.name: f"{name}_{joint.name}" for joint in moving}


def _limit(tool: Tool, joint: FileJoint) -> Limit:
    if isinstance(tool, GripperTool):
        return Limit(0.0, tool.stroke_m / 2, tool.speed_m_s)
    speed = tool.speed_max_rad_s if isinstance(tool, ScrewdriverTool) else joint.velocity or 1.0
    return Limit(-1e16, 1e16, speed)


def _add_fingers(model: ET.Element, namespace: str, name: str, tool: GripperTool, moving: tuple[FileJoint, ...]) -> None:
    """Each finger is driven with at most the gripping force."""
    joints = tuple(_called(name, tool, moving).values())
    mass_kg = max(0.02, tool.mass_kg / 10)
    rate = 2 * 3.14159 * _FINGER_HZ
    gains = Gains(mass_kg * rate**2, min(2 * mass_kg * rate, 0.5 * mass_kg / STEP_S), tool.force_max_n)
    add_trajectory_controller(model, scheme.topic(namespace, scheme.finger_command(name)), joints, (gains,) * len(joints))
    controller = model.findall("plugin")[-1]
    for _ in joints:
        add(controller, "initial_position", tool.stroke_m / 2)


def _add_bit(model: ET.Element, namespace: str, name: str, joint: FileJoint) -> None:
    """The bit turns at a commanded speed."""
    called = f"{name}_{joint.name}"
    plugin = add_plugin(model, "JointController")
    add(plugin, "joint_name", called)
    add(plugin, "topic", scheme.topic(namespace, scheme.bit_command(name)))
    add(plugin, "initial_velocity", "0")
