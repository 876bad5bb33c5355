"""What a world tells at each physics step, and what of it the cell hears."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from microcell.ros.gazebo_relay import Thinned, stamp_s

PERIOD_S, STEP_S = 0.02, 0.002


def heard(times_s: list[float]) -> tuple[Thinned, list[float]]:
    """The thinned messages of these times; a message is its time."""
    passed: list[float] = []
    thinned = Thinned(passed.append, PERIOD_S, float)
    for time_s in times_s:
        thinned.heard(time_s)
    return thinned, passed


def test_of_many_steps_one_in_each_period_passes() -> None:
    _, passed = heard([step * STEP_S for step in range(1, 31)])
    assert passed == pytest.approx([0.002, 0.022, 0.042])


def test_where_a_paused_world_stands_is_told_once_it_has_stood_for_a_look() -> None:
    thinned, passed = heard([step * STEP_S for step in range(1, 6)])
    thinned.flush()
    assert passed == pytest.approx([0.002])
    thinned.flush()
    thinned.flush()
    assert passed == pytest.approx([0.002, 0.010])


def test_a_paused_world_that_tells_the_same_time_again_and_again_is_heard_once() -> None:
    thinned, passed = heard([0.5] * 50)
    thinned.flush()
    thinned.flush()
    assert passed == [0.5]


def test_a_world_that_begins_again_is_heard_at_once() -> None:
    _, passed = heard([5.0, 5.002, 0.002])
    assert passed == [5.0, 0.002]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60))
def test_what_passes_is_no_denser_than_the_period_and_ends_with_the_newest(steps: list[int]) -> None:
    times_s = sorted(step * STEP_S for step in steps)
    thinned, passed = heard(times_s)
    assert all(b - a > PERIOD_S - 1e-5 for a, b in pairwise(passed))
    thinned.flush()
    thinned.flush()
    assert passed[-1] == times_s[-1]


def test_when_a_message_is_of_is_read_from_its_bytes() -> None:
    time = Time(sec=86_400, nanosec=250_000_000)
    for message in (Clock(clock=time), JointState(header=Header(stamp=time, frame_id="base"), name=["arm_joint_1"])):
        assert stamp_s(serialize_message(message)) == 86_400.25
