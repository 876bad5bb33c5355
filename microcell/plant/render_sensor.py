"""From light on the sensor to pixels: exposure, shot and read noise, full scale, and the encoding of 8-bit images."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]
    Charge = npt.NDArray[np.uint16]

WHITE_LEVEL = 0.82
"""Response to a perfect white at the right exposure, in linear light of full scale: head room for glare."""

_ROOTS = 16_000
"""Steps of full scale. Charge is kept as its square root: there, shot noise is equally strong everywhere."""

_READ_FLOOR = 0.0004
"""Where read noise takes over from shot noise, of full scale."""

_SLOPE = 1.08
"""Encoded levels for each root, both of full scale, at the brightness of the bench: there the noise is as described."""

_NOISE_SPARE = 1 << 18


def charge(light: npt.NDArray[np.float32]) -> Charge:
    """Light on the sensor at the right exposure, 1 = a perfect white, as roots of charge."""
    roots = np.float32(WHITE_LEVEL) * light
    roots += np.float32(_READ_FLOOR)
    cv2.sqrt(roots, roots)
    roots *= np.float32(_ROOTS)
    roots += np.float32(0.5)
    return roots.astype(np.uint16)


def develop(roots: Charge, gains: tuple[float, float, float], noise_ratio: float, rng: np.random.Generator) -> Image:
    """The image, (height, width, 3) uint8 sRGB, at an exposure and tint of each channel."""
    if gains != (1.0, 1.0, 1.0):
        roots = np.stack([_exposed(gain)[roots[..., channel]] for channel, gain in enumerate(gains)], axis=2)
    noisy = cv2.add(roots, _noise(roots.shape, noise_ratio, rng), dtype=cv2.CV_16U)
    pixels: Image = _encoding()[noisy]
    return pixels


@lru_cache(maxsize=16)
def _exposed(gain: float) -> Charge:
    """Roots of charge at the right exposure to those at another one."""
    light = np.maximum((np.arange(1 << 16) / _ROOTS) ** 2 - _READ_FLOOR, 0.0)
    return np.minimum(np.rint(_ROOTS * np.sqrt(gain * light + _READ_FLOOR)), 65_535).astype(np.uint16)


@lru_cache(maxsize=1)
def _encoding() -> Image:
    """Roots of charge to sRGB (IEC 61966-2-1), full at full scale."""
    light = np.clip((np.arange(1 << 16) / _ROOTS) ** 2 - _READ_FLOOR, 0.0, 1.0)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255.0 * encoded).astype(np.uint8)


def _noise(shape: tuple[int, ...], noise_ratio: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """A stretch of a fixed pool from a random start. Drawing it anew would take 30 ms an image."""
    size = int(np.prod(shape))
    start = int(rng.integers(_NOISE_SPARE))
    return _noise_pool(size + _NOISE_SPARE, noise_ratio)[start : start + size].reshape(shape)


@lru_cache(maxsize=4)
def _noise_pool(size: int, noise_ratio: float) -> npt.NDArray[np.int16]:
    normal: npt.NDArray[Any] = np.random.default_rng(2).standard_normal(size, dtype=np.float32)
    return np.clip(np.round(_ROOTS / _SLOPE * noise_ratio * normal), -32_000, 32_000).astype(np.int16)
