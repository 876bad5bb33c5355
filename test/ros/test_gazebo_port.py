"""What is asked of a Gazebo world whose answers get lost on the way."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from std_msgs.msg import String

from microcell.faults import FaultError
from microcell.gazebo import calling
from microcell.gazebo.calling import ServiceCaller
from microcell.gazebo.standing import Attach, Hold, Release, Remove
from microcell.ros import gazebo_port
from microcell.ros.gazebo_port import TRIES, GazeboPort

ATTACH = Attach(Hold("fixture_1", "station"), "item_3", "part")
RELEASE = Release("fixture_1", "item_3")
LET_GO = "/bench/fixture_1/item_3/release"

LOSS = "Service call timed out"

SCRIPT = """#!/bin/sh
case "$*" in
  -l|"service -l") cat "$TOLD/services"; exit ;;
  *scene/info*) printf 'model {\\n  name: "fixture_1"\\n  id: 7\\n}\\n'; exit ;;
  topic*) echo "$3" >> "$TOLD/releases"; exit ;;
esac
echo "$*" >> "$TOLD/calls"
if [ "$(wc -l < "$TOLD/calls")" -le "$(cat "$TOLD/lost")" ]; then cat "$TOLD/loss"; else cat "$TOLD/answer"; fi
"""
"""A `gz` whose first answers get lost."""


class FaceDouble:
    """What a world tells: of the joints that some calls have made, and that some releases have broken, counted from 1."""

    def __init__(self, world: Path, attached: Collection[int], detached: Collection[int]) -> None:
        self._ears: list[Callable[[Any], object]] = []
        self._world, self._told_of = world, {"attached": attached, "detached": detached}

    async def tell(self) -> None:
        told = {"attached": 0, "detached": 0}
        while True:
            for word, done in (("attached", calls_of(self._world)), ("detached", releases_of(self._world))):
                while told[word] < len(done):
                    told[word] += 1
                    if told[word] in self._told_of[word]:
                        self.say(word)
            await asyncio.sleep(0.005)

    def say(self, word: str) -> None:
        for ear in self._ears:
            ear(String(data=word))

    def listen(self, kind: Any, topic: str, callback: Callable[[Any], object]) -> None:
        self._ears.append(callback)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "gz"
    program.write_text(SCRIPT)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(calling, "AT_ONCE", 1)  # to count what is told
    return tmp_path


def ported(
    world: Path, lost: int = 0, attached: Collection[int] = range(100), answer: str = "data: true", loss: str = LOSS,
    detached: Collection[int] = range(100),
) -> tuple[GazeboPort, FaceDouble]:  # fmt: skip
    """A port to a world which loses so many answers first, and tells of the joints that some calls make or break."""
    texts = {"lost": str(lost), "answer": answer, "loss": loss, "calls": "", "services": "", "releases": ""}
    for name, text in texts.items():
        (world / name).write_text(text)
    face, variables = FaceDouble(world, attached, detached), {**os.environ, "TOLD": str(world)}
    return GazeboPort(face, None, "valve", "bench", ServiceCaller(variables), world), face  # type: ignore[arg-type]


def do(port: GazeboPort, face: FaceDouble, step: Any) -> None:
    run(face, port.do(step))


def run(face: FaceDouble, work: Coroutine[Any, Any, None]) -> None:
    async def beside() -> None:
        telling = asyncio.ensure_future(face.tell())
        try:
            await work
        finally:
            telling.cancel()

    asyncio.run(asyncio.wait_for(beside(), 60.0))


def calls_of(world: Path) -> list[str]:
    return [line.split("-s ")[1].split()[0] for line in (world / "calls").read_text().splitlines()]


def releases_of(world: Path) -> list[str]:
    return (world / "releases").read_text().splitlines()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gazebo_port, "BROKEN_S", (0.1,) * TRIES)
    monkeypatch.setattr(gazebo_port, "MADE_S", 0.1)


def test_a_joint_that_is_told_of_is_made_once_whether_the_answer_is_lost_or_not(world: Path) -> None:
    for lost in (0, 1):
        port, face = ported(world, lost)
        do(port, face, ATTACH)
        assert calls_of(world) == ["/world/valve/entity/system/add"] and not releases_of(world)


@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.usefixtures("hasty")
def test_a_joint_that_is_not_told_of_is_let_go_of_before_it_is_made_again(world: Path, lost: int) -> None:
    port, face = ported(world, lost, attached=[2])
    do(port, face, ATTACH)
    assert calls_of(world) == ["/world/valve/entity/system/add"] * 2
    assert releases_of(world) == [LET_GO]


@pytest.mark.usefixtures("hasty")
def test_what_is_told_late_of_a_joint_that_was_made_again_is_not_taken_for_the_new_one(world: Path) -> None:
    port, face = ported(world, attached=[2], detached=[TRIES + 1])

    async def story() -> None:
        await port.do(ATTACH)
        assert releases_of(world) == [LET_GO] * TRIES
        face.say("detached")
        await port.do(RELEASE)

    run(face, story())
    assert releases_of(world) == [LET_GO] * (TRIES + 1)


@pytest.mark.usefixtures("hasty")
def test_a_joint_that_is_never_made_is_no_grip(world: Path) -> None:
    port, face = ported(world, attached=[])
    with pytest.raises(FaultError, match="DEVICE_SILENT at fixture_1: .*Gazebo does not tell that it holds item_3"):
        do(port, face, ATTACH)
    assert len(calls_of(world)) == TRIES


@pytest.mark.usefixtures("hasty")
def test_what_does_not_let_go_is_told_again(world: Path) -> None:
    port, face = ported(world, detached=[3])
    do(port, face, RELEASE)
    assert releases_of(world) == [LET_GO] * 3


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("told_late", [True, False])
def test_what_does_not_let_go_is_a_fault_until_it_is_told_late_or_in_vain_once_more(world: Path, told_late: bool) -> None:
    port, face = ported(world, detached=[])

    async def story() -> None:
        with pytest.raises(FaultError, match="DEVICE_SILENT at fixture_1: .*that it has let go of item_3"):
            await port.do(RELEASE)
        assert releases_of(world) == [LET_GO] * TRIES
        if told_late:
            face.say("detached")
        await port.do(RELEASE)
        assert len(releases_of(world)) == (TRIES if told_late else 2 * TRIES)
        with pytest.raises(FaultError, match="DEVICE_SILENT"):
            await port.do(Release("fixture_1", "item_4"))

    run(face, story())


@pytest.mark.parametrize("loss", [LOSS, ""], ids=["timed out", "interrupted"])
def test_what_can_be_done_twice_is_asked_again_until_an_answer_comes(world: Path, loss: str) -> None:
    port, face = ported(world, lost=TRIES - 1, loss=loss)
    do(port, face, Remove("item_3"))
    assert len(calls_of(world)) == TRIES


def test_a_refusal_of_what_is_so_already_is_none(world: Path) -> None:
    port, face = ported(world, answer="\n")
    do(port, face, Remove("item_3"))  # the world's scene has no such model
    with pytest.raises(FaultError, match="DEVICE_FAILED at valve: .*remove answered 'no'"):
        do(port, face, Remove("fixture_1"))


def test_what_was_done_though_all_answers_were_lost_is_done(world: Path) -> None:
    port, face = ported(world, lost=100)
    do(port, face, Remove("item_3"))


def test_a_program_that_hangs_is_ended_and_asked_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "HANGS_S", 0.2)
    monkeypatch.setattr(calling, "ANSWER_MS", 100)
    port, face = ported(world)
    (world / "answer").unlink()
    os.mkfifo(world / "answer")  # nobody writes into it: the program waits
    with pytest.raises(FaultError, match=r"DEVICE_SILENT at valve: .*Gazebo's /world/valve/remove does not answer"):
        do(port, face, Remove("fixture_1"))


def test_the_service_that_answers_when_it_is_done_is_taken_where_there_is_one(world: Path) -> None:
    port, face = ported(world)
    do(port, face, Remove("item_3"))
    (world / "services").write_text("/world/valve/remove\n/world/valve/remove/blocking\n/world/valve/control\n")
    asyncio.run(port.learn())
    do(port, face, Remove("item_3"))
    asyncio.run(port.halt())
    assert calls_of(world) == ["/world/valve/remove", "/world/valve/remove/blocking", "/world/valve/control"]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("step", [ATTACH, Remove("fixture_1")])
def test_a_world_that_never_answers_is_named(world: Path, step: Any) -> None:
    port, face = ported(world, lost=100, attached=[])
    with pytest.raises(FaultError, match=r"DEVICE_SILENT at (valve|fixture_1): .*Gazebo"):
        do(port, face, step)
