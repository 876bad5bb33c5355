"""Units with one defect each, of every kind: are they rejected, and is it found where it is? For `bench/vision.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vision_scenes import GOOD, Scene, Scenes

from microcell.description.checks import Check
from microcell.plant.render import render
from microcell.plant.scene import SceneItem
from microcell.vision.measure import measure
from microcell.vision.optics import Optics
from microcell.vision.requests import Reading

OWN_KIND = {"scratched": "surface", "dirty": "surface", "short shot": "outline", "burr": "outline"}
"""The check that tells a defect's place; of the others the measured value itself is the place, or the site is."""


def passes(check: Check, value: float) -> bool:
    """The verdict on a value by the product's limits."""
    if check.kind == "presence":
        return value >= check.min_ratio
    if check.kind == "code":
        return value == 1.0
    limits = {
        "position": "max_offset_m", "orientation": "max_angle_rad",
        "colour": "max_delta_e_ratio", "surface": "max_flaw_m", "outline": "max_deviation_m",
    }  # fmt: skip
    return value <= getattr(check, limits[check.kind])


@dataclass
class Tally:
    """Images of one kind, those that were rejected, and how far off their defects were found, m."""

    images: int = 0
    rejected: int = 0
    off_m: list[float] = field(default_factory=list)


@dataclass
class Defects:
    """Verdicts on units with one defect and on good ones, by inspection and kind."""

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)

    def judge(self, scenes: Scenes, inspection: str, kind: str) -> None:
        """Make, photograph and judge one unit."""
        scene = scenes.unit(inspection, kind)
        pixels = render(scene.items, scenes.camera, scene.light, scenes.noise, scenes.around)
        readings = measure(pixels, scenes.camera, scene.requests)
        failed = [reading for reading, check in zip(readings, scene.checks, strict=True) if not passes(check, reading.value)]
        tally = self.tallies.setdefault((inspection, kind), Tally())
        tally.images += 1
        tally.rejected += bool(failed)
        off_m = _off_m(scenes, scene, kind, failed)
        if off_m is not None:
            tally.off_m.append(off_m)

    def row(self) -> dict[str, Any]:
        """All kinds in one row."""
        bad = [tally for (_, kind), tally in self.tallies.items() if kind != GOOD]
        good = [tally for (_, kind), tally in self.tallies.items() if kind == GOOD]
        missed = sum(tally.images - tally.rejected for tally in bad)
        return {
            "bad": sum(tally.images for tally in bad),
            "good": sum(tally.images for tally in good),
            "escape_ratio": missed / max(1, sum(tally.images for tally in bad)),
            "false_reject_ratio": sum(tally.rejected for tally in good) / max(1, sum(tally.images for tally in good)),
            "farthest": max((off for tally in bad for off in tally.off_m), default=0.0),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a kind."""
        return [
            {
                "inspection": inspection, "defect": kind, "images": tally.images, "rejected": tally.rejected,
                "farthest_m": max(tally.off_m, default=None),
            }
            for (inspection, kind), tally in self.tallies.items()
        ]  # fmt: skip

    def show(self) -> None:
        """Print the table for people."""
        print(f"{'inspection':<12}{'defect':<20}{'images':>8}{'rejected':>10}{'farthest':>12}")
        for row in self.rows():
            far = "" if row["farthest_m"] is None else f"{1000 * row['farthest_m']:.3f} mm"
            print(f"{row['inspection']:<12}{row['defect']:<20}{row['images']:>8}{row['rejected']:>10}{far:>12}")
        whole = self.row()
        recall, false = 1 - whole["escape_ratio"], whole["false_reject_ratio"]
        print(f"all kinds: recall {recall:.4f}, false reject {false:.4f}, farthest {1000 * whole['farthest']:.3f} mm")


def _off_m(scenes: Scenes, scene: Scene, kind: str, failed: Sequence[Reading]) -> float | None:
    """How far from the truth a defect was found; None where its kind has no place of its own, or it was not found."""
    feature = OWN_KIND.get(kind)
    found = [reading for reading in failed if reading.feature == feature and reading.findings]
    if feature is None or not found:
        return None
    item = next(item for item in scene.items if item.flaws or item.edges)
    x, y, height = _true_place(item)
    left, top, right, bottom = found[0].findings[0].box_px
    seen = Optics.of(scenes.camera).unproject(((left + right) / 2, (top + bottom) / 2), height)
    return math.dist(seen, (x, y))


def _true_place(item: SceneItem) -> tuple[float, float, float]:
    """The middle of an item's defect in the cell, m."""
    height = item.part.shape.height_m
    if item.flaws:
        (x0, y0), (x1, y1) = item.flaws[0].start_m, item.flaws[0].end_m
        return item.part_in_cell.apply(((x0 + x1) / 2, (y0 + y1) / 2, height))
    angle, radius = item.edges[0].at_rad, item.part.shape.diameter_m / 2
    return item.part_in_cell.apply((radius * math.cos(angle), radius * math.sin(angle), height))
