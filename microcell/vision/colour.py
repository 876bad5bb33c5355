"""Colours: sRGB, linear light and CIE L*a*b*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.colours import XYZ_OF_RGB, Rgb

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

OWN_DELTA_E = 15.0
"""Largest CIE 1976 difference of what counts as a part's own colour."""

_XYZ = np.array(XYZ_OF_RGB)
_XYZ_RATIO = _XYZ / _XYZ.sum(axis=1, keepdims=True)
"""Rows divided by the white point."""


def to_linear(encoded: npt.NDArray[Any]) -> Floats:
    """sRGB of 0 to 255 to linear light of 0 to 1."""
    ratio = np.asarray(encoded, float) / 255.0
    linear: Floats = np.where(ratio <= 0.04045, ratio / 12.92, ((ratio + 0.055) / 1.055) ** 2.4)
    return linear


def to_encoded(linear: Floats) -> Floats:
    """Linear light to sRGB of 0 to 255, clipped."""
    ratio = np.clip(linear, 0.0, 1.0)
    encoded: Floats = 255.0 * np.where(ratio <= 0.0031308, ratio * 12.92, 1.055 * ratio ** (1 / 2.4) - 0.055)
    return encoded


def to_lab(linear: Floats) -> Floats:
    """(..., 3) linear light to CIE L*a*b* under D65 (ISO/CIE 11664-4)."""
    ratio = linear @ _XYZ_RATIO.T
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def lab_of(rgb: tuple[int, int, int]) -> Floats:
    """CIE L*a*b* of a described colour."""
    return to_lab(to_linear(np.array(rgb)))


def is_own(labs: Floats, own_rgb: Rgb, ground_rgb: Rgb) -> npt.NDArray[np.bool_]:
    """Which of (..., 3) CIE L*a*b* colours are a part's own, and nearer to it than to that of its ground: (...)."""
    off = np.linalg.norm(labs - lab_of(own_rgb), axis=-1)
    own: npt.NDArray[np.bool_] = (off <= OWN_DELTA_E) & (off < np.linalg.norm(labs - lab_of(ground_rgb), axis=-1))
    return own
