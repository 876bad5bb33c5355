"""How bars run in an image: which way to turn it so that bar codes can be read, and whether one was read across its bars.

A reader of bar codes goes along rows and columns. Where the bars run aslant to both it reads nothing, or, of a kind whose
digits look like its beginning (ITF), a part. Bars are known by gradients along one line (structure tensor: Bigun and
Granlund, ICCV 1987) to both sides alike; the edge of a thing has them to one side only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from microcell.vision.code_passes import Look, sharpened, turned

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float64]

MAX_ASLANT_RAD = math.radians(9.0)
"""A row that crosses bars at more than so much from upright may leave the code through its long sides."""

_BLOCK_PX = 32
_REDUCED = (1, 3)
"""For narrow bars and for wide ones, the image is reduced so many times."""

_LEAST_LEVELS = 3.0
"""Gradient, root mean square, under which a block shows nothing."""
_COHERENT_RATIO = 0.6
"""Of a block's gradients, so much lies along one line at the least."""
_ONE_SIDED_RATIO = 0.5
"""So much is left, at the most, when those to one side are taken from those to the other."""

_MOST_TURNS = 2
_APART_DEG = 8
_UPRIGHT_DEG = 6.0
"""Bars that stand upright or level but for so much are read without a turn."""

_BAND_PX = 7
_LEAST_LONG_PX = 8.0


def turned_looks(image: Bytes) -> Iterator[Look]:
    """The image turned so that what looks like bars stands upright or level, some looks for each way that bars run.

    How black and white are told apart makes no difference to the reader of bars: each look has other pixels.
    """
    for angle_deg in bar_angles_deg(image):
        look = turned(angle_deg)(image)
        yield look
        yield from sharpened(look)


def bar_angles_deg(image: Bytes) -> list[float]:
    """How far to turn an image so that bars in it stand upright or level, likeliest first; without those that nearly do.

    Counter-clockwise as seen, from -45 to 45.
    """
    votes = np.zeros(90)
    for factor in _REDUCED:
        if min(image.shape) >= factor * _BLOCK_PX:
            size = (image.shape[1] // factor, image.shape[0] // factor)
            votes += _votes(cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor > 1 else image)
    votes = np.roll(votes, 1) + votes + np.roll(votes, -1)
    angles: list[float] = []
    while len(angles) < _MOST_TURNS and votes.max() > 0.0:
        best = int(np.argmax(votes))
        angles.append((best + 45.0) % 90.0 - 45.0)
        votes[np.arange(best - _APART_DEG, best + _APART_DEG + 1) % 90] = 0.0
    return [angle for angle in angles if abs(angle) > _UPRIGHT_DEG]


def is_aslant(look: Look, corners_px: Floats) -> bool:
    """Whether a reading's line, from the middle of its first side to that of its last, crosses bars far from upright."""
    start, end = (corners_px[[0, 3]].mean(axis=0), corners_px[[1, 2]].mean(axis=0))
    along = end - start
    length = float(np.linalg.norm(along))
    if length < _LEAST_LONG_PX:
        return False
    along /= length
    matrix = np.column_stack((along, (-along[1], along[0]), start - _BAND_PX // 2 * np.array((-along[1], along[0]))))
    size = (math.ceil(length), _BAND_PX)
    band = cv2.warpAffine(look.pixels, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    x, y = _gradients(band)
    angle = 0.5 * math.atan2(2.0 * float((x * y).sum()), float((x * x - y * y).sum()))
    return abs(angle) > MAX_ASLANT_RAD


def _votes(image: Bytes) -> Floats:
    """(90,): how much speaks for bars whose gradients run at each degree, quarter turns taken together."""
    x, y = _gradients(image)
    xx, xy, yy, sum_x, sum_y, both = (_blocks(layer) for layer in (x * x, x * y, y * y, x, y, np.hypot(x, y)))
    energy, along = xx + yy, np.hypot(xx - yy, 2.0 * xy)
    bars = energy > _LEAST_LEVELS**2
    bars &= along > _COHERENT_RATIO * energy
    bars &= np.hypot(sum_x, sum_y) < _ONE_SIDED_RATIO * both
    degrees = np.round(np.degrees(0.5 * np.arctan2(2.0 * xy, xx - yy)[bars])).astype(int) % 90
    return np.bincount(degrees, along[bars], minlength=90).astype(np.float64)


def _gradients(image: Bytes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    x, y = (cv2.Scharr(image, cv2.CV_32F, *axes, scale=1.0 / 32.0) for axes in ((1, 0), (0, 1)))
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _blocks(layer: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of each block."""
    size = (layer.shape[1] // _BLOCK_PX, layer.shape[0] // _BLOCK_PX)
    cut = layer[: size[1] * _BLOCK_PX, : size[0] * _BLOCK_PX]
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.float32)
