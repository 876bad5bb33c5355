"""The arms that are measured: our own, those of makers whose files are at hand, and odd ones that are made up."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "test" / "support"))

from odd_arms import FILES, TIP  # noqa: E402 - its folder is on the path only now

from microcell.motion.robot import RobotModel  # noqa: E402

FOREIGN = ROOT.parent / "shared" / "data" / "robots"
"""Robot files of makers, which are no part of this repository."""
TURN = math.pi / 2.0


@dataclass(frozen=True)
class Arm:
    """An arm's file, the link at its tip ("" where only one can be meant) and a posture to begin at."""

    name: str
    path: Path
    ready: tuple[float, ...]
    tip_link: str = ""

    def model(self) -> RobotModel:
        return RobotModel.from_file(self.path, tip_link=self.tip_link, name=self.name)


def arms(foreign: Path) -> list[Arm]:
    """The arms whose files are there."""
    own = ROOT / "urdf" / "robots"
    known = [
        Arm("six_axis", own / "six_axis.urdf.xacro", (0.0, 0.0, TURN, 0.0, TURN, 0.0)),
        Arm("scara", own / "scara.urdf.xacro", (0.0, 0.5, 0.05, 0.0)),
        Arm("ur5e", foreign / "ur5e.urdf", (0.0, -TURN, TURN, -TURN, -TURN, 0.0), "tool0"),
        Arm("fr3", foreign / "fr3.urdf", (0.0, -TURN / 2, 0.0, -1.5 * TURN, 0.0, TURN, TURN / 2)),
        Arm("rh6", foreign / "rh6frh5520_scara.urdf", (0.0, 0.5, 0.15, 0.0)),
    ]
    return [arm for arm in known if arm.path.is_file()]


def odd_arms(folder: Path) -> list[Arm]:
    """Arms that nobody makes, of geometries that makers have; their files are written to a folder."""
    found = []
    for name, text in FILES.items():
        path = folder / f"{name}.urdf"
        path.write_text(text, encoding="utf-8")
        model = Arm(name, path, (), TIP).model()
        ready = tuple(min(0.3, 0.5 * upper) for upper in model.limits.upper)
        found.append(Arm(name, path, ready, TIP))
    return found
