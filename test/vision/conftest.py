"""A small set of parts under one camera, with images of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from microcell.description.base import PoseSpec
from microcell.description.cell import CameraSpec
from microcell.description.product import Box, Cylinder, Grasp, Mark, Part, Screw
from microcell.geometry import Pose, from_rpy
from microcell.plant.render import Light, render
from microcell.plant.scene import SceneItem
from microcell.vision.requests import CheckRequest

SEAT = Pose((0.5, -0.1, 0.03))
GRASP = Grasp(capability="grip", tcp_in_part=PoseSpec(xyz_m=(0.0, 0.0, 0.0015)))


class Stage:
    """Parts, a camera over them, and how to lay out, photograph and ask for them."""

    def __init__(self) -> None:
        self.camera = CameraSpec(
            kind="camera",
            lens_in_cell=PoseSpec(xyz_m=(0.502, -0.101, 1.03)),
            width_px=960,
            height_px=720,
            focal_px=11000.0,
            sees=("fixture",),
        )
        notch = Mark(at_m=(0.0165, 0.0), length_m=0.004, width_m=0.002, colour_rgb=(40, 40, 44))
        self.cap = self.part(Cylinder(kind="cylinder", diameter_m=0.04, height_m=0.005), (70, 120, 200), (notch,))
        self.white_cap = self.cap.model_copy(update={"colour_rgb": (236, 236, 230)})
        self.disc = self.part(Cylinder(kind="cylinder", diameter_m=0.024, height_m=0.0012), (226, 132, 150))
        self.ring = self.part(Cylinder(kind="cylinder", diameter_m=0.04, height_m=0.02, bore_m=0.0246), (206, 208, 212))
        self.plate = self.part(Box(kind="box", length_m=0.03, width_m=0.018, height_m=0.004), (200, 160, 40))
        self.label = self.part(Box(kind="box", length_m=0.011, width_m=0.011, height_m=0.0001), (250, 250, 246))
        self.screw = self.part(Screw(kind="screw", head_diameter_m=0.0045, length_m=0.006, pitch_m=0.00045), (150, 152, 158))

    @staticmethod
    def part(shape: Any, colour: tuple[int, int, int], marks: tuple[Mark, ...] = ()) -> Part:
        return Part(shape=shape, mass_kg=0.01, colour_rgb=colour, marks=marks, grasp=GRASP)

    @staticmethod
    def at(x_m: float = 0.0, y_m: float = 0.0, z_m: float = 0.0, yaw_rad: float = 0.0) -> Pose:
        """A pose beside the seat."""
        return SEAT @ Pose((x_m, y_m, z_m), from_rpy(0.0, 0.0, yaw_rad))

    @staticmethod
    def item(part: Part, pose: Pose, site: str = "site", **details: Any) -> SceneItem:
        return SceneItem(1, "part", part, pose, "fixture", site, **details)

    def photo(self, items: Sequence[SceneItem], light: Light | None = None) -> np.ndarray:
        return render(items, self.camera, light or Light(), np.random.default_rng(5))

    @staticmethod
    def ask(kind: Any, part: Part, pose: Pose = SEAT, site: str = "site", text: str = "") -> CheckRequest:
        return CheckRequest(f"{site}_{kind}", kind, "fixture", site, part, pose, text)

    def closed(self, cap: Part, **cap_details: Any) -> list[SceneItem]:
        """A cap with four screws and a label on it."""
        screws = [self.item(self.screw, pose, f"screw_{n}") for n, pose in enumerate(self.screw_poses())]
        label = self.item(self.label, self.at(z_m=0.005), "label", content="VLV-000123")
        return [self.item(cap, SEAT, "cap", **cap_details), *screws, label]

    def screw_poses(self) -> list[Pose]:
        turns = [math.pi / 4 + n * math.pi / 2 for n in range(4)]
        return [self.at(0.016 * math.cos(turn), 0.016 * math.sin(turn), 0.005) for turn in turns]

    def closed_checks(self, cap: Part, text: str = "VLV-000123") -> list[CheckRequest]:
        screws = [self.ask("presence", self.screw, pose, f"screw_{n}") for n, pose in enumerate(self.screw_poses())]
        label = self.ask("code", self.label, self.at(z_m=0.005), "label", text)
        kinds = ("presence", "position", "colour", "orientation", "surface")
        return [*(self.ask(kind, cap, SEAT, "cap") for kind in kinds), *screws, label]


@pytest.fixture(scope="session")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def turned() -> Callable[[SceneItem, float], SceneItem]:
    """An item turned about its own axis."""

    def turn(item: SceneItem, yaw_rad: float) -> SceneItem:
        return replace(item, part_in_cell=item.part_in_cell @ Pose(orientation=from_rpy(0.0, 0.0, yaw_rad)))

    return turn
