"""How well arms are moved: inverse kinematics, planning among obstacles for each arm at hand, and the lines' own planner.

    python bench/motion.py [--arm NAME ...] [--odd] [--poses N] [--goals N] [--quick] [--robots FOLDER] [--seed N] [--json]
                           [--check]

Poses are those of random postures, each asked for from another random posture. Goals are random free joints in scenes of ten
boxes and cylinders around the arm, twenty in each, each planned to from the one before; a goal that cannot be reached at all
would count as a failure. Planning includes the timing. `straight` compares the duration with the least possible for the
straight joint path where that is free, `around` where it is not. Every trajectory is then looked at each millisecond by code
that has no part in planning: `over limits` and `collisions` count the trajectories that fail there. `--odd` adds arms that
are made up, of geometries that makers have: parallel axes, offset wrists, rails, joints without end. The second table is
MotionPlanner, as skills ask it, for the arms of the shipped lines with a tool among what stands in their cells, and for
makers' arms of six and seven joints in the place of the valve line's: to random places in front of the arm, and 60 mm
straight down from there; `asked again` is the same question once more.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import mean, median, quantiles

from common import Figure, arguments, machine
from motion_arms import FOREIGN, Arm, arms, odd_arms
from motion_inverse import inverse_figures
from motion_lines import line_figures
from motion_planning import planning_figures

from microcell.motion.robot import RobotModel

IN_A_LINE = ("ur5e", "fr3", "seven_endless")
"""Arms that are measured in the place of the valve line's, too; a SCARA or a palletiser doesn't reach into all of it."""


def measure(arm: Arm, poses: int, goals: int, seed: int) -> list[Figure]:
    """All figures of one arm, with their limits."""
    model = arm.model()
    found = inverse_figures(model, poses, seed)
    return [
        Figure("IK success", 100.0 * found.success, "%", least=99.9),
        Figure("IK median", found.median_ms, "ms", most=0.3),
        Figure("IK 99 %", found.p99_ms, "ms"),
        Figure("IK worst error", found.worst_m * 1e6, "um"),
        *planning(model, arm.ready, goals, seed),
    ]


def planning(model: RobotModel, ready: tuple[float, ...], goals: int, seed: int) -> list[Figure]:
    found = planning_figures(model, ready, goals, seed)
    straight, around = found.straight_ratios, found.around_ratios
    return [
        Figure("planning success", 100.0 * found.success, "%", least=99.0),
        Figure("planning median", median(found.times_s) * 1e3, "ms", most=50.0),
        Figure("planning 90 %", quantiles(found.times_s, n=10)[8] * 1e3, "ms"),
        Figure("planning worst", max(found.times_s) * 1e3, "ms"),
        Figure("straight ways", 100.0 * len(straight) / len(found.times_s), "%"),
        Figure("straight, worst", max(straight, default=1.0), "of the least time", most=1.15),
        Figure("around, median", median(found.around_times_s or [0.0]) * 1e3, "ms"),
        Figure("around, mean", mean(around or [1.0]), "of the least time"),
        Figure("over limits", found.over_limits, "trajectories", most=0),
        Figure("collisions", found.collisions, "trajectories", most=0),
    ]


def show(table: dict[str, list[Figure]]) -> None:
    """One row for each figure, one column for each arm; what misses its limit is marked."""
    columns = list(table)
    print(f"{'':<18}" + "".join(f"{name.replace('valve_', '')[-11:]:>12}" for name in columns))
    for row in zip(*table.values(), strict=True):
        cells = "".join(f"{figure.value:>11.2f}{' ' if figure.passes else '!'}" for figure in row)
        limit = f"   ({row[0].limit})" if row[0].limit else ""
        print(f"{row[0].name:<18}{cells} {row[0].unit}{limit}")
    print(f"measured on {machine()}")


def as_json(table: dict[str, list[Figure]]) -> str:
    found = {
        name: {f.name: {"value": f.value, "unit": f.unit, "least": f.least, "most": f.most} for f in figures}
        for name, figures in table.items()
    }
    return json.dumps({"arms": found, "machine": machine()}, indent=2)


def options() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--arm", action="append", help="one of the arms, may be repeated (default: all that are at hand)")
    parser.add_argument("--odd", action="store_true", help="measure arms that are made up as well")
    parser.add_argument("--poses", type=int, default=1000, help="for each arm (default: %(default)s)")
    parser.add_argument("--goals", type=int, default=200, help="for each arm (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="few poses and goals: shows that all works, measures little")
    parser.add_argument("--robots", type=Path, default=FOREIGN, help="folder of makers' robot files (default: %(default)s)")
    return parser.parse_args()


def main() -> int:
    wanted = options()
    if not wanted.robots.is_dir():
        print(f"no robot files of makers in {wanted.robots}: only our own arms are measured", file=sys.stderr)
    poses, goals = (50, 10) if wanted.quick else (wanted.poses, wanted.goals)
    with tempfile.TemporaryDirectory() as folder:
        known = [*arms(wanted.robots), *(odd_arms(Path(folder)) if wanted.odd else ())]
        chosen = [arm for arm in known if not wanted.arm or arm.name in wanted.arm]
        if not chosen:
            print(f"no such arm; there are: {', '.join(arm.name for arm in known)}", file=sys.stderr)
            return 2
        table = {arm.name: measure(arm, poses, goals, wanted.seed) for arm in chosen}
        lines = {} if wanted.arm else line_figures([arm for arm in known if arm.name in IN_A_LINE], goals, wanted.seed)
    if wanted.json:
        print(as_json({**table, **lines}))
    else:
        show(table)
        if lines:
            show(lines)
    return int(wanted.check and not all(f.passes for figures in (*table.values(), *lines.values()) for f in figures))


if __name__ == "__main__":
    sys.exit(main())
