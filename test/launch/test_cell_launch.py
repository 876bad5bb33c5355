"""`ros2 launch` starts the cell; where launch is not installed, these tests say so and are skipped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch and launch_ros come with an installed ROS 2 distribution only")

from domains import own_domain
from launch.events.process import ProcessExited
from launch.utilities import perform_substitutions

from launch import LaunchContext
from microcell.composition.compose import compose
from microcell.composition.launching import _Ends, actions, launch_cell
from microcell.composition.processes import START_AGAIN, STARTED_BY
from microcell.description.loader import load_line
from microcell.records.journal import JournalReader
from microcell.records.verifying import first_break

pytestmark = pytest.mark.launch
CELL_LAUNCH = Path(__file__).parents[2] / "launch" / "cell.launch.py"
READY_S, STOP_S = 60.0, 90.0


def test_every_process_of_the_blueprint_becomes_one_action():
    blueprint = compose(load_line("valve"), "mock", line_path="valve")
    assert len(actions(blueprint)) == len(blueprint.processes)


def test_every_process_leaves_when_launch_is_killed():
    blueprint = compose(load_line("valve"), "mock", line_path="valve")
    for action in actions(blueprint):
        given = {
            perform_substitutions(LaunchContext(), key): perform_substitutions(LaunchContext(), value)
            for key, value in action.additional_env
        }
        assert given[STARTED_BY] == str(os.getpid())


def test_the_arguments_are_declared_with_defaults():
    declared = {argument.name for argument in launch_cell().get_launch_arguments()}
    assert declared == {"line", "also", "world", "journal", "seed", "time_scale", "namespace", "headless"}


def test_a_wrong_world_is_told_in_one_sentence():
    description = launch_cell(world="moon")
    context = LaunchContext()
    with pytest.raises(Exception, match="no world 'moon'; there are: virtual, mock, gazebo, real."):
        for entity in description.entities:
            entity.visit(context)


def test_a_killed_process_is_started_again_five_times_one_that_asks_always_and_one_that_ends_stops_the_cell():
    ends = _Ends("hardware")

    def after(code: int) -> str:
        ended = ProcessExited(action=None, name="hardware-1", cmd=[], cwd=None, env=None, pid=1, returncode=code)
        told = ends(ended, LaunchContext())
        return told.event.reason if told is not None else "started again"

    assert [after(-9) for _ in range(5)] == ["started again"] * 5
    assert after(START_AGAIN) == "started again"
    assert after(-9) == "hardware was killed more than 5 times in 300 s: to start it again did not help"
    assert after(0) == "hardware has ended"


@pytest.mark.skipif(shutil.which("ros2") is None, reason="the ros2 command is not on the path")
def test_ros2_launch_starts_the_cell_and_ctrl_c_ends_it_in_order(tmp_path):
    environment = {**os.environ, "ROS_DOMAIN_ID": str(own_domain()), "ROS_LOG_DIR": str(tmp_path)}
    journal, log = tmp_path / "valve.journal", tmp_path / "launch.log"
    command = ["ros2", "launch", str(CELL_LAUNCH), "line:=valve", "world:=mock", "time_scale:=5.0", f"journal:={journal}"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        watch = [sys.executable, "-c", "import sys; from microcell.cli import main; sys.exit(main())", "watch", "--once"]
        end = time.monotonic() + READY_S
        while "the cell is ready: Idle" not in log.read_text():
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            subprocess.run(watch, env=environment, capture_output=True, timeout=READY_S, check=False)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(STOP_S)
    assert code == 0
    assert log.read_text().count("process has finished cleanly") == 4
    with JournalReader.open(journal) as written:
        assert first_break(written) is None
