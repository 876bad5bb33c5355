"""Random scenes of the valve line for `bench/vision.py`: what truly is, and what is asked of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from microcell.description.checks import Check
from microcell.description.loader import load_line
from microcell.description.product import Part
from microcell.geometry import Pose, from_rpy
from microcell.plant.render import Light
from microcell.plant.scene import Flaw, SceneItem
from microcell.vision.requests import CheckRequest, Locate

STATION = "fixture_1"
DEFECT_RATIO = 0.3
MISSING_RATIO = 0.15


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

    def unit(self, inspection: str, contrast: float | None = None) -> Scene:
        """A unit in the fixture, each feature of it defective in about a third of the cases."""
        variant = self.random.choice(list(self.product.variants))
        serial = f"{self.product.serial_prefix}-{self.random.randrange(10**6):06d}"
        checks = self.product.inspections[inspection].checks
        requests = tuple(
            CheckRequest(name, check.kind, STATION, check.site, *self._nominal(check.site, variant), serial)
            for name, check in checks.items()
        )
        sites = [
            site
            for site in self.product.sites
            if inspection == "closed" or site in ("body_seat", "membrane_seat")
        ]
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

    def _unit(
        self, sites: Sequence[str], variant: str, serial: str, contrast: float | None
    ) -> tuple[SceneItem, ...]:
        unit_in_cell = self._scattered(self.seat, 0.0001, 0.01)
        items = []
        for number, site in enumerate(sites):
            item = self.product.sites[site].item
            if item in ("screw", "membrane") and self._happens(MISSING_RATIO):
                continue
            name = self._part_name(item, variant)
            part = self.product.parts[name]
            flaws = (self._flaw(part),) if item == "cap" and self._happens() else ()
            code = self._code(serial, contrast) if item == "label" else ("", 1.0)
            pose = self._pose(site, unit_in_cell)
            items.append(SceneItem(number, name, part, pose, STATION, site, flaws, *code))
        return tuple(items)

    def _part_name(self, item: str, variant: str) -> str:
        """The variant's part for an item, or another variant's."""
        if item in ("cap", "membrane") and self._happens():
            variant = self.random.choice([other for other in self.product.variants if other != variant])
        return self.product.part_of(item, variant)

    def _pose(self, site: str, unit_in_cell: Pose) -> Pose:
        """A pose a little beside the nominal one, with a cap turned wrongly or a membrane beside its seat."""
        place = self.product.sites[site]
        pose = self._scattered(unit_in_cell @ place.part_in_unit.pose, 0.00005, 0.02)
        if place.item == "membrane" and self._happens():
            angle, offset = self.random.uniform(0, 2 * math.pi), self.random.uniform(0.0007, 0.002)
            # Beyond its clearance a membrane does not go in: it lies on the body.
            pose = pose.shifted(offset * math.cos(angle), offset * math.sin(angle), place.fit.depth_m)
        if place.item == "cap" and self._happens():
            turn = self.random.choice((math.pi / 2, -math.pi / 2, math.pi))
            pose = pose @ Pose(orientation=from_rpy(0.0, 0.0, turn))
        return pose

    def _code(self, serial: str, contrast: float | None) -> tuple[str, float]:
        """Content and contrast of a label: right, or blank, or another unit's."""
        if contrast is not None or not self._happens():
            return serial, 1.0 if contrast is None else contrast
        return self.random.choice(((serial, 0.0), (serial[:-1] + "X", 1.0)))

    def _flaw(self, part: Part) -> Flaw:
        """A scratch where neither label nor screws nor marks hide a part of it."""
        length = self.random.uniform(0.001, 0.010)
        x, y = -length / 2, self.random.choice((-1, 1)) * self.random.uniform(0.0085, 0.013)
        rise = self.random.uniform(-0.2, 0.2) * length
        shade = 0 if sum(part.colour_rgb) > 384 else 255
        colour = tuple((channel + shade) // 2 for channel in part.colour_rgb)
        end = (x + math.sqrt(length**2 - rise**2), y + rise)
        return Flaw((x, y), end, self.random.uniform(0.0003, 0.0008), colour)

    def _scattered(self, pose: Pose, sd_m: float, sd_rad: float) -> Pose:
        gauss = self.random.gauss
        turn = Pose(orientation=from_rpy(0.0, 0.0, gauss(0.0, sd_rad)))
        return pose.shifted(gauss(0.0, sd_m), gauss(0.0, sd_m)) @ turn

    def _happens(self, ratio: float = DEFECT_RATIO) -> bool:
        return self.random.random() < ratio
