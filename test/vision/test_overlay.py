"""Evidence images for people."""

from __future__ import annotations

from typing import Any

import numpy as np

from microcell.vision.measure import measure
from microcell.vision.overlay import FAILED_RGB, PASSED_RGB, annotate


def test_outlines_show_what_passed_and_what_failed(stage: Any) -> None:
    pixels, requests = stage.photo(stage.closed(stage.cap)), stage.closed_checks(stage.cap)
    before = pixels.copy()
    readings = measure(pixels, stage.camera, requests)
    good = annotate(pixels, stage.camera, requests, readings, [True] * len(requests))
    bad = annotate(pixels, stage.camera, requests, readings, [False] * len(requests))
    assert (pixels == before).all()
    right = slice(pixels.shape[1] // 3, None)
    for image, colour in ((good, PASSED_RGB), (bad, FAILED_RGB)):
        assert np.count_nonzero((image[:, right] == colour).all(axis=2)) > 300
    assert not (good[:, right] == FAILED_RGB).all(axis=2).any()


def test_the_image_keeps_size_and_type(stage: Any) -> None:
    pixels = stage.photo([])
    image = annotate(pixels, stage.camera, (), (), ())
    assert (image.shape, image.dtype) == (pixels.shape, np.uint8)
