"""Whether this machine has Gazebo and its bridge to ROS."""

from __future__ import annotations

import shutil
from pathlib import Path

from microcell.composition.installed import installed_program
from microcell.errors import MissingCapabilityError

INSTALL = (
    "Install Gazebo with its ROS 2 bridge, on Ubuntu for ROS 2 Jazzy (Gazebo Harmonic): 'apt install ros-jazzy-ros-gz', "
    "for Kilted (Ionic): 'apt install ros-kilted-ros-gz', and source the distribution. Without Gazebo, take world mock."
)


def check_installed() -> tuple[str, Path]:
    """The `gz` command and the bridge's program; MissingCapabilityError says what to install."""
    gz, bridge = shutil.which("gz"), installed_program("ros_gz_bridge", "parameter_bridge")
    lacks = [*([] if gz else ["the command gz"]), *([] if bridge else ["the package ros_gz_bridge"])]
    if gz is None or bridge is None:
        raise MissingCapabilityError(f"the world gazebo needs {' and '.join(lacks)}. {INSTALL}")
    return gz, bridge
