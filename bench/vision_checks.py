"""Errors of measured sizes, gaps, spots, parts and heights on rendered images, where the truth is known.

    python bench/vision_checks.py [--scenes N] [--seed S] [--write] [--json] [--check]

Each scene lays parts of random sizes at random places under a camera of 11 px/mm, with random light, and asks for one check
of each kind. `bias` is the mean of reading less truth, `sd` the scatter, `off by its sd` how many of its own standard
deviations a reading lies off its mean error, at the median (0.67 = as told). Depth images are made here, with 50 um of noise
a pixel. `right part` is the share of scenes in which the part was named, among six of which two differ by their marks alone.

`--write` stores what the modelled camera draws its errors from (microcell/vision/error_sizes.py).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
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
from microcell.vision.measure import measure
from microcell.vision.optics import Optics, placed
from microcell.vision.requests import CheckRequest

SEAT = Pose((0.5, -0.1, 0.03))
DEPTH_NOISE_M = 0.00005
UNITS = {"dimension": "mm", "gap": "mm", "diameter": "mm", "height": "mm", "flatness": "mm", "patch": "1"}
LIMITS = {"dimension": 0.1, "gap": 0.1, "diameter": 0.1, "height": 0.02, "flatness": 0.05, "patch": 0.05}
"""Greatest mean error, mm or CIE 1976 / 100: 0.1 mm is one pixel."""

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
    return [*cases, *deep(random, disc, pose), named(random, pose)]


def deep(random: Random, disc: Part, pose: Pose) -> list[tuple[list[SceneItem], CheckRequest, float | str, Any]]:
    """A step and a dent of random height in the disc, by depth."""
    step, dent = random.uniform(-0.001, 0.001), random.uniform(0.0001, 0.0006)
    noise = np.random.default_rng(random.randrange(2**32))
    height = Height(
        kind="height", site="site", at_m=(0.0025, 0.0), radius_m=0.001, over_m=((-0.0025, 0.0),),
        nominal_m=0.0, tolerance_m=0.0001,
    )  # fmt: skip
    flat = Flatness(kind="flatness", site="site", size_m=(0.008, 0.008), max_flatness_m=0.0001)
    things = [item(disc, pose)]
    return [
        (things, ask(disc, height), step, depth(pose, 0.0025, 0.0015, step, noise)),
        (things, ask(disc, flat), dent, depth(pose, 0.001, 0.0015, dent, noise)),
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
    request = CheckRequest(
        "site", "right_part", "fixture", "site", parts["blue"], SEAT, measured=check, parts=parts
    )
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
    return CheckRequest("site", check.kind, "fixture", "site", what, pose, measured=check)


def depth(pose: Pose, x_m: float, radius_m: float, rise_m: float, noise: np.random.Generator) -> np.ndarray:
    """Depth of a disc's top, 3 mm over its frame, with a round spot that is higher."""
    optics, top = Optics.of(CAMERA), pose.position[2] + 0.003
    ((u, v),) = optics.project(placed(pose, np.array([[x_m, 0.0, 0.003]])))
    rows, columns = np.mgrid[0 : CAMERA.height_px, 0 : CAMERA.width_px]
    inside = np.hypot(columns - u, rows - v) <= radius_m * optics.scale_px_m(top)
    distance = optics.lens_in_cell.position[2] - top - np.where(inside, rise_m, 0.0)
    return (distance + noise.normal(0.0, DEPTH_NOISE_M, distance.shape)).astype(np.float32)


def run(scenes: int, seed: int) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, list[float]], list[bool]]:
    """Errors, told deviations and times by kind, and which parts were named right."""
    random, noise = Random(f"{seed}:checks"), np.random.default_rng(seed)
    errors: dict[str, list[float]] = defaultdict(list)
    told: dict[str, list[float]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    right: list[bool] = []
    for _ in range(scenes):
        for items, request, truth, depth_m in scene(random):
            light = Light(random.uniform(0.85, 1.1))
            pixels = render(items, CAMERA, light, noise)
            start = time.process_time()
            reading = measure(pixels, CAMERA, [request], depth_m=depth_m)[0]
            times[request.kind].append(time.process_time() - start)
            if isinstance(truth, str):
                right.append(reading.text == truth)
                if not right[-1]:
                    print(f"named otherwise: {truth} as {reading.text}", file=sys.stderr)
            else:
                errors[request.kind].append(reading.value - truth)
                told[request.kind].append(reading.uncertainty or 0.0)
    return errors, told, times, right


def figures(scenes: int, seed: int) -> tuple[list[Figure], dict[str, tuple[float, float]]]:
    """The figures, and bias and scatter by kind in SI units."""
    errors, told, times, right = run(scenes, seed)
    found, spreads = [], {}
    for kind, values in errors.items():
        good = [(value, sd) for value, sd in zip(values, told[kind], strict=True) if value == value]
        factor = 1000.0 if UNITS[kind] == "mm" else 1.0
        bias, scatter = statistics.fmean(v for v, _ in good), statistics.pstdev([v for v, _ in good])
        off = [abs(value - bias) / sd for value, sd in good if sd > 0]
        spreads[kind] = (bias, scatter)
        found += [
            Figure(f"{kind} measured", 100.0 * len(good) / len(values), "%", least=99.0),
            Figure(f"{kind} bias", factor * bias, UNITS[kind], least=-LIMITS[kind], most=LIMITS[kind]),
            Figure(f"{kind} sd", factor * scatter, UNITS[kind], most=LIMITS[kind]),
            Figure(f"{kind} off by its sd", statistics.median(off)),
            Figure(f"{kind} time", 1000.0 * statistics.median(times[kind]), "ms"),
        ]
    found.append(Figure("right part", 100.0 * statistics.fmean(right), "%", least=99.0))
    found.append(Figure("right part time", 1000.0 * statistics.median(times["right_part"]), "ms"))
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


def written(spreads: dict[str, tuple[float, float]]) -> str:
    """The module that holds the statistics."""
    rows = "".join(f'    "{kind}": Spread(bias={bias:.3g}, sd={sd:.3g}),\n' for kind, (bias, sd) in spreads.items())
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
