"""AprilTag and ArUco markers in an image: their numbers and their corners to a fraction of a pixel.

OpenCV finds quadrangles; the cells are read here against the brightness that the marker's own black border and white
surroundings have at that place (as Olson does in "AprilTag: a robust and flexible visual fiducial system", ICRA 2011),
so that markers of twelve pixels' width, seen aslant, are still read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np

from microcell.errors import MissingCapabilityError
from microcell.vision.registration import grey
from microcell.vision.tag_edges import on_edges

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bits = npt.NDArray[np.bool_]

TagFamily = Literal[
    "apriltag_16h5", "apriltag_25h9", "apriltag_36h10", "apriltag_36h11", "aruco_original", "4x4_50", "4x4_250",
    "5x5_100", "5x5_250", "6x6_250", "6x6_1000", "7x7_250", "7x7_1000",
]  # fmt: skip
FAMILIES: tuple[str, ...] = get_args(TagFamily)

CornersFrom = Literal["regions", "edges"]

MIN_CONTRAST_LEVELS = 10.0
"""Least difference between a marker's white and its black."""

MIN_BORDER_RATIO = 0.85
"""Share of the border's cells that must be black."""

_WITHIN_CELL = (-0.2, 0.2)
_SHARPENING = 0.25
"""Of a cell's difference from its neighbours that is added: takes back what blur took."""


@dataclass(frozen=True)
class Tag:
    """One marker in an image.

    `corners_px` is (4, 2): top left of the marker as it is printed, then clockwise. The centre of the first pixel is
    (0, 0); where a file counts from that pixel's corner, as AprilTag's own do, its numbers are 0.5 greater. `sd_px` is one
    standard deviation of a corner along either axis. `wrong_cells` were read otherwise than the number's code has them.
    """

    number: int
    corners_px: Floats
    sd_px: float
    wrong_cells: int

    @property
    def centre_px(self) -> tuple[float, float]:
        """Where the diagonals meet: the marker's middle under every perspective."""
        a, b, c, d = self.corners_px
        share = np.linalg.solve(np.column_stack((c - a, b - d)), b - a)[0]
        x, y = a + share * (c - a)
        return float(x), float(y)


def detect(
    image: npt.NDArray[Any], family: TagFamily = "apriltag_36h11", corners: CornersFrom = "regions", max_wrong_cells: int = 2
) -> tuple[Tag, ...]:
    """Find all markers of a family in a mono or RGB image of 8 or 16 bit, by number, then from left to right.

    Corners from `regions` are where lines through the borders of black regions meet, as AprilTag's library has them; from
    `edges`, where lines through the steepest places of the brightness meet, which is about twice as exact. Of the cells that
    may be read wrong, no more are permitted than the family's numbers differ enough for.
    """
    values = grey(image)
    code, most_wrong = _code(family), min(max_wrong_cells, _corrects(family))
    read = (_read(values, quad, code, most_wrong) for quad in _quads(values, family))
    found = _without_doubles([tag for tag in read if tag is not None])
    if corners == "edges":
        found = [_refined(values, tag) for tag in found]
    return tuple(sorted(found, key=lambda tag: (tag.number, *tag.corners_px[0].tolist())))


@dataclass(frozen=True)
class _Code:
    """A family's codes as cells (numbers, side, side), True = white."""

    cells: Bits

    @property
    def side(self) -> int:
        return self.cells.shape[1]


@lru_cache(maxsize=8)
def _code(family: TagFamily) -> _Code:
    dictionary = _dictionary(family)
    side = int(dictionary.markerSize)
    packed = np.asarray(dictionary.bytesList)
    # In memory, the bytes of the four turns follow each other; the last byte holds the remaining bits at its low end.
    whole = np.unpackbits(packed.reshape(len(packed), -1)[:, : packed.shape[1]], axis=1)
    rest = side * side % 8
    if rest:
        whole = np.concatenate((whole[:, : side * side - rest], whole[:, -rest:]), axis=1)
    return _Code(whole[:, : side * side].reshape(-1, side, side).astype(bool))


def _corrects(family: TagFamily) -> int:
    """How many wrong cells still leave a marker's own number the nearest."""
    if family == "aruco_original":
        return 0  # some of its numbers differ by two cells
    return int(_dictionary(family).maxCorrectionBits)


def _dictionary(family: TagFamily) -> Any:
    if not hasattr(cv2, "aruco") or not hasattr(cv2.aruco, "ArucoDetector"):
        raise MissingCapabilityError(
            f"markers need OpenCV 4.7 or later with its aruco module, here is {cv2.__version__}. Install it with "
            "'pip install opencv-python-headless'."
        )
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{family.upper()}"))


def _quads(values: npt.NDArray[np.float32], family: TagFamily) -> list[Floats]:
    """Corners of everything that may be a marker, (4, 2) each, clockwise in the image."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_APRILTAG
    parameters.minMarkerPerimeterRate = 0.01
    parameters.minDistanceToBorder = 0
    detector = cv2.aruco.ArucoDetector(_dictionary(family), parameters)
    accepted, _, others = detector.detectMarkers(np.clip(values + 0.5, 0, 255).astype(np.uint8))
    # Of AprilTag's quadrangles, the first pixel's corner is (0, 0).
    quads = [np.asarray(quad, float).reshape(4, 2) - 0.5 for quad in (*accepted, *others)]
    return [quad if _turns_clockwise(quad) else quad[::-1] for quad in quads]


def _turns_clockwise(quad: Floats) -> bool:
    """In an image, whose y axis points down."""
    ahead = np.roll(quad, -1, axis=0)
    return float(np.sum(quad[:, 0] * ahead[:, 1] - ahead[:, 0] * quad[:, 1])) > 0


def _read(values: npt.NDArray[np.float32], quad: Floats, code: _Code, max_wrong_cells: int) -> Tag | None:
    """The marker that a quadrangle is, None where it is none."""
    cells = _cells(values, quad, code.side)
    if cells is None:
        return None
    best: tuple[int, int, int] | None = None
    for turn in range(4):
        wrong = np.count_nonzero(code.cells != np.rot90(cells, turn), axis=(1, 2))
        number = int(np.argmin(wrong))
        if best is None or wrong[number] < best[0]:
            best = (int(wrong[number]), number, turn)
    if best is None or best[0] > max_wrong_cells:
        return None
    # Turned back counter-clockwise by `turn`: so many corners further is the printed marker's first.
    return Tag(best[1], np.roll(quad, -best[2], axis=0), _REGION_SD_PX, best[0])


_REGION_SD_PX = 0.2
"""Of corners from regions, measured on drawn markers (bench/vision_marks.py)."""


def _cells(values: npt.NDArray[np.float32], quad: Floats, side: int) -> Bits | None:
    """Which cells of a quadrangle are white, (side, side); None where its border is not black on white."""
    n = side + 2
    square = np.array([[0, 0], [n, 0], [n, n], [0, n]], np.float32)
    to_image = cv2.getPerspectiveTransform(square, quad.astype(np.float32))
    middles = np.arange(-1, n + 1) + 0.5
    x, y = (axis.ravel() for axis in np.meshgrid(middles, middles))
    levels = np.mean([_sampled(values, to_image, x + dx, y + dy) for dx in _WITHIN_CELL for dy in _WITHIN_CELL], axis=0)
    outside = (x < 0) | (y < 0) | (x > n) | (y > n)
    border = ~outside & ((x < 1) | (y < 1) | (x > n - 1) | (y > n - 1))
    white = outside & ~np.isnan(levels)
    if np.count_nonzero(white) < n or np.isnan(levels[~outside]).any():
        return None
    plane = np.column_stack((x, y, np.ones_like(x)))
    bright, dark = (plane @ np.linalg.lstsq(plane[chosen], levels[chosen], rcond=None)[0] for chosen in (white, border))
    threshold = (bright + dark) / 2.0
    if np.mean((bright - dark)[border]) < MIN_CONTRAST_LEVELS or np.mean((levels < threshold)[border]) < MIN_BORDER_RATIO:
        return None
    above = np.where(np.isnan(levels), 0.0, levels - threshold).reshape(n + 2, n + 2)
    return _sharpened(above)[2:-2, 2:-2] > 0.0


def _sampled(values: npt.NDArray[np.float32], to_image: Floats, x: Floats, y: Floats) -> Floats:
    """Brightness at points of a marker, NaN outside of the image."""
    points = cv2.perspectiveTransform(np.stack((x, y), axis=1)[None].astype(np.float32), to_image)[0]
    levels = cv2.remap(
        values, points[:, :1], points[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan")
    )
    return levels.ravel().astype(np.float64)


def _sharpened(above: Floats) -> Floats:
    around = above.copy()
    around[1:-1, 1:-1] = (above[:-2, 1:-1] + above[2:, 1:-1] + above[1:-1, :-2] + above[1:-1, 2:]) / 4.0
    sharpened: Floats = above + 4.0 * _SHARPENING * (above - around)
    return sharpened


def _without_doubles(tags: list[Tag]) -> list[Tag]:
    """One of those that have the same number at the same place: the best read, then the largest."""
    kept: list[Tag] = []
    for tag in sorted(tags, key=lambda tag: (tag.wrong_cells, -cv2.contourArea(tag.corners_px.astype(np.float32)))):
        middle = tag.corners_px.mean(axis=0)
        if not any(tag.number == other.number and _holds(other, middle) for other in kept):
            kept.append(tag)
    return kept


def _holds(tag: Tag, point: Floats) -> bool:
    corners = tag.corners_px.astype(np.float32)
    return cv2.pointPolygonTest(corners, (float(point[0]), float(point[1])), False) >= 0


def _refined(values: npt.NDArray[np.float32], tag: Tag) -> Tag:
    """With its corners on the edges, where they can be seen."""
    refined = on_edges(values, tag.corners_px)
    return tag if refined is None else Tag(tag.number, refined[0], refined[1], tag.wrong_cells)
