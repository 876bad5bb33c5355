"""What a program does with the processes that it starts: none of them outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

STOP_S = 10.0

_PR_SET_PDEATHSIG = 1
_STATE, _SESSION = 0, 3
"""Fields of /proc/<pid>/stat behind the name in parentheses (man 5 proc)."""


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Linux: get a signal when the parent dies, so that not even a killed program leaves processes behind.

    To be called in the child, before it becomes another program. SIGKILL for one that may hang while it ends.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process and all that it started in its group; nothing when they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def signal_session(leader: int, number: signal.Signals) -> bool:
    """Signal all processes of a session, whatever group they have put themselves into; whether there was one.

    `gz sim` with its window forks server and window, each into a group of its own.
    """
    found = list(_in_session(leader))
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(found)


async def end_session(leader: asyncio.subprocess.Process, each_s: float = STOP_S) -> None:
    """End a session that this program began: asked to, told to, made to; and whatever its leader left behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if leader.returncode is None and signal_session(leader.pid, number):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(leader.wait(), each_s)
    signal_session(leader.pid, signal.SIGKILL)
    await leader.wait()


def _in_session(leader: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[_SESSION]) == leader and fields[_STATE] not in "ZX":
                yield int(path.parent.name)
