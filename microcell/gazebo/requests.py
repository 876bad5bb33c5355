"""Requests to Gazebo's services and messages on its topics, as protobuf text, and what is read from its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from microcell.gazebo import scheme
from microcell.gazebo.standing import Hold
from microcell.gazebo.station import hold_parameters
from microcell.geometry import Pose

LINE = re.compile(r"^\s*(?:(?P<open>\w+)\s*\{|(?P<close>\})|(?P<key>\w+):\s*(?P<value>.+?))\s*$")

EMPTY = "unused: true"
"""A gz.msgs.Empty in words: the command line might take none at all for a missing argument."""


WHEN_DONE = "/blocking"
"""How services are called that answer when a thing is done."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a service: its name, the types of request and answer, and the request."""

    service: str
    request_type: str
    answer_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is told on a topic."""

    topic: str
    message_type: str
    text: str


def scene(world: str) -> Request:
    """Ask for all models with their ids."""
    return Request(scheme.service(world, "scene/info"), "gz.msgs.Empty", "gz.msgs.Scene", EMPTY)


def spawn(world: str, sdf: str) -> Request:
    """Put a model into the world where its SDF says."""
    text = f"sdf: {json.dumps(sdf)}"
    return Request(scheme.service(world, "create"), "gz.msgs.EntityFactory", "gz.msgs.Boolean", text)


def remove(world: str, model: str) -> Request:
    """Take a model out of the world."""
    text = f"name: {json.dumps(model)} type: MODEL"
    return Request(scheme.service(world, "remove"), "gz.msgs.Entity", "gz.msgs.Boolean", text)


def put(world: str, model: str, pose: Pose) -> Request:
    """Have a free model stand somewhere else."""
    at = " ".join(f"{key}: {value!r}" for key, value in zip("xyz", pose.position, strict=True))
    turn = " ".join(f"{key}: {value!r}" for key, value in zip("xyzw", pose.orientation, strict=True))
    text = f"name: {json.dumps(model)} position {{ {at} }} orientation {{ {turn} }}"
    return Request(scheme.service(world, "set_pose"), "gz.msgs.Pose", "gz.msgs.Boolean", text)


def attach(world: str, hold: Hold, entity: int, model: str, link: str, release: str, told: str) -> Request:
    """Let a model, whose entity is told, hold another: a DetachableJoint joins it, which holds from its first step on."""
    parameters = hold_parameters(hold.link, model, link, release, told)
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in parameters.items())
    plugin = {
        "name": "gz::sim::systems::DetachableJoint",
        "filename": "gz-sim-detachable-joint-system",
        "innerxml": inner,
    }
    fields = " ".join(f"{key}: {json.dumps(value)}" for key, value in plugin.items())
    text = f"entity {{ id: {entity} }} plugins {{ {fields} }}"
    return Request(scheme.service(world, "entity/system/add"), "gz.msgs.EntityPlugin_V", "gz.msgs.Boolean", text)


def let_go(release: str) -> Message:
    """Have what `attach` has joined let go of, by its topic."""
    return Message(release, "gz.msgs.Empty", EMPTY)


def control(world: str, pause: bool, steps: int = 0) -> Request:
    """Let the world run or pause it; a paused one can be told to do exactly so many physics steps."""
    text = f"pause: {json.dumps(pause)}" + (f" multi_step: {steps}" if steps else "")
    return Request(scheme.service(world, "control"), "gz.msgs.WorldControl", "gz.msgs.Boolean", text)


def when_done(request: Request, services: Collection[str]) -> Request:
    """The same request to the service that answers when it is done, where Gazebo has it (from 8.10 and 9.5 on); the other
    one answers as soon as it has heard, whatever comes of it.
    """
    service = request.service + WHEN_DONE
    return replace(request, service=service) if service in services else request


def models_of(answer: str) -> Mapping[str, int]:
    """Entity of each model that a printed gz.msgs.Scene lists."""
    found: dict[str, int] = {}
    path: list[str] = []
    name = ""
    for line in answer.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        if match["open"]:
            path.append(match["open"])
        elif match["close"]:
            path.pop()
        elif path == ["model"] and match["key"] == "name":
            name = json.loads(match["value"])
        elif path == ["model"] and match["key"] == "id":
            found[name] = int(match["value"])
    return found


def accepted(answer: str) -> bool:
    """Whether a printed gz.msgs.Boolean says yes."""
    return "data: true" in answer
