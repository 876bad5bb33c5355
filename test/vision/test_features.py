"""A textured part is found under any turn, a larger or smaller scale, and other light."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

from microcell.errors import MissingCapabilityError
from microcell.vision import features
from microcell.vision.features import FeatureModel


def texture(seed: int, side: int = 160) -> np.ndarray[Any, Any]:
    """Smooth blobs of several sizes, uint8."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), sigma) * sigma for sigma in (1.5, 3.0, 6.0)]
    mixed = np.sum(layers, axis=0)
    return np.clip(128 + 45 * mixed / mixed.std(), 0, 255).astype(np.uint8)


Array = np.ndarray[Any, Any]


def laid(golden: Array, turn_rad: float, scale: float, gain: float) -> tuple[Array, Array]:
    """The golden image somewhere in a larger one, and its (2, 3) transform."""
    matrix = cv2.getRotationMatrix2D((79.5, 79.5), -math.degrees(turn_rad), scale)
    matrix[:, 2] += (120.3, 100.8)
    image = cv2.warpAffine(golden, matrix, (400, 360), flags=cv2.INTER_CUBIC, borderValue=90).astype(float)
    return np.clip(gain * image + 10 + np.random.default_rng(1).normal(0, 2, image.shape), 0, 255).astype(np.uint8), matrix


@pytest.mark.parametrize("kind", ["orb", "sift"])
@pytest.mark.parametrize(("turn_rad", "scale", "gain"), [(0.4, 1.0, 1.0), (2.6, 1.3, 0.7), (-1.8, 0.8, 0.9)])
def test_a_textured_part_is_found_to_a_fraction_of_a_pixel(kind: Any, turn_rad: float, scale: float, gain: float) -> None:
    golden = texture(3)
    image, truth = laid(golden, turn_rad, scale, gain)
    found = FeatureModel.of(golden, kind).locate(image)
    assert found is not None
    assert found.found
    corners = np.array([[20.0, 20.0], [140.0, 20.0], [140.0, 140.0], [20.0, 140.0]])
    off = np.linalg.norm(found.to_image(corners) - (corners @ truth[:, :2].T + truth[:, 2]), axis=1)
    assert off.max() < 0.25
    assert math.remainder(found.angle_rad - turn_rad, 2 * math.pi) == pytest.approx(0.0, abs=0.003)
    assert found.scale == pytest.approx(scale, abs=0.003)


def test_a_part_that_is_not_there_is_not_found() -> None:
    model = FeatureModel.of(texture(3), "orb")
    assert model.locate(laid(texture(4), 0.3, 1.0, 1.0)[0]) is None
    assert model.locate(np.full((200, 200), 80, np.uint8)) is None


def test_an_opencv_without_a_kind_of_feature_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(features.cv2, "AKAZE_create", raising=False)
    with pytest.raises(MissingCapabilityError, match="has no AKAZE features; use orb or sift"):
        FeatureModel.of(texture(3), "akaze")
