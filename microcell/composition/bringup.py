"""Start a Blueprint's processes without launch, keep watch over them, and stop them in order. No ROS in here."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from microcell.composition.blueprint import Blueprint, ProcessPlan
from microcell.composition.processes import check_startable, environment, module_of, node_name, ros_parameters
from microcell.composition.security import enclave_path
from microcell.errors import MicrocellError

READY_S = 90.0
STOP_S = 60.0
"""How long a process may take to leave in an orderly way: a chain of operations in work ends first."""
KILL_S = 5.0
LOG_LINES = 15
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]


class BringUpError(MicrocellError):
    """A process did not come up, or died; the message ends with what it said last."""


@dataclass
class _Running:
    """A started process, and the socket on which it tells how far it is (see `microcell.ros.notify`)."""

    plan: ProcessPlan
    log: Path
    process: asyncio.subprocess.Process
    receiver: socket.socket
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    status: str = "starting"

    def listen(self) -> None:
        """Read one message from the process."""
        for line in self.receiver.recv(4096).decode(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key == "STATUS":
                self.status = value
            elif key == "READY":
                self.ready.set()

    def last_lines(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(f"  {line}" for line in text.splitlines()[-LOG_LINES:]) or "  (it said nothing)"


def bring_up(blueprint: Blueprint, logs: Path, say: Say = print, ready_s: float = READY_S) -> int:
    """Run a Blueprint until Ctrl-C or SIGTERM; return the exit code: 0 when it was asked to stop and did.

    `logs` gets one file for each process. `say` gets one line for each thing that a person would want to know. A second
    Ctrl-C aborts what is in work instead of letting it reach its end. No process is left behind, whatever happens.

    Raises `BringUpError` when a process dies or the cell is not ready after `ready_s`.
    """
    check_startable(blueprint)
    return asyncio.run(_Cell(blueprint, logs, say, ready_s).run())


class _Cell:
    """The processes of one Blueprint."""

    def __init__(self, blueprint: Blueprint, logs: Path, say: Say, ready_s: float) -> None:
        self._blueprint = blueprint
        self._logs = logs
        self._say = say
        self._ready_s = ready_s
        self._running: list[_Running] = []
        self._asked = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        self._logs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="microcell-") as folder:
            try:
                for plan in self._blueprint.processes:
                    self._running.append(await self._start(plan, Path(folder)))
                await self._watch()
            finally:
                await self._stop()
        return 0

    def _on_signal(self) -> None:
        (self._hurry if self._asked.is_set() else self._asked).set()

    async def _start(self, plan: ProcessPlan, folder: Path) -> _Running:
        log = self._logs / f"{plan.name}.log"
        address = folder / f"{plan.name}.notify"
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        receiver.bind(str(address))
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command(plan, self._blueprint, folder),
                env=_variables(str(address)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, who stop the processes in order
                preexec_fn=_die_with_parent,
            )
        running = _Running(plan, log, process, receiver)
        asyncio.get_running_loop().add_reader(receiver, running.listen)
        self._say(f"{plan.name}: started (pid {process.pid}, log {log})")
        return running

    async def _watch(self) -> None:
        """Wait until the cell is ready, then until it is asked to stop; a process that ends before is an error."""
        asked = asyncio.ensure_future(self._asked.wait())
        ends = {asyncio.ensure_future(running.process.wait()): running for running in self._running}
        ready = asyncio.ensure_future(asyncio.wait_for(self._all_ready(), self._ready_s))
        try:
            await asyncio.wait({asked, ready, *ends}, return_when=asyncio.FIRST_COMPLETED)
            self._check(ends, ready)
            if ready.done():
                self._say("the cell is ready; Ctrl-C stops it")
                await asyncio.wait({asked, *ends}, return_when=asyncio.FIRST_COMPLETED)
                self._check(ends, ready)
        finally:
            for waiting in (asked, ready, *ends):
                waiting.cancel()
            await asyncio.gather(asked, ready, *ends, return_exceptions=True)

    async def _all_ready(self) -> None:
        for running in self._running:
            await running.ready.wait()

    def _check(self, ends: Mapping[asyncio.Task[int], _Running], ready: asyncio.Future[None]) -> None:
        for end, running in ends.items():
            if end.done() and not self._asked.is_set():
                ending = f"{running.plan.name} {_ending(end.result())}"
                raise BringUpError(f"{ending}. Its last words ({running.log}):\n{running.last_lines()}")
        if ready.done() and not ready.cancelled() and ready.exception() is not None:
            late = [r for r in self._running if not r.ready.is_set()]
            waited = f"the cell is not ready after {self._ready_s:.0f} s"
            names = "; ".join(f"{r.plan.name}: {r.status}" for r in late)
            raise BringUpError(f"{waited} ({names}). Log of {late[0].plan.name}:\n{late[0].last_lines()}")

    async def _stop(self) -> None:
        """Stop in reverse order, each only when those that need it are gone."""
        for running in reversed(self._running):
            if running.process.returncode is None:
                await self._stop_one(running)
        for running in self._running:
            _signal_group(running.process.pid, signal.SIGKILL)
            asyncio.get_running_loop().remove_reader(running.receiver)
            running.receiver.close()

    async def _stop_one(self, running: _Running) -> None:
        running.process.send_signal(signal.SIGINT)
        end = asyncio.ensure_future(running.process.wait())
        hurry = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait({end, hurry}, timeout=STOP_S, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not end.done():
            running.process.send_signal(signal.SIGTERM)
            await asyncio.wait({end}, timeout=STOP_S if self._hurry.is_set() else KILL_S)
        if not end.done():
            self._say(f"{running.plan.name}: does not leave, killed (pid {running.process.pid})")
            _signal_group(running.process.pid, signal.SIGKILL)
        code = await end
        self._say(f"{running.plan.name}: {_ending(code)}")


def command(plan: ProcessPlan, blueprint: Blueprint, folder: Path) -> list[str]:
    """The command line of a process. Its ROS parameters go through a file, which is written to `folder`."""
    path = folder / f"{plan.name}.yaml"
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": ros_parameters(plan)}}), encoding="utf-8")
    arguments = ["--ros-args", "-r", f"__ns:=/{blueprint.namespace}", "--params-file", str(path)]
    arguments += ["--enclave", enclave_path(blueprint.namespace, plan.name)]
    if name := node_name(plan):
        arguments += ["-r", f"__node:={name}"]
    return [sys.executable, "-m", module_of(plan), *arguments]


def _variables(notify_socket: str) -> dict[str, str]:
    """What a process sees; without another word of the user's, ROS talks to this machine only."""
    local = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    return {**local, **os.environ, **environment(os.environ), "NOTIFY_SOCKET": notify_socket}


def _die_with_parent() -> None:
    """Linux: get SIGTERM when the parent dies, so that not even a killed `microcell up` leaves processes behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process and all that it started; nothing when they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return "has ended" if code == 0 else f"ended with code {code}"

