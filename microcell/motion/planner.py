"""Motions of one arm, each worked out once: a line repeats them for unit after unit, to the last bit."""

from __future__ import annotations

from functools import lru_cache, partial

from microcell.description.cell import ArmSpec
from microcell.motion.kinematics import ArmModel
from microcell.motion.trajectory import plan_joint_move, plan_straight_move

KEPT_MOTIONS = 2048
"""So many of each kind are remembered, the latest used ones; about 2 kB each."""


class MotionPlanner:
    """The arm's model and its planners, which remember: the same question gets the same answer, the very object.

    forward(joints), inverse(flange_in_base, near)           see `ArmModel`
    joint_move(start, goal, speed_ratio)                     see `plan_joint_move`
    straight_move(start_joints, flange_in_base, speed_m_s)   see `plan_straight_move`

    Faults are not remembered but raised anew.
    """

    def __init__(self, spec: ArmSpec, name: str) -> None:
        model = ArmModel(spec, name)
        remember = lru_cache(maxsize=KEPT_MOTIONS)
        self.forward = remember(model.forward)
        self.inverse = remember(model.inverse)
        self.joint_move = remember(partial(plan_joint_move, model.limits))
        self.straight_move = remember(partial(plan_straight_move, model))
