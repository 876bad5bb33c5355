"""Whether an image can be judged at all, and what its light does to the colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.driver_parameters import camera_parameters
from microcell.faults import FaultError
from microcell.vision.colour import to_linear

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.optics import Floats

    Image = npt.NDArray[np.uint8]

MAX_GAIN = 5.0
"""Dimmer than a fifth of the reference's brightness the noise outweighs small differences."""

MAX_SATURATED_RATIO = 0.02
MIN_SPREAD = 2.0
"""Grey levels between the darkest and the brightest part of an image that shows something."""

MIN_SHARPNESS = 0.12
"""Steepest edge in contrasts per pixel: 0.4 / blur, so a blur of 3.3 px (standard deviation)."""

FULL_SCALE = 253
"""Pixels from this level on are at full scale: what is brighter looks the same."""

_JUDGED_CONTRAST = 40.0
_STEEPEST = 30
"""The steepest edge is the one of this rank, so that single bad pixels do not count."""


def background_of(camera: CameraSpec) -> tuple[int, int, int]:
    """Colour of what a camera sees where no part is."""
    return camera_parameters(camera.parameters, "background_rgb").background_rgb


def light_gains(pixels: Image, camera: CameraSpec, where: str) -> Floats:
    """Return the factor for each channel, in linear light, that gives the background its known colour.

    The background is the median of the image's border. Raises CAMERA_UNUSABLE_IMAGE for an image of the
    wrong format, or one that is too dark, saturated, flat or blurred.
    """
    _refuse_format(pixels, camera, where)
    _refuse_saturated(pixels, where)
    expected = to_linear(np.array(background_of(camera)))
    border = to_linear(np.median(_border(pixels), axis=0))
    gains: Floats = expected / np.maximum(border, 1e-6)
    if gains.max() > MAX_GAIN:
        share = f"1/{min(gains.max(), 999):.1f} of its brightness"
        raise _unusable(where, f"too dark: the background has {share}, not 1/{MAX_GAIN:g} or more")
    _refuse_featureless(pixels, where)
    return gains


def _refuse_format(pixels: Image, camera: CameraSpec, where: str) -> None:
    expected = (camera.height_px, camera.width_px, 3)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        raise _unusable(where, f"the image is {pixels.shape} {pixels.dtype}, not {expected} uint8")


def _refuse_saturated(pixels: Image, where: str) -> None:
    saturated = float(np.mean(pixels[::4, ::4].max(axis=2) >= FULL_SCALE))
    if saturated > MAX_SATURATED_RATIO:
        limit = f"not {MAX_SATURATED_RATIO:.0%} or less"
        raise _unusable(where, f"saturated: {saturated:.0%} of the pixels are at full scale, {limit}")


def _refuse_featureless(pixels: Image, where: str) -> None:
    """Refuse an image that is the same all over, or whose edges are all soft."""
    rows = pixels[::4, :, 1].astype(np.int16)
    height, width = (rows.shape[0] // 8, rows.shape[1] // 32)
    means = rows[: height * 8, : width * 32].reshape(height, 8, width, 32).mean(axis=(1, 3))
    spread = float(means.max() - means.min())
    if spread < MIN_SPREAD:
        raise _unusable(where, f"flat: its brightness varies by {spread:.1f} of 255 only")
    if spread < _JUDGED_CONTRAST:
        return
    slopes = np.abs(rows[:, 2:] - rows[:, :-2]).ravel()
    steepest = 0.5 * float(np.partition(slopes, -_STEEPEST)[-_STEEPEST]) / spread
    if steepest < MIN_SHARPNESS:
        share = f"{steepest:.2f} of the contrast per pixel"
        raise _unusable(where, f"blurred: the steepest edge rises by {share}, not {MIN_SHARPNESS} or more")


def _unusable(where: str, detail: str) -> FaultError:
    return FaultError("CAMERA_UNUSABLE_IMAGE", where, detail)


def _border(pixels: Image) -> npt.NDArray[Any]:
    """Every fourth pixel of a frame of 1/32 of the image's height, (n, 3)."""
    width = max(1, pixels.shape[0] // 32)
    strips = (pixels[:width], pixels[-width:], pixels[:, :width], pixels[:, -width:])
    return np.concatenate([strip[::4, ::4].reshape(-1, 3) for strip in strips])
