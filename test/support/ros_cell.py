"""A ROS cell in processes of its own, for tests: its own domain, bounded waits, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domains import process_domain

from microcell.events import Event
from microcell.records.journal import JournalReader

READY_S, STOP_S = 120.0, 90.0


def domain() -> dict[str, str]:
    """Environment with a domain that no other test process of this machine has at this time, and output that is buffered as
    a user's is."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return {**inherited, "ROS_DOMAIN_ID": str(process_domain()), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


@dataclass
class RosCell:
    process: subprocess.Popen[str]
    log: Path
    folder: Path

    def run(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """A `microcell` command against this cell."""
        command = [sys.executable, "-m", "microcell.cli", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=domain(), capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def events(self, line: str) -> list[Event]:
        """What the journal tells by now."""
        with JournalReader.open(self.folder / f"out/{line}.journal") as journal:
            return list(journal.events())

    def pids(self, name: str = r"\w+") -> list[int]:
        """The ids of the processes of this name, in the order in which they were started."""
        return [int(pid) for pid in re.findall(rf"^{name}: started \(pid (\d+)", self.log.read_text(), re.MULTILINE)]

    def kill(self, name: str) -> None:
        """SIGKILL for the last process of this name."""
        os.kill(self.pids(name)[-1], signal.SIGKILL)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_S)


@contextmanager
def ros_cell(folder: Path, *arguments: str, ready_s: float = READY_S) -> Iterator[RosCell]:
    """`microcell up` with these arguments, ready; stopped at the end, whatever happens."""
    log = folder / "up.log"
    command = [sys.executable, "-m", "microcell.cli", "up", *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=domain(), stdout=output, stderr=subprocess.STDOUT, text=True)
    cell = RosCell(process, log, folder)
    try:
        wait_for(lambda: "the cell is ready" in log.read_text() or process.poll() is not None, ready_s)
        assert process.poll() is None, log.read_text()
        yield cell
    finally:
        try:
            cell.stop()
        finally:
            process.kill()


def wait_for(condition, timeout_s: float) -> None:  # type: ignore[no-untyped-def]
    """Look again and again until the condition holds; an `AssertionError` after the time."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {timeout_s:.0f} s"
        time.sleep(0.05)
