"""What ros_gz_bridge carries between ROS and Gazebo, as its YAML file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import yaml

from microcell.description.cell import CameraSpec
from microcell.description.line import Line
from microcell.description.tool import GripperTool, ScrewdriverTool
from microcell.gazebo import scheme
from microcell.gazebo.tool import tool_model
from microcell.gazebo.world import world_name
from microcell.ros import names

Direction = Literal["GZ_TO_ROS", "ROS_TO_GZ"]

NEWEST, IMAGES = 1, 2
"""Queues: of what only the newest counts, and of what is large."""

PAIRS = {
    "ros_gz_interfaces/msg/Contacts": "gz.msgs.Contacts",
    "rosgraph_msgs/msg/Clock": "gz.msgs.Clock",
    "sensor_msgs/msg/CameraInfo": "gz.msgs.CameraInfo",
    "sensor_msgs/msg/Image": "gz.msgs.Image",
    "sensor_msgs/msg/JointState": "gz.msgs.Model",
    "geometry_msgs/msg/WrenchStamped": "gz.msgs.Wrench",
    "std_msgs/msg/Float64": "gz.msgs.Double",
    "std_msgs/msg/String": "gz.msgs.StringMsg",
    "sensor_msgs/msg/PointCloud2": "gz.msgs.PointCloudPacked",
    "std_msgs/msg/Bool": "gz.msgs.Boolean",
    "trajectory_msgs/msg/JointTrajectory": "gz.msgs.JointTrajectory",
}
"""ROS types used here, with the Gazebo type that the bridge has for each (README of ros_gz_bridge)."""


@dataclass(frozen=True)
class Bridged:
    """One topic: its name on both sides, its ROS type, and which way it goes; lazy: only while somebody in ROS listens."""

    ros_name: str
    gz_name: str
    ros_type: str
    direction: Direction
    queue: int = 10
    lazy: bool = False

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
            "lazy": self.lazy,
        }


def bridged(line: Line, namespace: str = "") -> tuple[Bridged, ...]:
    """Every topic that goes over the bridge for a line's world."""
    return tuple(_all(line, namespace or line.cell))


def bridge_text(line: Line, namespace: str = "") -> str:
    """The bridge's file: a list with an entry for each topic."""
    return yaml.safe_dump([topic.as_entry() for topic in bridged(line, namespace)], sort_keys=False)


def _all(line: Line, namespace: str) -> Iterator[Bridged]:
    cell, world = line.cell_description, world_name(line)
    heard = scheme.topic(namespace, scheme.CLOCK_HEARD)
    yield Bridged(heard, f"/world/{world}/clock", "rosgraph_msgs/msg/Clock", "GZ_TO_ROS", NEWEST)
    for name, spec in cell.of_kind("arm").items():
        yield _out(namespace, names.joint_trajectory(name), "trajectory_msgs/msg/JointTrajectory")
        yield _in(namespace, scheme.states_heard(name), "sensor_msgs/msg/JointState", NEWEST)
        yield _in(namespace, scheme.wrench_felt(spec.force_sensor), "geometry_msgs/msg/WrenchStamped", lazy=True)
        yield _in(namespace, scheme.contacts_felt(name), "ros_gz_interfaces/msg/Contacts", lazy=True)
    for name, spec in cell.of_kind("camera").items():
        yield from _camera(namespace, name, spec)
    yield _in(namespace, names.image(scheme.SCENE_CAMERA), "sensor_msgs/msg/Image", IMAGES, lazy=True)
    for spec in cell.of_kind("tool_crib").values():
        for pocket in spec.pockets:
            if pocket.tool is not None:
                yield from _tool(line, namespace, pocket.tool)
    yield _in(namespace, scheme.HOLDS, "std_msgs/msg/String")


def _camera(namespace: str, name: str, spec: CameraSpec) -> Iterator[Bridged]:
    """A camera's images, and what makes it expose one."""
    yield _out(namespace, scheme.trigger(name), "std_msgs/msg/Bool")
    yield _in(namespace, names.image(name), "sensor_msgs/msg/Image", IMAGES)
    yield _in(namespace, names.camera_info(name), "sensor_msgs/msg/CameraInfo")
    if spec.depth:
        yield _in(namespace, names.depth_image(name), "sensor_msgs/msg/Image", IMAGES)
        yield _in(namespace, names.points(name), "sensor_msgs/msg/PointCloud2", IMAGES, lazy=True)


def _tool(line: Line, namespace: str, name: str) -> Iterator[Bridged]:
    tool = line.tools[name]
    moving = bool(tool_model(tool).moving)
    if isinstance(tool, GripperTool) and moving:
        yield _out(namespace, scheme.finger_command(name), "trajectory_msgs/msg/JointTrajectory")
    if isinstance(tool, ScrewdriverTool) and moving:
        yield _out(namespace, scheme.bit_command(name), "std_msgs/msg/Float64")


def _in(namespace: str, name: str, kind: str, queue: int = 10, lazy: bool = False) -> Bridged:
    full = scheme.topic(namespace, name)
    return Bridged(full, full, kind, "GZ_TO_ROS", queue, lazy)


def _out(namespace: str, name: str, kind: str) -> Bridged:
    full = scheme.topic(namespace, name)
    return Bridged(full, full, kind, "ROS_TO_GZ")
