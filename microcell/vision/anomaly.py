"""Find what good parts do not show, from photos of good parts alone.

A part is laid over the golden image (rigid, then, for a flexible part, by a smooth displacement). Its colours in small
cells are compared with those of every golden part near the same place, in both directions: what is there and should not
be, and what should be there and is not. How far the part had to be stretched is compared likewise. Each distance is
divided by what the golden parts themselves show at that place, so that a printed eye may vary and an edge may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.checks import Anomaly
from microcell.vision.flexing import Flexer, strain
from microcell.vision.registration import Reach, Registrar, Registration

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]

LAYERS = ("unexpected", "missing", "deformed")
"""What a score map's three layers say of a place."""

NOT_ALIGNED = 99.0
"""Score of an image in which the part is not found at all."""

_LAB_WEIGHTS = np.array([0.5, 1.0, 1.0], np.float32)
_STRUCTURE_LEVELS = 100.0
_GROUND_DELTA = 12.0
"""Cells whose colour differs less from that of the image's border show the ground."""

_FLOORS = (6.0, 6.0, 0.06)
"""Least distance that counts: CIE 1976 colour difference twice, then strain."""

_TOLERANCES = 2.0
"""How many times the golden parts' own deviation is added to the floor."""


@dataclass(frozen=True)
class Scored:
    """How far a part differs: (3, h, w) in units of what the golden parts permit, by cell; see LAYERS."""

    maps: Floats
    registration: Registration

    @property
    def score(self) -> float:
        return float(self.maps.max()) if self.registration.found else NOT_ALIGNED


@dataclass(frozen=True)
class Features:
    """A part laid over the golden image: colours (h, w, channels) and strain (h, w), by cell."""

    colours: Floats
    strain: Floats
    registration: Registration


class Aligner:
    """Lays images over a reference and measures them by cell; all in a working size."""

    def __init__(self, axis: Floats, reference: Floats, options: Anomaly) -> None:
        self.axis, self.reference, self.options = axis, reference, options
        reach = Reach(options.max_shift_ratio, options.max_angle_rad, options.max_scale_ratio, options.min_quality_ratio)
        self._registrar = Registrar(reference, reach)

    @cached_property
    def _flexer(self) -> Flexer:
        smooth_px = self.options.stiffness_ratio * max(self.reference.shape)
        return Flexer(_bytes(self.reference), smooth_px)

    def colours(self, image: npt.NDArray[Any]) -> Floats:
        """An image in working size, CIE Lab."""
        return working_lab(image, self.options.work_px)

    def structure(self, lab: Floats) -> Floats:
        """The colours' strongest axis, in levels of about 0 to 255."""
        return structure_of(lab, self.axis)

    def register(self, lab: Floats) -> Registration:
        return self._registrar.register(self.structure(lab))

    def features(self, image: npt.NDArray[Any]) -> Features:
        """Measure one image."""
        lab = self.colours(image)
        found = self.register(lab)
        size = (self.reference.shape[1], self.reference.shape[0])
        laid = found.rectified(lab, size)
        stretched = np.zeros(self.reference.shape, np.float32)
        if self.options.flexible and found.found:
            field = self._flexer.field(_bytes(self.structure(laid)))
            laid = self._flexer.displaced(laid, field)
            stretched = cv2.GaussianBlur(strain(field) * self._inside, (0, 0), 2.0)
        colours = _cells(laid * _LAB_WEIGHTS, self.options.cell_px, smooth=True)
        return Features(colours, _cells(stretched, self.options.cell_px, smooth=False), found)

    @cached_property
    def _inside(self) -> Floats:
        """1 on the part and a little around it, where a displacement means something."""
        level, _ = cv2.threshold(_bytes(self.reference), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        part = (self.reference > level) != (np.median(_border(self.reference)) > level)
        inside: Floats = cv2.dilate(part.astype(np.float32), np.ones((5, 5), np.uint8))
        return inside


@dataclass(frozen=True)
class Golden:
    """What the good parts are like: (n, h, w, 3) colours, and each layer's usual deviation (3, h, w).

    Of a flexible part, limbs come to lie on what was ground: there, nothing is taken to be missing.
    """

    colours: Floats
    usual: Floats
    flexible: bool

    @classmethod
    def of(cls, parts: list[Features], pairs: Floats, flexible: bool) -> Golden:
        """From measured good parts and their `pair_distances`."""
        apart = pairs.min(axis=2).transpose(1, 0, 2, 3)
        strains = np.stack([part.strain for part in parts])
        layers = (*np.sqrt((apart**2).mean(axis=1)), np.sqrt((strains**2).mean(axis=0)))
        usual = np.stack([_widened(layer) for layer in layers])
        return cls(np.stack([part.colours for part in parts]), usual, flexible)

    def score(self, part: Features, distances: Floats | None = None) -> Scored:
        """Judge one part; its (2, n, h, w) `distances` from every golden one may be known already."""
        if not part.registration.found:
            return Scored(np.zeros_like(self.usual), part.registration)
        apart = (distances_from(part.colours, self.colours) if distances is None else distances).min(axis=1)
        floors: Floats = np.array(_FLOORS, np.float32)[:, None, None]
        permitted = (floors + _TOLERANCES * self.usual).astype(np.float32)
        maps = np.concatenate((apart, part.strain[None])).astype(np.float32) / permitted
        if self.flexible:
            maps[1] *= self._figure
        return Scored(maps, part.registration)

    @cached_property
    def _figure(self) -> Floats:
        """(h, w): 1 where the good parts do not show the ground."""
        usual = np.median(self.colours, axis=0)
        ground = np.median(_border(usual), axis=0)
        figure: Floats = (np.linalg.norm(usual - ground, axis=-1) > _GROUND_DELTA).astype(np.float32)
        return figure


def pair_distances(parts: list[Features], search_cells: int = 2) -> Floats:
    """(n, 2, n, h, w): each part's distances from every other; 1e9 from itself."""
    colours = np.stack([part.colours for part in parts])
    pairs = np.stack([distances_from(part.colours, colours, search_cells) for part in parts])
    for index in range(len(parts)):
        pairs[index, :, index] = 1e9
    return pairs


def distances_from(colours: Floats, golden: Floats, search_cells: int = 2) -> Floats:
    """(2, n, h, w): colour distance of each cell from the best near cell of each golden part, and the other way round."""
    height, width = colours.shape[:2]
    r = search_cells
    here, there = (np.ascontiguousarray(np.moveaxis(values, -1, 0)) for values in (colours, golden))
    padded = np.pad(there, ((0, 0), (0, 0), (r, r), (r, r)), mode="edge")
    around = np.pad(here, ((0, 0), (r, r), (r, r)), mode="edge")[:, None]
    best = np.full((2, len(golden), height, width), np.inf, np.float32)
    for y in range(2 * r + 1):
        for x in range(2 * r + 1):
            if (y - r) ** 2 + (x - r) ** 2 > r * r + 1:
                continue
            window = (slice(None), slice(None), slice(y, y + height), slice(x, x + width))
            for layer, difference in enumerate((padded[window] - here[:, None], there - around[window])):
                np.multiply(difference, difference, out=difference)
                np.minimum(best[layer], difference.sum(axis=0), out=best[layer])
    return np.sqrt(best)


def _border(values: Floats) -> Floats:
    """The outermost rows and columns of (h, w) or (h, w, channels), one after the other."""
    return np.concatenate((values[0], values[-1], values[:, 0], values[:, -1]))


def _widened(layer: Floats) -> Floats:
    """What is usual somewhere is permitted a little around it too."""
    widened: Floats = cv2.GaussianBlur(cv2.dilate(layer.astype(np.float32), np.ones((5, 5), np.uint8)), (0, 0), 2.0)
    return widened


def working_lab(image: npt.NDArray[Any], work_px: int) -> Floats:
    """A mono or RGB image of 8 or 16 bit, reduced to `work_px` on its longer side, as CIE Lab (h, w, 3) float32."""
    factor = min(1.0, work_px / max(image.shape[:2]))
    size = (max(16, round(image.shape[1] * factor)), max(16, round(image.shape[0] * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    scaled = small.astype(np.float32) / (65535.0 if image.dtype == np.uint16 else 255.0)
    if scaled.ndim == 2:
        scaled = np.repeat(scaled[..., None], 3, axis=2)
    lab: Floats = cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)
    return lab


def structure_axis(labs: list[Floats]) -> Floats:
    """(4,): direction in Lab along which golden images vary most, and the offset that centres it; scaled to levels."""
    pixels = np.concatenate([lab[::3, ::3].reshape(-1, 3) for lab in labs]).astype(np.float64)
    middle = pixels.mean(axis=0)
    _, _, axes = np.linalg.svd(pixels - middle, full_matrices=False)
    along = (pixels - middle) @ axes[0]
    low, high = np.percentile(along, (1, 99))
    gain = _STRUCTURE_LEVELS / max(high - low, 1.0)
    return np.append(axes[0] * gain, 128.0 - gain * ((low + high) / 2.0 + middle @ axes[0])).astype(np.float32)


def structure_of(lab: Floats, axis: Floats) -> Floats:
    """The projection on a `structure_axis`."""
    return np.clip(lab @ axis[:3] + axis[3], 0.0, 255.0)


def _bytes(structure: Floats) -> Bytes:
    return np.clip(structure + 0.5, 0, 255).astype(np.uint8)


def _cells(values: Floats, cell_px: int, smooth: bool) -> Floats:
    """The mean of each cell."""
    if smooth:
        values = cv2.GaussianBlur(values, (0, 0), cell_px * 0.5)
    size = (max(1, values.shape[1] // cell_px), max(1, values.shape[0] // cell_px))
    cells: Floats = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return cells
