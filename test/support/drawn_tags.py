"""Markers drawn into an image, with corners that are known."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

FINE = 8


def marker_square(side_px: float, centre_px: tuple[float, float], turn_rad: float = 0.0) -> np.ndarray[Any, Any]:
    """Corners of a square, top left first, clockwise."""
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * side_px
    turned: np.ndarray[Any, Any] = square @ np.array([[cos, -sin], [sin, cos]]).T + centre_px
    return turned


def drawn(markers: dict[int, np.ndarray[Any, Any]], size: tuple[int, int] = (240, 180)) -> np.ndarray[Any, Any]:
    """A grey image (width, height) with markers at their (4, 2) corners, slightly blurred and noisy, uint8."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H11)
    image = np.full((size[1] * FINE, size[0] * FINE), 200, np.uint8)
    for number, corners in markers.items():
        sheet = np.full((480, 480), 235, np.uint8)
        cells = cv2.aruco.generateImageMarker(dictionary, number, 320)
        sheet[80:400, 80:400] = np.where(cells > 0, 235, 25)
        source = np.array([[79.5, 79.5], [399.5, 79.5], [399.5, 399.5], [79.5, 399.5]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, ((corners + 0.5) * FINE - 0.5).astype(np.float32))
        shape = image.shape[::-1]
        there = cv2.warpPerspective(np.ones_like(sheet), matrix, shape, flags=cv2.INTER_NEAREST)
        image = np.where(there > 0, cv2.warpPerspective(sheet, matrix, shape), image)
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(float), (0, 0), 0.7)
    noisy = small + np.random.default_rng(4).normal(0.0, 2.0, small.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
