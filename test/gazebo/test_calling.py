"""Gazebo is called by a program that stays where its Python bindings are, by Gazebo's commands where they are not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from microcell.gazebo import calling, requests
from microcell.gazebo.calling import AT_ONCE, STARTS, ServiceCaller

ROOT = Path(__file__).parents[2]
RUN = requests.control("valve", pause=False)
HALT = requests.control("valve", pause=True)
HOLD = requests.Request("/world/valve/entity/system/add", "gz.msgs.EntityPlugin_V", "gz.msgs.Boolean", "entity { id: 7 }")

COMMAND = """#!/bin/sh
[ "$1" = -l ] && { cat "$TOLD/services"; exit; }
echo "${0##*/} $2" >> "$TOLD/calls"
echo "data: true"
echo
"""

TRANSPORT = '''
import os, time

class Node:
    """Answers with what it was asked; "slow" takes its time, "lost" gets lost, and it dies of "death"."""

    def request(self, service, request, kind, answer_kind, timeout):
        with open(os.environ["TOLD"] + "/calls", "a") as told:
            print("stays", os.getpid(), kind.__name__, file=told)
        if request.text == "death":
            os._exit(1)
        if request.text == "slow":
            time.sleep(0.5)
        answer = answer_kind()
        answer.text = "" if request.text == "no" else f"said: {request.text}"
        return request.text != "lost", answer

    def advertise(self, topic, kind):
        return Publisher(topic)

class Publisher:
    """Somebody listens after the second look."""

    def __init__(self, topic):
        self.topic, self.looks = topic, 0
        self.say("advertises")

    def __del__(self):
        self.say("ends")

    def say(self, what):
        with open(os.environ["TOLD"] + "/calls", "a") as told:
            print(what, self.topic, self.looks, file=told)

    def has_connections(self):
        self.looks += 1
        if self.topic == "/death":
            os._exit(1)
        return self.looks > 2 and self.topic != "/nobody"

    def publish(self, message):
        self.say("tells")
'''

SLOW_TO_IMPORT = """
import os, time

with open(os.environ["TOLD"] + "/calls", "a") as told:
    print("stays", os.getpid(), file=told)
time.sleep(60.0)
"""

MESSAGE = "class {}:\n    text = ''\n"

TEXT_FORMAT = """
def Parse(text, message):
    message.text = text
    return message

def MessageToString(message):
    return message.text
"""


@pytest.fixture
def gazebo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Gazebo with a transport library of version 14, its commands, and bindings, in words of Python."""
    root = tmp_path / "opt" / "gz"  # what is beside it is looked at as well
    files = {
        "bin/gz": "#!/bin/sh\n",
        "libexec/gz/transport14/gz-transport-service": COMMAND,
        "libexec/gz/transport14/gz-transport-topic": COMMAND,
        "python/gz/transport14/__init__.py": TRANSPORT,
        "python/gz/msgs11/__init__.py": "",
        "python/gz/msgs11/world_control_pb2.py": MESSAGE.format("WorldControl"),
        "python/gz/msgs11/entity_plugin_v_pb2.py": MESSAGE.format("EntityPlugin_V"),
        "python/gz/msgs11/boolean_pb2.py": MESSAGE.format("Boolean"),
        "python/gz/msgs11/empty_pb2.py": MESSAGE.format("Empty"),
        "python/google/__init__.py": "",
        "python/google/protobuf/__init__.py": "",
        "python/google/protobuf/text_format.py": TEXT_FORMAT,
        "services": "/world/valve/control\n/world/valve/create/blocking\n",
        "calls": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("bin/gz", *(f"libexec/gz/transport14/gz-transport-{command}" for command in ("service", "topic"))):
        (root / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(root / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("TOLD", str(root))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(root / "python"), str(ROOT))))
    return root


def run(work: Callable[[ServiceCaller], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        caller = ServiceCaller(os.environ)
        await caller.listed()
        try:
            return await work(caller)
        finally:
            await caller.stop()

    return asyncio.run(asyncio.wait_for(whole(), 60.0))


def asking(text: str) -> requests.Request:
    return requests.Request(RUN.service, RUN.request_type, RUN.answer_type, text)


def calls(gazebo: Path) -> list[list[str]]:
    return [line.split() for line in (gazebo / "calls").read_text().splitlines()]


def test_one_program_makes_all_calls_until_one_is_lost_and_ends_with_who_asked(gazebo: Path) -> None:
    async def work(caller: ServiceCaller) -> list[str | None]:
        return [await caller.call(request) for request in (HALT, HOLD, asking("no"), asking("lost"), RUN)]

    assert run(work) == ["said: pause: true\n", "said: entity { id: 7 }\n", "\n", None, "said: pause: false\n"]
    made = calls(gazebo)
    assert [kind for _, _, kind in made] == ["WorldControl", "EntityPlugin_V", *["WorldControl"] * 3]
    first, second = dict.fromkeys(pid for _, pid, _ in made)
    assert [pid for _, pid, _ in made] == [*[first] * 4, second], "what a lost call left behind is not sent with the next"
    assert [pid for pid in (first, second) if Path(f"/proc/{pid}").exists()] == []


def test_a_topic_is_advertised_when_it_is_told_something_until_it_is_another_ones_turn(gazebo: Path) -> None:
    async def work(caller: ServiceCaller) -> list[bool]:
        told = [await caller.publish(requests.let_go(topic)) for topic in ("/a", "/a", "/b", "/a")]
        return [*told, await caller.publish(requests.let_go("/a"), anew=True)]

    assert run(work) == [True] * 5
    assert [" ".join(line) for line in calls(gazebo)] == [
        "advertises /a 0", "tells /a 3", "tells /a 4",
        "ends /a 4", "advertises /b 0", "tells /b 3",
        "ends /b 3", "advertises /a 0", "tells /a 3",
        "ends /a 3", "advertises /a 0", "tells /a 3", "ends /a 3",
    ]  # fmt: skip


def test_it_is_told_when_nobody_listens_in_time_or_when_the_program_dies_of_it(
    gazebo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(caller: ServiceCaller) -> list[bool]:
        monkeypatch.setattr(calling, "LISTEN_S", 0.1)
        nobody = await caller.publish(requests.let_go("/nobody"))
        monkeypatch.setattr(calling, "LISTEN_S", 60.0)
        return [nobody, await caller.publish(requests.let_go("/death"))]

    assert run(work) == [False, True]
    made = [line[:2] for line in calls(gazebo)]
    assert ["tells", "/nobody"] not in made and made.count(["advertises", "/death"]) == STARTS
    assert made[-1] == ["gz-transport-topic", "/death"]


@pytest.mark.parametrize("lacks", ["gz/transport14/__init__.py", "google/protobuf/text_format.py"])
def test_without_the_bindings_each_call_is_a_command(gazebo: Path, lacks: str) -> None:
    (gazebo / "python" / lacks).unlink()
    assert run(lambda caller: caller.call(RUN)) == "data: true\n\n"
    assert run(lambda caller: caller.publish(requests.let_go("/a/release")))
    assert calls(gazebo) == [["gz-transport-service", RUN.service], *[["gz-transport-topic", "/a/release"]] * AT_ONCE]


def test_a_gazebo_that_does_not_say_when_a_thing_is_done_is_called_by_commands(gazebo: Path) -> None:
    (gazebo / "services").write_text("/world/valve/control\n/world/valve/create\n")
    assert run(lambda caller: caller.call(RUN)) == "data: true\n\n"


def test_when_the_program_dies_too_often_commands_go_on(gazebo: Path) -> None:
    async def work(caller: ServiceCaller) -> list[str | None]:
        return [await caller.call(request) for request in (RUN, *[asking("death")] * STARTS, RUN)]

    assert run(work) == ["said: pause: false\n", *[None] * STARTS, "data: true\n\n"]


def test_a_program_that_is_not_waited_for_any_more_is_ended(gazebo: Path) -> None:
    (gazebo / "python/gz/transport14/__init__.py").write_text(SLOW_TO_IMPORT)

    async def work(caller: ServiceCaller) -> str:
        call = asyncio.ensure_future(caller.call(RUN))
        while not calls(gazebo):
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        return calls(gazebo)[0][1]

    assert not Path(f"/proc/{run(work)}").exists()


def test_the_answer_to_a_call_that_was_given_up_is_nobody_elses(gazebo: Path) -> None:
    async def work(caller: ServiceCaller) -> str | None:
        await caller.call(HALT)
        slow = asyncio.ensure_future(caller.call(asking("slow")))
        while len(calls(gazebo)) < 2:
            await asyncio.sleep(0.01)
        slow.cancel()
        return await caller.call(RUN)

    assert run(work) == "said: pause: false\n"
