"""Images that cannot be judged are refused, and the words say why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from microcell.faults import FaultError
from microcell.plant.render import Light, render
from microcell.vision.exposure import light_gains
from microcell.vision.measure import measure


def refusal(stage: Any, pixels: Any) -> str:
    with pytest.raises(FaultError) as caught:
        measure(pixels, stage.camera, (), "camera_1")
    assert caught.value.fault.code == "CAMERA_UNUSABLE_IMAGE"
    assert caught.value.fault.where == "camera_1"
    return caught.value.fault.detail


def test_a_dark_image_is_refused(stage: Any) -> None:
    detail = refusal(stage, stage.photo(stage.closed(stage.cap), Light(0.1)))
    assert detail.startswith("too dark: the background has 1/")
    assert detail.endswith("of its brightness, not 1/5 or more")


def test_a_black_image_is_refused(stage: Any) -> None:
    assert "too dark" in refusal(stage, np.zeros((720, 960, 3), np.uint8))


def test_a_saturated_image_is_refused(stage: Any) -> None:
    detail = refusal(stage, stage.photo(stage.closed(stage.white_cap), Light(2.0)))
    assert detail.startswith("saturated: ")
    assert detail.endswith("of the pixels are at full scale, not 2% or less")


def test_a_blurred_image_is_refused(stage: Any) -> None:
    detail = refusal(stage, stage.photo(stage.closed(stage.cap), Light(blur_px=6.0)))
    assert detail.startswith("blurred: the steepest edge rises by 0.0")


def test_an_image_without_anything_in_it_is_refused(stage: Any) -> None:
    noise = np.random.default_rng(1).normal(80.0, 2.5, (720, 960, 3))
    detail = refusal(stage, np.clip(noise, 0, 255).astype(np.uint8))
    assert detail.startswith("flat: its brightness varies by ")


def test_an_image_of_another_size_is_refused(stage: Any) -> None:
    detail = refusal(stage, np.zeros((10, 20, 3), np.uint8))
    assert detail == "the image is (10, 20, 3) uint8, not (720, 960, 3) uint8"


def test_the_empty_bench_is_not_refused(stage: Any) -> None:
    assert measure(stage.photo([]), stage.camera, ()) == ()


def test_the_light_is_told_by_the_background(stage: Any) -> None:
    right, dim = (light_gains(stage.photo([], Light(level)), stage.camera, "camera") for level in (1.0, 0.5))
    assert dim / right == pytest.approx((2.0, 2.0, 2.0), rel=0.03)


def test_a_camera_over_another_background_says_so(stage: Any) -> None:
    brown = stage.camera.model_copy(update={"parameters": {"background_rgb": [150, 120, 90]}})
    pixels = render([], brown, Light(), np.random.default_rng(1))
    right = light_gains(stage.photo([]), stage.camera, "camera")
    assert light_gains(pixels, brown, "camera") == pytest.approx(right, rel=0.03)
    red, _, blue = light_gains(pixels, stage.camera, "camera")
    assert red < 0.6 * blue
