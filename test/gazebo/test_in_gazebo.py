"""A unit of each shipped line made in Gazebo itself, headless, judged by its cameras; skipped where it is not installed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from ros_cell import ros_cell

from microcell.composition.gazebo import check_installed
from microcell.description.loader import load_line
from microcell.errors import MissingCapabilityError
from microcell.gazebo.server import variables
from microcell.gazebo.world import world_text
from microcell.paths import share_directory

LINES = sorted(path.stem for path in (share_directory() / "config" / "lines").glob("*.yaml"))
UNIT_S = 1800.0


def lacks() -> str:
    """What this machine lacks for Gazebo, in words."""
    try:
        check_installed()
    except MissingCapabilityError as error:
        return str(error)
    return ""


pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.skipif(bool(lacks()), reason=lacks())]


@pytest.mark.parametrize("line", LINES)
def test_a_unit_is_built_inspected_and_packed(line: str, tmp_path: Path) -> None:
    with ros_cell(tmp_path, line, "--world", "gazebo") as cell:
        order = cell.run("order", "--quantity", "1", timeout_s=UNIT_S)
        assert order.returncode == 0, order.stdout + order.stderr
    told = json.loads(cell.run("report", f"out/{line}.journal", "--json").stdout)
    (unit,) = told["units"]
    assert unit["state"] == "good" and unit["carton"]


@pytest.mark.parametrize("line", LINES)
def test_gazebo_loads_the_world_without_a_refusal(line: str, tmp_path: Path) -> None:
    world = tmp_path / "world.sdf"
    world.write_text(world_text(load_line(line)), encoding="utf-8")
    command = ["gz", "sim", "-s", "-r", "-v", "4", "--headless-rendering", "--iterations", "500", str(world)]
    environment = variables("test", os.environ)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300.0, check=False)
    said = done.stdout + done.stderr
    assert [text for text in said.splitlines() if "[Err]" in text or "[error]" in text or "Error Code" in text] == []
