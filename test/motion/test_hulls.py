"""Convex bodies: what a mesh counts as."""

from __future__ import annotations

import math

import numpy as np
import pytest
from config_copy import EXAMPLE

from microcell.description.loader import load_line
from microcell.geometry import Pose
from microcell.motion.collision import CollisionChecker
from microcell.motion.hulls import HullShape
from microcell.motion.meeting import Sweeper
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Scene, Solid, sphere
from microcell.motion.timing import time_joint_move
from microcell.motion.two_arms import Armed

LINE = load_line(EXAMPLE / "lines" / "valve.yaml")
SPEC = LINE.cell_description.devices["arm"]
HOME = tuple(SPEC.home_rad)
MODEL = RobotModel.of(SPEC, "arm")
BALL = sphere("ball", 0.02, MODEL.forward(HOME) @ Pose((0.0, 0.0, 0.2)))
CORNER = ((-0.1, -0.1, -0.1), (0.1, -0.1, -0.1), (-0.1, 0.1, -0.1), (-0.1, -0.1, 0.1))
"""A corner of a cube, cut off by a plane that passes 0.0577 m from the cube's middle."""


def hull(middle: Pose) -> Solid:
    return Solid("hull", HullShape(box_m=(0.2, 0.2, 0.2), corners_m=CORNER), middle)


def with_hull(at_m: float, clearance_m: float = 0.0) -> CollisionChecker:
    """The arm with a ball at its tip, and a hull whose middle is so far from the ball's along each axis of the cell."""
    middle = Pose(BALL.middle.position) @ Pose((at_m, at_m, at_m))
    held = Solid("ball", BALL.shape, Pose((0.0, 0.0, 0.2)))
    scene = Scene().with_body("hull", [hull(middle)])
    return CollisionChecker(MODEL, SPEC.base_in_cell.pose, scene, [held], clearance_m=clearance_m)


def test_what_is_in_the_box_around_a_hull_is_not_yet_in_the_hull():
    assert with_hull(0.01).free(HOME)  # the plane is 0.040 m from the ball's middle, the ball's radius is 0.02
    assert with_hull(0.03).hits(HOME) == [("ball", "hull")]


def test_a_hull_grows_by_a_clearance():
    gap_m, pair = with_hull(0.01).nearest(HOME)
    assert (gap_m, pair) == (pytest.approx(0.07 / math.sqrt(3.0) - 0.02, abs=1e-6), ("ball", "hull"))
    assert with_hull(0.01, gap_m - 0.001).free(HOME)
    assert with_hull(0.01, gap_m + 0.001).hits(HOME) == [("ball", "hull")]


def test_balls_cover_a_hull():
    held = hull(Pose((0.0, 0.0, 0.1)))
    sweep = Sweeper(Armed(MODEL, Pose(), (held,))).sweep(time_joint_move(MODEL.limits, HOME, HOME))
    tip = MODEL.forward(HOME)
    for corner in CORNER:
        at = (tip @ held.middle).apply(corner)
        assert (np.linalg.norm(sweep.middles[0] - np.array(at), axis=1) <= sweep.radii + 1e-9).any()
