"""Start a Blueprint's processes without launch, keep watch over them, and stop them in order. No ROS in here."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path

import yaml

from microcell.composition.blueprint import Blueprint, ProcessPlan
from microcell.composition.children import die_with_parent, signal_group
from microcell.composition.processes import (
    REFUSED,
    START_AGAIN,
    START_AGAIN_LONGEST_S,
    START_AGAIN_S,
    check_startable,
    environment,
    module_of,
    node_name,
    ros_parameters,
)
from microcell.composition.security import enclave_path
from microcell.composition.supervision import RestartPolicy, Restarts, only_one
from microcell.errors import MicrocellError

READY_S, GAZEBO_READY_S, REAL_READY_S = 90.0, 300.0, 300.0
"""Gazebo renders its first images slowly without a graphics card; after a power cut robot controllers take minutes."""
STOP_S = 60.0
"""How long a process may take to leave in an orderly way: a chain of operations in work ends first."""
KILL_S = 5.0
LOG_LINES = 15
KEPT_LOGS = 3
"""So many logs of earlier runs are kept of each process."""

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
    heard_s: float | None = None
    wants_until_s: float = 0.0

    def listen(self) -> None:
        """Read one message from the process; from the first WATCHDOG on it is expected to go on sending them."""
        for line in self.receiver.recv(4096).decode(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key == "STATUS":
                self.status = value
            elif key == "READY":
                self.ready.set()
            elif key == "WATCHDOG":
                self.heard_s = asyncio.get_running_loop().time()
            elif key == "EXTEND_TIMEOUT_USEC" and value.isdigit():
                self.wants_until_s = asyncio.get_running_loop().time() + int(value) / 1e6

    def silent_s(self, now_s: float) -> float:
        """How long the process has not said that it lives; 0 for one that never says so."""
        return now_s - self.heard_s if self.heard_s is not None and self.process.returncode is None else 0.0

    def close(self) -> None:
        """Listen no more, and end whatever the process may have left behind; once more does nothing."""
        if self.receiver.fileno() < 0:
            return
        signal_group(self.process.pid, signal.SIGKILL)
        asyncio.get_running_loop().remove_reader(self.receiver)
        self.receiver.close()

    def last_lines(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(f"  {line}" for line in text.splitlines()[-LOG_LINES:]) or "  (it said nothing)"


def bring_up(
    blueprint: Blueprint,
    logs: Path,
    say: Say = print,
    ready_s: float | None = None,
    policy: RestartPolicy = RestartPolicy(),  # noqa: B008 - frozen
) -> int:
    """Run a Blueprint until Ctrl-C or SIGTERM; return the exit code: 0 when it was asked to stop and did.

    `logs` gets one file for each process; those of earlier runs are kept. `say` gets one line for each thing that a
    person would want to know. A second Ctrl-C aborts what is in work instead of letting it reach its end. No process is left
    behind, whatever happens. Once the cell is ready, a process that dies or hangs is started again, as often as the policy
    allows.

    Raises `BringUpError` when a process dies before the cell is ready or too often after it, or when the cell is not ready
    after `ready_s` (without one, what its world takes at most) and no process asks for more time; `UsageError` when the cell
    is up already, before anything is started.
    """
    check_startable(blueprint)
    ready_s = ready_s or {"gazebo": GAZEBO_READY_S, "real": REAL_READY_S}.get(blueprint.world, READY_S)
    with only_one(blueprint.namespace) as lock:
        return asyncio.run(_Cell(blueprint, logs, say, ready_s, policy, lock).run())


class _Cell:
    """The processes of one Blueprint."""

    def __init__(self, blueprint: Blueprint, logs: Path, say: Say, ready_s: float, policy: RestartPolicy, lock: int) -> None:
        self._blueprint = blueprint
        self._logs = logs
        self._say = say
        self._ready_s = ready_s
        self._policy = policy
        self._lock = lock
        self._running: list[_Running] = []
        self._restarts = {plan.name: Restarts(policy) for plan in blueprint.processes}
        self._grants = Counter[str]()
        self._numbers = count(1)
        self._starting: set[asyncio.Future[None]] = set()
        self._begun_s = 0.0
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
                await self._until_ready(Path(folder))
                await self._supervise(Path(folder))
            finally:
                await self._stop()
        return 0

    def _on_signal(self) -> None:
        (self._hurry if self._asked.is_set() else self._asked).set()

    async def _start(self, plan: ProcessPlan, folder: Path, number: int = 0) -> _Running:
        """Start a process; `number` counts its restarts, whose words are added to the same log."""
        log = self._logs / f"{plan.name}.log"
        if not number:
            _keep_earlier(log)
        address = folder / f"{plan.name}.{number}.notify"
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        receiver.bind(str(address))
        with log.open("ab" if number else "wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command(plan, self._blueprint, folder),
                env=_variables(str(address)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, who stop the processes in order
                preexec_fn=die_with_parent,
                pass_fds=(self._lock,),
            )
        running = _Running(plan, log, process, receiver)
        asyncio.get_running_loop().add_reader(receiver, running.listen)
        self._say(f"{plan.name}: started (pid {process.pid}, log {log})")
        return running

    async def _until_ready(self, folder: Path) -> None:
        """Wait until the cell is ready or is asked to stop; a process that ends before is an error."""
        asked = asyncio.ensure_future(self._asked.wait())
        ends = {asyncio.ensure_future(self._early_end(position, folder)): position for position in range(len(self._running))}
        ready = asyncio.ensure_future(self._all_ready_in_time())
        try:
            await asyncio.wait({asked, ready, *ends}, return_when=asyncio.FIRST_COMPLETED)
            self._check(ends, ready)
            if ready.done():
                self._say("the cell is ready; Ctrl-C stops it")
        finally:
            for waiting in (asked, ready, *ends):
                waiting.cancel()
            await asyncio.gather(asked, ready, *ends, *self._starting, return_exceptions=True)

    async def _supervise(self, folder: Path) -> None:
        """Until the cell is asked to stop, start again what dies; each process on its own, so that none waits for others."""
        asked = asyncio.ensure_future(self._asked.wait())
        keepers = [asyncio.ensure_future(self._keep(position, folder)) for position in range(len(self._running))]
        try:
            await asyncio.wait({asked, *keepers}, return_when=asyncio.FIRST_COMPLETED)
            for keeper in keepers:
                if keeper.done() and not self._asked.is_set():
                    keeper.result()
        finally:
            for waiting in (asked, *keepers):
                waiting.cancel()
            await asyncio.gather(asked, *keepers, *self._starting, return_exceptions=True)

    async def _early_end(self, position: int, folder: Path) -> int:
        """Wait until a process has ended without asking to be started again; its exit code."""
        while (code := await self._running[position].process.wait()) == START_AGAIN:
            await self._grant(position, folder)
        return code

    async def _grant(self, position: int, folder: Path) -> None:
        plan = self._running[position].plan
        self._say(f"{plan.name} asks to be started again, its log says why")
        pause_s = min(START_AGAIN_S * 2.0 ** self._grants[plan.name], START_AGAIN_LONGEST_S)
        self._grants[plan.name] += 1
        await self._start_again(position, folder, pause_s)

    async def _keep(self, position: int, folder: Path) -> None:
        """Keep one process running; `BringUpError` when it has died too often, or says that it cannot be started again."""
        loop = asyncio.get_running_loop()
        while True:
            running = self._running[position]
            ending = f"{running.plan.name} {await self._end_of(running)}"
            if running.process.returncode == START_AGAIN:
                await self._grant(position, folder)
                continue
            last_words = f"Its last words ({running.log}):\n{running.last_lines()}"
            if running.process.returncode == REFUSED:
                raise BringUpError(f"{ending}: the cell is stopped. {last_words}")
            restarts = self._restarts[running.plan.name]
            pause_s = restarts.pause_s(loop.time())
            if pause_s is None:
                within = f"{self._policy.most} restarts within {self._policy.window_s:.0f} s"
                tried = f"{within} did not help: the cell is stopped"
                raise BringUpError(f"{ending}. {tried}. {last_words}")
            often = f"restart {len(restarts.times_s)} of {self._policy.most}"
            self._say(f"{ending}; it is started again in {pause_s:g} s ({often})")
            await self._start_again(position, folder, pause_s)

    async def _start_again(self, position: int, folder: Path, pause_s: float) -> None:
        self._running[position].close()
        await asyncio.sleep(pause_s)
        # Shielded: a process that was just started must be known to whoever stops the cell.
        starting = asyncio.ensure_future(self._replace(position, folder))
        self._starting.add(starting)
        await asyncio.shield(starting)

    async def _replace(self, position: int, folder: Path) -> None:
        before = self._running[position]
        self._running[position] = await self._start(before.plan, folder, next(self._numbers))
        self._running[position].ready = before.ready  # who waits for the one waits for the other

    async def _end_of(self, running: _Running) -> str:
        """Wait until a process has ended, in words; one that hangs is ended."""
        loop, hung_s = asyncio.get_running_loop(), self._policy.hung_s
        end = asyncio.ensure_future(running.process.wait())
        try:
            while not (await asyncio.wait({end}, timeout=hung_s / 4.0 or None))[0]:
                if hung_s and running.silent_s(loop.time()) > hung_s:
                    signal_group(running.process.pid, signal.SIGKILL)
                    await end
                    return f"said nothing for {hung_s:g} s and was ended"
            return _ending(end.result())
        finally:
            end.cancel()

    async def _all_ready_in_time(self) -> None:
        """Wait until all are ready; `TimeoutError` after `ready_s`, or later where a process has asked for more time."""
        loop = asyncio.get_running_loop()
        self._begun_s = loop.time()
        end_s, all_ready = self._begun_s + self._ready_s, asyncio.ensure_future(self._all_ready())
        try:
            while not all_ready.done():
                left_s = max(end_s, *(running.wants_until_s for running in self._running)) - loop.time()
                if left_s <= 0.0:
                    raise asyncio.TimeoutError
                await asyncio.wait({all_ready}, timeout=left_s)
        finally:
            all_ready.cancel()

    async def _all_ready(self) -> None:
        for running in self._running:
            await running.ready.wait()

    def _check(self, ends: Mapping[asyncio.Task[int], int], ready: asyncio.Future[None]) -> None:
        for end, position in ends.items():
            if end.done() and not self._asked.is_set():
                running = self._running[position]
                ending = f"{running.plan.name} {_ending(end.result())}"
                raise BringUpError(f"{ending}. Its last words ({running.log}):\n{running.last_lines()}")
        if ready.done() and not ready.cancelled() and ready.exception() is not None:
            late = [r for r in self._running if not r.ready.is_set()]
            waited = f"the cell is not ready after {asyncio.get_running_loop().time() - self._begun_s:.0f} s"
            names = "; ".join(f"{r.plan.name}: {r.status}" for r in late)
            raise BringUpError(f"{waited} ({names}). Log of {late[0].plan.name}:\n{late[0].last_lines()}")

    async def _stop(self) -> None:
        """Stop in reverse order, each only when those that need it are gone."""
        for running in reversed(self._running):
            if running.process.returncode is None:
                await self._stop_one(running)
        for running in self._running:
            running.close()

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
            signal_group(running.process.pid, signal.SIGKILL)
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


def _keep_earlier(log: Path) -> None:
    """Move a log out of the way of a new one: to `.1`, what is there to `.2`, and so on."""
    logs = [log, *(log.with_name(f"{log.name}.{runs}") for runs in range(1, KEPT_LOGS + 1))]
    for newer, older in reversed(tuple(pairwise(logs))):
        if newer.exists():
            newer.replace(older)


def _variables(notify_socket: str) -> dict[str, str]:
    return {**os.environ, **environment(os.environ), "NOTIFY_SOCKET": notify_socket}


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return "has ended" if code == 0 else f"ended with code {code}"
