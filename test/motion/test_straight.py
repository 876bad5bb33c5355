"""Straight lines stay straight near singularities, too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_arms import SCARA

from microcell.faults import FaultError
from microcell.motion.checking import sampled
from microcell.motion.inverse import InverseKinematics
from microcell.motion.robot import RobotModel
from microcell.motion.straight import line_rows
from microcell.motion.timing import time_line

WAY_M = np.array((-0.05, 0.1, 0.0))


@pytest.mark.parametrize(("elbow_rad", "steps"), [(0.5, 12), (0.1, 48)])
def test_an_arm_that_is_nearly_stretched_keeps_to_the_line(elbow_rad: float, steps: int) -> None:
    model = RobotModel.from_file(SCARA)
    start = (0.0, elbow_rad, 0.1, 0.0)
    here = model.forward(start)
    rows = line_rows(InverseKinematics(model), start, here.shifted(*WAY_M.tolist()))
    assert len(rows) == steps + 1
    trajectory = time_line(model.limits, rows, math.hypot(*WAY_M), 0.25)
    joints = sampled(trajectory, np.linspace(0.0, trajectory.duration_s, 300))[0]
    out = np.array([model.forward(tuple(row)).position for row in joints]) - here.position
    assert np.linalg.norm(np.cross(out, WAY_M / np.linalg.norm(WAY_M)), axis=1).max() < 5e-5


def test_a_line_on_which_a_joint_would_have_to_jump_is_refused() -> None:
    model = RobotModel.from_file(SCARA)
    start = (0.0, 0.05, 0.1, 0.0)
    with pytest.raises(FaultError, match=r"ARM_SINGULAR.*joint_2 would have to turn"):
        line_rows(InverseKinematics(model), start, model.forward(start).shifted(*WAY_M.tolist()))
