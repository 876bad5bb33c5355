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


def transport_program(command: str) -> list[str]:
    """`gz topic` or `gz service`, without the script around it where that can be: it starts Ruby and the program twice.

    The program is below the prefix of `gz` itself, or below that of another package beside it, as ROS has them.
    """
    gz = shutil.which("gz")
    if gz is None:
        raise MissingCapabilityError(f"the world gazebo needs the command gz. {INSTALL}")
    prefix = Path(gz).resolve().parent.parent
    pattern = f"libexec/gz/transport*/gz-transport-{command}"
    found = [*prefix.glob(pattern), *prefix.parent.glob(f"*/{pattern}")]
    newest = max(found, key=lambda path: int(path.parent.name.removeprefix("transport") or 0), default=None)
    return [gz, command] if newest is None else [str(newest)]
