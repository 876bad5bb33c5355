"""Random scenes of the valve line for `bench/vision.py`: what truly is, and what is asked of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from microcell.description.checks import Check
from microcell.description.extents import half_extents
from microcell.description.loader import load_line
from microcell.description.product import Part
from microcell.geometry import Pose, from_rpy
from microcell.plant.chance import dirt, edge_flaw, scratch
from microcell.plant.physics import LABEL_SLIP_M
from microcell.plant.render import Light
from microcell.plant.scene import EdgeFlaw, Flaw, SceneItem
from microcell.plant.surroundings import surroundings
from microcell.vision.requests import CheckRequest, Locate

STATION = "fixture_1"
DEFECT_RATIO = 0.2
MISSING_RATIO = 0.15
MIXED, GOOD = "mixed", "good"
KINDS = {
    "open": ("missing", "wrong", "displaced", "scratched", "dirty", "short shot", "burr"),
    "closed": (
        "missing", "wrong", "rotated", "scratched", "dirty", "short shot", "burr", "shifted label", "unreadable label",
        "foreign label",
    ),
}  # fmt: skip
"""Every kind of defect that an inspection of the valve is to find."""


@dataclass(frozen=True)
class Scene:
    """A unit as it truly is, and what is asked of its image."""

    items: tuple[SceneItem, ...]
    requests: tuple[CheckRequest, ...]
    checks: tuple[Check, ...]
    light: Light


class Scenes:
    """Random scenes of the valve line."""

    def __init__(self, seed: int) -> None:
        self.line = load_line("valve")
        self.product = self.line.product_description
        self.camera = self.line.cell_description.devices["camera_1"]
        self.tray_camera = self.line.cell_description.devices["camera_trays"]
        self.seat = self.line.cell_description.devices[STATION].seat_in_cell.pose
        self.random = Random(f"{seed}:scenes")
        self.noise = np.random.default_rng(seed)
        self.around = surroundings(self.line)
        self._defect = MIXED

    def unit(self, inspection: str, defect: str = MIXED, contrast: float | None = None) -> Scene:
        """A unit in the fixture: good, with one defect, or each of its features defective in about a third of the cases."""
        self._defect = defect
        variant = self.random.choice(list(self.product.variants))
        serial = f"{self.product.serial_prefix}-{self.random.randrange(10**6):06d}"
        checks = self.product.inspections[inspection].checks
        requests = tuple(
            CheckRequest(name, check.kind, STATION, check.site, *self._nominal(check.site, variant), serial)
            for name, check in checks.items()
        )
        sites = [site for site in self.product.sites if inspection == "closed" or site in ("body_seat", "membrane_seat")]
        items = self._unit(sites, variant, serial, contrast)
        tint = tuple(self.random.uniform(0.97, 1.03) for _ in range(3))
        light = Light(self.random.uniform(0.8, 1.1), tint)
        return Scene(items, requests, tuple(checks.values()), light)

    def tray(self) -> tuple[list[SceneItem], list[Locate]]:
        """A full tray: the true items, and for each the request that looks for it."""
        name = self.random.choice(["tray_1", "tray_2", "tray_3"])
        spec = self.line.cell_description.devices[name]
        part_name = self.line.feeders[name].part
        part = self.product.parts[part_name]
        items, requests = [], []
        for number in range(spec.columns * spec.rows):
            row, column = divmod(number, spec.columns)
            nominal = spec.part_in_cell.pose @ Pose((column * spec.pitch_m, row * spec.pitch_m, 0.0))
            true = self._scattered(nominal, spec.scatter_m, spec.scatter_rad)
            items.append(SceneItem(number, part_name, part, true, name))
            requests.append(Locate(name, part, nominal, 0.4 * spec.pitch_m))
        return items, requests

    def _nominal(self, site: str, variant: str) -> tuple[Part, Pose]:
        place = self.product.sites[site]
        part = self.product.parts[self.product.part_of(place.item, variant)]
        return part, self.seat @ place.part_in_unit.pose

    def _unit(self, sites: Sequence[str], variant: str, serial: str, contrast: float | None) -> tuple[SceneItem, ...]:
        unit_in_cell = self._scattered(self.seat, 0.0001, 0.01)
        inspected = "cap" if "cap_seat" in sites else "body"
        lost = self._lost(sites)
        items = []
        for number, site in enumerate(sites):
            item = self.product.sites[site].item
            if site in lost:
                continue
            name = self._part_name(item, variant, sites)
            part = self.product.parts[name]
            flaws = self._flaws(part) if item == ("cap" if inspected == "cap" else "membrane") else ()
            edges = self._edges() if item == inspected else ()
            code = self._code(serial, contrast) if item == "label" else ("", 1.0)
            pose = self._pose(site, unit_in_cell)
            items.append(SceneItem(number, name, part, pose, STATION, site, flaws, *code, edges))
        return tuple(items)

    def _lost(self, sites: Sequence[str]) -> set[str]:
        """Sites whose part is missing: a screw or membrane."""
        could = [site for site in sites if self.product.sites[site].item in ("screw", "membrane")]
        if self._defect == MIXED:
            return {site for site in could if self.random.random() < MISSING_RATIO}
        screws = [site for site in could if site != "membrane_seat"]
        return {self.random.choice(screws or could)} if self._defect == "missing" else set()

    def _part_name(self, item: str, variant: str, sites: Sequence[str]) -> str:
        """The variant's part for an item, or another variant's."""
        looked_at = item == "cap" or (item == "membrane" and (self._defect == MIXED or "cap_seat" not in sites))
        if looked_at and self._has("wrong"):
            variant = self.random.choice([other for other in self.product.variants if other != variant])
        return self.product.part_of(item, variant)

    def _pose(self, site: str, unit_in_cell: Pose) -> Pose:
        """A pose a little beside the nominal one, with a cap turned wrongly, a membrane or label beside its place."""
        place = self.product.sites[site]
        pose = self._scattered(unit_in_cell @ place.part_in_unit.pose, 0.00005, 0.02)
        if place.item == "membrane" and self._has("displaced"):
            # Beyond its clearance a membrane does not go in: it lies on the body.
            pose = self._moved(pose, 0.0007, 0.002).shifted(dz=place.fit.depth_m)
        if place.item == "label" and self._has("shifted label"):
            pose = self._moved(pose, *LABEL_SLIP_M)
        if place.item == "cap" and self._has("rotated"):
            turn = self.random.choice((math.pi / 2, -math.pi / 2, math.pi))
            pose = pose @ Pose(orientation=from_rpy(0.0, 0.0, turn))
        return pose

    def _moved(self, pose: Pose, least_m: float, most_m: float) -> Pose:
        angle, offset = self.random.uniform(0, 2 * math.pi), self.random.uniform(least_m, most_m)
        return pose.shifted(offset * math.cos(angle), offset * math.sin(angle))

    def _code(self, serial: str, contrast: float | None) -> tuple[str, float]:
        """Content and contrast of a label: right, or blank, or another unit's."""
        if contrast is not None:
            return serial, contrast
        if self._has("unreadable label"):
            return serial, 0.0
        return (serial[:-1] + "X", 1.0) if self._has("foreign label") else (serial, 1.0)

    def _flaws(self, part: Part) -> tuple[Flaw, ...]:
        """Scratch or dirt as the plant makes it; in mixed scenes scratches of all lengths."""
        found = []
        if self._has("scratched"):
            found.append(self._scratch(part) if self._defect == MIXED else scratch(part, self.random))
        if self._has("dirty"):
            found.append(dirt(part, self.random))
        return tuple(found[:1])

    def _edges(self) -> tuple[EdgeFlaw, ...]:
        kinds = {"short shot": "short", "burr": "burr"}
        return tuple(edge_flaw(kind, self.random) for name, kind in kinds.items() if self._has(name))[:1]

    def _scratch(self, part: Part) -> Flaw:
        """A scratch where neither label nor screws nor marks hide a part of it."""
        size = half_extents(part)[0] / 0.02
        length = size * self.random.uniform(0.001, 0.010)
        x, y = -length / 2, size * self.random.choice((-1, 1)) * self.random.uniform(0.0085, 0.013)
        rise = self.random.uniform(-0.2, 0.2) * length
        shade = 0 if sum(part.colour_rgb) > 384 else 255
        colour = tuple((channel + shade) // 2 for channel in part.colour_rgb)
        end = (x + math.sqrt(length**2 - rise**2), y + rise)
        return Flaw((x, y), end, self.random.uniform(0.0003, 0.0008), colour)

    def _scattered(self, pose: Pose, sd_m: float, sd_rad: float) -> Pose:
        gauss = self.random.gauss
        turn = Pose(orientation=from_rpy(0.0, 0.0, gauss(0.0, sd_rad)))
        return pose.shifted(gauss(0.0, sd_m), gauss(0.0, sd_m)) @ turn

    def _has(self, kind: str) -> bool:
        if self._defect == MIXED:
            return self.random.random() < DEFECT_RATIO
        return self._defect == kind
