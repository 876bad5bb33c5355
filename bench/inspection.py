"""Run the valve line with a rate of bad units in the plant, and hold every verdict against the plant's truth.

    python bench/inspection.py [--units N] [--defects RATIO] [--camera rendered|modelled|both] [--seed N] [--json] [--check]

An escape is a unit that is bad and was accepted by its last inspection; a false reject one that an inspection rejected
although nothing was wrong with it. With both cameras their figures stand beside each other: the modelled camera draws its
errors from those that bench/vision.py measured on rendered images.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common import Figure, arguments, report

from microcell.description.defects import with_defects
from microcell.description.line import Evidence
from microcell.description.loader import load_line
from microcell.description.order import Order, OrderLine
from microcell.truth_log import InspectedTruth, read_truth, truth_path
from microcell.virtual import CameraKind, VirtualRun, run_line

LINE = "valve"
MOST_ESCAPES, MOST_REJECTS = 0.002, 0.01


@dataclass
class Verdicts:
    """What became of the units of one run. `seen` counts each kind of defect, `rejected` those that were rejected for it."""

    units: int = 0
    bad: int = 0
    good: int = 0
    escapes: list[InspectedTruth] = field(default_factory=list)
    false_rejects: list[InspectedTruth] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


def verdicts(inspected: Sequence[InspectedTruth]) -> Verdicts:
    """Judge the judgements. A unit counts as bad when anything was wrong with it at any of its inspections."""
    by_unit: dict[str, list[InspectedTruth]] = {}
    for truth in inspected:
        by_unit.setdefault(truth.unit, []).append(truth)
    found = Verdicts(units=len(by_unit))
    for looks in by_unit.values():
        bad = any(look.faults for look in looks)
        found.bad += bad
        found.good += not bad
        if looks[-1].faults and looks[-1].outcome == "succeeded":
            found.escapes.append(looks[-1])
        found.false_rejects += [look for look in looks if look.outcome == "rejected" and not look.faults][:1]
    for look in inspected:
        for kind in {_kind(fault) for fault in look.faults}:
            found.seen[kind] += 1
            found.rejected[kind] += look.outcome == "rejected"
    return found


def _kind(fault: str) -> str:
    """The kind of a fault's sentence: without its site and size."""
    words = fault.partition(": ")[2]
    return "wrong part" if " instead of " in words else words.lstrip("0123456789.- ").partition(" by ")[0]


def produce(options: argparse.Namespace, camera: CameraKind, folder: Path) -> Verdicts:
    """Make the units on the virtual clock."""
    line = with_defects(load_line(LINE), options.defects).model_copy(update={"evidence": Evidence(pictures=0)})
    variants = list(line.product_description.variants)
    lines = tuple(
        OrderLine(variant=name, quantity=options.units // len(variants) + (number < options.units % len(variants)))
        for number, name in enumerate(variants)
    )
    order = Order(product=line.product, lines=lines, replace_scrapped=False)
    journal = folder / f"{camera}.journal"
    run_line(VirtualRun(line, (order,), options.seed, camera, journal))
    return verdicts(read_truth(truth_path(journal)))


def figures(camera: CameraKind, found: Verdicts) -> list[Figure]:
    """Rates with their limits."""
    escapes, rejects = len(found.escapes) / max(1, found.bad), len(found.false_rejects) / max(1, found.good)
    return [
        Figure(f"{camera}: units", found.units),
        Figure(f"{camera}: bad units", found.bad),
        Figure(f"{camera}: escapes", 100 * escapes, "% of the bad", most=100 * MOST_ESCAPES),
        Figure(f"{camera}: false rejects", 100 * rejects, "% of the good", most=100 * MOST_REJECTS),
    ]


def show(by_camera: dict[CameraKind, Verdicts]) -> None:
    """The kinds of defects, camera beside camera; then every wrong verdict."""
    kinds = sorted({kind for found in by_camera.values() for kind in found.seen})
    print(f"{'defect, looks at it':<28}" + "".join(f"{camera + ' rejected':>22}" for camera in by_camera))
    for kind in kinds:
        cells = (f"{found.rejected[kind]} of {found.seen[kind]}" for found in by_camera.values())
        print(f"{kind:<28}" + "".join(f"{cell:>22}" for cell in cells))
    for camera, found in by_camera.items():
        for title, looks in (("escaped", found.escapes), ("wrongly rejected", found.false_rejects)):
            for look in looks:
                why = ", ".join(look.faults or look.failed_checks)
                print(f"{camera}: {look.unit} {title} by {look.operation}: {why}")


def main() -> int:
    """Run the benchmark from the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--units", type=int, default=2000, help="units to make (2000)")
    parser.add_argument("--defects", type=float, default=0.05, help="share of bad units in the plant (0.05)")
    parser.add_argument("--camera", choices=("rendered", "modelled", "both"), default="both")
    options = parser.parse_args()
    cameras: tuple[CameraKind, ...] = ("rendered", "modelled") if options.camera == "both" else (options.camera,)
    with tempfile.TemporaryDirectory(prefix="microcell-") as folder:
        by_camera = {camera: produce(options, camera, Path(folder)) for camera in cameras}
    if not options.json:
        show(by_camera)
    return report([figure for camera, found in by_camera.items() for figure in figures(camera, found)], options)


if __name__ == "__main__":
    sys.exit(main())
