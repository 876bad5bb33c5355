"""Starting processes, watching them, and stopping them in order; with programs that stand for the cell's."""

import os
import re
import signal
import sys
import threading
from pathlib import Path

import pytest

from microcell.composition import bringup
from microcell.composition.blueprint import Blueprint, NodePlan, ProcessPlan
from microcell.composition.bringup import BringUpError, bring_up
from microcell.composition.supervision import RestartPolicy, Restarts, only_one
from microcell.errors import UsageError

PROGRAM = """
import os, signal, socket, sys, time
from pathlib import Path

name, behaviour, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])

def note(what):
    with open(folder / "story", "a") as story:
        story.write(f"{name} {what}\\n")

def leave(number, frame):
    note(f"was asked to leave by {signal.Signals(number).name}")
    if behaviour != "stubborn":
        sys.exit(0)

signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, leave)
(folder / f"{name}.pid").write_text(str(os.getpid()))
print(f"{name} says hello")
if behaviour == "dies":
    sys.exit("out of coffee")
with open(folder / f"{name}.starts", "a+") as starts:
    starts.write("*")
    if behaviour == "asks" and starts.tell() not in (4, 6):
        sys.exit(os.EX_TEMPFAIL)
    if behaviour == "refuses" and starts.tell() == 2:
        sys.exit(os.EX_CONFIG)
if behaviour not in ("silent", "reads"):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        living = b"WATCHDOG=1\\n" if behaviour == "lives" else b""
        sender.sendto(living + b"READY=1\\nSTATUS=at work", os.environ["NOTIFY_SOCKET"])
else:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"STATUS=waiting for the arm", os.environ["NOTIFY_SOCKET"])
        if behaviour == "reads":
            sender.sendto(b"EXTEND_TIMEOUT_USEC=60000000", os.environ["NOTIFY_SOCKET"])
            time.sleep(7.0)
            sender.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    if behaviour == "lives":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"WATCHDOG=1", os.environ["NOTIFY_SOCKET"])
        time.sleep(0.1)
    else:
        signal.pause()
"""


@pytest.fixture
def cell(tmp_path, monkeypatch):
    """Make a Blueprint of two programs, second after first, and say how it went."""

    def command(plan, blueprint, folder):
        return [sys.executable, "-c", PROGRAM, plan.name, str(plan.parameters["behaviour"]), str(tmp_path)]

    monkeypatch.setattr(bringup, "command", command)

    def run(
        first="good",
        second="good",
        ready_s=20.0,
        on_ready=lambda: os.kill(os.getpid(), signal.SIGINT),
        policy=None,
        hear=None,
    ):
        plans = (
            ProcessPlan("first", "hardware", {"behaviour": first}),
            ProcessPlan("second", "orchestrator", {"behaviour": second}, ("first",)),
        )
        nodes = tuple(NodePlan(plan.name, plan.executable, plan.name) for plan in plans)
        said = []

        def say(text):
            said.append(text)
            if hear is not None:
                hear(text)
            elif "is ready" in text:
                on_ready()

        blueprint = Blueprint("line", "cell", "mock", "cell", plans, nodes, ())
        code = bring_up(blueprint, tmp_path / "logs", say, ready_s, policy or RestartPolicy())
        return code, said

    return run


def story(folder: Path) -> list[str]:
    path = folder / "story"
    return path.read_text().splitlines() if path.exists() else []


def alive(folder: Path) -> list[str]:
    """Programs that are still running."""
    names = []
    for path in folder.glob("*.pid"):
        try:
            os.kill(int(path.read_text()), 0)
            names.append(path.stem)
        except ProcessLookupError:
            continue
    return names


def test_ctrl_c_stops_the_last_one_first(cell, tmp_path):
    code, said = cell()
    assert code == 0
    assert story(tmp_path) == ["second was asked to leave by SIGINT", "first was asked to leave by SIGINT"]
    assert said[-3:] == ["the cell is ready; Ctrl-C stops it", "second: has ended", "first: has ended"]
    assert alive(tmp_path) == []


def test_each_process_has_a_log(cell, tmp_path):
    cell()
    assert (tmp_path / "logs" / "first.log").read_text() == "first says hello\n"


def test_the_logs_of_the_last_runs_are_kept_beside_the_new_one(cell, tmp_path):
    with pytest.raises(BringUpError):
        cell(second="dies")
    for _ in range(bringup.KEPT_LOGS):
        cell()
    logs = tmp_path / "logs"
    assert "out of coffee" in (logs / "second.log.3").read_text()
    assert (logs / "second.log").read_text() == (logs / "second.log.1").read_text() == "second says hello\n"
    cell()
    assert sorted(path.name for path in logs.glob("second.*")) == ["second.log", *(f"second.log.{k}" for k in (1, 2, 3))]
    assert "out of coffee" not in (logs / "second.log.3").read_text()


def test_a_process_that_asks_for_more_time_to_become_ready_gets_it(cell, tmp_path):
    code, said = cell(second="reads", ready_s=5.0)
    assert (code, alive(tmp_path)) == (0, [])
    assert "the cell is ready; Ctrl-C stops it" in said


def test_a_process_that_dies_is_reported_with_its_last_words_and_the_others_are_stopped(cell, tmp_path):
    with pytest.raises(BringUpError) as told:
        cell(second="dies")
    assert "second ended with code 1. Its last words" in str(told.value)
    assert "out of coffee" in str(told.value)
    assert alive(tmp_path) == []


def test_a_cell_that_does_not_become_ready_is_stopped_and_says_what_it_waits_for(cell, tmp_path):
    with pytest.raises(BringUpError, match=r"not ready after 1 s \(second: waiting for the arm\). Log of second:"):
        cell(second="silent", ready_s=1.0)
    assert alive(tmp_path) == []


def test_a_process_that_does_not_leave_is_killed(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(bringup, "STOP_S", 0.3)
    monkeypatch.setattr(bringup, "KILL_S", 0.3)
    code, said = cell(second="stubborn")
    assert code == 0
    assert any(text.startswith("second: does not leave, killed") for text in said)
    assert "second: was ended by SIGKILL" in said
    assert story(tmp_path)[:2] == ["second was asked to leave by SIGINT", "second was asked to leave by SIGTERM"]
    assert alive(tmp_path) == []


def test_a_second_ctrl_c_asks_to_hurry(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(bringup, "STOP_S", 0.5)
    said = cell(second="stubborn", on_ready=lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])[1]
    assert "second was asked to leave by SIGTERM" in story(tmp_path)
    assert "second: was ended by SIGKILL" in said


def test_a_world_without_processes_is_refused(tmp_path):
    plan = Blueprint("valve", "bench", "virtual", "", (), (), ())
    with pytest.raises(UsageError, match="needs no processes"):
        bring_up(plan, tmp_path)


def test_the_command_line_names_the_module_the_namespace_and_the_parameters(tmp_path):
    plan = ProcessPlan("arm_skills", "skill_server", {"line": "valve", "families": ["assembly"], "devices": []})
    line = bringup.command(plan, Blueprint("valve", "bench", "mock", "bench", (plan,), (), ()), tmp_path)
    assert line[:3] == [sys.executable, "-m", "microcell.nodes.skill_server"]
    assert "__ns:=/bench" in line and "__node:=arm_skills" in line
    assert line[line.index("--enclave") + 1] == "/bench/arm_skills"
    written = Path(line[line.index("--params-file") + 1]).read_text()
    assert "families:\n    - assembly" in written and "devices" not in written


QUICK = RestartPolicy(most=2, first_s=0.01)


def kill(folder: Path, name: str, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(int((folder / f"{name}.pid").read_text()), number)


def test_a_process_that_is_killed_is_started_again_and_the_cell_goes_on(cell, tmp_path):
    starts = []

    def hear(text: str) -> None:
        if "is ready" in text:
            kill(tmp_path, "second")
        starts.extend([text] if text.startswith("second: started") else [])
        if text.startswith("second: started") and len(starts) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    code, said = cell(policy=QUICK, hear=hear)
    assert code == 0
    again = said.index("second was ended by SIGKILL; it is started again in 0.01 s (restart 1 of 2)")
    assert said[again + 1].startswith("second: started (pid ")
    assert alive(tmp_path) == []


def test_a_process_that_asks_for_it_is_started_again_however_often(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(bringup, "START_AGAIN_S", 0.01)
    starts = []

    def hear(text: str) -> None:
        if "is ready" in text:
            kill(tmp_path, "second")
        starts.extend([text] if text.startswith("second: started") else [])
        if len(starts) == 6:
            os.kill(os.getpid(), signal.SIGINT)

    code, said = cell(second="asks", policy=QUICK, hear=hear)
    assert code == 0
    told = [text for text in said if text.startswith("second ") or "is ready" in text]
    asked = "second asks to be started again, its log says why"
    killed = "second was ended by SIGKILL; it is started again in 0.01 s (restart 1 of 2)"
    assert told == [asked, asked, asked, "the cell is ready; Ctrl-C stops it", killed, asked]
    assert alive(tmp_path) == []


def test_a_process_that_refuses_to_be_started_again_stops_the_cell_at_once(cell, tmp_path):
    with pytest.raises(BringUpError, match=rf"^second ended with code {os.EX_CONFIG}: the cell is stopped\. Its last words"):
        cell(second="refuses", policy=QUICK, hear=lambda text: "is ready" in text and kill(tmp_path, "second"))
    assert (tmp_path / "second.starts").read_text() == "**"
    assert alive(tmp_path) == []


def hear(folder: Path, text: str) -> None:
    """Kill the second program when the cell is ready, and then each that is started in its place."""
    started = re.match(r"second: started \(pid (\d+)", text)
    if "is ready" in text:
        kill(folder, "second")
    elif started and (folder / "second.pid").exists():
        killer = threading.Timer(0.3, lambda: os.kill(int(started[1]), signal.SIGKILL))
        killer.daemon = True
        killer.start()


def test_a_process_that_dies_again_and_again_stops_the_cell_with_the_reason(cell, tmp_path):
    with pytest.raises(BringUpError, match=r"2 restarts within 300 s did not help: the cell is stopped\. Its last words"):
        cell(second="lives", policy=QUICK, hear=lambda text: hear(tmp_path, text))
    assert alive(tmp_path) == []


def test_a_process_that_hangs_is_ended_and_started_again(cell, tmp_path):
    def hear(text: str) -> None:
        if "is ready" in text:
            kill(tmp_path, "second", signal.SIGSTOP)
        elif "started again" in text:
            os.kill(os.getpid(), signal.SIGINT)

    _, said = cell(second="lives", policy=RestartPolicy(first_s=0.01, hung_s=1.0), hear=hear)
    assert "second said nothing for 1 s and was ended; it is started again in 0.01 s (restart 1 of 5)" in said
    assert alive(tmp_path) == []


def test_a_second_cell_of_the_same_namespace_is_refused_before_anything_is_started(cell, tmp_path):
    refused = []

    def hear(text: str) -> None:
        if "is ready" in text:
            refused.append(second_up())
            os.kill(os.getpid(), signal.SIGINT)

    def second_up() -> str:
        with pytest.raises(UsageError) as told, only_one("cell"):
            pass
        return str(told.value)

    cell(hear=hear)
    assert refused[0].startswith(f"the cell 'cell' is up already, started by process {os.getpid()}, or its processes are")
    with only_one("cell"):
        pass


def test_pauses_grow_and_old_restarts_are_forgotten():
    restarts = Restarts(RestartPolicy(most=3, window_s=100.0, first_s=1.0, longest_s=3.0))
    assert [restarts.pause_s(now_s) for now_s in (0.0, 10.0, 20.0, 30.0)] == [1.0, 2.0, 3.0, None]
    assert restarts.pause_s(115.0) == 2.0
