"""The whole mock cell as `microcell up` starts it: four processes, an order, and an orderly end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from domains import own_domain

from microcell.records.journal import JournalReader
from microcell.records.verifying import first_break

MICROCELL = [sys.executable, "-c", "import sys; from microcell.cli import main; sys.exit(main())"]
READY_S, ORDER_S, STOP_S = 60.0, 120.0, 60.0


class RunningCell:
    """A started `microcell up valve`, five times as fast as real time."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "valve.journal"
        self.environment = {**os.environ, "ROS_DOMAIN_ID": str(own_domain()), "PYTHONUNBUFFERED": "1"}
        self.output = folder / "up.log"
        options = ["--time-scale", "5", "--journal", str(self.journal)]
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(
                [*MICROCELL, "up", "valve", *options], env=self.environment, stdout=log, stderr=log
            )

    def call(self, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        command = [*MICROCELL, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False)

    def pids(self) -> list[int]:
        """Of the cell's processes, as `microcell up` told them."""
        return [int(pid) for pid in re.findall(r"started \(pid (\d+)", self.output.read_text())]

    def alive(self) -> list[int]:
        return [pid for pid in self.pids() if Path(f"/proc/{pid}").exists()]


@pytest.fixture
def cell(tmp_path) -> Iterator[RunningCell]:
    running = RunningCell(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(STOP_S)


@pytest.mark.ros
def test_an_order_is_produced_and_the_cell_leaves_in_order(cell):
    ordered = cell.call("order", "--quantity", "1", timeout_s=READY_S + ORDER_S)
    assert (ordered.returncode, ordered.stderr) == (0, "")
    assert "order 'order-0001' is completed: VLV-000001" in ordered.stdout
    rotated = cell.call("rotate", timeout_s=READY_S)
    assert (rotated.returncode, rotated.stderr) == (0, "")
    assert rotated.stdout.startswith(f"written so far: {cell.journal}.1-")
    cell.process.send_signal(signal.SIGINT)
    assert cell.process.wait(STOP_S) == 0
    said = cell.output.read_text().splitlines()
    assert said[-4:] == [
        "orchestrator: has ended", "inspection_skills: has ended", "arm_skills: has ended", "hardware: has ended",
    ]  # fmt: skip
    assert cell.alive() == []
    with JournalReader.open(cell.journal) as journal:
        assert first_break(journal) is None
        ended = [event for event in journal.events() if event.kind == "unit.ended"]
    assert [(unit.unit, unit.disposition) for unit in ended] == [("VLV-000001", "good")]
