"""Pictures of a camera over time: a strip, or moving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microcell.errors import UsageError
from microcell.viewing.film import Shot, evenly, save_film


def shots(count: int) -> list[Shot]:
    """Pictures that grow lighter."""
    return [Shot(0.5 * n, np.full((60, 80, 3), 20 * n, np.uint8)) for n in range(count)]


def test_a_strip_shows_the_film_from_its_first_to_its_last_picture(tmp_path: Path) -> None:
    path = tmp_path / "made" / "strip.png"
    save_film(shots(11), path, pictures=6, width_px=80)
    strip = np.asarray(Image.open(path))
    assert strip.shape == (2 * 64 + 4, 4 * 84 + 4, 3), "two rows of four, one of them half empty"
    lightness = [int(np.median(strip[4 + row * 64 : 64 + row * 64, 4 + col * 84 : 84 + col * 84])) for row, col in
                 ((0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1))]  # fmt: skip
    assert lightness == [0, 40, 80, 120, 160, 200]


def test_a_moving_picture_has_them_all(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    save_film(shots(7), path, pictures=3, width_px=80)
    assert getattr(Image.open(path), "n_frames", 1) == 7


def test_few_pictures_are_shown_all() -> None:
    three = shots(3)
    assert evenly(three, 12) == three
    assert evenly(three, 1) == three[:1]


def test_a_camera_that_showed_nothing_makes_no_film(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the camera showed no picture"):
        save_film([], tmp_path / "strip.png", 4, 80)
