"""Images of calibration boards as a camera with known optics sees them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from microcell.description.calibration import BoardSpec
from microcell.vision.optics import distorted

SIZE_PX = (640, 480)
FOCAL_PX = 620.0
CENTRE_PX = (325.0, 236.0)
DISTORTION = (-0.18, 0.06, 0.0008, -0.0005, 0.0)
MATRIX = np.array([[FOCAL_PX, 0.0, CENTRE_PX[0]], [0.0, FOCAL_PX, CENTRE_PX[1]], [0.0, 0.0, 1.0]])
CHESSBOARD = BoardSpec(kind="chessboard", columns=8, rows=5, square_m=0.025)
CHARUCO = BoardSpec(kind="charuco", columns=8, rows=6, square_m=0.025, marker_m=0.018, dictionary="5x5_100")

_TEXTURE_PX = 60
"""Of a square in the board's own picture."""

_FINER = 2


@cache
def texture(board: BoardSpec) -> np.ndarray:
    """The board's picture with a margin of one square, `_TEXTURE_PX` to a square."""
    if board.kind == "charuco":
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{board.dictionary.upper()}"))
        drawn = cv2.aruco.CharucoBoard((board.columns, board.rows), board.square_m, board.marker_m, dictionary)
        size = (board.columns * _TEXTURE_PX, board.rows * _TEXTURE_PX)
        return cv2.copyMakeBorder(drawn.generateImage(size), *(_TEXTURE_PX,) * 4, cv2.BORDER_CONSTANT, value=255)
    rows, columns = np.indices((board.rows + 1, board.columns + 1))
    squares = np.where((rows + columns) % 2, 255, 0).astype(np.uint8)
    picture = np.kron(squares, np.ones((_TEXTURE_PX, _TEXTURE_PX), np.uint8))
    return cv2.copyMakeBorder(picture, *(_TEXTURE_PX,) * 4, cv2.BORDER_CONSTANT, value=255)


def seen(
    board: BoardSpec, board_in_camera: np.ndarray, rng: np.random.Generator | None = None, distortion=DISTORTION
) -> np.ndarray:
    """The image of a board at a (4, 4) pose, grey; with a little noise where a generator is given."""
    picture = texture(board)
    rays = finer_rays(distortion)
    plane = rays.reshape(-1, 3) @ np.linalg.inv(board_in_camera[:3, [0, 1, 3]]).T.astype(np.float32)
    on_board = plane[:, :2] / plane[:, 2:]
    # In a chessboard's frame the first inner corner is the origin, in a ChArUco board's its outer corner.
    margin = 2.0 if board.kind == "chessboard" else 1.0
    where = (on_board / np.float32(board.square_m) + margin) * _TEXTURE_PX - 0.5
    where[plane[:, 2] <= 0] = -1e3
    where = where.reshape(*rays.shape[:2], 2).astype(np.float32)
    fine = cv2.remap(picture, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=110)
    image = cv2.resize(fine, SIZE_PX, interpolation=cv2.INTER_AREA).astype(float) * 0.75 + 25.0
    if rng is not None:
        image += rng.normal(0.0, 2.0, image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


@cache
def finer_rays(distortion) -> np.ndarray:
    """Rays through the parts of all pixels, (height, width, 3), float32."""
    v, u = np.indices((SIZE_PX[1] * _FINER, SIZE_PX[0] * _FINER), dtype=float)
    pixels = (np.stack((u, v), axis=-1) + 0.5) / _FINER - 0.5
    shown = ((pixels - CENTRE_PX) / FOCAL_PX).reshape(-1, 2)
    rays = shown.copy()
    for _ in range(12):
        rays -= distorted(rays, distortion) - shown
    return np.dstack((rays.reshape(*u.shape, 2), np.ones_like(u))).astype(np.float32)


def poses(count: int, rng: np.random.Generator, tilt_rad: float = 0.6, board: BoardSpec = CHESSBOARD) -> list[np.ndarray]:
    """Poses of a board in a camera, tilted every way, all of it in view."""
    found: list[np.ndarray] = []
    corners = np.array([(x, y, 0.0) for x in (-2, board.columns + 1) for y in (-2, board.rows + 1)]) * board.square_m
    while len(found) < count:
        turn = cv2.Rodrigues(np.append(rng.uniform(-tilt_rad, tilt_rad, 2), rng.uniform(-0.4, 0.4)))[0]
        middle = np.array([rng.uniform(-0.06, 0.06), rng.uniform(-0.05, 0.05), rng.uniform(0.26, 0.4)])
        place = middle - turn @ (np.array([board.columns - 1, board.rows - 1, 0.0]) * board.square_m / 2)
        camera = corners @ turn.T + place
        pixels = distorted(camera[:, :2] / camera[:, 2:], DISTORTION) * FOCAL_PX + CENTRE_PX
        if np.all(pixels > 4) and np.all(pixels < np.array(SIZE_PX) - 5):
            pose = np.eye(4)
            pose[:3, :3], pose[:3, 3] = turn, place
            found.append(pose)
    return found
