"""Whether an image can be judged at all, and what its light does to the colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.faults import FaultError
from microcell.vision.colour import to_linear

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Image = npt.NDArray[np.uint8]

BACKGROUND_RGB = (90, 90, 90)
"""Colour of the bench top, the reference of brightness and white. A camera over another one says so in its parameters:
`background_rgb: [r, g, b]`."""

MAX_GAIN = 5.0
"""Dimmer than a fifth of the reference's brightness the noise outweighs small differences."""

MAX_SATURATED_RATIO = 0.02
MIN_SPREAD = 3.0
"""Grey levels between the darkest and the brightest part of an image that shows something."""

MIN_SHARPNESS = 0.12
"""Steepest edge in contrasts per pixel: 0.4 / blur, so a blur of 3.3 px (standard deviation)."""

_JUDGED_CONTRAST = 40.0
_SATURATED = 253


def light_gains(pixels: Image, camera: CameraSpec, where: str) -> Floats:
    """Return the factor for each channel, in linear light, that gives the background its known colour.

    The background is the median of the image's border. Raises CAMERA_UNUSABLE_IMAGE for an image of the wrong format, or
    one that is too dark, saturated, flat or blurred.
    """
    _refuse_unusable(pixels, camera, where)
    expected = to_linear(np.array(camera.parameters.get("background_rgb", BACKGROUND_RGB)))
    border = to_linear(np.median(_border(pixels), axis=0))
    gains: Floats = expected / np.maximum(border, 1e-6)
    if gains.max() > MAX_GAIN:
        detail = f"too dark: the background has 1/{gains.max():.1f} of its brightness; at least 1/{MAX_GAIN:g} is needed"
        raise FaultError("CAMERA_UNUSABLE_IMAGE", where, detail)
    return gains


def _refuse_unusable(pixels: Image, camera: CameraSpec, where: str) -> None:
    expected = (camera.height_px, camera.width_px, 3)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        detail = f"the image is {pixels.shape} {pixels.dtype}, not {expected} uint8"
        raise FaultError("CAMERA_UNUSABLE_IMAGE", where, detail)
    coarse = pixels[::4, ::4]
    saturated = float(np.mean(coarse.max(axis=2) >= _SATURATED))
    if saturated > MAX_SATURATED_RATIO:
        detail = f"saturated: {saturated:.0%} of the pixels are at full scale; at most {MAX_SATURATED_RATIO:.0%} may be"
        raise FaultError("CAMERA_UNUSABLE_IMAGE", where, detail)
    _refuse_flat(pixels, where)


def _refuse_flat(pixels: Image, where: str) -> None:
    rows = pixels[::4, :, 1].astype(np.int16)
    blocks = rows[: rows.shape[0] // 8 * 8, : rows.shape[1] // 32 * 32].reshape(rows.shape[0] // 8, 8, -1, 32)
    means = blocks.mean(axis=(1, 3))
    spread = float(means.max() - means.min())
    if spread < MIN_SPREAD:
        raise FaultError("CAMERA_UNUSABLE_IMAGE", where, f"flat: its brightness varies by {spread:.1f} of 255 only")
    if spread < _JUDGED_CONTRAST:
        return
    slopes = np.abs(rows[:, 2:] - rows[:, :-2]).ravel()
    steepest = 0.5 * float(np.partition(slopes, -_STEEPEST)[-_STEEPEST])
    if steepest < MIN_SHARPNESS * spread:
        detail = f"blurred: the steepest edge rises by {steepest / spread:.2f} of the contrast per pixel, not {MIN_SHARPNESS}"
        raise FaultError("CAMERA_UNUSABLE_IMAGE", where, detail)


_STEEPEST = 30
"""The steepest edge is the one of this rank, so that single bad pixels do not count."""


def _border(pixels: Image) -> npt.NDArray[Any]:
    """Every fourth pixel of a frame of 1/32 of the image's height, (n, 3)."""
    width = max(1, pixels.shape[0] // 32)
    strips = (pixels[:width], pixels[-width:], pixels[:, :width], pixels[:, -width:])
    return np.concatenate([strip[::4, ::4].reshape(-1, 3) for strip in strips])
