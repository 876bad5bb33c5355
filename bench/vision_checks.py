"""Errors of measured sizes, gaps, spots, parts and heights on rendered images, where the truth is known.

    python bench/vision_checks.py [--scenes N] [--seed S] [--write] [--json] [--check]

Each scene lays parts of random sizes at random places under a camera of 11 px/mm, with random light, and asks for one check
of each kind. `bias` is the mean of reading less truth, `sd` the scatter, `off by its sd` how many of its own standard
deviations a reading lies off its mean error, at the median (0.67 = as told). Depth images are made here, with 50 um of noise
a pixel. `... of marks` are a round and a straight mark on a plate, dark on bright or bright on dark. `right part` is the
share of scenes in which the part was named, among six of which two differ by their marks alone.

`--write` stores what the modelled camera draws its errors from (microcell/vision/error_sizes.py).
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from common import Figure, arguments, report

from microcell.description.base import PoseSpec
from microcell.description.cell import CameraSpec
from microcell.description.checks import Diameter, Dimension, Flatness, Gap, Height, MeasuredCheck, Patch, RightPart
from microcell.description.product import Box, Cylinder, Grasp, Mark, Part
from microcell.geometry import Pose, from_rpy
from microcell.plant.render import Light, render
from microcell.plant.scene import SceneItem
from microcell.vision.error_model import Spread
from microcell.vision.measure import measure
from microcell.vision.optics import Optics, placed
from microcell.vision.requests import CheckRequest, Reading

SEAT = Pose((0.5, -0.1, 0.03))
DEPTH_NOISE_M = 0.00005
ROUND, STRAIGHT = "diameter of marks", "gap of marks"
UNITS = {
    ROUND: "um",
    STRAIGHT: "um",
    "dimension": "um",
    "gap": "um",
    "diameter": "um",
    "height": "um",
    "flatness": "um",
    "patch": "1",
}
LIMITS = {
    ROUND: 25.0,
    STRAIGHT: 25.0,
    "dimension": 100.0,
    "gap": 100.0,
    "diameter": 100.0,
    "height": 20.0,
    "flatness": 50.0,
    "patch": 0.05,
}
"""Greatest mean error, um or CIE 1976 / 100: 100 um are one pixel."""

CAMERA = CameraSpec(
    kind="camera", lens_in_cell=PoseSpec(xyz_m=(0.502, -0.101, 1.03)), width_px=960, height_px=720, focal_px=11000.0,
    sees=("fixture",),
)  # fmt: skip


def part(shape: Any, colour: tuple[int, int, int], marks: tuple[Mark, ...] = ()) -> Part:
    """A part that nobody has to grasp."""
    grasp = Grasp(capability="grip", tcp_in_part=PoseSpec())
    return Part(shape=shape, mass_kg=0.01, colour_rgb=colour, marks=marks, grasp=grasp)


def scene(random: Random) -> list[tuple[list[SceneItem], CheckRequest, float | str, Any]]:
    """One case of each kind: what lies there, what is asked, the true answer, and a depth image where it needs one."""
    length, width, gap = random.uniform(0.012, 0.032), random.uniform(0.01, 0.02), random.uniform(0.0008, 0.003)
    colour = random.choice([(200, 160, 40), (226, 132, 150), (206, 208, 212), (70, 120, 200)])
    plate = part(Box(kind="box", length_m=length, width_m=width, height_m=0.004), colour)
    disc = part(Cylinder(kind="cylinder", diameter_m=length, height_m=0.003), colour)
    pose = seat(random, 0.0015, 0.2)
    left, right = (pose @ Pose((side * (length + gap) / 2.0, 0.0, 0.0)) for side in (-1.0, 1.0))
    half, size = length / 2.0, {"nominal_m": length, "tolerance_m": 0.0002}
    cases: list[tuple[list[SceneItem], CheckRequest, float | str, Any]] = [
        ([item(plate, pose)], ask(plate, Dimension(
            kind="dimension", site="site", from_m=(-half - 0.003, 0.0), to_m=(half + 0.003, 0.0), strip_m=0.003, **size,
        )), length, None),
        ([item(disc, pose)], ask(disc, Diameter(kind="diameter", site="site", **size)), length, None),
        ([item(plate, left), item(plate, right)], ask(plate, Gap(
            kind="gap", site="site", from_m=(half - 0.004, 0.0), to_m=(half + gap + 0.004, 0.0), strip_m=0.003,
            nominal_m=gap, tolerance_m=0.0002,
        ), left), gap, None),
        ([item(disc, pose)], ask(disc, Patch(kind="patch", site="site", radius_m=0.002, colour_rgb=colour)), 0.0, None),
    ]  # fmt: skip
    return [*cases, *deep(random, disc, pose), *marked(random, pose), named(random, pose)]


def marked(random: Random, pose: Pose) -> list[tuple[list[SceneItem], CheckRequest, float | str, Any]]:
    """A round and a straight mark on a plate: the diameter of one, the width of the other."""
    grounds = [(60, 64, 70), (30, 30, 30), (236, 236, 230), (120, 120, 120), (198, 200, 196), (200, 160, 40)]
    inks = [(220, 220, 220), (250, 250, 250), (30, 30, 32), (170, 170, 170), (40, 42, 46), (40, 40, 44)]
    own, ink = random.choice(list(zip(grounds, inks, strict=True)))
    size, wide = random.uniform(0.003, 0.009), random.uniform(0.001, 0.003)
    shape, nominal = Box(kind="box", length_m=0.03, width_m=0.018, height_m=0.004), {"tolerance_m": 0.0002}
    dotted = part(shape, own, (Mark(at_m=(0.0, 0.0), length_m=size, colour_rgb=ink),))
    barred = part(shape, own, (Mark(at_m=(0.0, 0.0), length_m=wide, width_m=0.014, colour_rgb=ink),))
    round_ = Diameter(kind="diameter", site="site", nominal_m=size, **nominal)
    straight = Gap(
        kind="gap", site="site", from_m=(-0.006, 0.0), to_m=(0.006, 0.0), strip_m=0.003, nominal_m=wide, **nominal
    )
    return [
        ([item(dotted, pose)], replace(ask(dotted, round_), name=ROUND), size, None),
        ([item(barred, pose)], replace(ask(barred, straight), name=STRAIGHT), wide, None),
    ]


def deep(random: Random, disc: Part, pose: Pose) -> list[tuple[list[SceneItem], CheckRequest, float | str, Any]]:
    """A step and a dent of random height in the disc, by depth."""
    step, dent = random.uniform(-0.001, 0.001), random.uniform(0.0001, 0.0006)
    height = Height(
        kind="height", site="site", at_m=(0.0025, 0.0), radius_m=0.001, over_m=((-0.0025, 0.0),),
        nominal_m=0.0, tolerance_m=0.0001,
    )  # fmt: skip
    flat = Flatness(kind="flatness", site="site", size_m=(0.008, 0.008), max_flatness_m=0.0001)
    things = [item(disc, pose)]
    return [
        (things, ask(disc, height), step, depth(pose, 0.0025, 0.0015, step)),
        (things, ask(disc, flat), dent, depth(pose, 0.001, 0.0015, dent)),
    ]


def named(random: Random, pose: Pose) -> tuple[list[SceneItem], CheckRequest, float | str, Any]:
    """One of six parts, and the request that another of them is expected."""
    notch = Mark(at_m=(0.0115, 0.0), length_m=0.004, width_m=0.002, colour_rgb=(40, 40, 44))
    round_ = Cylinder(kind="cylinder", diameter_m=0.03, height_m=0.004)
    parts = {
        "blue": part(round_, (70, 120, 200)), "blue_notched": part(round_, (70, 120, 200), (notch,)),
        "white": part(round_, (236, 236, 230)), "green": part(round_, (120, 186, 120)),
        "small": part(Cylinder(kind="cylinder", diameter_m=0.022, height_m=0.004), (70, 120, 200)),
        "plate": part(Box(kind="box", length_m=0.03, width_m=0.02, height_m=0.004), (200, 160, 40)),
    }  # fmt: skip
    there = random.choice(list(parts))
    check = RightPart(kind="right_part", site="site")
    request = CheckRequest("right_part", "right_part", "fixture", "site", parts["blue"], SEAT, measured=check, parts=parts)
    return [item(parts[there], pose)], request, there, None


def seat(random: Random, shift_m: float, turn_rad: float) -> Pose:
    """A place near the seat."""
    x, y = (random.uniform(-shift_m, shift_m) for _ in range(2))
    return SEAT @ Pose((x, y, 0.0), from_rpy(0.0, 0.0, random.uniform(-turn_rad, turn_rad)))


def item(what: Part, pose: Pose) -> SceneItem:
    """A thing that lies there."""
    return SceneItem(1, "part", what, pose, "fixture", "site")


def ask(what: Part, check: MeasuredCheck, pose: Pose = SEAT) -> CheckRequest:
    """A request with its check."""
    return CheckRequest(check.kind, check.kind, "fixture", "site", what, pose, measured=check)


def depth(pose: Pose, x_m: float, radius_m: float, rise_m: float) -> np.ndarray:
    """Depth of a disc's top, 3 mm over its frame, with a round spot that is higher; without noise."""
    optics, top = Optics.of(CAMERA), pose.position[2] + 0.003
    ((u, v),) = optics.project(placed(pose, np.array([[x_m, 0.0, 0.003]])))
    rows, columns = np.mgrid[0 : CAMERA.height_px, 0 : CAMERA.width_px]
    inside = np.hypot(columns - u, rows - v) <= radius_m * optics.scale_px_m(top)
    return (optics.lens_in_cell.position[2] - top - np.where(inside, rise_m, 0.0)).astype(np.float32)


@dataclass
class Kind:
    """What was read of one kind of check: errors, those of a second look, told deviations, and times in s."""

    errors: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def spread(self) -> Spread:
        """The statistics of those that could be measured."""
        pairs = [(one, other) for one, other in zip(self.errors, self.again, strict=True) if one == one and other == other]
        errors = [one for one, _ in pairs]
        repeat_sd = math.sqrt(statistics.fmean((one - other) ** 2 for one, other in pairs) / 2.0)
        return Spread(statistics.fmean(errors), statistics.pstdev(errors), repeat_sd)


def run(scenes: int, seed: int) -> tuple[dict[str, Kind], list[bool]]:
    """What was read of each kind, and which parts were named right."""
    random, noise = Random(f"{seed}:checks"), np.random.default_rng(seed)
    kinds: dict[str, Kind] = defaultdict(Kind)
    right: list[bool] = []
    for _ in range(scenes):
        for items, request, truth, depth_m in scene(random):
            light, kind = Light(random.uniform(0.85, 1.1)), kinds[request.name]
            reading, spent_s = look(items, request, light, depth_m, noise)
            again, _ = look(items, request, light, depth_m, noise)
            kind.times.append(spent_s)
            if isinstance(truth, str):
                right.append(reading.text == truth)
                if not right[-1]:
                    print(f"named otherwise: {truth} as {reading.text}", file=sys.stderr)
            else:
                kind.errors.append(reading.value - truth)
                kind.again.append(again.value - truth)
                kind.told.append(reading.uncertainty or 0.0)
    return kinds, right


def look(
    items: list[SceneItem], request: CheckRequest, light: Light, depth_m: np.ndarray | None, noise: np.random.Generator
) -> tuple[Reading, float]:
    """Take one image and measure it; with the processor time of the measuring, s."""
    pixels = render(items, CAMERA, light, noise)
    noisy = None if depth_m is None else depth_m + noise.normal(0.0, DEPTH_NOISE_M, depth_m.shape).astype(np.float32)
    start = time.process_time()
    reading = measure(pixels, CAMERA, [request], depth_m=noisy)[0]
    return reading, time.process_time() - start


def figures(scenes: int, seed: int) -> tuple[list[Figure], dict[str, Spread]]:
    """The figures, and the spread of each kind in SI units."""
    kinds, right = run(scenes, seed)
    named_times = kinds.pop("right_part").times
    found, spreads = [], {name: kind.spread() for name, kind in kinds.items()}
    for name, kind in kinds.items():
        spread, factor, limit = spreads[name], 1e6 if UNITS[name] == "um" else 1.0, LIMITS[name]
        told = [(error, sd) for error, sd in zip(kind.errors, kind.told, strict=True) if sd > 0 and error == error]
        off = [abs(error - spread.bias) / sd for error, sd in told]
        found += [
            Figure(f"{name} measured", 100.0 * statistics.fmean(error == error for error in kind.errors), "%", least=99.0),
            Figure(f"{name} bias", factor * spread.bias, UNITS[name], least=-limit, most=limit),
            Figure(f"{name} sd", factor * spread.sd, UNITS[name], most=limit),
            Figure(f"{name} sd of looking again", factor * spread.repeat_sd, UNITS[name]),
            Figure(f"{name} off by its sd", statistics.median(off)),
            Figure(f"{name} time", 1000.0 * statistics.median(kind.times), "ms"),
        ]
    found.append(Figure("right part", 100.0 * statistics.fmean(right), "%", least=99.0))
    found.append(Figure("right part time", 1000.0 * statistics.median(named_times), "ms"))
    return found, spreads


def five_checks(seed: int) -> Figure:
    """Processor time of five measured checks of one 1280 x 960 image."""
    camera = CAMERA.model_copy(update={"width_px": 1280, "height_px": 960})
    random, noise, times = Random(f"{seed}:five"), np.random.default_rng(seed), []
    for _ in range(9):
        cases = scene(random)
        (items, size, *_), (_, round_, *_), (_, gap, *_), (_, patch, *_) = cases[:4]
        plate = {"part": size.part, "part_in_cell": size.part_in_cell}
        requests = [replace(request, **plate) for request in (size, round_, gap, patch)] + [replace(cases[-1][1], **plate)]
        pixels = render(items, camera, Light(), noise)
        start = time.process_time()
        measure(pixels, camera, requests)
        times.append(time.process_time() - start)
    return Figure("five checks of 1280x960", 1000.0 * statistics.median(times), "ms", most=100.0)


def written(spreads: dict[str, Spread]) -> str:
    """The module that holds the statistics."""
    rows = "".join(
        f'    "{kind}": Spread(bias={spread.bias:.3g}, sd={spread.sd:.3g}, repeat_sd={spread.repeat_sd:.3g}),\n'
        for kind, spread in spreads.items()
    )
    return (
        '"""Errors of measured sizes on rendered images. '
        'Written by `python bench/vision_checks.py --write`: do not edit."""\n\n'
        "from microcell.vision.error_model import Spread\n\n"
        f"SIZE_ERRORS: dict[str, Spread] = {{\n{rows}}}\n"
    )


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--scenes", type=int, default=40, metavar="N", help="cases of each kind (40)")
    parser.add_argument("--write", action="store_true", help="store the statistics for the modelled camera")
    options = parser.parse_args()
    found, spreads = figures(options.scenes, options.seed)
    found.append(five_checks(options.seed))
    if options.write:
        target = Path(__file__).resolve().parents[1] / "microcell" / "vision" / "error_sizes.py"
        target.write_text(written(spreads), encoding="utf-8")
    return report(found, options)


if __name__ == "__main__":
    sys.exit(main())
