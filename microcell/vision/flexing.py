"""Lay a flexible part over its golden image: a smooth displacement, and how far it stretches the part.

Soft parts lie a little differently each time; that is no defect. A dense optical flow is smoothed so far that it can
bend a limb but cannot close a gap; what it would have to stretch is reported as strain and judged like any other feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]

_STIFF_ROUNDS, _STIFFER = 2, 2.0
"""The first rounds take the part to be stiffer: whole limbs come into place before their outlines are adjusted."""

_SMALLEST = 0.05
"""Least singular value that a logarithm is taken of."""


class Flexer:
    """Displaces images smoothly onto one reference of 8 bits; `smooth_px` is how stiff the part is taken to be."""

    def __init__(self, reference: Bytes, smooth_px: float, rounds: int = 5) -> None:
        self._reference, self._smooth_px, self._rounds = reference, smooth_px, rounds
        height, width = reference.shape
        self._x, self._y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self._weight = _edge_weight(reference)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(2)

    def field(self, image: Bytes) -> Grey:
        """(h, w, 2): the reference's pixel at (x, y) is the image's at (x, y) + field."""
        field = np.zeros((*image.shape, 2), np.float32)
        current: npt.NDArray[Any] = image
        for turn in range(self._rounds):
            smooth_px = self._smooth_px * (_STIFFER if turn < _STIFF_ROUNDS else 1.0)
            rest = self._flow.calc(self._reference, current, None)
            weighted = _blurred(rest * self._weight[..., None], smooth_px)
            rest = weighted / _blurred(self._weight, smooth_px)[..., None]
            field = self.displaced(field, rest) + rest
            field = _blurred(field, smooth_px / 2.0)
            current = self.displaced(image, field)
        return field

    def displaced(self, image: npt.NDArray[np.float32] | Bytes, field: Grey) -> npt.NDArray[np.float32]:
        """An image laid over the reference by a field."""
        laid: npt.NDArray[np.float32] = cv2.remap(
            image, self._x + field[..., 0], self._y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return laid


def strain(field: Grey) -> Grey:
    """How far a field stretches or squeezes at each pixel: the greater |ln| of its two principal stretches."""
    dx, dy = (cv2.Sobel(field, cv2.CV_32F, *axes, scale=0.125) for axes in ((1, 0), (0, 1)))
    a, b, c, d = 1.0 + dx[..., 0], dy[..., 0], dx[..., 1], 1.0 + dy[..., 1]
    common, differing = np.hypot(a + d, c - b) / 2.0, np.hypot(a - d, c + b) / 2.0
    stretches = (common + differing, np.abs(common - differing))
    greatest = np.maximum(*(np.abs(np.log(np.maximum(stretch, _SMALLEST))) for stretch in stretches))
    return greatest.astype(np.float32)


def _blurred(values: Grey, sigma_px: float) -> Grey:
    """A wide Gaussian, made at a lower resolution."""
    factor = max(1, int(sigma_px / 2.5))
    size = (max(2, values.shape[1] // factor), max(2, values.shape[0] // factor))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    wide: Grey = cv2.resize(small, values.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return wide


def _edge_weight(reference: Bytes) -> Grey:
    """How much a pixel's own flow counts: near 1 at edges, little where nothing shows a displacement."""
    smooth = cv2.GaussianBlur(reference.astype(np.float32), (0, 0), 2.0)
    edge = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    weight: Grey = edge / (edge + 20.0) + 0.01
    return weight
