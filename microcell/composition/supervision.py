"""When a process that died is started again: after a pause that grows, and not for ever."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from microcell.errors import UsageError


@dataclass(frozen=True)
class RestartPolicy:
    """At most so many restarts of one process within a window; pauses double from the first to the longest.

    `hung_s`: so long a process that has said it lives may say nothing before it is ended and started again; 0 = for ever.
    """

    most: int = 5
    window_s: float = 300.0
    first_s: float = 0.5
    longest_s: float = 30.0
    hung_s: float = 30.0


@dataclass
class Restarts:
    """The restarts of one process."""

    policy: RestartPolicy
    times_s: deque[float] = field(default_factory=deque)

    def pause_s(self, now_s: float) -> float | None:
        """How long to wait before the next start; None when there have been too many."""
        while self.times_s and now_s - self.times_s[0] > self.policy.window_s:
            self.times_s.popleft()
        if len(self.times_s) >= self.policy.most:
            return None
        self.times_s.append(now_s)
        return min(self.policy.first_s * 2.0 ** (len(self.times_s) - 1), self.policy.longest_s)


@contextmanager
def only_one(namespace: str) -> Iterator[int]:
    """Have a cell's namespace for this program and those that it starts; the descriptor of the lock, to be handed to them.

    The lock is gone when all of them are. `UsageError` when another one has it on this machine, in this ROS domain.
    """
    folder = Path(tempfile.gettempdir()) / f"microcell-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = namespace.strip("/").replace("/", ".")
    path = folder / f"{os.environ.get('ROS_DOMAIN_ID', '0')}-{name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(descriptor, 32).decode(errors="replace").strip()
            raise UsageError(
                f"the cell '{namespace}' is up already, started by process {pid or '?'}, or its processes are still leaving."
                " Stop it, or choose another --namespace or ROS_DOMAIN_ID."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
