"""Valve, controller, valve again: a running ROS cell changes its line, and a person sets its stations up."""

import re
from pathlib import Path

import pytest
from ros_cell import RosCell, ros_cell

from microcell import events
from microcell.records.journal import JournalReader

ORDER_S = 240.0
STATIONS = 11
"""That controllers want otherwise than valves, and the other way round."""


def ordered(cell: RosCell, product: str) -> str:
    done = cell.run("order", "--product", product, "--quantity", "2", timeout_s=ORDER_S)
    assert (done.returncode, done.stderr) == (0, ""), cell.log.read_text()
    return done.stdout


def changed(cell: RosCell, line: str) -> list[str]:
    """Change the line, and answer what the cell asks; what is to be done."""
    begun = cell.run("change-line", line, "--by", "anna")
    assert (begun.returncode, begun.stderr) == (0, ""), cell.log.read_text()
    asked: list[str] = []
    while len(asked) < STATIONS:
        listed = cell.run("questions")
        for number in re.findall(r"Q-\d{4}", listed.stdout):
            if number not in asked:
                answered = cell.run("answer", number, "done", "--by", "anna")
                assert (answered.returncode, answered.stderr) == (0, "")
                asked.append(number)
    return begun.stdout.splitlines()


@pytest.mark.ros
def test_valve_to_controller_and_back(tmp_path: Path):
    journal = tmp_path / "valve.journal"
    options = ("--also", "controller", "--time-scale", "10", "--journal", str(journal))
    with ros_cell(tmp_path, "valve", *options) as cell:
        assert "VLV-000001" in ordered(cell, "valve")
        told = changed(cell, "controller")
        assert told[0] == "C-0001 to controller has begun"
        assert "  nest_1: take out body, fill in base" in told
        assert "CTL-000003" in ordered(cell, "controller")
        refused = cell.run("change-line", "stool")
        assert refused.returncode == 2 and "this cell has no line 'stool', only valve, controller." in refused.stderr
        changed(cell, "valve")
        assert "VLV-000005" in ordered(cell, "valve")
        assert "the cell makes valve" in cell.run("change-line").stdout
        assert cell.stop() == 0
    with JournalReader.open(journal) as written:
        told_events = list(written.events())
    ended = [event for event in told_events if isinstance(event, events.UnitEnded)]
    assert [unit.unit[:3] for unit in ended] == ["VLV", "VLV", "CTL", "CTL", "VLV", "VLV"]
    assert {unit.disposition for unit in ended} == {"good"}
    assert [e.outcome for e in told_events if isinstance(e, events.LineChangeEnded)] == ["completed", "completed"]
    assert [e.verdict for e in told_events if isinstance(e, events.FirstArticleJudged)] == ["passed", "passed"]
