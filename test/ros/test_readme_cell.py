"""The README's commands against a running cell, in its order."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ros_cell import domain, ros_cell, wait_for


@pytest.mark.ros
@pytest.mark.slow
def test_the_readmes_commands_for_a_running_cell(tmp_path: Path):
    with ros_cell(tmp_path, "valve", "--time-scale", "10") as cell:
        _watch_until_ctrl_c(tmp_path)
        order = cell.run("order", "--quantity", "3", "--variant", "child")
        assert order.returncode == 0, order.stdout + order.stderr
        assert "order 'order-0001' is completed: VLV-00000" in order.stdout
        assert cell.run("order", "--list").stdout == "order-0001: completed, 3 of 3 good, 0 in work\n"
        _hold_and_unhold(cell)
        assert cell.stop() == 0
        assert "orchestrator: has ended" in cell.log.read_text()
    assert (tmp_path / "out/valve.journal").exists()


def _watch_until_ctrl_c(folder: Path) -> None:
    """`microcell watch` shows the cell and leaves at Ctrl-C without a word of complaint."""
    shown = folder / "watch.txt"
    with shown.open("w") as output:
        watching = subprocess.Popen(
            [sys.executable, "-m", "microcell.cli", "watch"],
            cwd=folder, env={**domain(), "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_for(lambda: "Idle" in shown.read_text() or watching.poll() is not None, 30.0)
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20.0) == 0
    finally:
        watching.kill()
    assert "Traceback" not in shown.read_text()


def _hold_and_unhold(cell) -> None:  # type: ignore[no-untyped-def]
    """Commands that are legal are accepted, others are refused with those that are legal."""
    refused = cell.run("command", "hold", "--reason", "door open")
    assert refused.returncode == 2
    assert "Hold is not legal in Idle. Legal now: Start, Stop, Abort." in refused.stderr
    accepted = cell.run("order", "--quantity", "1", "--no-wait")
    assert accepted.returncode == 0, accepted.stderr
    assert cell.run("command", "hold", "--reason", "door open").stdout == "Hold is accepted\n"
    wait_for(lambda: "Held  door open" in cell.run("watch", "--once").stdout, 60.0)
    assert cell.run("command", "unhold").stdout == "Unhold is accepted\n"
    wait_for(lambda: "order-0002: completed" in cell.run("order", "--list").stdout, 120.0)
