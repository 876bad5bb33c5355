"""Two arms' motions: the quick look never misses what the fine one finds."""

from __future__ import annotations

import numpy as np
import pytest

from microcell.description.loader import load_line
from microcell.motion.carried import carried_solids
from microcell.motion.checking import sampled
from microcell.motion.meeting import CLEARANCE_M, SKEW_S, Sweeper, meeting
from microcell.motion.robot import RobotModel
from microcell.motion.timing import time_joint_move
from microcell.motion.two_arms import Armed, Timed, TwoArms

TWIN = load_line("valve_twin")
SPECS = TWIN.cell_description.of_kind("arm")
ARMED = [
    Armed(RobotModel.of(spec, name), spec.base_in_cell.pose, carried_solids(TWIN, tool))
    for (name, spec), tool in zip(SPECS.items(), ("parallel_gripper", "screwdriver"), strict=True)
]
PAIR = TwoArms(*ARMED, CLEARANCE_M)
SWEEPERS = [Sweeper(armed) for armed in ARMED]
HOME = tuple(SPECS["left_arm"].home_rad)

REACH = (0.0, 0.9, 1.0, 0.0, 1.2, 0.0)


def move(armed, draw):
    """A random motion of an arm, by preference in front of it."""
    limits = armed.model.limits
    ends = [tuple(h + d for h, d in zip(REACH, draw.normal(0.0, 0.5, 6), strict=True)) for _ in range(2)]
    ends = [tuple(float(v) for v in np.clip(end, limits.lower, limits.upper)) for end in ends]
    return time_joint_move(limits, *ends, float(draw.uniform(0.3, 1.0)))


def met(first, second):
    return meeting(PAIR, (SWEEPERS[0].sweep(first.trajectory), SWEEPERS[1].sweep(second.trajectory)), (first, second))


def test_what_meets_on_a_fine_grid_of_time_is_found():
    draw, found = np.random.default_rng(3), [0, 0]
    for _ in range(60):
        first, second = Timed(move(ARMED[0], draw)), Timed(move(ARMED[1], draw), float(draw.uniform(-1.0, 1.0)))
        contact = PAIR.first_contact(first, second, 0.02)
        found[contact is not None] += 1
        if contact is not None:
            early = met(first, second)
            assert early is not None and early.time_s <= contact.time_s + SKEW_S
    assert min(found) > 8, found


def test_balls_cover_the_solids_they_stand_for():
    still = time_joint_move(ARMED[0].model.limits, HOME, HOME)
    sweep = SWEEPERS[0].sweep(still)
    flange = ARMED[0].base_in_cell @ ARMED[0].model.forward(HOME)
    fingertip = (flange @ TWIN.tools["parallel_gripper"].tcp_in_flange.pose).position
    gaps = np.linalg.norm(sweep.middles[0] - np.array(fingertip), axis=1) - sweep.radii
    assert gaps.min() < 0.02  # the TCP is between the fingers
    assert sweep.step_m == 0.0


def test_arms_that_would_pass_the_same_place_one_after_the_other_do_not_meet():
    out = tuple(h + (1.2 if k == 0 else 0.0) for k, h in enumerate(HOME))
    leave = time_joint_move(ARMED[0].model.limits, REACH, out, 0.1)
    come = time_joint_move(ARMED[1].model.limits, out, REACH)
    assert met(Timed(leave, 0.0), Timed(come, 0.0)) is not None
    assert met(Timed(leave, 0.0), Timed(come, 20.0)) is None


@pytest.mark.parametrize("late_s", [-0.5 * SKEW_S, 0.5 * SKEW_S])
def test_an_arm_may_be_a_little_late_or_early(late_s):
    draw = np.random.default_rng(11)
    for _ in range(40):
        first, second = Timed(move(ARMED[0], draw)), Timed(move(ARMED[1], draw))
        if met(first, second) is None:
            times = np.linspace(0.0, max(first.end_s, second.end_s), 60)
            rows = sampled(first.trajectory, times)[0], sampled(second.trajectory, times - late_s)[0]
            bare = TwoArms(*ARMED)
            assert all(bare.free(a, b) for a, b in zip(*rows, strict=True))
            return
    pytest.fail("no two motions kept apart")
