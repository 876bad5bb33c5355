"""Gazebo's server and the bridge as child processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from microcell.composition.children import die_with_parent, end_session
from microcell.composition.gazebo import check_installed
from microcell.errors import MicrocellError

STOP_S = 3.0
"""A world has nothing to save, and its renderer may hang when it is to end."""


REFUSED_BY = {
    "gz": ("[Err]", "[error]", "Error Code"),
    "bridge": ("[ERROR]", "Failed to create", "Could not parse"),
}
"""Words with which each says that it does without something."""


class GazeboError(MicrocellError):
    """Gazebo or the bridge ended, or refused the world."""


def variables(namespace: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Environment of Gazebo's programs: on this machine only, and apart from other cells' worlds, also where it is inherited
    from a shell in which somebody looks into another one.
    """
    domain = inherited.get("ROS_DOMAIN_ID", "0")
    partition = f"microcell_{domain}_{namespace.strip('/').replace('/', '_')}"
    return {**inherited, "GZ_IP": inherited.get("GZ_IP", "127.0.0.1"), "GZ_PARTITION": partition}


@dataclass
class Servers:
    """The two child processes of a world; `folder` keeps their logs. Asked to end, each has `stop_s` for it, twice.

    The bridge's node is in `namespace`.
    """

    world: Path
    bridge: Path
    folder: Path
    environment: Mapping[str, str]
    headless: bool = True
    namespace: str = ""
    stop_s: float = STOP_S
    _running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _looked_at: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None:
        """Start the server, its world paused, and the bridge."""
        gz, bridge = check_installed()
        options = ["-s", "--headless-rendering"] if self.headless else []
        await self._start("gz", [gz, "sim", *options, "-v", "3", str(self.world)])
        arguments = ["-r", f"__ns:={self.namespace}"] if self.namespace else []
        await self._start("bridge", [str(bridge), "--ros-args", *arguments, "-p", f"config_file:={self.bridge}"])

    async def until_one_ends(self) -> None:
        """Wait while both run; GazeboError when one has ended."""
        waits = {asyncio.ensure_future(process.wait()): name for name, process in self._running.items()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            name = waits[next(iter(done))]
            raise GazeboError(f"{name} has ended; its last words ({self._log(name)}):\n{self.last_words(name)}")
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self) -> None:
        """End both, the bridge first, and all that they started."""
        for name in ("bridge", "gz"):
            process = self._running.pop(name, None)
            if process is not None:
                await end_session(process, self.stop_s)

    def refusals(self) -> list[str]:
        """New lines of the logs in which server or bridge refuse something: they go on all the same, without that."""
        return [line for name in REFUSED_BY for line in self._new_lines(name) if any(w in line for w in REFUSED_BY[name])]

    def _new_lines(self, name: str) -> list[str]:
        """What was added to a log since the last look; a line that is not ended yet is left for the next one."""
        if not self._log(name).is_file():
            return []
        with self._log(name).open("rb") as log:
            log.seek(self._looked_at.get(name, 0))
            text, newline, _ = log.read().rpartition(b"\n")
        self._looked_at[name] = self._looked_at.get(name, 0) + len(text) + len(newline)
        return text.decode(errors="replace").splitlines()

    def last_words(self, name: str, lines: int = 20) -> str:
        """The end of a log."""
        text = self._log(name).read_text(encoding="utf-8", errors="replace") if self._log(name).is_file() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    async def _start(self, name: str, command: list[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        die = partial(die_with_parent, signal.SIGKILL)
        with self._log(name).open("wb") as output:
            self._running[name] = await asyncio.create_subprocess_exec(
                *command, env=dict(self.environment), stdin=asyncio.subprocess.DEVNULL, stdout=output,
                stderr=asyncio.subprocess.STDOUT, start_new_session=True, preexec_fn=die,
            )  # fmt: skip
