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
        _orders_of_files(cell, tmp_path)
        _refill(cell)
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


def _refill(cell) -> None:  # type: ignore[no-untyped-def]
    """A feeder is told that it is full; of one that there is not, those that there are are named."""
    full = cell.run("refill", "nest_1", "--lot", "B-4711")
    assert (full.returncode, full.stdout.startswith("nest_1: "), full.stdout.endswith(" pieces\n")) == (0, True, True)
    for name in ("nest_9", "nest 1"):
        unknown = cell.run("refill", name)
        assert unknown.returncode == 2
        assert f"no feeder '{name}' answers; there are: " in unknown.stderr and "nest_1" in unknown.stderr


def _orders_of_files(cell, folder: Path) -> None:  # type: ignore[no-untyped-def]
    """Orders of other systems are handed in, updated and controlled; a file with mistakes is not handed in at all."""
    (folder / "orders.csv").write_text("order;product;quantity\nA-1;valve;2\nA-2;pump;1\n", encoding="utf-16")
    handed_in = cell.run("order", "--from", "orders.csv")
    assert (handed_in.returncode, handed_in.stdout) == (1, "order 'A-1' is accepted\n")
    assert "order 'A-2' is refused: this line makes 'valve', not 'pump'." in handed_in.stderr
    stored = "- {kind: order, order_id: S-1, product: valve, lines: [{quantity: 1}], allowed_to_start: false}\n"
    (folder / "stored.yaml").write_text(stored, encoding="utf-8")
    assert cell.run("order", "--from", "stored.yaml").stdout == "order 'S-1' is accepted\n"
    assert "S-1: stored, 0 of 1 good" in cell.run("order", "--list").stdout
    (folder / "update.yaml").write_text(stored.removeprefix("- ").replace("quantity: 1", "quantity: 3"), encoding="utf-8")
    assert cell.run("order", "--update", "update.yaml").stdout == "order 'S-1': +2 adult\n"
    assert cell.run("order", "--cancel", "S-1").returncode == 0
    (folder / "orders.csv").write_text("order,product,quantity\nA-3,valve,2\nA-4,valve,many\n", encoding="utf-8")
    refused = cell.run("order", "--from", "orders.csv")
    assert refused.returncode == 2 and "orders.csv:3:11: quantity: no number ('many')" in refused.stderr
    assert "A-3" not in cell.run("order", "--list").stdout
