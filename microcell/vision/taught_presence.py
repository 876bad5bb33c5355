"""Tell whether something is at each of some places, taught from one photo with all of it and one with none.

What decides is how edges run around the place, not their brightness or colour, so that light, shade and the item's own
reflections do not matter. The direction of an edge is kept as a double angle, which is the same from dark to bright and
back. For an item that may be turned in any way, only its average over all turns is kept: one radial profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.checks import TaughtPresence
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.vision.registration import grey
from microcell.vision.results import CheckResult, Finding, Verdict, decide

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

WORK_RADIUS_PX = 28
"""The item's radius, with its surroundings, in the reduced image that is worked on."""

_SMOOTH_PX = 1.8
_GATE = 0.05
"""Relative change of brightness per pixel that counts half as an edge: below lies noise and the grain of the ground."""

_LEAST_ENERGY = 0.1
_TURNS = 64

Arrays = dict[str, "npt.NDArray[Any]"]


@dataclass(frozen=True)
class Likeness:
    """How like a place is to the photo with the item and to the one without (-1 to 1), and where it is best, px."""

    full: float
    empty: float
    full_px: tuple[float, float]
    empty_px: tuple[float, float]

    @property
    def difference(self) -> float:
        """Positive where the item is there."""
        return self.full - self.empty


@dataclass(frozen=True)
class PresenceModel:
    """Templates of edge direction by place, (2, d, d) each, with the item and without."""

    options: TaughtPresence
    full: Mapping[str, Floats]
    empty: Mapping[str, Floats]

    def likenesses(self, image: npt.NDArray[Any]) -> dict[str, Likeness]:
        """Compare each place that lies in the image with both photos."""
        factor = _factor(self.options)
        edges = _edges(image, factor)
        found = {}
        for name in self._places_in(image):
            window, corner = _window(edges, self.options.places_px[name], factor)
            energy = _energy(window)
            (full, full_px), (empty, empty_px) = (
                _best(window, energy, template[name], corner, factor) for template in (self.full, self.empty)
            )
            found[name] = Likeness(full, empty, full_px, empty_px)
        return found

    def check(self, image: npt.NDArray[Any], name: str = "taught_presence") -> CheckResult:
        """Judge one image: every place has the item. A place that is not in the image tells nothing."""
        found = self.likenesses(image)
        guard = self.options.guard_ratio
        measured = tuple(Measurement(f"{name}.{place}", like.difference, "1", 0.0) for place, like in found.items())
        missing = tuple(self._finding(like) for like in found.values() if like.difference <= 0.0)
        worst = min((like.difference for like in found.values()), default=math.nan)
        verdict: Verdict = decide(worst, guard, self.options.on_fail)
        if verdict == "accept" and len(found) < len(self.options.places_px):
            verdict = "uncertain"
        note = self._unsure(found, image) if verdict == "uncertain" else ""
        return CheckResult(name, "taught_presence", verdict, measured, missing, note)

    def _places_in(self, image: npt.NDArray[Any]) -> list[str]:
        return [name for name, box in self.options.places_px.items() if _is_in(box, image)]

    def _unsure(self, found: Mapping[str, Likeness], image: npt.NDArray[Any]) -> str:
        """Why a verdict is uncertain."""
        alike = [place for place, like in found.items() if abs(like.difference) < self.options.guard_ratio]
        hidden = [place for place in self.options.places_px if place not in found]
        size = f"{image.shape[1]} x {image.shape[0]}"
        notes = ((f"not in the image of {size}", hidden), ("as like with as without the item", alike))
        return "; ".join(f"{what}: {', '.join(places)}" for what, places in notes if places)

    def _finding(self, like: Likeness) -> Finding:
        (x, y), radius = like.empty_px, self.options.item_px / 2.0
        box = (x - radius, y - radius, x + radius, y + radius)
        return Finding("missing", box, 4.0 * radius * radius, -like.difference, min(1.0, 0.5 - 2.5 * like.difference))

    def arrays(self) -> Arrays:
        """For a model file."""
        sets = (("full", self.full), ("empty", self.empty))
        return {f"{which}_{place}": values for which, templates in sets for place, values in templates.items()}

    @classmethod
    def of_arrays(cls, options: TaughtPresence, arrays: Mapping[str, npt.NDArray[Any]]) -> PresenceModel:
        full, empty = ({place: arrays[f"{which}_{place}"] for place in options.places_px} for which in ("full", "empty"))
        return cls(options, full, empty)


def teach(full: npt.NDArray[Any], empty: npt.NDArray[Any], options: TaughtPresence, where: str = "teach") -> PresenceModel:
    """Learn from one photo with the item in every place and one with it in none."""
    for image in (full, empty):
        for place, box in options.places_px.items():
            if not _is_in(box, image):
                detail = f"place '{place}' {box} is not in a photo of {image.shape[1]} x {image.shape[0]}"
                raise FaultError("INSPECTION_NOT_CONFIGURED", where, detail)
    return PresenceModel(options, _templates(full, options), _templates(empty, options))


def _templates(image: npt.NDArray[Any], options: TaughtPresence) -> dict[str, Floats]:
    """One template for each place; the mean of all where the same item belongs in every place."""
    factor = _factor(options)
    edges = _edges(image, factor)
    found = {}
    for place, box in options.places_px.items():
        centre = _centre(edges, box, factor)
        found[place] = _radial(_profile(edges, centre)) if options.turning else _patch(edges, centre)
    if not options.alike:
        return found
    mean = np.mean(list(found.values()), axis=0).astype(np.float32)
    return dict.fromkeys(found, mean)


def _is_in(box: tuple[int, int, int, int], image: npt.NDArray[Any]) -> bool:
    x1, y1, x2, y2 = box
    return 0 <= x1 < x2 <= image.shape[1] and 0 <= y1 < y2 <= image.shape[0]


def _factor(options: TaughtPresence) -> float:
    return max(1.0, options.item_px / WORK_RADIUS_PX)


def _radius(template: Floats) -> int:
    return template.shape[1] // 2


def _edges(image: npt.NDArray[Any], factor: float) -> Floats:
    """(2, h, w): direction of edges as (cos, sin) of the double angle, its length between 0 and 1."""
    channels = [grey(image)] if image.ndim == 2 else [grey(image[..., k]) for k in range(3)]
    size = (round(channels[0].shape[1] / factor), round(channels[0].shape[0] / factor))
    cosine = sine = energy = np.zeros(size[::-1], np.float32)
    for channel in channels:
        small = cv2.resize(channel, size, interpolation=cv2.INTER_AREA) if factor > 1.0 else channel
        log = cv2.log(cv2.GaussianBlur(small, (0, 0), _SMOOTH_PX) + 8.0)
        x, y = (cv2.Scharr(log, cv2.CV_32F, *axes, scale=1.0 / 32.0) for axes in ((1, 0), (0, 1)))
        xx, yy = x * x, y * y
        cosine, sine, energy = cosine + xx - yy, sine + 2.0 * x * y, energy + xx + yy
    weight = 1.0 / (energy + _GATE**2)
    return np.stack((cosine * weight, sine * weight))


def _window(edges: Floats, box: tuple[int, int, int, int], factor: float) -> tuple[Floats, tuple[int, int]]:
    """The box with a template's radius around it, nothing outside of the image; and the box's corner."""
    x1, y1, x2, y2 = (int(side / factor) for side in box)
    r = WORK_RADIUS_PX
    padded = np.pad(edges, ((0, 0), (r, r), (r, r)))
    return np.ascontiguousarray(padded[:, y1 : y2 + 2 * r, x1 : x2 + 2 * r]), (x1, y1)


def _energy(window: Floats) -> Floats:
    """Edge energy under the template at each place of it."""
    r = WORK_RADIUS_PX
    disc = _distance(r) <= r
    energy = cv2.matchTemplate((window * window).sum(axis=0), disc.astype(np.float32), cv2.TM_CCORR)
    return np.maximum(energy, _LEAST_ENERGY * float(disc.sum()))


def _best(
    window: Floats, energy: Floats, template: Floats, corner: tuple[int, int], factor: float
) -> tuple[float, tuple[float, float]]:
    """The greatest likeness in a window and where it is, in the image's pixels."""
    product = sum(cv2.matchTemplate(window[k], template[k], cv2.TM_CCORR) for k in (0, 1))
    _, best, _, (x, y) = cv2.minMaxLoc(product / np.sqrt(energy * float((template**2).sum()) + 1e-6))
    return best, ((x + corner[0] + 0.5) * factor - 0.5, (y + corner[1] + 0.5) * factor - 0.5)


def _distance(radius: int) -> Floats:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
    return np.hypot(x, y)


def _centre(edges: Floats, box: tuple[int, int, int, int], factor: float) -> tuple[float, float]:
    """The most nearly round thing in a box: where edges run around, or away from, a point most consistently."""
    x1, y1, x2, y2 = (int(side / factor) for side in box)
    candidates = [(x, y) for y in range(y1, y2, 4) for x in range(x1, x2, 4)]
    for step in (2, 1):
        best = max(candidates, key=lambda point: _roundness(edges, point))
        candidates = [(best[0] + i * step, best[1] + j * step) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return max(candidates, key=lambda point: _roundness(edges, point))


def _roundness(edges: Floats, centre: tuple[float, float]) -> float:
    profile = _profile(edges, centre)
    return float((np.arange(len(profile)) * profile**2).sum())


def _profile(edges: Floats, centre: tuple[float, float]) -> Floats:
    """How far edges run around (-) or away from (+) a point, by distance from it."""
    turns = np.arange(_TURNS) * (2.0 * np.pi / _TURNS)
    radii = np.arange(WORK_RADIUS_PX + 1)[:, None]
    x = (centre[0] + radii * np.cos(turns)).astype(np.float32)
    y = (centre[1] + radii * np.sin(turns)).astype(np.float32)
    cosine, sine = (cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) for layer in edges)
    return (cosine * np.cos(2.0 * turns) + sine * np.sin(2.0 * turns)).mean(axis=1).astype(np.float32)


def _radial(profile: Floats) -> Floats:
    """The template of a profile: the same in every turn."""
    r = len(profile) - 1
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    distance, turn = np.hypot(x, y), np.arctan2(y, x)
    strength = np.interp(distance, np.arange(r + 1), profile) * (distance <= r)
    return np.stack((strength * np.cos(2.0 * turn), strength * np.sin(2.0 * turn))).astype(np.float32)


def _patch(edges: Floats, centre: tuple[float, float]) -> Floats:
    """The template of what is seen around a point, in its own turn."""
    r = WORK_RADIUS_PX
    layers = [cv2.getRectSubPix(layer, (2 * r + 1, 2 * r + 1), centre) for layer in edges]
    return np.stack(layers) * (_distance(r) <= r)
