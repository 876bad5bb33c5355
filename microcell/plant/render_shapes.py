"""The visible faces of parts, as flat polygons in the cell frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.extents import top_m
from microcell.description.product import Box, Cylinder, Mark, Screw
from microcell.geometry import Pose

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.plant.scene import Flaw, SceneItem

    Points = npt.NDArray[np.float64]

Rgb = tuple[int, int, int]

_CORNERS = 180
_QUIET_MODULES = 2
_PRINT_RGB: Rgb = (24, 24, 26)
_LIFT_M = 1e-6
"""What lies on a face is painted after it: each layer is raised by this much in the order of painting."""


@dataclass(frozen=True)
class Surface:
    """One colour on one polygon.

    `rings` are (n, 3) points in the cell frame: the outline, then holes; with `hull` the outline is the
    convex hull of the first two in the image. With `print_dark`, an array of 1 for dark, the colour is
    printed where that is 1; the one ring then has its corners from top left clockwise.
    """

    height_m: float
    colour_rgb: Rgb
    rings: tuple[Points, ...]
    hull: bool = False
    print_dark: npt.NDArray[np.uint8] | None = None


def faces(item: SceneItem) -> Iterator[Surface]:
    """Side, top, marks, print and flaws of an item, in the order of painting."""
    painter = _Painter(item.part_in_cell, top_m(item.part))
    colour = item.part.colour_rgb
    outline, hole = _outline(item)
    yield painter.side(_shaded(colour, 0.55), outline, *hole)
    yield painter.top(_shaded(colour, 0.9), outline, *hole)
    yield painter.top(colour, _scaled_in(outline, 0.0002), *hole)
    if isinstance(item.part.shape, Screw):
        yield from (painter.top(_shaded(colour, 0.3), bar) for bar in _recess(item.part.shape))
    yield from (painter.top(mark.colour_rgb, _mark(mark)) for mark in item.part.marks)
    if item.content and isinstance(item.part.shape, Box):
        yield _code(item, item.part.shape, painter)
    yield from (painter.top(flaw.colour_rgb, _flaw(flaw)) for flaw in item.flaws)


class _Painter:
    """Lifts flat shapes of a part's frame into the cell frame, each above the one before."""

    def __init__(self, part_in_cell: Pose, top_m: float) -> None:
        self._pose = part_in_cell
        self._top_m = top_m
        self._height_m = part_in_cell.apply((0.0, 0.0, top_m))[2]

    def side(self, colour: Rgb, outline: Points, *holes: Points) -> Surface:
        """The wall between the outline at the bottom and at the top, open where there is a bore."""
        rings = (
            _placed(self._pose, outline, self._top_m),
            *(_placed(self._pose, s, 0.0) for s in (outline, *holes)),
        )
        return Surface(self._pose.position[2], colour, rings, hull=True)

    def top(self, colour: Rgb, *shapes: Points, print_dark: npt.NDArray[np.uint8] | None = None) -> Surface:
        """A shape with holes on the part's top."""
        rings = tuple(_placed(self._pose, shape, self._top_m) for shape in shapes)
        return Surface(self._next(), colour, rings, print_dark=print_dark)

    def _next(self) -> float:
        self._height_m += _LIFT_M
        return self._height_m


def _outline(item: SceneItem) -> tuple[Points, tuple[Points, ...]]:
    """Outline of the top, and its bore where it has one, in the part's frame, m."""
    shape = item.part.shape
    if isinstance(shape, Box):
        return _rectangle(0.0, 0.0, shape.length_m, shape.width_m), ()
    if isinstance(shape, Screw):
        return _circle(0.0, 0.0, shape.head_diameter_m), ()
    return _circle(0.0, 0.0, shape.diameter_m), _bore(shape)


def _bore(shape: Cylinder) -> tuple[Points, ...]:
    return (_circle(0.0, 0.0, shape.bore_m),) if shape.bore_m > 0 else ()


def _recess(shape: Screw) -> tuple[Points, Points]:
    """The two bars of a cross recess."""
    length, width = 0.5 * shape.head_diameter_m, 0.13 * shape.head_diameter_m
    return _rectangle(0.0, 0.0, length, width), _rectangle(0.0, 0.0, width, length)


def _mark(mark: Mark) -> Points:
    x, y = mark.at_m
    return _rectangle(x, y, mark.length_m, mark.width_m) if mark.width_m > 0 else _circle(x, y, mark.length_m)


def _flaw(flaw: Flaw) -> Points:
    (x0, y0), (x1, y1) = flaw.start_m, flaw.end_m
    length = math.hypot(x1 - x0, y1 - y0)
    cos, sin = ((x1 - x0) / length, (y1 - y0) / length) if length > 0 else (1.0, 0.0)
    turn = np.array(((cos, sin), (-sin, cos)))
    return _rectangle(0.0, 0.0, max(length, flaw.width_m), flaw.width_m) @ turn + (
        (x0 + x1) / 2,
        (y0 + y1) / 2,
    )


def _code(item: SceneItem, shape: Box, painter: _Painter) -> Surface:
    """The DataMatrix on a label, centred, in black that fades to the label's colour with the contrast."""
    dark = datamatrix(item.content)
    rows, columns = dark.shape
    quiet = 2 * _QUIET_MODULES
    module_m = min(shape.length_m / (columns + quiet), shape.width_m / (rows + quiet))
    corners = _rectangle(0.0, 0.0, columns * module_m, rows * module_m)[::-1]
    return painter.top(_mixed(item.part.colour_rgb, _PRINT_RGB, item.contrast), corners, print_dark=dark)


@lru_cache(maxsize=256)
def datamatrix(content: str) -> npt.NDArray[np.uint8]:
    """The modules of a DataMatrix (ISO/IEC 16022), 1 for dark, without quiet zone; square where zxing-cpp
    can."""
    import zxingcpp

    image: Any
    try:
        code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
        image = code.to_image(scale=1, add_quiet_zones=False)
    except (AttributeError, TypeError):  # zxing-cpp 2
        image = zxingcpp.write_barcode(zxingcpp.BarcodeFormat.DataMatrix, content, 0, 0, 0)
    return (np.array(image) < 128).astype(np.uint8)


def _circle(x: float, y: float, diameter_m: float) -> Points:
    angle = np.linspace(0.0, 2.0 * math.pi, _CORNERS, endpoint=False)
    return np.stack((x + diameter_m / 2 * np.cos(angle), y + diameter_m / 2 * np.sin(angle)), axis=1)


def _rectangle(x: float, y: float, length_m: float, width_m: float) -> Points:
    """Corners anticlockwise from bottom left; the length is along x."""
    a, b = length_m / 2, width_m / 2
    return np.array(((x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)))


def _scaled_in(outline: Points, by_m: float) -> Points:
    """The outline made smaller by about `by_m` on all sides: what is left is a darker edge."""
    reach = np.abs(outline).max(axis=0)
    return outline * np.maximum(1.0 - by_m / reach, 0.5)


def _placed(pose: Pose, shape: Points, height_m: float) -> Points:
    """(n, 2) points at a height in the part's frame as (n, 3) points in the cell frame."""
    origin = np.array(pose.apply((0.0, 0.0, height_m)))
    x_axis, y_axis = np.array(pose.apply((1.0, 0.0, height_m))), np.array(pose.apply((0.0, 1.0, height_m)))
    return origin + shape[:, :1] * (x_axis - origin) + shape[:, 1:] * (y_axis - origin)


def _shaded(colour: Rgb, by: float) -> Rgb:
    return _mixed((0, 0, 0), colour, by)


def _mixed(ground: Rgb, ink: Rgb, share: float) -> Rgb:
    red, green, blue = (round(g + (i - g) * share) for g, i in zip(ground, ink, strict=True))
    return red, green, blue
