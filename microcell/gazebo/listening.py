"""What a running world tells on its topics, as `gz topic` prints it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from microcell.composition.children import die_with_parent, end_session
from microcell.composition.gazebo import transport_program
from microcell.gazebo.server import GazeboError

LONGEST_LINE = 4_000_000


@dataclass
class TopicStream:
    """Listens to one topic by a child process; `heard` gets each message as its JSON has it."""

    topic: str
    environment: Mapping[str, str]
    heard: Callable[[Mapping[str, Any]], object]
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._process = await asyncio.create_subprocess_exec(
            *transport_program("topic"), "-e", "--json-output", "-t", self.topic, env=dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE, start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        self._reading = asyncio.ensure_future(self._read(self._process.stdout))

    async def until_it_ends(self) -> None:
        """Wait while it listens; GazeboError when it does not any more: nobody would notice otherwise."""
        if self._reading is not None:
            try:
                await asyncio.shield(self._reading)
            except (ValueError, KeyError, TypeError) as error:
                raise GazeboError(f"what Gazebo tells on {self.topic} cannot be read: {error!r}") from error
            raise GazeboError(f"the program that listens to Gazebo's {self.topic} has ended")

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
                self.heard(json.loads(line))
