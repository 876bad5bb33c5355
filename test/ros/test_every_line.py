"""One unit of each shipped line through ROS, on mock hardware ten times as fast as real."""

from pathlib import Path

import pytest
from ros_cell import ros_cell

from microcell.events import OperationEnded
from microcell.records.journal import JournalReader
from microcell.records.verifying import first_break

pytestmark = pytest.mark.ros
UNITS = {
    "controller": "CTL-000001",
    "footwear": "SHO-000001",
    "stool": "STL-000001",
    "bracket": "BRK-000001",
    "battery": "BAT-000001",
}
"""The valve's cell has tests of its own."""
ORDER_S = 240.0


def ended(journal: Path) -> list[OperationEnded]:
    with JournalReader.open(journal) as written:
        assert first_break(written) is None
        return [event for event in written.events() if isinstance(event, OperationEnded)]


@pytest.mark.parametrize(("line", "serial"), UNITS.items())
def test_a_unit_is_made_and_told(line: str, serial: str, tmp_path: Path):
    journal = tmp_path / f"{line}.journal"
    with ros_cell(tmp_path, line, "--time-scale", "10", "--journal", str(journal)) as cell:
        ordered = cell.run("order", "--product", line, "--quantity", "1", timeout_s=ORDER_S)
        assert (ordered.returncode, ordered.stderr) == (0, ""), cell.log.read_text()
        assert f"order 'order-0001' is completed: {serial}" in ordered.stdout
        assert cell.stop() == 0
    masses = [m["value"] for event in ended(journal) for m in event.measurements if m["name"].endswith(".mass")]
    assert masses == ([pytest.approx(0.001, rel=0.03)] * 2 if line == "footwear" else [])
