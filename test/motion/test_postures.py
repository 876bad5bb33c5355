"""Of its postures an arm takes those that it comes to without going through itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from small_arms import load

from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.motion.collision import CollisionChecker
from microcell.motion.inverse import InverseKinematics
from microcell.motion.postures import posture
from microcell.motion.robot import RobotModel
from microcell.motion.scene import Scene, box

HOME = (0.4, -0.12, -0.69, 0.0, -1.0, -0.4)
AT_ITS_BACK = Pose((-0.2, -0.42, 0.29), from_rpy(math.pi, 0.0, 0.0))
TURNS = (
    ("0 0 0", "0 0 1", 3.3), ("0 0 0.25", "0 1 0", 3.1), ("0 0 0.7", "0 -1 0", 4.7), ("0 0 0", "-1 0 0", 3.3),
    ("0.54 -0.15 0", "0 -1 0", 3.1), ("0 0 0", "-1 0 0", 3.9),
)  # fmt: skip


@pytest.fixture(scope="module")
def far_turning(tmp_path_factory: pytest.TempPathFactory) -> RobotModel:
    """A light arm with an offset wrist, whose elbow folds to both sides of its shoulder."""
    links = "".join(f'<link name="{number}"/>' for number in range(1, 7))
    joints = "".join(
        f"""<joint name="j{number}" type="revolute"><parent link="{number - 1 or "base"}"/><child link="{number}"/>
        <origin xyz="{xyz}"/><axis xyz="{axis}"/><limit lower="{-reach}" upper="{reach}" velocity="2" effort="1"/></joint>"""
        for number, (xyz, axis, reach) in enumerate(TURNS, 1)
    )
    flange = """<link name="flange"/><joint name="to_flange" type="fixed"><parent link="6"/><child link="flange"/>
        <origin xyz="0.16 0 0" rpy="3.14159265359 -1.57079632679 0"/></joint>"""
    folder: Path = tmp_path_factory.mktemp("robots")
    return load(folder, links + joints + flange)


def test_a_posture_folded_over_the_arms_own_back_comes_last(far_turning: RobotModel) -> None:
    inverse = InverseKinematics(far_turning, careful=True)
    alone = CollisionChecker(far_turning, Pose(), Scene())
    nearest = inverse.solve(AT_ITS_BACK, HOME, alone.free)
    assert not alone.way_free(HOME, nearest)
    taken = posture(inverse, AT_ITS_BACK, HOME, alone, alone)
    assert alone.way_free(HOME, taken)
    assert math.dist(taken, HOME) > math.dist(nearest, HOME)
    off = AT_ITS_BACK.inverse() @ far_turning.forward(taken)
    assert math.hypot(*off.position) < 1e-6


def test_where_every_way_leads_through_the_arm_the_nearest_free_posture_is_taken(far_turning: RobotModel) -> None:
    inverse = InverseKinematics(far_turning, careful=True)
    free = CollisionChecker(far_turning, Pose(), Scene())
    held = CollisionChecker(far_turning, Pose(), Scene().with_body("wall", [box("wall", (4.0, 4.0, 4.0), Pose())]))
    nearest = inverse.solve(AT_ITS_BACK, HOME, free.free)
    assert posture(inverse, AT_ITS_BACK, HOME, free, held) == nearest
    with pytest.raises(FaultError, match="ARM_BLOCKED"):
        posture(inverse, AT_ITS_BACK, HOME, held, free)
