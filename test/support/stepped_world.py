"""A world in Gazebo's server alone, paused: it goes on by exactly the steps that it is told to do. No ROS, no bridge."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microcell.gazebo import requests, scheme
from microcell.gazebo.poses import poses_of
from microcell.gazebo.requests import Request
from microcell.gazebo.server import variables
from microcell.gazebo.tuning import STEP_S
from microcell.geometry import Pose

START_S, ANSWER_S, STOP_S = 120.0, 30.0, 5.0


class Listener:
    """A program that prints the next message on a topic into a file: an image is more than a pipe holds."""

    def __init__(self, topic: str, environment: dict[str, str]) -> None:
        command = ["gz", "topic", "-e", "-n", "1", "--json-output", "-t", topic]
        self._printed = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read when the program has ended
        self._process = subprocess.Popen(command, env=environment, stdout=self._printed)

    def has_heard(self) -> bool:
        return self._process.poll() is not None

    def message(self) -> dict[str, Any]:
        """The message, when it has come; of a frequent one `gz topic` prints more than it is asked for."""
        try:
            self._process.wait(ANSWER_S)
        finally:
            self._process.kill()
        self._printed.seek(0)
        return dict(json.loads(self._printed.readline()))


@dataclass
class SteppedWorld:
    """A running server; everything is asked and told by `gz`."""

    name: str
    process: subprocess.Popen[str]
    environment: dict[str, str]

    def step(self, steps: int) -> None:
        """Do so many physics steps, and wait until they are done."""
        end_s = self.time_s() + steps * STEP_S
        self.ask(requests.control(self.name, pause=True, steps=steps))
        wait_until(lambda: self.time_s() >= end_s - 1e-9, START_S)

    def time_s(self) -> float:
        """The world's time."""
        told = self.heard(scheme.service(self.name, "clock"))["sim"]
        return int(told.get("sec", 0)) + int(told.get("nsec", 0)) / 1e9

    def poses(self) -> dict[str, Pose]:
        """Where everything is that is not static."""
        return poses_of(self.heard(scheme.service(self.name, "dynamic_pose/info")))

    def heard(self, topic: str) -> dict[str, Any]:
        """The next message on a topic."""
        return self.listener(topic).message()

    def listener(self, topic: str) -> Listener:
        """Listen for the next message on a topic from now on."""
        return Listener(topic, self.environment)

    def picture(self, topic: str, trigger: str) -> np.ndarray[Any, Any]:
        """The image that a camera exposes when it is triggered, (height, width, 3)."""
        listening = self.listener(topic)
        self.tell_until(listening.has_heard, trigger, "gz.msgs.Boolean", "data: true", steps=5)
        told = listening.message()
        pixels = np.frombuffer(base64.b64decode(told["data"]), np.uint8)
        return pixels.reshape(int(told["height"]), int(told["width"]), 3)

    def tell(self, topic: str, kind: str, text: str) -> None:
        """Publish one message; `gz topic` waits 0.8 s for who listens, which may be too short."""
        self._gz("topic", "-t", topic, "-m", kind, "-p", text)

    def tell_until(self, true: Callable[[], bool], topic: str, kind: str, text: str, steps: int = 50) -> None:
        """Publish the same message, and step, until it has come about."""

        def told() -> bool:
            self.tell(topic, kind, text)
            self.step(steps)
            return true()

        wait_until(told, START_S)

    def ask(self, request: Request) -> str:
        """Call a service; its printed answer."""
        types = ("--reqtype", request.request_type, "--reptype", request.answer_type)
        return self._gz("service", "-s", request.service, *types, "--timeout", "20000", "--req", request.text)

    def services(self) -> frozenset[str]:
        """All that can be asked."""
        return frozenset(self._gz("service", "-l").split())

    def _gz(self, *words: str) -> str:
        done = subprocess.run(
            ["gz", *words], env=self.environment, capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
        assert "timed out" not in done.stderr + done.stdout, f"gz {' '.join(words[:4])}: {done.stderr}"
        return done.stdout


@contextmanager
def stepped_world(world: Path, name: str) -> Iterator[SteppedWorld]:
    """A world that is loaded and stands at its beginning."""
    environment = variables(f"stepped_{os.getpid()}", os.environ)
    command = ["gz", "sim", "-s", "--headless-rendering", "-v", "3", str(world)]
    with world.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True)
    found = SteppedWorld(name, process, environment)
    try:
        found.heard(scheme.service(name, "clock"))
        yield found
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        process.kill()
        process.wait()


def wait_until(true: Callable[[], bool], limit_s: float) -> None:
    end_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end_s, f"not within {limit_s:g} s"
