"""Calls the services of a running Gazebo, and tells it things on its topics."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from microcell.composition.children import die_with_parent, end_session, signal_group
from microcell.composition.gazebo import transport_program
from microcell.gazebo.caller import HEARD, READY
from microcell.gazebo.requests import WHEN_DONE, Message, Request

ANSWER_MS = 3_000
HANGS_S = 5.0
"""Real time after an answer's limit in which who asks has told of it."""
LISTEN_S, LOOK_S, SELDOM_S = 1.2, 0.002, 0.05
"""Real time in which who listens to a topic has told so, and between two looks, at first and later."""
AT_ONCE = 3
"""So often at once `gz topic` tells the same: it ends before it is sure that what it tells has gone out (gz.cc), and one in
four did not arrive.
"""
START_S = 20.0
STOP_S = 2.0
STARTS = 10
LONGEST_LINE = 4_000_000


class ServiceCaller:
    """Calls by one program that stays (`caller`) where Gazebo's Python bindings are installed, and else by `gz service` and
    `gz topic`.

    A Gazebo that does not say when a thing is done is called by `gz service` as well: it has done it in the third of a
    second that the next command takes.

    environment: the server's (its partition, above all). `tell` gets a line when there is no such program any more.
    """

    def __init__(self, environment: Mapping[str, str], tell: Callable[[str], object] = lambda text: None) -> None:
        self._environment = dict(environment)
        self._tell = tell
        self._turn = asyncio.Lock()
        self._may_start = 0
        self._program: _Program | None = None

    async def call(self, request: Request) -> str | None:
        """Call a service once; its answer as protobuf text, None when none came.

        On a busy machine the answer to `gz service` gets lost although the service was done: gz-transport gives a caller
        that is new, as each command is, 0.1 s to be there for it (NodeShared.cc). A "no" is an empty line.
        """
        async with self._turn:
            if await self._stays():
                return await self._asked(request)
        text = await self._printed(
            "service", "-s", request.service, "--reqtype", request.request_type, "--reptype", request.answer_type,
            "--timeout", str(ANSWER_MS), "--req", request.text,
        )  # fmt: skip
        return text if text and "timed out" not in text else None

    async def publish(self, message: Message, anew: bool = False) -> bool:
        """Tell something on a topic, which is advertised for that, `anew` if it is already; whether somebody listens there.

        Who has told that it listens may still miss it: gz-transport hears of a listener before it is connected to it.
        `gz topic` does not know, and tells whoever listens.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            await self._stays()
            end_s, look_s = loop.time() + LISTEN_S, LOOK_S
            while await self._stays():
                if await self._asked(message, anew=anew) == HEARD:
                    return True
                if loop.time() > end_s:
                    return False
                await asyncio.sleep(look_s)
                anew, look_s = False, min(2.0 * look_s, SELDOM_S)
        words = ("topic", "-t", message.topic, "-m", message.message_type, "-p", message.text)
        await asyncio.gather(*(self._printed(*words) for _ in range(AT_ONCE)))
        return True

    async def listed(self) -> frozenset[str]:
        """The services that there are; from then on it is known what this Gazebo can do."""
        found = frozenset((await self._printed("service", "-l")).split())
        if self._program is None and any(service.endswith(WHEN_DONE) for service in found):
            self._may_start = STARTS
        return found

    async def stop(self) -> None:
        """End the program that stays."""
        async with self._turn:
            self._may_start = 0
            await self._end()

    async def _stays(self) -> bool:
        """Whether there is a program that stays; one that has ended is started anew."""
        if self._program is None and self._may_start:
            self._may_start -= 1
            self._program = await _Program.started(self._environment)
            if self._program is None:
                self._may_start = 0
        return self._program is not None

    async def _asked(self, what: Request | Message, **options: bool) -> str | None:
        """What the program that stays answers; it is ended when that is nothing."""
        answer = None
        # It may hang, have ended, or say what is no answer.
        with contextlib.suppress(asyncio.TimeoutError, OSError, ValueError):
            if self._program is not None:
                answer = await asyncio.wait_for(self._program.ask(what, **options), _limit_s())
        if answer is None:
            await self._end()
            if not self._may_start:
                self._tell("the program that calls Gazebo's services has failed too often: gz service and gz topic do")
        return answer

    async def _end(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            await program.end()

    async def _printed(self, command: str, *words: str) -> str:
        """What `gz service` or `gz topic` prints; nothing when it hangs."""
        process = await asyncio.create_subprocess_exec(
            *transport_program(command), *words, env=self._environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _limit_s())
        except asyncio.TimeoutError:
            return ""
        finally:
            if process.returncode is None:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        return output.decode(errors="replace")


@dataclass
class _Program:
    """The program that stays."""

    process: asyncio.subprocess.Process
    requests: asyncio.StreamWriter
    answers: asyncio.StreamReader
    number: int = 0

    @classmethod
    async def started(cls, environment: Mapping[str, str]) -> _Program | None:
        """None where the bindings of this Gazebo's transport library are not there for this Python."""
        folder = Path(transport_program("service")[0]).parent.name  # libexec/gz/transport14/gz-transport-service
        if not (major := folder.removeprefix("transport")).isdigit():
            return None
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "microcell.gazebo.caller", major, env=dict(environment), limit=LONGEST_LINE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        ready = False
        try:
            if process.stdin is not None and process.stdout is not None:
                first = await asyncio.wait_for(process.stdout.readline(), START_S)
                ready = first.decode().strip() == READY
                return cls(process, process.stdin, process.stdout) if ready else None
        except (asyncio.TimeoutError, ValueError):
            pass
        finally:
            if not ready:
                await asyncio.shield(end_session(process))
        return None

    async def ask(self, what: Request | Message, **options: bool) -> str | None:
        """The answer, None when none came; OSError when the program has ended."""
        self.number += 1
        asked = {"number": self.number, "timeout_ms": ANSWER_MS, **asdict(what), **options}
        self.requests.write(json.dumps(asked).encode() + b"\n")
        await self.requests.drain()
        while line := await self.answers.readline():
            answer = json.loads(line)
            if answer["number"] == self.number:  # not that to a call which was given up
                return None if answer["text"] is None else str(answer["text"])
        raise ConnectionResetError("the program that calls Gazebo's services has ended")

    async def end(self) -> None:
        """End it: it reads requests as long as there are any to come."""
        self.requests.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.process.wait(), STOP_S)
        await end_session(self.process)


def _limit_s() -> float:
    return ANSWER_MS / 1000.0 + HANGS_S
