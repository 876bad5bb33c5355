"""robot_state_publisher for each arm of a simulated cell, where it is installed: for RViz, and whoever wants /tf."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from microcell.composition.children import die_with_parent, end_session
from microcell.composition.installed import installed_program
from microcell.description.line import Line
from microcell.geometry import Pose
from microcell.motion.urdf import arm_urdf
from microcell.ros import names

PACKAGE = PROGRAM = "robot_state_publisher"

INTO_THE_SCENE = Pose(orientation=(1.0, 0.0, 0.0, 0.0))
"""From a described lens, which looks along -z, to the optical frame of REP 103: z into the scene, y down in the image."""


@dataclass
class StatePublishers:
    """The child processes; none where the package is missing, or where ROS is secured: they have no enclaves.

    Each hears `<arm>/joint_states`, tells the arm's frames on /tf and /tf_static, with those that wrenches and images are
    in, and its URDF on `<arm>/robot_description`. `folder` gets their parameters and logs.
    """

    line: Line
    namespace: str
    folder: Path
    simulated_time: bool
    _running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> int:
        """Start them; how many there are."""
        program = installed_program(PACKAGE, PROGRAM)
        if program is None or os.environ.get("ROS_SECURITY_ENABLE", "").lower() == "true":
            return 0
        self.folder.mkdir(parents=True, exist_ok=True)
        for arm in self.line.cell_description.of_kind("arm"):
            await self._start(program, arm)
        return len(self._running)

    async def stop(self) -> None:
        """End them."""
        running, self._running = self._running, []
        await asyncio.gather(*(end_session(process) for process in running))

    async def _start(self, program: Path, arm: str) -> None:
        path = self.folder / f"{arm}.states.yaml"
        path.write_text(self._parameters(arm), encoding="utf-8")
        node = f"{arm}_state_publisher"
        renamed = {"__ns": f"/{self.namespace.strip('/')}", "__node": node, "joint_states": names.joint_states(arm)}
        renamed["robot_description"] = f"{arm}/robot_description"
        words = [word for old, new in renamed.items() for word in ("-r", f"{old}:={new}")]
        with (self.folder / f"{node}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                str(program), "--ros-args", *words, "--params-file", str(path), stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=asyncio.subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        self._running.append(process)

    def _parameters(self, arm: str) -> str:
        spec = self.line.cell_description.of_kind("arm")[arm]
        felt = [names.sensor_frame(spec.force_sensor)]
        text = arm_urdf(arm, spec, names.arm_joints(arm, spec), felt, self._lenses(arm))
        told = {"robot_description": text, "use_sim_time": self.simulated_time}
        return yaml.safe_dump({"/**": {"ros__parameters": told}})

    def _lenses(self, arm: str) -> dict[str, Pose]:
        """The optical frames of all cameras; one arm's publisher tells them."""
        cell = self.line.cell_description
        if arm != next(iter(cell.of_kind("arm"))):
            return {}
        cameras = cell.of_kind("camera").items()
        return {names.optical_frame(name): spec.lens_in_cell.pose @ INTO_THE_SCENE for name, spec in cameras}
