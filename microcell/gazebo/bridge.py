"""What ros_gz_bridge carries between ROS and Gazebo, as its YAML file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import yaml

from microcell.description.line import Line
from microcell.description.tool import GripperTool, ScrewdriverTool
from microcell.gazebo import scheme
from microcell.gazebo.tool import tool_model
from microcell.gazebo.world import world_name
from microcell.ros import names

Direction = Literal["GZ_TO_ROS", "ROS_TO_GZ"]

MOST_POSES = 300
"""Pieces tell their poses one by one, all at the same instant."""

PAIRS = {
    "rosgraph_msgs/msg/Clock": "gz.msgs.Clock",
    "sensor_msgs/msg/CameraInfo": "gz.msgs.CameraInfo",
    "sensor_msgs/msg/Image": "gz.msgs.Image",
    "sensor_msgs/msg/JointState": "gz.msgs.Model",
    "geometry_msgs/msg/WrenchStamped": "gz.msgs.Wrench",
    "std_msgs/msg/Empty": "gz.msgs.Empty",
    "std_msgs/msg/Float64": "gz.msgs.Double",
    "geometry_msgs/msg/TransformStamped": "gz.msgs.Pose",
    "trajectory_msgs/msg/JointTrajectory": "gz.msgs.JointTrajectory",
}
"""ROS types used here, with the Gazebo type that the bridge has for each (README of ros_gz_bridge)."""


@dataclass(frozen=True)
class Bridged:
    """One topic: its name on both sides, its ROS type, and which way it goes."""

    ros_name: str
    gz_name: str
    ros_type: str
    direction: Direction
    queue: int = 10

    def as_entry(self) -> dict[str, object]:
        """The entry of the bridge's file."""
        return {
            "ros_topic_name": self.ros_name,
            "gz_topic_name": self.gz_name,
            "ros_type_name": self.ros_type,
            "gz_type_name": PAIRS[self.ros_type],
            "direction": self.direction,
            "publisher_queue": self.queue,
            "subscriber_queue": self.queue,
        }


def bridged(line: Line, namespace: str = "") -> tuple[Bridged, ...]:
    """Every topic that goes over the bridge for a line's world."""
    return tuple(_all(line, namespace or line.cell))


def bridge_text(line: Line, namespace: str = "") -> str:
    """The bridge's file: a list with an entry for each topic."""
    return yaml.safe_dump([topic.as_entry() for topic in bridged(line, namespace)], sort_keys=False)


def _all(line: Line, namespace: str) -> Iterator[Bridged]:
    cell, world = line.cell_description, world_name(line)
    yield Bridged(names.CLOCK, f"/world/{world}/clock", "rosgraph_msgs/msg/Clock", "GZ_TO_ROS")
    yield _in(namespace, scheme.TRUE_POSES, "geometry_msgs/msg/TransformStamped", MOST_POSES)
    for name, spec in cell.of_kind("arm").items():
        yield _out(namespace, names.joint_trajectory(name), "trajectory_msgs/msg/JointTrajectory")
        yield _in(namespace, names.joint_states(name), "sensor_msgs/msg/JointState")
        yield _in(namespace, names.wrench(spec.force_sensor), "geometry_msgs/msg/WrenchStamped")
    for name in cell.of_kind("camera"):
        yield _in(namespace, names.image(name), "sensor_msgs/msg/Image")
        yield _in(namespace, names.camera_info(name), "sensor_msgs/msg/CameraInfo")
    for crib, spec in cell.of_kind("tool_crib").items():
        for pocket in spec.pockets:
            if pocket.tool is not None:
                yield from _tool(line, namespace, crib, pocket.tool)
    seats = (f"{fixture}/{site}" for fixture in cell.of_kind("fixture") for site in line.product_description.sites)
    for holder in (*cell.of_kind("arm"), *cell.of_kind("fixture"), *seats):
        yield _out(namespace, scheme.released(holder), "std_msgs/msg/Empty")


def _tool(line: Line, namespace: str, crib: str, name: str) -> Iterator[Bridged]:
    tool = line.tools[name]
    yield _out(namespace, scheme.released(f"{crib}/{name}"), "std_msgs/msg/Empty")
    yield _out(namespace, scheme.released(name), "std_msgs/msg/Empty")
    moving = bool(tool_model(tool).moving)
    if isinstance(tool, GripperTool) and moving:
        yield _out(namespace, scheme.finger_command(name), "trajectory_msgs/msg/JointTrajectory")
        yield _in(namespace, scheme.finger_states(name), "sensor_msgs/msg/JointState")
    if isinstance(tool, ScrewdriverTool) and moving:
        yield _out(namespace, scheme.bit_command(name), "std_msgs/msg/Float64")
        yield _in(namespace, scheme.bit_states(name), "sensor_msgs/msg/JointState")


def _in(namespace: str, name: str, kind: str, queue: int = 10) -> Bridged:
    full = scheme.topic(namespace, name)
    return Bridged(full, full, kind, "GZ_TO_ROS", queue)


def _out(namespace: str, name: str, kind: str) -> Bridged:
    full = scheme.topic(namespace, name)
    return Bridged(full, full, kind, "ROS_TO_GZ")
