"""Programs of other ROS packages, found as `ros2 run` finds them."""

from __future__ import annotations

import os
from pathlib import Path


def installed_program(package: str, program: str) -> Path | None:
    """A program of a ROS package; None where it is not installed."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix) / "lib" / package / program
        if prefix and path.is_file():
            return path
    return None
