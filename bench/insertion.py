"""How well pegs go into holes: the skill `insert` with mock devices on the plant's contact physics, on the virtual clock.

    python bench/insertion.py [--trials N] [--table] [--seed N] [--json] [--check]

A peg of 24.5 mm in a hole of 24.6 mm: 0.1 mm of clearance between the diameters, 15 mm deep, no chamfer, 2 N of friction
of its own, 0.2 at the walls. For each seed, the unit lies off its place by up to 1 mm in x and in y (uniformly), and the
peg leans in the gripper, about its foot, by up to 1 degree (uniformly) about an axis in any direction, turned by up to
1 degree. The skill knows none of this. It may search 1.2 mm in x and y and press with 20 N.

The arm goes on for `--reaction` seconds (default 0.05) after it was told to stop, with the motion that it was in, as sensor,
network and controller of a real arm need; the description of the sensor says so (`reaction_s`), and the skill goes by that.

`success`: the skill succeeds and the peg truly is in its hole, seated. `largest force`: of all forces on peg and gripper
together, as the plant has them, not as the sensor reports them, every 2 ms of every motion, at its end, and where it was
stopped; weight and noise left out. `--check` fails under 99 % success or where that force goes over the limit. `--table`
goes on to larger errors, and to a skill that believes in a wrist stiffer or softer than it is.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

from common import Figure, arguments, report

from microcell.clock import LoopClock, run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.description.product import Cylinder, Fit
from microcell.devices.factory import DeviceHost, make_devices
from microcell.geometry import Pose, from_rpy
from microcell.plant.items import Item, Place
from microcell.plant.plant import Plant
from microcell.skills.contract import Feedback, Lease, SkillGoal
from microcell.skills.runner import SkillRunner

LEAST_SUCCESS_RATIO = 0.99
LIMIT_N = 20.0
OFF_M, LEAN_RAD = 0.001, math.radians(1.0)
PEG = Cylinder(kind="cylinder", diameter_m=0.0245, height_m=0.030)
FIT = Fit(clearance_m=0.0001, depth_m=0.015, friction_n=2.0)
SEAT_M, GRASP_M = 0.005, 0.022
SAMPLE_S = 0.002
REACTION_S = 0.05
UNIT, PART, SITE, TOOL, FIXTURE = "body", "cap_white", "cap_seat", "parallel_gripper", "fixture_1"
TABLE = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.2, 1.0), (1.5, 1.0), (1.0, 1.5), (1.0, 2.0), (1.0, 2.5), (1.0, 3.0))
"""Errors of the table, mm and degrees."""
WRISTS = (0.7, 1.4)


@dataclass(frozen=True)
class Trial:
    """How one insertion went. `force_n` is the largest true force; `message` the skill's."""

    success: bool
    force_n: float
    duration_s: float
    strides: int
    message: str


@dataclass(frozen=True)
class Errors:
    """Up to how far the unit is off in x and y, the peg leans, and how stiff the skill believes the wrist to be."""

    off_m: float = OFF_M
    lean_rad: float = LEAN_RAD
    stiffness_ratio: float = 1.0


class ForceRecord:
    """The largest true force on what an arm carries: looks at each motion of the plant when it has ended."""

    def __init__(self, plant: Plant, arm: str) -> None:
        self.largest_n = 0.0
        self._plant, self._arm = plant, arm
        self._since_s = plant.clock.now()
        self._start, self._halt = plant.start_motion, plant.halt
        plant.start_motion, plant.halt = self._on_start, self._on_halt  # type: ignore[method-assign]

    def _on_start(self, arm: str, trajectory: Any) -> None:
        self.look()
        self._start(arm, trajectory)

    def _on_halt(self, arm: str) -> None:
        self.look()
        self._halt(arm)

    def look(self) -> None:
        """Take in what has been since the last look."""
        now = self._plant.clock.now()
        ended_s = min(now, self._plant.bench.arm(self._arm).end_s)
        count = max(1, math.ceil((ended_s - self._since_s) / SAMPLE_S))
        for k in range(count + 1):
            pushes = self._plant.contact.touch(self._arm, self._since_s + (ended_s - self._since_s) * k / count)
            force = [sum(push.force[axis] for push in pushes) for axis in range(3)]
            self.largest_n = max(self.largest_n, math.hypot(*force))
        self._since_s = now


def peg_line(reaction_s: float = REACTION_S) -> Line:
    """The valve line with a peg for a cap, a deep hole for it, and an arm that stops so late."""
    line = load_line("valve")
    cell = line.cell_description
    arm, sensor = cell.devices["arm"], cell.devices["wrist_force"]
    late = {
        "arm": arm.model_copy(update={"parameters": {**arm.parameters, "stop_s": reaction_s}}),
        "wrist_force": sensor.model_copy(update={"reaction_s": reaction_s}),
    }
    line = line.model_copy(update={"cell_description": cell.model_copy(update={"devices": {**cell.devices, **late}})})
    product = line.product_description
    part, site = product.parts[PART], product.sites[SITE]
    turned = part.grasp.tcp_in_part.rpy_rad
    grasp = part.grasp.model_copy(update={"width_m": PEG.diameter_m, "tcp_in_part": _pose_spec(part, GRASP_M, turned)})
    peg = part.model_copy(update={"shape": PEG, "marks": (), "grasp": grasp})
    hole = site.model_copy(update={"fit": FIT, "part_in_unit": _pose_spec(part, SEAT_M, (0.0, 0.0, 0.0))})
    changed = {"parts": {**product.parts, PART: peg}, "sites": {**product.sites, SITE: hole}}
    return line.model_copy(update={"product_description": product.model_copy(update=changed)})


def _pose_spec(part: Any, height_m: float, rpy_rad: Sequence[float]) -> Any:
    return part.grasp.tcp_in_part.model_copy(update={"xyz_m": (0.0, 0.0, height_m), "rpy_rad": tuple(rpy_rad)})


def set_up(plant: Plant, errors: Errors, seed: int) -> Item:
    """A unit in the fixture and a peg in the mounted gripper, each with its error; the peg."""
    draw = Random(f"insertion:{seed}")
    parts = plant.line.product_description.parts
    seat = plant.bench.layout.zones[FIXTURE].frame
    off = Pose((draw.uniform(-errors.off_m, errors.off_m), draw.uniform(-errors.off_m, errors.off_m), 0.0))
    plant.inventory.make(UNIT, parts[UNIT], "", Place("fixture", FIXTURE), seat @ off)
    tool = plant.tool(TOOL)
    tool.arm, tool.pocket, tool.opening_m = "arm", None, PEG.diameter_m
    plant.coupling.lock("arm")
    lean, about = draw.uniform(0.0, errors.lean_rad), draw.uniform(0.0, 2.0 * math.pi)
    turn = draw.uniform(-LEAN_RAD, LEAN_RAD)
    round_z, back = from_rpy(0.0, 0.0, about), from_rpy(0.0, 0.0, turn - about)
    leaning = Pose((0.0, 0.0, 0.0), round_z) @ Pose((0.0, 0.0, 0.0), from_rpy(lean, 0.0, 0.0)) @ Pose((0.0, 0.0, 0.0), back)
    held = plant.bench.layout.recipe().grasps[PART].tcp_in_part.inverse() @ leaning
    return plant.inventory.make(PART, parts[PART], "", Place("tool", TOOL), held)


async def _insert(line: Line, errors: Errors, seed: int) -> Trial:
    clock = LoopClock(epoch_s=0.0)
    plant = Plant(line, seed, clock)
    peg = set_up(plant, errors, seed)
    devices = make_devices(DeviceHost(line, clock, plant), "virtual", camera="modelled")
    for device in devices.values():
        await device.connect()
    record, said = ForceRecord(plant, "arm"), list[Feedback]()
    result = await SkillRunner(line, clock, devices).execute(_goal(errors), said.append)
    record.look()
    in_place = plant.inventory[peg.item_id].place == Place("unit", plant.inventory[peg.item_id].place.holder, SITE)
    truth = plant.unit_at(FIXTURE)
    good = result.fault is None and in_place and truth is not None and not truth.defects
    strides = sum(feedback.phase == "search" for feedback in said)
    return Trial(good, record.largest_n, result.duration_s, strides, result.message)


def _goal(errors: Errors) -> SkillGoal:
    stiff = errors.stiffness_ratio
    parameters: Mapping[str, Any] = {
        "item": "cap", "site": SITE, "force_limit_n": LIMIT_N, "search_radius_m": max(0.0012, 1.2 * errors.off_m),
        "search_angle_rad": 2.0 * max(errors.lean_rad, LEAN_RAD), "wrist_axial_n_m": 20_000.0 * stiff,
        "wrist_lateral_n_m": 20_000.0 * stiff, "wrist_angular_n_m_rad": 100.0 * stiff,
    }  # fmt: skip
    lease = Lease("bench", {"arm": "arm", "fixture": FIXTURE})
    return SkillGoal("insert", "VLV-1", "adult", "insert_cap", "a1", parameters, lease)


def trials(line: Line, errors: Errors, seeds: Sequence[int]) -> list[Trial]:
    """One insertion for each seed."""
    return [run_virtual(_insert(line, errors, seed)) for seed in seeds]


def figures(done: Sequence[Trial]) -> list[Figure]:
    """The figures with limits."""
    return [
        Figure("success", sum(trial.success for trial in done) / len(done), least=LEAST_SUCCESS_RATIO),
        Figure("trials", len(done)),
        Figure("largest force", max(trial.force_n for trial in done), "N", most=LIMIT_N),
        Figure("median time", median(trial.duration_s for trial in done), "s"),
        Figure("longest time", max(trial.duration_s for trial in done), "s"),
        Figure("median strides", median(trial.strides for trial in done)),
        Figure("most strides", max(trial.strides for trial in done)),
    ]


def larger_errors(line: Line, seeds: Sequence[int]) -> None:
    """Print where it ends."""
    print("off, mm  lean, deg  wrist   success   largest N   median s   longest s")
    rows = [Errors(mm / 1e3, math.radians(degrees)) for mm, degrees in TABLE]
    for errors in [*rows, *(Errors(stiffness_ratio=ratio) for ratio in WRISTS)]:
        done = trials(line, errors, seeds)
        ratio, force_n = sum(trial.success for trial in done) / len(done), max(trial.force_n for trial in done)
        times = [trial.duration_s for trial in done]
        print(
            f"{errors.off_m * 1e3:7.1f} {math.degrees(errors.lean_rad):10.1f} {errors.stiffness_ratio:6.1f} {ratio:9.3f}"
            f" {force_n:11.1f} {median(times):10.1f} {max(times):11.1f}"
        )


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--trials", type=int, default=500, help="seeds (default: %(default)s)")
    parser.add_argument("--table", action="store_true", help="larger errors as well, 100 seeds each")
    parser.add_argument("--reaction", type=float, default=REACTION_S, help="how late the arm stops, s (%(default)s)")
    options: argparse.Namespace = parser.parse_args()
    line = peg_line(options.reaction)
    seeds = range(options.seed, options.seed + options.trials)
    done = trials(line, Errors(), seeds)
    for seed, trial in zip(seeds, done, strict=True):
        if not trial.success:
            print(f"seed {seed}: {trial.message}", file=sys.stderr)
    code = report(figures(done), options)
    if options.table and not options.json:
        larger_errors(line, range(options.seed, options.seed + min(100, options.trials)))
    return code


if __name__ == "__main__":
    sys.exit(main())
