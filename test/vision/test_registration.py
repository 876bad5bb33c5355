"""Registration against a golden image: what was moved is found, and what is not there is said to be missing."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.vision.registration import Reach, Registrar, grey, register

SIZE = (300, 220)
FINE = 4
"""Images are drawn so much larger and then reduced, so that their edges lie between the pixels."""


def part(seed: int) -> np.ndarray:
    """A plate with holes and a line, drawn large."""
    rng = np.random.default_rng(seed)
    width, height = SIZE[0] * FINE, SIZE[1] * FINE
    image = np.full((height, width), 60, np.uint8)
    cv2.rectangle(image, (width // 4, height // 4), (3 * width // 4, 3 * height // 4), 180, -1)
    for _ in range(12):
        at = (int(rng.uniform(0.25, 0.75) * width), int(rng.uniform(0.25, 0.75) * height))
        cv2.circle(image, at, int(rng.uniform(20, 80)), int(rng.uniform(20, 250)), -1)
    cv2.line(image, (width // 4, height // 4), (width // 2, height // 2), 30, 16)
    return image


def photo(large, shift=(0.0, 0.0), angle_rad=0.0, scale=1.0, gain=1.0, offset=0.0, seed=1) -> np.ndarray:
    """The part moved about the image's centre, in other light, with noise."""
    centre = (np.array(SIZE) - 1) / 2
    turn = scale * np.array([[math.cos(angle_rad), -math.sin(angle_rad)], [math.sin(angle_rad), math.cos(angle_rad)]])
    half = (FINE - 1) / 2
    offset_fine = FINE * (centre + shift - turn @ centre) + half - turn @ np.array([half, half])
    matrix = np.column_stack((turn, offset_fine))
    moved = cv2.warpAffine(large, matrix, (SIZE[0] * FINE, SIZE[1] * FINE), borderValue=60)
    small = cv2.resize(moved, SIZE, interpolation=cv2.INTER_AREA).astype(float)
    noisy = gain * small + offset + np.random.default_rng(seed).normal(0.0, 2.0, small.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


PART = part(3)
GOLDEN = photo(PART, seed=7)
REGISTRAR = Registrar(GOLDEN)


@settings(max_examples=25)
@given(
    x=st.floats(-40, 40), y=st.floats(-30, 30), angle_rad=st.floats(-0.33, 0.33), scale=st.floats(0.97, 1.03),
    gain=st.floats(0.5, 1.2), seed=st.integers(0, 99),
)  # fmt: skip
def test_shift_turn_and_scale_are_found_within_a_tenth_of_a_pixel(x, y, angle_rad, scale, gain, seed):
    found = REGISTRAR.register(photo(PART, (x, y), angle_rad, scale, gain, 5.0, seed))
    assert found.found
    assert found.shift_px == pytest.approx((x, y), abs=0.1)
    assert found.angle_rad == pytest.approx(angle_rad, abs=0.001)
    assert found.scale == pytest.approx(scale, abs=0.001)


def test_the_stated_deviations_are_those_that_are_seen():
    errors = []
    for seed in range(12):
        found = register(photo(PART, (3.3, -5.7), 0.1, seed=seed), photo(PART, seed=50 + seed))
        errors.append((np.array(found.shift_px) - (3.3, -5.7)) / (found.sd_px / math.sqrt(2)))
    assert 0.2 < float(np.sqrt(np.mean(np.square(errors)))) < 3.0


def test_a_part_in_any_turn_is_found_when_every_turn_is_permitted():
    found = register(photo(PART, (4.0, 2.0), 2.5), GOLDEN, Reach(angle_rad=math.pi))
    assert (found.found, found.angle_rad) == (True, pytest.approx(2.5, abs=0.002))


def test_a_registered_image_lies_over_the_golden_one():
    image = photo(PART, (7.2, -3.4), 0.15)
    laid = register(image, GOLDEN).rectified(image, SIZE)
    assert np.abs(laid.astype(float) - GOLDEN)[40:-40, 60:-60].mean() < 4.0


@pytest.mark.parametrize("image", [np.full((220, 300), 90, np.uint8), photo(part(11), (30, 20), 0.3)])
def test_what_does_not_show_the_part_is_not_found(image):
    assert not REGISTRAR.register(image).found


def test_a_turn_beyond_the_reach_is_not_found():
    assert not register(photo(PART, angle_rad=1.2), GOLDEN, Reach(angle_rad=0.2)).found


def test_with_a_fixed_scale_none_is_found():
    assert register(photo(PART, scale=1.02), GOLDEN, Reach(scale_ratio=1.0)).scale == pytest.approx(1.0, abs=1e-9)


def test_colour_and_depth_of_bits_do_not_matter():
    image = photo(PART, (6.5, 1.5), 0.05)
    wide = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB).astype(np.uint16) * 257
    assert register(wide, GOLDEN).shift_px == pytest.approx(register(image, GOLDEN).shift_px, abs=0.01)
    assert grey(wide).max() <= 255.0
