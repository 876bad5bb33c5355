"""How far two described colours are apart: CIE 1976, from sRGB under D65."""

from __future__ import annotations

import math
from functools import lru_cache

Rgb = tuple[int, int, int]
Lab = tuple[float, float, float]

XYZ_OF_RGB = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
"""Linear sRGB to CIE XYZ (IEC 61966-2-1). White, the sums of the rows, is (0.9505, 1, 1.089): D65."""


@lru_cache(maxsize=1024)
def delta_e(rgb: Rgb, other: Rgb) -> float:
    """CIE 1976 difference of two colours."""
    return math.dist(lab(rgb), lab(other))


@lru_cache(maxsize=1024)
def lab(rgb: Rgb) -> Lab:
    """CIE L*a*b* of a colour (ISO/CIE 11664-4)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (channel / 255.0 for channel in rgb)]
    x, y, z = (_f(sum(a * b for a, b in zip(row, linear, strict=True)) / sum(row)) for row in XYZ_OF_RGB)
    return 116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)


def _f(ratio: float) -> float:
    return ratio ** (1.0 / 3.0) if ratio > (6 / 29) ** 3 else ratio * (29 / 6) ** 2 / 3 + 4 / 29
