"""From the posture that an arm has in a new world, with all joints at zero, it comes home without meeting anything."""

from __future__ import annotations

import pytest

from microcell.description.loader import load_line
from microcell.motion.cell_scene import cell_scene
from microcell.motion.collision import CollisionChecker
from microcell.motion.limits import Limits
from microcell.motion.robot import RobotModel
from microcell.paths import share_directory

LINES = sorted(path.stem for path in (share_directory() / "config" / "lines").glob("*.yaml"))
STEP_RAD = 0.05


@pytest.mark.parametrize("line", LINES)
def test_the_way_home_is_free(line: str) -> None:
    loaded = load_line(line)
    cameras = frozenset(loaded.cell_description.of_kind("camera"))  # in the world they have no bodies
    for arm, spec in loaded.cell_description.of_kind("arm").items():
        scene = cell_scene(loaded, arm)
        checker = CollisionChecker(RobotModel.of(spec, arm), spec.base_in_cell.pose, scene, ignored=cameras)
        start = Limits.of(spec.joints).clamped((0.0,) * len(spec.joints))
        assert checker.way_free(start, tuple(spec.home_rad), STEP_RAD), checker.way_hits(start, tuple(spec.home_rad))
