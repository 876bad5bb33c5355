"""Compare what vision reads in rendered images with the truth: errors, wrong verdicts, and time.

    python bench/vision.py [--scenes N] [--seed S] [--json] [--check] [--write]

`--check` exits with 1 when a target of `TARGETS` is missed. `--write` stores the statistics for the modelled
camera in microcell/vision/error_statistics.py. The images are rendered from the valve line's own product and
cameras, with scatter, other light, and defects of every kind.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vision_defects import Defects, passes
from vision_scenes import GOOD, KINDS, Scene, Scenes

from microcell.description.checks import Check
from microcell.devices.camera.modelled import true_reading
from microcell.faults import FaultError
from microcell.plant.render import Light, render
from microcell.plant.scene import SceneItem
from microcell.vision import error_statistics
from microcell.vision.error_model import ErrorStatistics, Spread
from microcell.vision.measure import locate, measure
from microcell.vision.requests import CheckRequest, Reading

TARGETS = {
    "presence false_reject_ratio": 0.005,
    "presence escape_ratio": 0.005,
    "position bias": 0.02e-3,
    "position sd": 0.03e-3,
    "position escape_ratio": 0.01,
    "orientation sd": 0.01,
    "orientation false_reject_ratio": 0.01,
    "orientation escape_ratio": 0.01,
    "colour bias": 0.035,
    "colour sd": 0.01,
    "colour false_reject_ratio": 0.005,
    "colour escape_ratio": 0.005,
    "surface bias": 0.2e-3,
    "surface sd": 0.2e-3,
    "outline bias": 0.05e-3,
    "outline sd": 0.1e-3,
    "outline false_reject_ratio": 0.005,
    "outline escape_ratio": 0.005,
    "surface false_reject_ratio": 0.02,
    "surface escape_ratio": 0.05,
    "code false_reject_ratio": 0.005,
    "code escape_ratio": 0.0,
    "locate largest": 0.1e-3,
    "defects escape_ratio": 0.02,
    "defects false_reject_ratio": 0.01,
    "defects farthest": 1e-3,
    "time render_ms": 300.0,
    "time measure_ms": 100.0,
}
"""Largest permitted magnitude of each figure. Lengths in m, angles in rad, times in ms of processor time."""

CONTRASTS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
LEVELS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6)


@dataclass
class Pairs:
    """Readings of one check kind beside their truths, and the verdicts that followed from both.

    `again` is what a second image of each unit, with the noise of its own, reads.
    """

    read: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    true: list[float] = field(default_factory=list)
    good: int = 0
    bad: int = 0
    rejected_good: int = 0
    passed_bad: int = 0

    def add(self, reading: Reading, again: Reading, truth: Reading, check: Check) -> None:
        self.read.append(reading.value)
        self.again.append(again.value)
        self.true.append(truth.value)
        if passes(check, truth.value):
            self.good += 1
            self.rejected_good += not passes(check, reading.value)
        else:
            self.bad += 1
            self.passed_bad += passes(check, reading.value)

    def errors(self, low: float = -math.inf, high: float = math.inf) -> list[float]:
        """Reading minus truth, for truths between two limits."""
        return [read - true for read, true in zip(self.read, self.true, strict=True) if low <= true <= high]

    def repeat_sd(self, low: float = -math.inf, high: float = math.inf) -> float:
        """Standard deviation of readings of the same unit, for truths between two limits."""
        pairs = zip(self.read, self.again, self.true, strict=True)
        return repeat_sd([(read, again) for read, again, true in pairs if low <= true <= high])


def repeat_sd(pairs: Sequence[tuple[float, float]]) -> float:
    """Standard deviation of each of two readings of the same thing, from many such pairs."""
    return math.sqrt(statistics.fmean((one - other) ** 2 for one, other in pairs) / 2.0)


@dataclass
class Findings:
    """All that one run of the benchmark measured."""

    pairs: dict[str, Pairs] = field(default_factory=dict)
    located_m: list[tuple[float, float]] = field(default_factory=list)
    located_again_m: list[tuple[float, float]] = field(default_factory=list)
    missed: int = 0
    code_read: list[tuple[float, float]] = field(default_factory=list)
    levels: tuple[float, float] = (0.0, 0.0)
    defects: Defects = field(default_factory=Defects)
    render_ms: list[float] = field(default_factory=list)
    measure_ms: list[float] = field(default_factory=list)


def run(scenes: Scenes, count: int) -> Findings:
    """Measure `count` units, open and closed, and a tray for every ten of them."""
    found = Findings()
    for _ in range(count):
        for inspection in ("open", "closed"):
            _compare(scenes, scenes.unit(inspection), found)
    for _ in range(max(1, count // 10)):
        _compare_tray(scenes, found)
    found.code_read = list(_code_rates(scenes, max(5, count // 10)))
    found.levels = _usable_levels(scenes)
    found.defects = Defects()
    for inspection, kinds in KINDS.items():
        for kind in (GOOD, *kinds):
            for _ in range(count if kind == GOOD else max(5, count // 4)):
                found.defects.judge(scenes, inspection, kind)
    return found


def _compare(scenes: Scenes, scene: Scene, found: Findings) -> None:
    start = time.process_time()
    pixels = render(scene.items, scenes.camera, scene.light, scenes.noise, scenes.around)
    rendered = time.process_time()
    readings = measure(pixels, scenes.camera, scene.requests)
    found.measure_ms.append(1000 * (time.process_time() - rendered))
    found.render_ms.append(1000 * (rendered - start))
    second = render(scene.items, scenes.camera, scene.light, scenes.noise, scenes.around)
    readings_again = measure(second, scenes.camera, scene.requests)
    for request, check, reading, again in zip(scene.requests, scene.checks, readings, readings_again, strict=True):
        truth = true_reading(request, scene.items)
        if truth.text and _faded(scene, request):
            truth = replace(truth, value=0.0, text="")
        if request.kind == "position" and _faded(scene, request):
            continue  # without its code, a label's place is not told
        if request.kind == "surface" and _shows_more(scene, request):
            continue  # a part below, or a label beside its place, is seen as a flaw as well
        found.pairs.setdefault(request.kind, Pairs()).add(reading, again, truth, check)


def _shows_more(scene: Scene, request: CheckRequest) -> bool:
    """Whether more than its own flaws is on a part's top: a piece is missing, or it or a label lies beside its place."""
    places = {other.site: other.part_in_cell.position[:2] for other in scene.requests}
    return any(
        (item.site == request.site and item.edges)
        or (item.content and item.contrast == 0.0)
        or ((item.content or item.site == request.site) and _beside(item, places))
        for item in scene.items
    )


def _beside(item: SceneItem, places: Mapping[str, tuple[float, float]]) -> bool:
    return math.dist(item.part_in_cell.position[:2], places[item.site]) > 0.001


def _faded(scene: Scene, request: CheckRequest) -> bool:
    return any(item.site == request.site and item.contrast == 0.0 for item in scene.items)


def _compare_tray(scenes: Scenes, found: Findings) -> None:
    items, requests = scenes.tray()
    images = [render(items, scenes.tray_camera, Light(), scenes.noise, scenes.around) for _ in range(2)]
    for request, true in zip(requests, items, strict=True):
        try:
            poses = [locate(pixels, scenes.tray_camera, request) for pixels in images]
        except FaultError:
            found.missed += 1
            continue
        (x, y, _), (x2, y2, _), (tx, ty, _) = (pose.position for pose in (*poses, true.part_in_cell))
        found.located_m.append((x - tx, y - ty))
        found.located_again_m.append((x2 - tx, y2 - ty))


def _code_rates(scenes: Scenes, count: int) -> Iterator[tuple[float, float]]:
    """Share of codes of each contrast that are read."""
    for contrast in CONTRASTS:
        read = 0
        for _ in range(count):
            scene = scenes.unit("closed", contrast=contrast)
            wanted = [request for request in scene.requests if request.kind == "code"]
            pixels = render(scene.items, scenes.camera, scene.light, scenes.noise, scenes.around)
            read += measure(pixels, scenes.camera, wanted)[0].value == 1.0
        yield contrast, round(read / count, 3)


def _usable_levels(scenes: Scenes) -> tuple[float, float]:
    """Lowest and highest exposure, of the right one, at which no image of several is refused."""
    units = [scenes.unit("closed") for _ in range(6)]
    usable = set(LEVELS)
    for unit in units:
        usable -= {level for level in LEVELS if not _is_usable(scenes, unit, level)}
    return min(usable), max(usable)


def _is_usable(scenes: Scenes, scene: Scene, level: float) -> bool:
    pixels = render(scene.items, scenes.camera, Light(level), scenes.noise, scenes.around)
    try:
        measure(pixels, scenes.camera, ())
    except FaultError:
        return False
    return True


def figures(found: Findings) -> dict[str, dict[str, Any]]:
    """The table: bias and standard deviation where the part is there, wrong verdicts over everything."""
    table: dict[str, dict[str, Any]] = {}
    for kind, pairs in found.pairs.items():
        errors = pairs.errors(**_judged_range(kind))
        table[kind] = {
            "readings": len(pairs.read),
            "bias": statistics.fmean(errors),
            "sd": statistics.pstdev(errors),
            "repeat_sd": pairs.repeat_sd(**_judged_range(kind)),
            "good": pairs.good,
            "bad": pairs.bad,
            "false_reject_ratio": pairs.rejected_good / max(1, pairs.good),
            "escape_ratio": pairs.passed_bad / max(1, pairs.bad),
        }
    axes, again = ([error for pair in pairs for error in pair] for pairs in (found.located_m, found.located_again_m))
    table["locate"] = {
        "readings": len(found.located_m) + found.missed,
        "bias": statistics.fmean(axes),
        "sd": statistics.pstdev(axes),
        "repeat_sd": repeat_sd(list(zip(axes, again, strict=True))),
        "largest": max(math.hypot(*pair) for pair in found.located_m),
        "missed": found.missed,
    }
    table["defects"] = found.defects.row()
    table["time"] = {
        "render_ms": statistics.median(found.render_ms), "measure_ms": statistics.median(found.measure_ms)
    }  # fmt: skip
    return table


def _judged_range(kind: str) -> dict[str, float]:
    """The truths for which an error means something: the part is there and of the right kind."""
    return {
        "presence": {"low": 0.5},
        "position": {"high": 0.001},
        "colour": {"high": 0.05},
        "surface": {"low": 0.0005},
        "outline": {"high": 0.005},
    }.get(kind, {})


def statistics_of(found: Findings) -> ErrorStatistics:
    """What the modelled camera needs to know."""
    table = figures(found)
    surface = found.pairs["surface"]
    flawed = [read > 0.0 for read, true in zip(surface.read, surface.true, strict=True) if true > 0.0]
    spread = {
        kind: Spread(*(round(row[name], 8) for name in ("bias", "sd", "repeat_sd")))
        for kind, row in table.items()
        if "sd" in row
    }
    presence = found.pairs["presence"]
    absent, absent_repeat = presence.errors(high=0.1), presence.repeat_sd(high=0.1)
    return ErrorStatistics(
        presence=spread["presence"],
        absence=Spread(round(statistics.fmean(absent), 8), round(statistics.pstdev(absent), 8), round(absent_repeat, 8)),
        position_m=spread["position"],
        orientation_rad=spread["orientation"],
        colour=spread["colour"],
        surface_m=spread["surface"],
        outline_m=spread["outline"],
        flaw_found=round(sum(flawed) / len(flawed), 4),
        flaw_invented=round(found.defects.row()["false_reject_ratio"], 4),
        code_read=tuple(found.code_read),
        locate_m=spread["locate"],
        locate_rad=spread["orientation"],
        exposure_levels=found.levels,
    )


def write(measured: ErrorStatistics, told: str) -> Path:
    """Store the statistics as a module that says how they were found."""
    path = Path(error_statistics.__file__)
    rows = "".join(f"    {name}={getattr(measured, name)!r},\n" for name in measured.__dataclass_fields__)
    path.write_text(
        f'"""Measured errors of rendered images. Written by `python bench/vision.py {told} --write`: do not edit."""\n\n'
        "from microcell.vision.error_model import ErrorStatistics, Spread\n\n"
        f"MEASURED = ErrorStatistics(\n{rows})\n",
        encoding="utf-8",
    )
    return path


def missed_targets(table: dict[str, dict[str, Any]]) -> list[str]:
    """Every target that was not met, in words."""
    lines = []
    for target, limit in TARGETS.items():
        kind, figure = target.split()
        value = table[kind][figure]
        if abs(value) > limit:
            lines.append(f"{target} is {value:.3g}; at most {limit:g} is wanted")
    return lines


def show(table: dict[str, dict[str, Any]], found: Findings) -> None:
    """Print the table for people."""
    columns = ("readings", "bias", "sd", "repeat_sd", "good", "bad", "false_reject_ratio", "escape_ratio")
    print(f"{'kind':<12}" + "".join(f"{name:>19}" for name in columns))
    for kind, row in table.items():
        if kind not in ("time", "defects"):
            cells = (f"{row[name]:>19.4g}" if name in row else " " * 19 for name in columns)
            print(f"{kind:<12}" + "".join(cells))
    locate_row, time_row = table["locate"], table["time"]
    print(f"locate: largest error {1000 * locate_row['largest']:.3f} mm, {locate_row['missed']} parts missed")
    found.defects.show()
    print(
        f"processor time of one image (median): render {time_row['render_ms']:.1f} ms, "
        f"measure {time_row['measure_ms']:.1f} ms"
    )


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=150, help="units to look at, each open and closed (150)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--write", action="store_true", help="store the statistics for the modelled camera")
    arguments = parser.parse_args()
    found = run(Scenes(arguments.seed), arguments.scenes)
    table = figures(found)
    if arguments.json:
        report = {
            "figures": table, "code_read": found.code_read, "exposure_levels": found.levels, "defects": found.defects.rows()
        }  # fmt: skip
        print(json.dumps(report, indent=2))
    else:
        show(table, found)
    if arguments.write:
        told = f"--scenes {arguments.scenes} --seed {arguments.seed}"
        print(f"written: {write(statistics_of(found), told)}", file=sys.stderr)
    missed = missed_targets(table) if arguments.check else []
    for line in missed:
        print(f"target missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
