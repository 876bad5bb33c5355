"""Render what a camera sees, from where things truly are: rays into the cell's geometry, light, lens, and sensor.

On purpose it shares no code with `microcell.vision`: an error in either then shows when the two are compared
(`bench/vision.py`). What is not in the picture: the arms, and light that goes from one thing to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from microcell.description.cell import CameraSpec
from microcell.motion.scene import Solid
from microcell.plant.render_sensor import charge, develop
from microcell.plant.render_shot import Shot
from microcell.plant.render_stage import Stage, stage_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.plant.render_sensor import Charge
    from microcell.plant.scene import SceneItem

    Image = npt.NDArray[np.uint8]
    Depth = npt.NDArray[np.float32]

__all__ = ["Light", "Photo", "photograph", "render"]


@dataclass(frozen=True)
class Light:
    """Exposure and light of one shot.

    `level` is 1 at the exposure that the light is set up for, and proportional to light and exposure time;
    `tint_rgb` the relative level of each channel; `blur_px` the standard deviation of the lens' point
    spread.
    """

    level: float = 1.0
    tint_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_px: float = 0.6


@dataclass(frozen=True)
class Photo:
    """Pixels, (height, width, 3) uint8 RGB, and depth along the optical axis, (height, width) float32 m, where the camera
    has it: NaN where nothing is seen.
    """

    pixels: Image
    depth_m: Depth | None


def photograph(
    items: Sequence[SceneItem],
    camera: CameraSpec,
    light: Light,
    rng: np.random.Generator,
    around: tuple[Solid, ...] = (),
) -> Photo:
    """What a camera makes of things on the bench, among the solids of the stations around them.

    The camera looks down its frame's -z axis; the image's x axis is the frame's x, y its negative y. The same items,
    light and generator give the same photo.
    """
    stage = stage_of(camera, around)
    roots, depth = _exposed(stage, tuple(items), light.blur_px)
    red, green, blue = (light.level * tint for tint in light.tint_rgb)
    pixels = develop(roots, (red, green, blue), camera.noise_ratio, rng)
    return Photo(pixels, _measured(depth, camera.depth_noise_m, rng) if camera.depth else None)


def render(
    items: Sequence[SceneItem],
    camera: CameraSpec,
    light: Light,
    rng: np.random.Generator,
    around: tuple[Solid, ...] = (),
) -> Image:
    """The pixels of a photograph, (height, width, 3) uint8 RGB."""
    return photograph(items, camera, light, rng, around).pixels


@lru_cache(maxsize=4)
def _exposed(stage: Stage, items: tuple[SceneItem, ...], blur_px: float) -> tuple[Charge, Depth]:
    """What falls on the sensor at the right exposure, without noise, and the depth; for the last few scenes."""
    shot = Shot(stage, items)
    light = shot.light
    if blur_px > 0:
        light = cv2.GaussianBlur(light, (0, 0), blur_px)
    return charge(light), shot.depth_m


def _measured(depth_m: Depth, noise_m: float, rng: np.random.Generator) -> Depth:
    noise = np.float32(noise_m) * rng.standard_normal(depth_m.shape, dtype=np.float32)
    return np.where(np.isfinite(depth_m), depth_m + noise, np.float32(np.nan)).astype(np.float32)
