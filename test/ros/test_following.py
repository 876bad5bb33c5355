"""What the arm's driver makes of joint states while the arm follows: late is not beside, and standing still is not late."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from microcell.description.driver_parameters import ArmParameters
from microcell.devices.arm.contract import JointState
from microcell.devices.arm.ros import Progress
from microcell.faults import FaultError
from microcell.motion.limits import Limits
from microcell.motion.timing import time_joint_move
from microcell.motion.trajectory import JointTrajectory, sample

pytestmark = pytest.mark.ros
SENT_S = 100.0
STATES_S = 0.02


def way() -> JointTrajectory:
    """A joint goes 2 rad at 1 rad/s."""
    return time_joint_move(Limits((-3.0,), (3.0,), (1.0,), (5.0,), (100.0,), (False,)), (0.0,), (2.0,))


def told_after_s(trajectory: JointTrajectory, place_s, pace: float = 1.0) -> float:  # type: ignore[no-untyped-def]
    """When the driver says that the arm is there, s from when it was sent; `place_s` is where on its way the arm is when."""
    progress = Progress(SimpleNamespace(name="arm", told=ArmParameters(), pace=pace), trajectory, SENT_S)  # type: ignore[arg-type]
    for tick in range(1000):
        at_s = tick * STATES_S
        positions, velocities = sample(trajectory, place_s(at_s))[:2]
        moves = velocities if place_s(at_s + STATES_S) > place_s(at_s) else (0.0,)
        if progress.look(JointState(positions, moves, SENT_S + at_s)) is not None:
            return at_s
    raise AssertionError("neither there nor beside its way in 20 s")


@pytest.mark.parametrize("late_s", [0.0, 0.4, 0.9, 1.9])
def test_a_trajectory_that_begins_late_is_followed_late_to_its_end(late_s: float):
    assert told_after_s(way(), lambda at_s: max(0.0, at_s - late_s)) >= way().duration_s + late_s - STATES_S


def test_the_faster_a_simulated_cell_runs_the_later_it_may_begin():
    assert told_after_s(way(), lambda at_s: max(0.0, at_s - 6.0), pace=4.0) >= way().duration_s + 6.0 - STATES_S


@pytest.mark.parametrize("late_s", [0.0, 1.5])
def test_where_it_is_by_now_reckons_with_how_late_it_began(late_s: float):
    trajectory = way()
    progress = Progress(SimpleNamespace(name="arm", told=ArmParameters(), pace=1.0), trajectory, SENT_S)  # type: ignore[arg-type]
    for tick in range(int((late_s + 0.4) / STATES_S)):
        at_s = tick * STATES_S
        positions, velocities = sample(trajectory, max(0.0, at_s - late_s))[:2]
        progress.look(JointState(positions, velocities, SENT_S + at_s))
    expected = sample(trajectory, 1.0)[0][0]
    assert progress.place_at(SENT_S + late_s + 1.0)[0] == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize(
    "place_s",
    [lambda at_s: 0.0, lambda at_s: max(0.0, at_s - 4.0), lambda at_s: min(at_s, 0.5), lambda at_s: 0.5 * at_s],
    ids=["never_begins", "begins_far_too_late", "is_stopped_on_its_way", "is_half_as_fast"],
)
def test_an_arm_that_does_not_follow_is_a_deviation(place_s):  # type: ignore[no-untyped-def]
    with pytest.raises(FaultError, match=r"ARM_DEVIATION at arm: .*joint 1 is 0\.\d+ rad away from its trajectory"):
        told_after_s(way(), place_s)
