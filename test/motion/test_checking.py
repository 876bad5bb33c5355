"""The check finds what a trajectory does that it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from microcell.motion.checking import Violation, sampled, violations
from microcell.motion.limits import Limits
from microcell.motion.timing import time_joint_move
from microcell.motion.trajectory import JointTrajectory, sample

LIMITS = Limits((-1.0, -1.0), (2.0, 1.0), (1.0, 1.0), (5.0, 5.0), (50.0, 50.0), (False, False))
GOOD = time_joint_move(LIMITS, (0.0, 0.0), (1.9, 0.5))


def kinds(found):
    return {(violation.joint, violation.quantity) for violation in found}


def faster(trajectory, factor):
    return JointTrajectory(
        tuple(time_s / factor for time_s in trajectory.times_s),
        trajectory.positions,
        tuple(tuple(v * factor for v in row) for row in trajectory.velocities),
    )


def test_a_good_trajectory_has_no_violation():
    assert violations(LIMITS, GOOD) == []


def test_a_trajectory_that_is_too_fast_breaks_velocity_acceleration_and_jerk():
    assert kinds(violations(LIMITS, faster(GOOD, 1.01))) == {(1, "velocity"), (1, "acceleration"), (1, "jerk")}


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (replace(LIMITS, upper=(1.8, 1.0)), (1, "position")),
        (replace(LIMITS, lower=(-1.0, 0.1)), (2, "position")),
        (replace(LIMITS, velocity=(0.98, 1.0)), (1, "velocity")),
        (replace(LIMITS, acceleration=(4.9, 5.0)), (1, "acceleration")),
        (replace(LIMITS, jerk=(49.0, 50.0)), (1, "jerk")),
    ],
)
def test_each_limit_is_looked_at(limits, kind):
    assert kinds(violations(limits, GOOD)) == {kind}


def test_a_violation_says_what_where_and_how_much():
    (found,) = violations(replace(LIMITS, upper=(1.8, 1.0)), GOOD)
    assert found == Violation(1, "position", pytest.approx(GOOD.duration_s, abs=2e-3), pytest.approx(1.9), 1.8)
    assert str(replace(found, time_s=2.25)) == "joint 1: position 1.9 at 2.250 s; allowed is 1.8"


def test_a_jump_of_the_acceleration_breaks_the_jerk():
    steep = JointTrajectory((0.0, 0.5, 1.0), ((0.0, 0.0), (0.25, 0.0), (0.5, 0.0)), ((0.0, 0.0), (1.0, 0.0), (0.0, 0.0)))
    assert kinds(violations(LIMITS, steep)) == {(1, "jerk")}


def test_a_trajectory_that_does_not_end_at_rest_is_found_out():
    moving = JointTrajectory((0.0, 1.0), ((0.0, 0.0), (0.5, 0.0)), ((0.5, 0.0), (0.5, 0.0)))
    found = violations(LIMITS, moving)
    assert [violation.time_s for violation in found if violation.quantity == "rest"] == [0.0, 1.0]
    assert (1, "acceleration") in kinds(found)


def test_a_trajectory_of_one_point_is_good():
    assert violations(LIMITS, JointTrajectory((0.0,), ((0.5, 0.0),), ((0.0, 0.0),))) == []


def test_sampling_many_times_at_once_gives_what_sampling_one_gives():
    times = [-0.1, 0.0, 0.3, 0.77, GOOD.duration_s, 9.0]
    positions, velocities = sampled(GOOD, times)
    for time_s, row, rate in zip(times, positions, velocities, strict=True):
        assert sample(GOOD, time_s) == (pytest.approx(row), pytest.approx(rate))
