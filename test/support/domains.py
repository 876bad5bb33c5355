"""ROS domains for tests. Two test processes of one machine are never in the same one: each would hear the other's /clock."""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
from collections import deque
from functools import cache
from pathlib import Path
from typing import IO

HIGHEST = 100
"""Above that the ports are others' on some machines."""

_KEPT = 8
"""So many of the latest stay this process's: what was in them may still be ending."""

_next = itertools.count(os.getpid())
_latest: deque[IO[str]] = deque()
_for_good: list[IO[str]] = []


def own_domain() -> int:
    """A domain in which no other process tests, and in which this one has not been for long."""
    domain, lock = _taken()
    _latest.append(lock)
    if len(_latest) > _KEPT:
        _latest.popleft().close()
    return domain


@cache
def process_domain() -> int:
    """The domain that is this process's until it ends."""
    domain, lock = _taken()
    _for_good.append(lock)
    return domain


def _taken() -> tuple[int, IO[str]]:
    for _ in range(HIGHEST):
        domain = 1 + next(_next) % HIGHEST
        lock = (Path(tempfile.gettempdir()) / f"microcell-test-domain-{domain}").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return domain, lock
    raise RuntimeError(f"other tests of this machine have all of the {HIGHEST} ROS domains")
