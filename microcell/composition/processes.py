"""What a ProcessPlan means to the operating system; the same under `microcell up` and under launch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from microcell.composition.blueprint import Blueprint, ProcessPlan
from microcell.composition.gazebo import check_installed
from microcell.errors import UsageError
from microcell.paths import share_directory

FAST_DDS_2, FAST_DDS_3 = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
"""Variable that names Fast DDS's profiles: the first in Jazzy, the second from Kilted on, which warns of the first."""

DISCOVERY_RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"

STARTED_BY = "MICROCELL_STARTED_BY"
"""Variable with the id of the process that a node leaves with. `microcell up` needs none: the system tells its processes."""

START_AGAIN = os.EX_TEMPFAIL
"""Exit code of a process that asks to be started again; it may do so as often as it likes."""

REFUSED = os.EX_CONFIG
"""Exit code of a process that would only end the same way if it were started again."""

START_AGAIN_S, START_AGAIN_LONGEST_S = 1.0, 60.0
"""Pause before that, s: at first, doubled each time, and at most."""


def check_startable(blueprint: Blueprint) -> None:
    """`UsageError` for a world without processes of its own, and for Gazebo where nobody may join the domain without an
    enclave; `MissingCapabilityError` where Gazebo is not installed.
    """
    if not blueprint.nodes:
        raise UsageError(f"the world '{blueprint.world}' needs no processes. Run it with: microcell run {blueprint.line}")
    if blueprint.world == "gazebo":
        if os.environ.get("ROS_SECURITY_ENABLE", "").lower() == "true":
            raise UsageError("Gazebo's bridge has no enclave: unset ROS_SECURITY_ENABLE for the world gazebo, or take mock.")
        check_installed()


def module_of(plan: ProcessPlan) -> str:
    """The Python module that is the process's program.

    Started with `python -m`, it runs from a source tree, a virtual environment and a colcon workspace alike; the same
    programs are installed for `ros2 run microcell <executable>`.
    """
    return f"microcell.nodes.{plan.executable}"


def node_name(plan: ProcessPlan) -> str | None:
    """The name to give to the process's node; None where the program names its nodes itself."""
    return plan.name if plan.executable == "skill_server" else None


def ros_parameters(plan: ProcessPlan) -> dict[str, object]:
    """The process's ROS parameters; an empty list has no type in ROS and is left out."""
    return {key: value for key, value in plan.parameters.items() if value != []}


def environment(inherited: Mapping[str, str], profile: Path | None = None) -> dict[str, str]:
    """Variables to add for a process: unbuffered output, and if nobody chose otherwise Fast DDS's profile, and that ROS
    talks to this machine only.
    """
    added = {"PYTHONUNBUFFERED": "1", **dds_profile(inherited, profile)}
    if DISCOVERY_RANGE not in inherited:
        added[DISCOVERY_RANGE] = "LOCALHOST"
    return added


def dds_profile(inherited: Mapping[str, str], profile: Path | None = None) -> dict[str, str]:
    """The variable that names Fast DDS's profile, if nobody chose another: for a program that only talks to a cell, too."""
    profile = profile or share_directory() / "config" / "ros" / "fastdds.xml"
    if not profile.is_file() or FAST_DDS_2 in inherited or FAST_DDS_3 in inherited:
        return {}
    return {FAST_DDS_2 if inherited.get("ROS_DISTRO") == "jazzy" else FAST_DDS_3: str(profile)}
