"""`make demo` does what the README says."""

import subprocess
import sys
from pathlib import Path

import pytest
from ros_cell import domain

from microcell.records.journal import JournalReader
from microcell.records.production import fold
from microcell.records.verifying import first_break

ROOT = Path(__file__).parents[2]


@pytest.mark.ros
@pytest.mark.slow
def test_the_demo_makes_twelve_inspected_packed_units_through_ros():
    done = subprocess.run(
        [sys.executable, "tools/demo"], cwd=ROOT, env=domain(), capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stdout + done.stderr
    with JournalReader.open(ROOT / "out/demo/valve.journal") as journal:
        assert first_break(journal) is None
        order = fold(journal.events()).orders["demo-12"]
    assert order.good == 12, done.stdout[-3000:]
    for text in ("the cell is ready", "demo-12: ", "VLV-000012", "OEE", "chain unbroken", "12 units in "):
        assert text in done.stdout
    assert (ROOT / "out/demo/gantt.png").stat().st_size > 10_000
