"""The looks that a code is searched in: larger, smaller, turned, sharper, with evened light.

Bars are read up to about 20 degrees from the rows or columns: of the turned looks, two at least see them so. The work that
is permitted for large images ends before these; code_turns.py then turns such an image by its bars. The order is by what the
looks add to those before them, in photos of every kind of code (bench/vision_marks.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float64]

MAX_ENLARGED_PX = 4_000_000
"""An enlarged image may have so many pixels; codes in larger ones need no enlarging."""

_MIN_FACTOR = 1.25

_FACTOR = 1.7
"""Of looks that are turned already."""

Binarizer = Literal["LocalAverage", "GlobalHistogram", "FixedThreshold"]


@dataclass(frozen=True)
class Look:
    """One version of an image; `image_from_look` is (2, 3). `binarizer` is how black and white are told apart."""

    pixels: Bytes
    image_from_look: Floats
    binarizer: Binarizer

    def to_image(self, points_px: Floats) -> Floats:
        """(n, 2) pixels of the look in the image."""
        return points_px @ self.image_from_look[:, :2].T + self.image_from_look[:, 2]


def _plain(image: Bytes) -> Look:
    return Look(np.ascontiguousarray(image), np.eye(2, 3), "LocalAverage")


def _contrast(image: Bytes) -> Look:
    return Look(cv2.createCLAHE(3.0, (8, 8)).apply(image), np.eye(2, 3), "GlobalHistogram")


def _evened_larger(image: Bytes) -> Look | None:
    look = _larger(image, 2.0, "LocalAverage")
    return look and Look(_evened(look.pixels), look.image_from_look, look.binarizer)


def _larger_plain(image: Bytes) -> Look | None:
    return _larger(image, 2.0, "GlobalHistogram")


def _sharpened(image: Bytes) -> Look | None:
    """For what is out of focus."""
    look = _larger(image, 3.0, "GlobalHistogram")
    return look and Look(_sharper(look.pixels, 4.0, 2.0), look.image_from_look, look.binarizer)


def _along_bars(image: Bytes) -> Look | None:
    """Averaged along upright bars, then sharpened across them."""
    look = _larger(image, 3.0, "LocalAverage")
    if look is None:
        return None
    averaged: Bytes = np.asarray(cv2.blur(look.pixels, (1, 15)), np.uint8)
    return Look(_sharper(averaged, 3.0, 2.0), look.image_from_look, look.binarizer)


def _smooth(image: Bytes) -> Look:
    """For noise and the dots of print."""
    return Look(np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8), np.eye(2, 3), "LocalAverage")


def _evened_fixed(image: Bytes) -> Look:
    return Look(_evened(image), np.eye(2, 3), "FixedThreshold")


def _smaller(image: Bytes) -> Look | None:
    if min(image.shape) < 64:
        return None
    half: Bytes = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    return Look(half, _scaled(2.0), "GlobalHistogram")


def turned(angle_deg: float) -> Callable[[Bytes], Look]:
    """A look that is turned counter-clockwise, as it is seen, and as large as it takes."""

    def turn(image: Bytes) -> Look:
        height, width = image.shape
        cos, sin = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
        size = (int(width * cos + height * sin), int(width * sin + height * cos))
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
        matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
        pixels = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return Look(np.asarray(pixels, np.uint8), cv2.invertAffineTransform(matrix), "GlobalHistogram")

    return turn


def sharpened(look: Look) -> Iterator[Look]:
    """The same out of the blur of a lens, less and more; and enlarged, unless it is large already: that takes long."""
    larger = _larger(look.pixels, _FACTOR, look.binarizer) if look.pixels.size * _FACTOR**2 <= MAX_ENLARGED_PX else None
    made = [(look.pixels, look.image_from_look, 2.0, 1.5), (look.pixels, look.image_from_look, 1.5, 3.0)]
    if larger is not None:
        image_from_larger = look.image_from_look @ np.vstack((larger.image_from_look, (0.0, 0.0, 1.0)))
        made += [(larger.pixels, image_from_larger, sigma_px, 2.0) for sigma_px in (4.0, 2.5)]
    for pixels, image_from_look, sigma_px, amount_ratio in made:
        yield Look(_sharper(pixels, sigma_px, amount_ratio), image_from_look, look.binarizer)


def _larger(image: Bytes, factor: float, binarizer: Binarizer) -> Look | None:
    factor = min(factor, math.sqrt(MAX_ENLARGED_PX / image.size))
    if factor < _MIN_FACTOR:
        return None
    pixels = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return Look(np.asarray(pixels, np.uint8), _scaled(1.0 / factor), binarizer)


def _scaled(factor: float) -> Floats:
    """Pixels of a scaled image to those of the image; pixel centres are at whole numbers in both."""
    shift = (factor - 1.0) / 2.0
    return np.array([[factor, 0.0, shift], [0.0, factor, shift]])


def _sharper(pixels: Bytes, sigma_px: float, amount_ratio: float) -> Bytes:
    smooth = cv2.GaussianBlur(pixels, (0, 0), sigma_px)
    return np.asarray(cv2.addWeighted(pixels, 1.0 + amount_ratio, smooth, -amount_ratio, 0.0), np.uint8)


def _evened(pixels: Bytes) -> Bytes:
    """Black and white as they are in the neighbourhood, stretched to 0 and 255."""
    side = max(15, (min(pixels.shape) // 8) | 1)
    square = np.ones((side, side), np.uint8)
    dark = cv2.blur(cv2.erode(pixels, square), (side, side)).astype(np.float32)
    bright = cv2.blur(cv2.dilate(pixels, square), (side, side)).astype(np.float32)
    return np.clip((pixels - dark) / np.maximum(bright - dark, 8.0) * 255.0, 0, 255).astype(np.uint8)


PASSES: tuple[Callable[[Bytes], Look | None], ...] = (
    _plain, _contrast, _evened_larger, _larger_plain, _sharpened, _along_bars, turned(-15.0), turned(15.0), _smooth,
    _evened_fixed, turned(30.0), _smaller, turned(-30.0), turned(45.0),
)  # fmt: skip
