"""Ways of several legs: even steps, rounded corners."""

import math
from itertools import pairwise

import pytest

from microcell.errors import UsageError
from microcell.geometry import Pose, distance, from_rpy
from microcell.motion.polyline import even_poses

SQUARE = [Pose(at) for at in ((0, 0, 0.1), (0.1, 0, 0.1), (0.1, 0.1, 0.1), (0, 0.1, 0.1), (0, 0, 0.1))]


def test_a_way_is_stepped_evenly_and_ends_where_it_should():
    poses, length_m = even_poses(SQUARE, 0.0005, 0.002)
    steps = [distance(a, b) for a, b in pairwise(poses)]
    assert (poses[0], poses[-1]) == (SQUARE[0], SQUARE[-1])
    assert max(steps) - min(steps) < 2e-4
    assert sum(steps) == pytest.approx(length_m, rel=1e-3)
    assert 0.395 < length_m < 0.400


def test_corners_are_rounded_and_passed_near_by():
    poses, _ = even_poses(SQUARE, 0.0005, 0.0005)
    for corner in SQUARE[1:-1]:
        assert 0.0002 < min(distance(corner, pose) for pose in poses) < 0.0007
    turns = [
        math.acos(max(-1.0, min(1.0, sum(p * q for p, q in zip(_way(a, b), _way(b, c), strict=True)))))
        for a, b, c in zip(poses, poses[1:], poses[2:], strict=False)
    ]
    assert max(turns) < math.pi / 4


def _way(a: Pose, b: Pose) -> tuple[float, ...]:
    way = [q - p for p, q in zip(a.position, b.position, strict=True)]
    return tuple(part / math.hypot(*way) for part in way)


def test_the_orientation_turns_over_each_leg():
    turned = [Pose((0, 0, 0)), Pose((0.1, 0, 0), from_rpy(0, 0, 0.4)), Pose((0.1, 0.1, 0), from_rpy(0, 0, 0.4))]
    poses, _ = even_poses(turned, 0.0005, 0.01)
    assert poses[5].yaw == pytest.approx(0.2, abs=0.01)
    assert poses[15].yaw == pytest.approx(0.4, abs=1e-6)


def test_a_long_way_gets_longer_steps():
    assert len(even_poses([Pose(), Pose((5.0, 0, 0))], 0.0005, 0.002)[0]) == 501


def test_a_way_to_nowhere_is_refused():
    with pytest.raises(UsageError, match="a way needs two different places"):
        even_poses([Pose(), Pose()], 0.0005, 0.002)
