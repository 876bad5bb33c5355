"""Program that calls Gazebo's services for another one, by Gazebo's Python bindings, as long as that one lives.

Each line on its standard input is a request or a message for a topic in JSON, each line on its output an answer; the first
one says whether it can. It ends with its input, and after a call that was not answered. A caller that is new finds the
world and is found by it in a third of a second, one that stays is answered in milliseconds.

    python -m microcell.gazebo.caller TRANSPORT     the major version of Gazebo's transport library
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib import import_module
from typing import Any

READY = "ready"
HEARD = "heard"
MESSAGES_BEFORE = 3
"""gz-msgs counts so many behind gz-transport: 13 goes with 10 (Harmonic), 14 with 11 (Ionic), 15 with 12 (Jetty)."""


def main() -> int:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the library prints, too, when it is told to
    try:
        transport, messages = _bindings(int(sys.argv[1]))
        text_format = import_module("google.protobuf.text_format")
        import_module(messages)
        node = transport.Node()
    except (ImportError, AttributeError) as error:
        print(error, file=answers, flush=True)
        return 1
    print(READY, file=answers, flush=True)
    publishing = _Publishing(node)
    for line in sys.stdin:
        asked = json.loads(line)
        if "topic" in asked:
            kind = _message(messages, asked["message_type"])
            publishing.advertise(asked["topic"], kind, asked["anew"])
            told, text = True, HEARD if publishing.tell(text_format.Parse(asked["text"], kind())) else ""
        else:
            kind, answer_kind = (_message(messages, asked[key]) for key in ("request_type", "answer_type"))
            request = text_format.Parse(asked["text"], kind())
            told, answer = node.request(asked["service"], request, kind, answer_kind, asked["timeout_ms"])
            # As `gz service` prints it: there is a line even when nothing is in it, as in a "no".
            text = text_format.MessageToString(answer) + "\n"
        print(json.dumps({"number": asked["number"], "text": text if told else None}), file=answers, flush=True)
        if not told:
            break  # gz-transport keeps what it could not send, and would send it with the next call
    return 0


class _Publishing:
    """Advertises one topic at a time: gz-transport advertises each one anew every second, and of some hundreds at once
    many are lost.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._topic = ""
        self._publisher: Any = None

    def advertise(self, topic: str, kind: Any, anew: bool) -> None:
        """Advertise a topic, `anew` also when it is already: who listens answers only once, and that may get lost."""
        if anew or topic != self._topic:
            self._publisher = None  # before there is another one of the same topic
            self._topic, self._publisher = topic, self._node.advertise(topic, kind)

    def tell(self, message: Any) -> bool:
        """Publish when somebody has told by now that it listens; whether that is so."""
        if listened := self._publisher.has_connections():
            self._publisher.publish(message)
        return bool(listened)


def _bindings(major: int) -> tuple[Any, str]:
    """The transport module, and the name of the package of messages; from Jetty on they have no version in their names."""
    try:
        return import_module(f"gz.transport{major}"), f"gz.msgs{major - MESSAGES_BEFORE}"
    except ModuleNotFoundError:
        return import_module("gz.transport"), "gz.msgs"


def _message(package: str, name: str) -> Any:
    """The class of a message, "gz.msgs.EntityPlugin_V" for example, which is in the module `entity_plugin_v_pb2`."""
    kind = name.rpartition(".")[2]
    module = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    return getattr(import_module(f"{package}.{module}_pb2"), kind)


if __name__ == "__main__":
    sys.exit(main())
