"""What is asked of a Gazebo world whose answers get lost on the way."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy")

from std_msgs.msg import String

from microcell.faults import FaultError
from microcell.gazebo.standing import Attach, Hold, Remove
from microcell.ros.gazebo_port import TRIES, GazeboPort

ATTACH = Attach(Hold("fixture_1", "station", "fixture_1/release"), "item_3", "part")

SCRIPT = """#!/bin/sh
case "$*" in
  *scene/info*) printf 'model {\\n  name: "fixture_1"\\n  id: 7\\n}\\n'; exit ;;
esac
echo "$*" >> "$TOLD/calls"
if [ "$(wc -l < "$TOLD/calls")" -le "$(cat "$TOLD/lost")" ]; then echo "Service call timed out"; else echo "data: true"; fi
"""
"""A `gz` whose first answers get lost."""


class FaceDouble:
    """Topics of a world in which everything that is told to let go does so."""

    def __init__(self) -> None:
        self.let_go: list[str] = []
        self._ears: list[Callable[[Any], object]] = []

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        def publish(message: Any) -> None:
            self.let_go.append(topic)
            for ear in self._ears:
                ear(String(data="detached"))

        return SimpleNamespace(publish=publish)

    def listen(self, kind: Any, topic: str, callback: Callable[[Any], object]) -> None:
        self._ears.append(callback)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "gz"
    program.write_text(SCRIPT)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def ported(world: Path, lost: int) -> tuple[GazeboPort, FaceDouble]:
    (world / "lost").write_text(str(lost))
    face, variables = FaceDouble(), {**os.environ, "TOLD": str(world)}
    return GazeboPort(face, None, "valve", "bench", variables, world), face  # type: ignore[arg-type]


def calls_of(world: Path) -> list[str]:
    return [line.split("-s ")[1].split()[0] for line in (world / "calls").read_text().splitlines()]


def test_a_joint_whose_answer_is_lost_is_let_go_of_before_it_is_made_again(world: Path) -> None:
    port, face = ported(world, lost=1)
    asyncio.run(port.do(ATTACH))
    assert calls_of(world) == ["/world/valve/entity/system/add"] * 2
    assert face.let_go == ["/bench/fixture_1/release"]


def test_a_joint_whose_answer_comes_is_made_once(world: Path) -> None:
    port, face = ported(world, lost=0)
    asyncio.run(port.do(ATTACH))
    assert len(calls_of(world)) == 1 and not face.let_go


def test_what_can_be_done_twice_is_asked_again_until_an_answer_comes(world: Path) -> None:
    port, _ = ported(world, lost=TRIES - 1)
    asyncio.run(port.do(Remove("item_3")))
    assert len(calls_of(world)) == TRIES


@pytest.mark.parametrize("step", [ATTACH, Remove("item_3")])
def test_a_world_that_never_answers_is_named(world: Path, step: Any) -> None:
    port, _ = ported(world, lost=100)
    with pytest.raises(FaultError, match=r"DEVICE_SILENT.*valve.*does not answer"):
        asyncio.run(port.do(step))
