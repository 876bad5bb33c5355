"""The workflow file in the page for continuous integration: it is one, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    workflow = yaml.safe_load(block)
    assert True in workflow or "on" in workflow, "YAML 1.1 reads the key on as true"
    return dict(workflow["jobs"])


def said(job: dict[str, Any]) -> str:
    """All commands of a job."""
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_one_job_needs_python_alone_and_one_runs_in_the_containers_of_both_distributions(jobs: dict[str, Any]) -> None:
    assert set(jobs) == {"virtual", "gazebo"}
    assert "container" not in jobs["virtual"]
    assert jobs["gazebo"]["container"]["image"] == "ros:${{ matrix.ros }}"
    assert jobs["gazebo"]["strategy"]["matrix"]["ros"] == ["jazzy", "kilted"]


def test_gazebo_s_job_installs_the_bridge_and_a_renderer_and_sources_the_distribution(jobs: dict[str, Any]) -> None:
    job = jobs["gazebo"]
    commands = said(job)
    for package in ("ros-${{ matrix.ros }}-ros-gz", "libegl1", "libgl1-mesa-dri", "python3-venv"):
        assert package in commands
    assert job["env"]["LIBGL_ALWAYS_SOFTWARE"] == "1"
    assert job["defaults"]["run"]["shell"] == "bash", "the container's sh knows no source"
    assert commands.count("source /opt/ros/${{ matrix.ros }}/setup.bash") == 2


def test_the_programs_that_are_run_are_in_the_repository(jobs: dict[str, Any]) -> None:
    commands = said(jobs["virtual"]) + said(jobs["gazebo"])
    assert "--shm-size" in jobs["gazebo"]["container"]["options"], "a container has less than DDS needs"
    assert "source microcell/.venv/bin/activate" in commands, "our messages are found by what it sets"
    for program in re.findall(r"microcell/(bench/\w+\.py)", commands):
        assert (ROOT / program).is_file()
    words = re.search(r"parity\.py(.*)", commands)
    assert words is not None
    source = (ROOT / "bench" / "parity.py").read_text() + (ROOT / "bench" / "common.py").read_text()
    assert all(f'"{option}"' in source for option in re.findall(r"--\w+", words.group(1)))
