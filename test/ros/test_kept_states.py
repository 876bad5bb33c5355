"""Latched topics of many things: whoever comes late hears the state of every one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from in_ros import in_ros
from std_msgs.msg import String

from microcell.ros import qos
from microcell.ros.kept import KeptStates

DEPTH = 10


class Topic:
    """A node and its publisher: what DDS keeps of a latched topic."""

    def __init__(self) -> None:
        self.kept: deque[tuple[str, int]] = deque(maxlen=DEPTH)
        self.sent = 0

    def create_publisher(self, kind: Any, topic: str, profile: Any) -> Topic:
        assert profile.depth == DEPTH
        return self

    def publish(self, message: tuple[str, int]) -> None:
        self.kept.append(message)
        self.sent += 1


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=120))
def test_the_newest_state_of_everything_that_has_not_ended_is_kept(changes):
    topic, there = Topic(), {}
    states = KeptStates(topic, None, "states", DEPTH)
    for number, (key, last) in enumerate(changes):
        states.publish(key, (key, number), last=last)
        there[key] = number
        if last:
            del there[key]
        heard = dict(topic.kept)
        assert there.items() <= heard.items()
    assert topic.sent <= 2 * len(changes)


@given(st.lists(st.integers(0, 30), max_size=120))
def test_of_too_many_the_ones_that_changed_last_are_kept(changes):
    topic = Topic()
    states = KeptStates(topic, None, "states", DEPTH)
    for key in changes:
        states.publish(str(key), (str(key), key))
        assert topic.kept[-1] is not None
    newest = list(dict.fromkeys(map(str, reversed(changes))))[: DEPTH // 2]
    assert set(newest) <= {key for key, _ in topic.kept}
    assert topic.sent <= 2 * len(changes)


@in_ros
async def test_who_comes_late_hears_what_has_not_changed_for_long(runtime):
    states = KeptStates(runtime.create_node("cell"), String, "units", DEPTH)
    states.publish("printer", String(data="printer idle"))
    for number in range(5 * DEPTH):
        states.publish("arm", String(data=f"arm {number}"))
    heard: set[str] = set()
    came = asyncio.Event()

    def hear(message: String) -> None:
        heard.add(message.data)
        if {"printer idle", f"arm {5 * DEPTH - 1}"} <= heard:
            came.set()

    runtime.create_node("late").create_subscription(String, "units", runtime.to_loop(hear), qos.latched(DEPTH))
    await asyncio.wait_for(came.wait(), 10.0)
