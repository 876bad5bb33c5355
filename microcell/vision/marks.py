"""How a part is turned, by the marks on its top."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from microcell.description.extents import half_extents, turns_of
from microcell.description.product import Mark, Part
from microcell.geometry import Pose
from microcell.vision.outline import face, turns_rad
from microcell.vision.view import View

if TYPE_CHECKING:
    from microcell.vision.optics import Floats

MIN_CONTRAST = 0.1
"""Least mean visibility of the marks at the best turn; 1 = every mark in its own colour on the part's own."""

_COARSE_RAD = math.radians(2.0)
_FINE_TURNS = 81


def turn(view: View, part: Part, pose: Pose, sides_rad: float | None = None) -> float | None:
    """Angle about the part's axis from `pose` to where the marks are seen, of those that look alike the least.

    `sides_rad` is a box's turn from `pose` as its sides tell it: then only those turns are possible in which they lie so.
    None where the marks are not seen, or tell no turn. A mark is compared with what surrounds it, so that a screw head over
    a hole counts neither way.
    """
    if turns_of(part) == 0:
        return None
    step, symmetry = 2.0 * math.pi / turns_of(part), turns_rad(part)
    if sides_rad is not None and symmetry is not None:
        possible = math.remainder(sides_rad, symmetry) + symmetry * np.arange(round(step / symmetry))
        found = _best(view, part, pose, possible) if len(possible) > 1 else float(possible[0])
        return None if found is None else math.remainder(found, step)
    # Turns within half a step of the given pose: those beyond look like one of them.
    rough = _best(view, part, pose, np.arange(-step / 2.0, step / 2.0, _COARSE_RAD))
    return None if rough is None else math.remainder(_finely(view, part, pose, rough), step)


def _best(view: View, part: Part, pose: Pose, angles_rad: Floats) -> float | None:
    """The turn in which the marks are seen best; None where they are not."""
    scores = _visibility(view, part, pose, angles_rad).mean(axis=0)
    best = int(np.argmax(scores))
    return float(angles_rad[best]) if scores[best] >= MIN_CONTRAST else None


def _finely(view: View, part: Part, pose: Pose, rough_rad: float) -> float:
    """The middle of the turns near a rough one in which the marks are seen."""
    fine = rough_rad + np.linspace(-1.0, 1.0, _FINE_TURNS) * _window_rad(part)
    by_mark = _visibility(view, part, pose, fine)
    best_of_mark = by_mark.max(axis=1)
    around = by_mark[best_of_mark > 0.5 * best_of_mark.max()].mean(axis=0)
    weights = np.clip(around - 0.6 * around.max(), 0.0, None)
    return float(np.sum(weights * fine) / np.sum(weights))


def visibility_at_best_turn(view: View, part: Part, pose: Pose) -> float:
    """How well the part's marks are seen, on the mean, in the turn in which they are seen best; 1 = wholly."""
    return float(_visibility(view, part, pose, np.arange(-90, 90) * _COARSE_RAD).mean(axis=0).max())


def _window_rad(part: Part) -> float:
    """Half a range of turns that takes every mark wholly past where it is seen."""
    return min(max(_half_angle_rad(mark) for mark in part.marks) * 1.5, math.pi / 4)


def _half_angle_rad(mark: Mark) -> float:
    """Half the angle that a mark takes up, seen from the part's axis."""
    half_m = math.hypot(mark.length_m, mark.width_m or mark.length_m) / 2
    return half_m / max(math.hypot(*mark.at_m), 1e-6)


def _visibility(view: View, part: Part, pose: Pose, angles_rad: Floats) -> Floats:
    """Visibility of each of the part's m marks for each of (n,) turns: (m, n)."""
    own = view.typical(view.on_top(part, pose, face(part)))
    rows = []
    if not np.isfinite(own).all():
        return np.zeros((len(part.marks), len(angles_rad)))
    for mark in part.marks:
        inside, around = _samples(mark, part)
        axis = view.as_seen(mark.colour_rgb) - own
        samples = _turned(view, part, pose, np.concatenate((inside, around)), angles_rad)
        ink = np.clip((samples - own) @ axis / max(float(axis @ axis), 1.0), 0.0, 1.0)
        rows.append(ink[:, : len(inside)].mean(axis=1) - ink[:, len(inside) :].mean(axis=1))
    return np.stack(rows)


def _turned(view: View, part: Part, pose: Pose, points_m: Floats, angles_rad: Floats) -> Floats:
    """Pixel values at points of the part's top, turned by each of the angles: (angles, points, 3)."""
    cos, sin = np.cos(angles_rad)[:, None], np.sin(angles_rad)[:, None]
    x, y = points_m.T
    turned = np.stack((x * cos - y * sin, x * sin + y * cos), axis=2)
    return view.raw(view.on_top(part, pose, turned.reshape(-1, 2)).reshape(*turned.shape)).astype(float)


def _samples(mark: Mark, part: Part) -> tuple[Floats, Floats]:
    """Points inside of a mark and around it, on the part's top."""
    return _sample_points(mark.at_m, mark.length_m, mark.width_m, half_extents(part), part.shape.kind == "box")


@lru_cache(maxsize=64)
def _sample_points(
    at_m: tuple[float, float], length_m: float, width_m: float, half_m: tuple[float, float], is_box: bool
) -> tuple[Floats, Floats]:
    a, b = length_m / 2, (width_m or length_m) / 2
    grid = np.linspace(-0.8, 0.8, 4)
    inside = np.stack([axis.ravel() for axis in np.meshgrid(a * grid, b * grid)], axis=1)
    if width_m == 0:
        inside *= 0.8
    angle = np.linspace(0, 2 * math.pi, 20, endpoint=False)
    gap = 0.5 * min(a, b)
    ring = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    if width_m > 0:
        ring = np.clip(1.5 * ring, -1.0, 1.0)
    around = ring * (a + gap, b + gap) + at_m
    on_part = np.all(np.abs(around) < half_m, axis=1) if is_box else np.hypot(*around.T) < 0.97 * half_m[0]
    return inside + at_m, around[on_part] if on_part.any() else around
