"""Lay a two-coloured pattern over its template: by full pixels from near by, else by shift, turn and scale.

The steps from near by are exact and quick, and end in a wrong place where the pattern lies far off or is turned. So where
they leave more than an aligned pattern does, the blurred patterns are registered as a whole as well, and the better one of
both places counts. What the image does not show of the template is said with it: there, nothing can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from microcell.description.checks import Aligned
from microcell.vision.registration import Reach, Registrar

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float64]
    Shift = tuple[int, int]

BETTER_RATIO = 0.8
"""Another place must leave at most so much of the difference to be preferred."""

_SEARCH_STEPS_PX = 40
_ALIGNED_PX = 1.5
"""What differs by more than the template from itself, moved by so much, may lie elsewhere."""

_STEPS = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1))

_BLUR_PX = 4.0
"""Unblurred edges tell a step its way only when it ends within their width."""


@dataclass(frozen=True)
class Placed:
    """An image's pattern laid over the template, 255 where it is, and 255 in `inside` where the image shows the template.

    Outside, `seen` is the template's own. `image_from_template` is (2, 3), in pixels. `likeness` is the correlation of both
    patterns where they are seen, `left` the share of pixels there that differ.
    """

    seen: Mask
    inside: Mask
    image_from_template: Floats
    likeness: float
    left: float

    def box(self, box_px: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """The box in the image that holds a box of the template."""
        x1, y1, x2, y2 = box_px
        corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)]) - 0.5  # boxes count from pixels' edges
        there = corners @ self.image_from_template[:, :2].T + self.image_from_template[:, 2] + 0.5
        (left, top), (right, bottom) = there.min(axis=0), there.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


class Placer:
    """Lays patterns over one template, within the reach of a check's options."""

    def __init__(self, pattern: Mask, options: Aligned) -> None:
        self._pattern, self._options = pattern, options

    def place(self, seen: Mask, otherwise: Callable[[], Mask]) -> Placed:
        """Lay an image's pattern, of any size, where it agrees best with the template.

        `otherwise` tells the pattern in another way; it is tried where the first one does not lie near.
        """
        best = self._nearest(seen)
        if best.left <= self._usual:
            return best
        other = otherwise()
        best = _better(best, self._nearest(other))
        for way in (seen, other):
            if best.left > self._usual:
                best = _better(best, self._registered(way))
        return best

    @cached_property
    def _usual(self) -> float:
        """Share of pixels by which an aligned image may differ."""
        return _ALIGNED_PX * _differing(self._pattern, self._pattern, (1, 1))

    @cached_property
    def _registrar(self) -> Registrar:
        options = self._options
        reach = Reach(options.max_shift_ratio, options.max_angle_rad, options.max_scale_ratio, options.min_quality_ratio)
        return Registrar(_blurred(self._pattern), reach)

    def _nearest(self, seen: Mask) -> Placed:
        """Moved by full pixels, step by step."""
        reach = min(round(self._options.max_shift_ratio * max(self._pattern.shape)), _SEARCH_STEPS_PX)
        return self._laid(seen, _moving(descend(lambda at: _differing(self._pattern, seen, at), reach))[:2])

    def _registered(self, seen: Mask) -> Placed | None:
        """Shifted, turned and scaled as a whole, then by steps; None where it is not found so."""
        found = self._registrar.register(_blurred(seen))
        if not found.found:
            return None
        rough = self._laid(seen, found.image_from_golden)
        shift = descend(lambda at: _differing(self._pattern, rough.seen, at), round(2.0 * _BLUR_PX))
        return self._laid(seen, found.image_from_golden @ _moving(shift))

    def _laid(self, seen: Mask, image_from_template: Floats) -> Placed:
        size = self._pattern.shape[::-1]
        laid, inside = (
            cv2.threshold(laid_over(mask, image_from_template, size), 127, 255, cv2.THRESH_BINARY)[1]
            for mask in (seen, np.full_like(seen, 255))
        )
        apart = cv2.bitwise_and(cv2.bitwise_xor(laid, self._pattern), inside)
        left = cv2.countNonZero(apart) / max(1, cv2.countNonZero(inside))
        likeness = _likeness(cv2.bitwise_and(self._pattern, inside), cv2.bitwise_and(laid, inside), inside)
        return Placed(cv2.bitwise_xor(self._pattern, apart), inside, image_from_template, likeness, left)


def _better(one: Placed, other: Placed | None) -> Placed:
    """The other place if it leaves much less of the difference."""
    return other if other and other.left < BETTER_RATIO * one.left else one


def laid_over(image: Mask, image_from_template: Floats, size: tuple[int, int]) -> Mask:
    """An image laid over a template of some width and height, 0 outside of it."""
    shift = np.rint(image_from_template[:, 2]).astype(int)
    if not np.array_equal(image_from_template, _moving((int(shift[0]), int(shift[1])))[:2]):
        laid: Mask = cv2.warpAffine(image, image_from_template, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        return laid
    laid = np.zeros(size[::-1], np.uint8)  # by full pixels, nothing is interpolated
    (left, top), (width, height) = shift, size
    rows = slice(max(0, -top), max(0, min(height, image.shape[0] - top)))
    columns = slice(max(0, -left), max(0, min(width, image.shape[1] - left)))
    there = image[max(0, top) : max(0, height + top), max(0, left) : max(0, width + left)]
    if there.size:
        laid[rows, columns] = there
    return laid


def descend(cost: Callable[[Shift], float], reach: int) -> Shift:
    """The shift of least cost that is reached from none, step by step."""
    known = {(0, 0): (cost((0, 0)), 0)}  # of equal ones, the first counts
    here = (0, 0)
    while True:
        near = [(here[0] + i, here[1] + j) for i, j in _STEPS if max(abs(here[0] + i), abs(here[1] + j)) <= reach]
        for there in near:
            if there not in known:
                known[there] = (cost(there), len(known))
        best = min(near, key=known.__getitem__)
        if known[best][0] >= known[here][0]:
            return here
        here = best


def _differing(pattern: Mask, seen: Mask, shift: Shift) -> float:
    """Share of pixels that differ where both are, the image read `shift` further on; 1 where they have none in common."""
    x, y = shift
    left, top = max(0, -x), max(0, -y)
    right, bottom = min(pattern.shape[1], seen.shape[1] - x), min(pattern.shape[0], seen.shape[0] - y)
    if right <= left or bottom <= top:
        return 1.0
    apart = cv2.bitwise_xor(pattern[top:bottom, left:right], seen[top + y : bottom + y, left + x : right + x])
    return cv2.countNonZero(apart) / apart.size


def _likeness(a: Mask, b: Mask, inside: Mask) -> float:
    """Correlation of two patterns within a mask that holds both; 0 where one of them is the same all over it."""
    area, of_a, of_b = (cv2.countNonZero(mask) for mask in (inside, a, b))
    both = cv2.countNonZero(cv2.bitwise_and(a, b))
    spread = math.sqrt(of_a * (area - of_a) * of_b * (area - of_b))
    return (both * area - of_a * of_b) / spread if spread else 0.0


def _moving(shift: Shift) -> Floats:
    """(3, 3): reads further on by a shift."""
    return np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]], [0.0, 0.0, 1.0]])


def _blurred(mask: Mask) -> Mask:
    blurred: Mask = cv2.GaussianBlur(mask, (0, 0), _BLUR_PX)
    return blurred
