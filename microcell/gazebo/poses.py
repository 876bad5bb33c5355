"""Where the models of a running world are, as `gz topic` prints it.

The bridge is no way for it: Pose_V has names, and what the bridge makes of it has none (ros_gz, convert/tf2_msgs.cpp).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from microcell.composition.children import die_with_parent, end_session
from microcell.composition.gazebo import transport_program
from microcell.gazebo import scheme
from microcell.geometry import Pose

LONGEST_LINE = 4_000_000


def poses_of(line: str) -> dict[str, Pose]:
    """Pose in the world by model, of a gz.msgs.Pose_V in JSON; numbers that are 0 are left out there.

    Links are in it as well, each in its model: who asks for a model must know its name. ValueError for anything else.
    """
    told = json.loads(line)
    if not isinstance(told, dict):
        raise ValueError("an object is expected")
    return {str(pose["name"]): _pose(pose) for pose in reversed(told.get("pose", ())) if "name" in pose}


def _pose(told: Mapping[str, Any]) -> Pose:
    at, turn = told.get("position", {}), told.get("orientation", {})
    x, y, z = (float(at.get(key, 0.0)) for key in "xyz")
    qx, qy, qz, qw = (float(turn.get(key, 0.0)) for key in "xyzw")
    return Pose((x, y, z), (qx, qy, qz, qw))


@dataclass
class PoseStream:
    """Listens to a world's poses by a child process; `heard` gets those of each message."""

    world: str
    environment: Mapping[str, str]
    heard: Callable[[Mapping[str, Pose]], object]
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        topic = scheme.service(self.world, "dynamic_pose/info")
        self._process = await asyncio.create_subprocess_exec(
            *transport_program("topic"), "-e", "--json-output", "-t", topic, env=dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE, start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        self._reading = asyncio.ensure_future(self._read(self._process.stdout))

    async def stop(self) -> None:
        """End the child process."""
        if self._process is None or self._reading is None:
            return
        self._reading.cancel()
        await end_session(self._process)
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, output: asyncio.StreamReader | None) -> None:
        while output is not None and (line := await output.readline()):
            if line.startswith(b"{"):
                self.heard(poses_of(line.decode(errors="replace")))
