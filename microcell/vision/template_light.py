"""Tell a laid pattern from its ground where the light on it is uneven: shadows, gradients, glare.

The template says which pixels are pattern and which ground. So each place gets the grey level that tells both apart best in
a window around it, much larger than defects: what is defective is on the wrong side of any level between both, and so does
not move it. What lies between both itself does: it may be in shadow, or be a thing. So a second reading has the level that
such things move less; what only it shows is in doubt. Where no level tells both apart, nothing can be told of the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float64]

_CELL_PX = 24
_REACHES = (1, 2, 4, 8, 16, 100_000)
"""Cells that a window reaches on either side, at last all: a wider one where pattern or ground is scarce in the narrower."""

_LEAST_PIXELS = 40.0
_STEP = 7
"""Every seventh pixel is counted."""

_BINS = 64
_LEVELS = 256 // _BINS
_SMOOTH_BINS = 5
_EQUAL_RATIOS = (0.02, 0.25)
"""A level that puts so much more of pattern and ground, or of the least, on the wrong side than the best one is as good."""

_DOUBT_RATIO = 0.15
"""For the second reading, the first of those: things that fill less than this of a window leave the level in the middle."""

_WRONG_RATIO = 0.5
"""More of pattern and ground on the wrong side than this: it is not the defects that are there."""

_STAYS_RATIO = 0.15
"""Of the gap: where pattern or ground stays within it, the light is that of the surroundings, and the other one is gone."""

_LEAST_GAP = 8.0
_NOISES = 4.0
"""Standard deviations of noise by which pattern and ground must be apart, less the tails."""

_EVEN_PX = 8
_EVEN_REACH = 4


class Light:
    """Levels between a template's pattern and ground in images laid over it."""

    def __init__(self, pattern: Mask) -> None:
        self._shape = pattern.shape
        self._cells = tuple(-(-side // _CELL_PX) for side in self._shape)
        bare = cv2.bitwise_not(pattern)
        self._places = tuple(self._sampled(_inner(mask)) for mask in (pattern, bare))

    def told(self, laid: Mask, inside: Mask) -> tuple[Mask, Mask, Mask]:
        """255 where a laid image shows pattern, the darker of both, by each reading; and 255 where that can be told."""
        pattern, ground = (self._counted(laid, inside, *places) for places in self._places)
        levels, sure = self._levels(pattern, ground, max(_LEAST_GAP, _NOISES * _noise(laid)))
        seen, other = (
            cv2.compare(laid, self._spread(np.rint(level).clip(0, 255).astype(np.uint8)), cv2.CMP_LT) for level in levels
        )
        if sure.all():
            return seen, other, np.full_like(laid, 255)
        return seen, other, cv2.compare(self._spread(np.where(sure, np.uint8(255), np.uint8(0))), 254, cv2.CMP_GT)

    def _sampled(self, mask: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Indices of a mask's pixels, and of the first bin of each one's cell."""
        y, x = (side[::_STEP] for side in np.nonzero(mask))
        return y * self._shape[1] + x, ((y // _CELL_PX) * self._cells[1] + x // _CELL_PX) * _BINS

    def _counted(self, laid: Mask, inside: Mask, at: npt.NDArray[np.intp], cell: npt.NDArray[np.intp]) -> Floats:
        """(rows, columns, bins): pixels of each cell by their level."""
        weights = inside.ravel()[at] > 0
        bins = cell + laid.ravel()[at] // _LEVELS
        if not weights.all():
            bins = bins[weights]
        total = self._cells[0] * self._cells[1] * _BINS
        return np.bincount(bins, minlength=total).astype(float).reshape(*self._cells, _BINS)

    def _levels(self, pattern: Floats, ground: Floats, least: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(2, rows, columns): levels between pattern and ground by each reading; and in which cells they are apart."""
        levels, sure = np.full((2, *self._cells), 128.0), np.zeros(self._cells, bool)
        sums = [_integral(counts) for counts in (pattern, ground)]
        means = np.full((2, *self._cells), np.nan)
        y, x = np.indices(self._cells).reshape(2, -1)
        for reach in _REACHES:
            windows = [_windows(total, reach, y, x) for total in sums]
            enough = np.minimum(windows[0][:, -1], windows[1][:, -1]) >= (_LEAST_PIXELS if reach < _REACHES[-1] else 1.0)
            at, windows = (y[enough], x[enough]), [counts[enough] for counts in windows]
            middles, gap, wrong = _parted(*windows)
            here = np.array([_mean(counts) for counts in windows])
            narrow = means[:, at[0], at[1]]
            stays = (np.abs(narrow - here) <= _STAYS_RATIO * gap).any(axis=0) | np.isnan(narrow[0])
            good = stays & (gap >= least) & (wrong <= _WRONG_RATIO)
            levels[:, at[0], at[1]] = np.where(good | np.isnan(narrow[0]), middles, levels[:, at[0], at[1]])
            sure[at] = good
            means[:, at[0], at[1]] = np.where(np.isnan(narrow), here, narrow)
            y, x = np.nonzero(~sure)
            if not len(y):
                break
        return levels, sure

    def _spread(self, cells: Mask) -> Mask:
        """Values of cells for each pixel, linear between the cells' middles."""
        height, width = self._shape
        whole = cv2.resize(cells, (self._cells[1] * _CELL_PX, self._cells[0] * _CELL_PX), interpolation=cv2.INTER_LINEAR)
        spread: Mask = whole[:height, :width]
        return spread


def _inner(mask: Mask) -> Mask:
    """A mask without its edge, but for one that is thin all over."""
    inner: Mask = cv2.erode(mask, np.ones((3, 3), np.uint8))
    return inner if cv2.countNonZero(inner) > _STEP * _LEAST_PIXELS else mask


def evened(values: Mask) -> Mask:
    """255 where an image is darker than midway between the darkest and the brightest around; asks for no template."""
    size = tuple(max(1, side // _EVEN_PX) for side in values.shape[::-1])
    around = np.ones((2 * _EVEN_REACH + 1,) * 2, np.uint8)
    low = cv2.erode(cv2.resize(cv2.erode(values, np.ones((3, 3), np.uint8)), size, interpolation=cv2.INTER_NEAREST), around)
    high = cv2.dilate(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST), around)
    level = cv2.blur((low.astype(np.float32) + high.astype(np.float32)) / 2.0, (5, 5))
    limit = cv2.resize(level, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(values < limit, np.uint8(255), np.uint8(0))


def _noise(laid: Mask) -> float:
    """Standard deviation of a pixel's noise, by the differences of neighbours."""
    rows = laid[::8]
    counts = np.bincount(cv2.absdiff(rows[:, 1:], rows[:, :-1]).ravel(), minlength=256)
    return float(np.searchsorted(np.cumsum(counts), counts.sum() / 2)) / 0.95


def _integral(counts: Floats) -> Floats:
    """Sums over all before each corner, cumulated over the bins as well."""
    sums = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1, counts.shape[2]))
    sums[1:, 1:] = counts.cumsum(axis=2).cumsum(axis=0).cumsum(axis=1)
    return sums


def _windows(sums: Floats, reach: int, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> Floats:
    """(n, bins): cumulated counts of the windows about some cells."""
    top, left = np.maximum(y - reach, 0), np.maximum(x - reach, 0)
    bottom, right = np.minimum(y + reach + 1, sums.shape[0] - 1), np.minimum(x + reach + 1, sums.shape[1] - 1)
    windows: Floats = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return windows


def _mean(cumulated: Floats) -> Floats:
    """Mean level of each window's pixels."""
    mean: Floats = _LEVELS * (_BINS - 0.5 - cumulated[:, :-1].sum(axis=1) / cumulated[:, -1])
    return mean


def _parted(pattern: Floats, ground: Floats) -> tuple[Floats, Floats, Floats]:
    """Of n windows, (2, n): the levels midway between pattern and ground by each reading; how far both are apart by the
    first, and the shares on wrong sides.
    """
    if not len(pattern):
        return np.zeros((2, 0)), np.zeros(0), np.zeros(0)
    exact = 1.0 - pattern / pattern[:, -1:] + ground / ground[:, -1:]
    wrong = cv2.blur(exact, (_SMOOTH_BINS, 1), borderType=cv2.BORDER_REPLICATE)
    best = wrong.min(axis=1)
    ends = []
    for ratio in (_EQUAL_RATIOS[0], _DOUBT_RATIO):
        good = wrong <= (ratio + (1.0 + _EQUAL_RATIOS[1]) * best)[:, None]
        ends.append((good.argmax(axis=1), _BINS - 1 - good[:, ::-1].argmax(axis=1)))
    middles = np.array([(first + last + 2) * (_LEVELS / 2.0) for first, last in ends])
    return middles, (ends[0][1] - ends[0][0]) * float(_LEVELS), best
