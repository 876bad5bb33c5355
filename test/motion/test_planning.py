"""Ways around obstacles are free, short, the same for the same seed, and end in a fault where there is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.faults import FaultError
from microcell.motion.checking import sampled, violations
from microcell.motion.limits import Limits
from microcell.motion.planning import FINER, STEP, plan_motion, plan_path, time_way
from microcell.motion.timing import time_joint_move

LIMITS = Limits((-3.0,) * 3, (3.0,) * 3, (2.0, 2.0, 4.0), (10.0, 10.0, 20.0), (100.0, 100.0, 200.0), (False,) * 3)
START, GOAL = (-2.0, 0.0, 0.0), (2.0, 0.0, 0.0)


class Wall:
    """A wall across joint 1 with a gap in joint 2, as wide as asked; counts how often it is looked at."""

    def __init__(self, gap=(1.0, 2.0), thick=0.5):
        self.gap, self.thick, self.looks = gap, thick, 0

    def __call__(self, joints):
        self.looks += 1
        return abs(joints[0]) > self.thick or self.gap[0] < joints[1] < self.gap[1]


def is_free(way, free, step=0.01):
    for a, b in pairwise(np.array(way)):
        count = int(np.abs(b - a).max() / step) + 1
        if not all(free(a + (b - a) * k / count) for k in range(count + 1)):
            return False
    return True


def test_a_free_way_is_straight():
    assert plan_path(LIMITS, START, GOAL, lambda joints: True) == (START, GOAL)


def test_a_wall_is_passed_through_its_gap():
    way = plan_path(LIMITS, START, GOAL, Wall())
    assert (way[0], way[-1]) == (START, GOAL)
    assert is_free(way, Wall())


def test_a_way_around_is_not_much_longer_than_it_has_to_be():
    way = np.array(plan_path(LIMITS, START, GOAL, Wall()))
    taut = np.array([START, (-0.5, 1.0, 0.0), (0.5, 1.0, 0.0), GOAL])
    lengths = [np.linalg.norm(np.diff(rows, axis=0), axis=1).sum() for rows in (way, taut)]
    assert lengths[0] < 1.15 * lengths[1]


def test_who_only_asks_for_a_way_gets_one_that_is_free_for_fewer_looks():
    asked, planned = Wall(), Wall()
    way = plan_path(LIMITS, START, GOAL, asked, shortened=False)
    plan_path(LIMITS, START, GOAL, planned)
    assert is_free(way, Wall())
    assert asked.looks < planned.looks


@given(seed=st.integers(0, 1000), gap=st.floats(-1.5, 1.5))
@settings(max_examples=15)
def test_ways_are_found_and_free_for_any_seed(seed, gap):
    """Free of a wall that is thinner by a look's step: between two looks a corner may be cut by less than that."""
    trajectory = plan_motion(LIMITS, START, GOAL, Wall((gap, gap + 0.6)), seed=seed)
    wall = Wall((gap - STEP / FINER, gap + 0.6 + STEP / FINER), thick=0.5 - STEP / FINER)
    rows, _ = sampled(trajectory, np.arange(0.0, trajectory.duration_s, 0.001))
    assert all(wall(row) for row in rows)
    assert violations(LIMITS, trajectory) == []


def test_the_same_seed_gives_the_same_trajectory():
    assert plan_motion(LIMITS, START, GOAL, Wall(), seed=7) == plan_motion(LIMITS, START, GOAL, Wall(), seed=7)


def test_another_seed_gives_another_way():
    assert plan_path(LIMITS, START, GOAL, Wall(), seed=7) != plan_path(LIMITS, START, GOAL, Wall(), seed=8)


def test_a_sliding_joint_is_looked_at_in_steps_of_its_own():
    limits = Limits((-3.0, 0.0), (3.0, 0.4), (2.0, 0.5), (10.0, 4.0), (100.0, 40.0), (False, True))
    places = []
    plan_path(limits, (0.0, 0.0), (0.0, 0.4), lambda joints: not places.append(joints[1]))
    assert max(np.diff(sorted(places))) <= 0.4 * 0.05 / 5.0 + 1e-9


@pytest.mark.parametrize(("start", "goal", "which"), [((0.0, 0.0, 0.0), GOAL, "start"), (START, (0.0, 0.0, 0.0), "goal")])
def test_an_end_that_is_not_free_is_named(start, goal, which):
    with pytest.raises(FaultError, match=f"the {which} of the motion is not free of collisions") as caught:
        plan_path(LIMITS, start, goal, Wall())
    assert caught.value.fault.code == "ARM_BLOCKED"


def test_a_wall_without_a_gap_blocks_the_arm_after_so_many_looks():
    wall = Wall((9.0, 9.0))
    with pytest.raises(FaultError, match=r"no way free of collisions was found in \d+ looks at the scene") as caught:
        plan_path(LIMITS, START, GOAL, wall, looks=3000)
    assert caught.value.fault.code == "ARM_BLOCKED"
    assert wall.looks < 3500


def test_a_goal_out_of_the_limits_is_refused_before_any_look():
    wall = Wall()
    with pytest.raises(FaultError, match=r"joint 2 would go to 3.200 rad; allowed is \[-3.000, 3.000\]"):
        plan_path(LIMITS, START, (2.0, 3.2, 0.0), wall)
    assert wall.looks == 0


def test_a_free_way_takes_the_least_time():
    assert plan_motion(LIMITS, START, GOAL, lambda joints: True) == time_joint_move(LIMITS, START, GOAL)


def test_corners_that_cannot_be_rounded_are_stopped_at():
    way = [START, (-2.0, 1.0, 0.0), (2.0, 1.0, 0.0)]

    def on_the_way(joints):
        return abs(joints[0] + 2.0) < 1e-3 or abs(joints[1] - 1.0) < 1e-3

    trajectory = time_way(LIMITS, way, on_the_way)
    assert trajectory.duration_s == pytest.approx(sum(time_joint_move(LIMITS, a, b).duration_s for a, b in pairwise(way)))
    assert violations(LIMITS, trajectory) == []
