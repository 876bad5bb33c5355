"""What parts look like where a ray meets them: colour, marks, print, scratches and dirt, in the part's own frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from microcell.description.extents import half_extents
from microcell.description.product import Box, Mark, Screw
from microcell.plant.scene import DIRT_COVERS

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.plant.scene import Flaw, SceneItem

    Floats = npt.NDArray[np.float32]
    Where = npt.NDArray[np.bool_]

Rgb = tuple[int, int, int]

_QUIET_MODULES = 2
_PRINT_RGB: Rgb = (24, 24, 26)
_GRAIN_RATIO = 0.012
_GRAIN_M = 0.0001
_TILE = 512


def linear(rgb: Rgb) -> Floats:
    """A described colour (sRGB, IEC 61966-2-1) as the share of light that it sends back, (3,)."""
    encoded = np.array(rgb) / 255.0
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def surface(item: SceneItem, points_m: Floats, on_top: Where) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Colours (n, 3), linear, and number of the layer (n,) at points of an item, (n, 3) in its frame.

    The layers are numbered from 0, the part's own material; what is on its top lies in their order.
    """
    colours = linear(item.part.colour_rgb) * (1.0 + _GRAIN_RATIO * _grain(item, points_m))[:, None]
    layers = np.zeros(len(points_m), np.int32)
    top = np.flatnonzero(on_top)
    x, y = points_m[top, 0], points_m[top, 1]
    for number, (where, colour, cover) in enumerate(_layers(item, x, y), 1):
        covered = top[where]
        colours[covered] += np.float32(cover) * (colour - colours[covered])
        layers[covered] = number
    return colours, layers


def _layers(item: SceneItem, x: Floats, y: Floats) -> Iterator[tuple[Where, Floats, float]]:
    """Where each layer of the top is, its colour, and how much it covers what is under it."""
    part = item.part
    if isinstance(part.shape, Screw):
        yield _recess(part.shape, x, y), linear(part.colour_rgb) * np.float32(0.08), 1.0
    for mark in part.marks:
        yield _marked(mark, x, y), linear(mark.colour_rgb), 1.0
    if item.content and isinstance(part.shape, Box):
        yield _printed(item, part.shape, x, y), linear(_PRINT_RGB), item.contrast
    for flaw in item.flaws:
        yield _flawed(flaw, x, y), linear(flaw.colour_rgb), 1.0 if flaw.kind == "scratch" else DIRT_COVERS


def _recess(shape: Screw, x: Floats, y: Floats) -> Where:
    """A cross recess."""
    length, width = 0.25 * shape.head_diameter_m, 0.065 * shape.head_diameter_m
    u, v = np.abs(x), np.abs(y)
    return ((u <= length) & (v <= width)) | ((u <= width) & (v <= length))


def _marked(mark: Mark, x: Floats, y: Floats) -> Where:
    u, v = x - np.float32(mark.at_m[0]), y - np.float32(mark.at_m[1])
    if mark.width_m == 0:
        return u * u + v * v <= (mark.length_m / 2) ** 2
    return (np.abs(u) <= mark.length_m / 2) & (np.abs(v) <= mark.width_m / 2)


def _flawed(flaw: Flaw, x: Floats, y: Floats) -> Where:
    """A scratch is a bar; dirt a blot as long and wide, of irregular outline."""
    (x0, y0), (x1, y1) = flaw.start_m, flaw.end_m
    length = max(math.hypot(x1 - x0, y1 - y0), 1e-9)
    cos, sin = (x1 - x0) / length, (y1 - y0) / length
    u, v = x - np.float32((x0 + x1) / 2), y - np.float32((y0 + y1) / 2)
    along, across = (cos * u + sin * v) / (length / 2), (cos * v - sin * u) / (flaw.width_m / 2)
    if flaw.kind == "scratch":
        return (np.abs(along) <= 1.0) & (np.abs(across) <= 1.0)
    angle = np.arctan2(across, along)
    edge = 0.97 + 0.04 * np.cos(3.0 * angle + 1e3 * x0) + 0.03 * np.cos(7.0 * angle + 1e3 * y0)
    return along * along + across * across <= edge * edge


def _printed(item: SceneItem, shape: Box, x: Floats, y: Floats) -> Where:
    """The dark modules of the DataMatrix, centred on the label, its first row on the side of +y."""
    dark = datamatrix(item.content)
    rows, columns = dark.shape
    quiet = 2 * _QUIET_MODULES
    module_m = min(shape.length_m / (columns + quiet), shape.width_m / (rows + quiet))
    column = np.floor(x / np.float32(module_m) + np.float32(columns / 2)).astype(np.int32)
    row = np.floor(np.float32(rows / 2) - y / np.float32(module_m)).astype(np.int32)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    printed: Where = inside & dark[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    return printed


def _grain(item: SceneItem, points_m: Floats) -> Floats:
    """The fine unevenness of a moulded or rolled surface, of standard deviation 1; each piece has its own."""
    a, b = half_extents(item.part)
    shift = np.array((a, b)) + 0.001 * (item.item_id % 47) + points_m[:, 2:] * 3.0
    column, row = (np.round((points_m[:, :2] + shift) / _GRAIN_M).astype(np.int32) % _TILE).T
    found: Floats = _tile()[row, column]
    return found


@lru_cache(maxsize=1)
def _tile() -> Floats:
    return grain(_TILE, _TILE, 1.0, seed=3)


def grain(width: int, height: int, size_px: float, seed: int) -> Floats:
    """Smooth noise of standard deviation 1, (height, width), the same for each seed."""
    rough = np.random.default_rng(seed).standard_normal((height, width), dtype=np.float32)
    smooth: Any = cv2.GaussianBlur(rough, (0, 0), size_px, borderType=cv2.BORDER_REFLECT)
    return (smooth / np.std(smooth)).astype(np.float32)


@lru_cache(maxsize=256)
def datamatrix(content: str) -> npt.NDArray[np.bool_]:
    """The modules of a DataMatrix (ISO/IEC 16022), True for dark, without quiet zone; square where zxing-cpp can."""
    import zxingcpp

    image: Any
    try:
        code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
        image = code.to_image(scale=1, add_quiet_zones=False)
    except (AttributeError, TypeError):  # zxing-cpp 2
        image = zxingcpp.write_barcode(zxingcpp.BarcodeFormat.DataMatrix, content, 0, 0, 0)
    return np.array(image) < 128
