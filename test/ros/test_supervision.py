"""A cell whose processes are killed in the midst of an order: it goes on by itself, and leaves nothing behind."""

from pathlib import Path

import pytest
from mortal_cell import disagreements, lost, repeated
from ros_cell import RosCell, ros_cell, wait_for

from microcell.clock import LoopClock, run_virtual
from microcell.description.loader import load_line
from microcell.events import OperationStarted
from microcell.plant.plant import Plant
from microcell.plant.state import PlantFile

ORDER_S = 180.0


def begun(cell: RosCell, operation: str) -> bool:
    return any(isinstance(e, OperationStarted) and e.operation == operation for e in cell.events("valve"))


async def bench_in(path: Path) -> Plant:
    plant = Plant(load_line("valve"), 0, LoopClock())
    assert PlantFile(plant, path).load()
    return plant


@pytest.mark.ros
def test_killed_skills_orchestrator_and_hardware_are_started_again_and_the_order_ends_without_a_person(tmp_path: Path):
    with ros_cell(tmp_path, "valve", "--time-scale", "10") as cell:
        second = cell.run("up", "valve")
        assert second.returncode == 2
        assert "the cell 'bench' is up already, started by process" in second.stderr
        assert cell.run("order", "--quantity", "1", "--no-wait").returncode == 0
        wait_for(lambda: begun(cell, "insert_membrane"), ORDER_S)
        for name in ("arm_skills", "orchestrator"):
            cell.kill(name)
        wait_for(lambda: begun(cell, "fasten_1"), ORDER_S)
        cell.kill("hardware")
        wait_for(lambda: any(e.kind == "unit.ended" for e in cell.events("valve")), ORDER_S)
        cell.stop()
        assert "arm_skills was ended by SIGKILL; it is started again in 0.5 s (restart 1 of 5)" in cell.log.read_text()
        assert [pid for pid in cell.pids() if Path(f"/proc/{pid}").exists()] == []
    story, plant = cell.events("valve"), run_virtual(bench_in(tmp_path / "out/valve.journal.bench"))
    assert "Held" not in [e.state for e in story if e.kind == "state.changed"]
    assert [(e.unit, e.disposition) for e in story if e.kind == "unit.ended"] == [("VLV-000001", "good")]
    assert list(disagreements(plant.line, plant, story)) == []
    assert [*repeated(plant, story), *lost(plant, story)] == []
