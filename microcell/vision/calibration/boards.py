"""Calibration boards: read from text, and found in images to a fraction of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from pydantic import ValidationError

from microcell.description.calibration import BoardSpec
from microcell.errors import CalibrationError, MissingCapabilityError, UsageError
from microcell.vision.photos import ENDINGS, image_files, read_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from microcell.vision.calibration.transforms import Floats

    Image = npt.NDArray[Any]

LEAST_CORNERS = 8
"""A ChArUco board may be hidden in part; with fewer corners it is as good as not seen."""

_FORM = "chessboard:COLUMNSxROWS:SQUARE_M (inner corners) or charuco:COLUMNSxROWS:SQUARE_M:MARKER_M:DICTIONARY (squares)"


@dataclass(frozen=True)
class Sighting:
    """A board in an image: the same corners on the board, (n, 3) in m, and in the image, (n, 2) in pixels."""

    name: str
    size_px: tuple[int, int]
    points_m: Floats
    points_px: Floats

    def turned(self) -> Sighting:
        """As if the board lay the other way round; only for a whole chessboard."""
        return Sighting(self.name, self.size_px, self.points_m, self.points_px[::-1])

    def taken(self, chosen: npt.NDArray[np.bool_]) -> Sighting:
        """Some of the corners."""
        return Sighting(self.name, self.size_px, self.points_m[chosen], self.points_px[chosen])


def read_board(text: str) -> BoardSpec:
    """A board from `chessboard:9x6:0.025` or `charuco:7x5:0.03:0.022:5x5_100`; `UsageError`."""
    kind, *rest = text.split(":")
    try:
        if (kind, len(rest)) not in {("chessboard", 2), ("charuco", 4)}:
            raise ValueError
        columns, rows = map(int, rest[0].split("x"))
        values: dict[str, Any] = {"kind": kind, "columns": columns, "rows": rows, "square_m": float(rest[1])}
        if kind == "charuco":
            values |= {"marker_m": float(rest[2]), "dictionary": rest[3].lower().removeprefix("dict_")}
        board = BoardSpec(**values)
    except (ValueError, ValidationError):
        raise UsageError(f"'{text}' is no board: {_FORM}.") from None
    if board.marker_m is not None and board.marker_m >= board.square_m:
        raise UsageError(f"'{text}': a marker ({board.marker_m:g} m) is smaller than its square ({board.square_m:g} m).")
    return board


class Finder:
    """Finds one kind of board."""

    def __init__(self, board: BoardSpec) -> None:
        self.board = board
        self._charuco: Any = _charuco(board) if board.kind == "charuco" else None

    def find(self, image: Image, name: str) -> Sighting | None:
        """The board in a mono or RGB image of 8 or 16 bit; None where it is not seen (well enough)."""
        grey = as_grey(image)
        size = (grey.shape[1], grey.shape[0])
        found = self._of_charuco(grey) if self._charuco is not None else self._of_chessboard(grey)
        if found is None:
            return None
        points_m, points_px = found
        return Sighting(name, size, points_m.astype(float), points_px.reshape(-1, 2).astype(float))

    def _of_chessboard(self, grey: Image) -> tuple[Floats, Floats] | None:
        columns, rows = self.board.columns, self.board.rows
        flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
        seen, corners = cv2.findChessboardCornersSB(grey, (columns, rows), flags=flags)
        if not seen:
            return None
        grid = np.zeros((rows * columns, 3))
        grid[:, :2] = np.mgrid[0:columns, 0:rows].T.reshape(-1, 2) * self.board.square_m
        points = _refined(grey, np.asarray(corners).reshape(-1, 2), 0.5)
        return grid, points if _begins_dark(grey, points, columns) else points[::-1]

    def _of_charuco(self, grey: Image) -> tuple[Floats, Floats] | None:
        corners, ids, _, _ = cv2.aruco.CharucoDetector(self._charuco).detectBoard(grey)
        if ids is None or len(ids) < LEAST_CORNERS:
            return None
        every = np.asarray(self._charuco.getChessboardCorners()).reshape(-1, 3)
        points_m = every[np.asarray(ids).ravel()]
        if np.linalg.matrix_rank(points_m[:, :2] - points_m[:, :2].mean(axis=0), tol=1e-3 * self.board.square_m) < 2:
            return None  # corners on one line say nothing of the board's tilt
        # Markers begin beyond so much of a square; within, there are the two edges alone.
        free_ratio = 0.5 * (1.0 - (self.board.marker_m or 0.0) / self.board.square_m)
        return points_m, _refined(grey, np.asarray(corners).reshape(-1, 2), free_ratio)


def ambiguous(board: BoardSpec) -> bool:
    """Whether a chessboard looks the same after half a turn: then an image does not tell which end is which."""
    return board.kind == "chessboard" and (board.columns + board.rows) % 2 == 0


def why_ambiguous(board: BoardSpec) -> str:
    """What a chessboard of as many columns as rows does not tell, where it matters which way it lies; "" for others.

    OpenCV begins at another of its four corners when the camera is turned by an eighth and more.
    """
    if board.kind != "chessboard" or board.columns != board.rows:
        return ""
    return (
        f"A chessboard of {board.columns} x {board.rows} inner corners is square: turned by 45 degrees and more, its images "
        "do not tell which side is the upper one. Turn the hand by less, or take one of more columns than rows, or a "
        "ChArUco board."
    )


def sightings(images: Sequence[tuple[str, Image]], board: BoardSpec) -> tuple[list[Sighting], list[str]]:
    """The board in each image that shows it, and the names of the others; `CalibrationError` for images of mixed sizes."""
    sizes: dict[tuple[int, ...], list[str]] = {}
    for name, image in images:
        sizes.setdefault(image.shape[1::-1], []).append(name)
    if len(sizes) > 1:
        told = "; ".join(f"{size[0]} x {size[1]}: {len(names)}, such as {names[0]}" for size, names in sizes.items())
        raise CalibrationError(f"the images are not of one size ({told}): take all with the same camera and settings.")
    finder = Finder(board)
    found = [(name, finder.find(image, name)) for name, image in images]
    return [seen for _, seen in found if seen is not None], [name for name, seen in found if seen is None]


def as_grey(image: Image) -> npt.NDArray[np.uint8]:
    """A mono or RGB image of 8 or 16 bit as 8 bit grey, 16 bit ones spread over their range."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    if grey.dtype == np.uint8:
        return np.ascontiguousarray(grey)
    low, high = np.quantile(grey, (0.001, 0.999))
    spread = (grey.astype(np.float32) - low) * (255.0 / max(1.0, high - low))
    return np.clip(spread, 0, 255).astype(np.uint8)


def read_images(folder: Path) -> list[tuple[str, Image]]:
    """All images of a folder by name, in the order of their names; `CalibrationError` where there are none."""
    if not folder.is_dir():
        raise CalibrationError(f"'{folder}' is no folder: name the one that holds the images.")
    found = []
    for path in image_files(folder):
        image = read_image(path)
        if image is None:
            raise CalibrationError(f"'{path}' is no image that can be read: mend it or take it out.")
        found.append((path.name, as_grey(image)))
    if not found:
        raise CalibrationError(f"there is no image in '{folder}' ({', '.join(ENDINGS)}).")
    return found


def _refined(grey: Image, corners: Floats, free_ratio: float) -> Floats:
    """Corners to a fraction of a pixel, in coordinates in which the first pixel's centre is (0, 0).

    Releases of OpenCV differ by half a pixel in what they return for ChArUco boards; this takes that out.
    """
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=2) + 1e9 * np.eye(len(corners))
    reach = int(np.clip(0.8 * free_ratio * np.median(apart.min(axis=0)), 2, 9))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    start = np.ascontiguousarray(corners, np.float32).reshape(-1, 1, 2)
    return np.asarray(cv2.cornerSubPix(grey, start, (reach, reach), (-1, -1), stop)).reshape(-1, 2)


def _begins_dark(grey: Image, corners: Floats, columns: int) -> bool:
    """Whether the square outside of a chessboard's first corner is darker than the one beyond its last."""
    first = corners[0] + 0.5 * (2.0 * corners[0] - corners[1] - corners[columns])
    last = corners[-1] + 0.5 * (2.0 * corners[-1] - corners[-2] - corners[-1 - columns])
    places = np.round(np.stack((first, last))).astype(int)
    x, y = np.clip(places[:, 0], 1, grey.shape[1] - 2), np.clip(places[:, 1], 1, grey.shape[0] - 2)
    dark, other = (float(grey[v - 1 : v + 2, u - 1 : u + 2].mean()) for u, v in zip(x, y, strict=True))
    return dark <= other


def _charuco(board: BoardSpec) -> Any:
    """OpenCV's ChArUco board; `MissingCapabilityError` before 4.7, which is the first to have it without contrib."""
    if not hasattr(cv2, "aruco") or not hasattr(cv2.aruco, "CharucoDetector"):
        raise MissingCapabilityError(
            f"ChArUco boards need OpenCV 4.7 or newer, this is {cv2.__version__}. Use a chessboard, or upgrade "
            "opencv-python-headless."
        )
    code = getattr(cv2.aruco, f"DICT_{board.dictionary.upper()}", None)
    if code is None:
        known = sorted(name[5:].lower() for name in dir(cv2.aruco) if name.startswith("DICT_"))
        raise UsageError(f"there are no markers '{board.dictionary}'; there are: {', '.join(known)}.")
    dictionary = cv2.aruco.getPredefinedDictionary(code)
    return cv2.aruco.CharucoBoard((board.columns, board.rows), board.square_m, board.marker_m or 0.0, dictionary)
