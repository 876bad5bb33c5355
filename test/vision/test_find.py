"""Where a part is found in an image, whatever hides some of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from microcell.description.product import Box
from microcell.plant.render import Light, render
from microcell.vision.find import find
from microcell.vision.measure import measure
from microcell.vision.view import View


def seen_at(stage: Any, px_mm: float, part: Any, items: Any) -> tuple[float, float]:
    """How far beside its place a part is found, m, and what it says of its own error, in an image of a scale."""
    size = {"focal_px": 1000.0 * px_mm, "width_px": round(87 * px_mm), "height_px": round(65 * px_mm)}
    camera = stage.camera.model_copy(update=size)
    view = View.of(render(items, camera, Light(), np.random.default_rng(5)), camera, "camera")
    found = find(view, part, stage.at(), 0.02)
    assert found is not None
    return math.dist(found.part_in_cell.position[:2], items[0].part_in_cell.position[:2]), found.sd_m


@pytest.mark.parametrize("px_mm", [3.6, 11.0, 22.0])
@pytest.mark.parametrize("name", ["disc", "cap"])
@pytest.mark.parametrize("hidden", [0.0, 0.1, 0.2])
def test_a_part_is_found_with_a_fifth_of_its_width_hidden_whatever_the_size_of_pixels(
    stage: Any, px_mm: float, name: str, hidden: float
) -> None:
    part = getattr(stage, name)
    width_m = part.shape.diameter_m
    cover = stage.part(Box(kind="box", length_m=0.06, width_m=0.06, height_m=0.003), (40, 40, 40))
    away = 0.001 + 0.03 + width_m * (0.5 - hidden)
    items = [stage.item(part, stage.at(0.001, 0.0005)), stage.item(cover, stage.at(away, 0.0005, 0.006))]
    assert seen_at(stage, px_mm, part, items)[0] < 0.00005


def test_a_part_is_found_by_a_narrow_rim_around_what_lies_on_it(stage: Any) -> None:
    turns = [2.0 * math.pi * number / 18 for number in range(18)]
    heads = [stage.item(stage.screw, stage.at(0.001 + 0.0168 * math.cos(a), 0.0168 * math.sin(a), 0.005)) for a in turns]
    assert seen_at(stage, 11.0, stage.cap, [stage.item(stage.cap, stage.at(0.001)), *heads])[0] < 0.00005


@pytest.mark.parametrize("px_mm", [3.6, 11.0])
@pytest.mark.parametrize("name", ["disc", "cap", "plate"])
def test_a_place_is_as_sure_as_it_is_true(stage: Any, px_mm: float, name: str) -> None:
    part = getattr(stage, name)
    error_m, sd_m = seen_at(stage, px_mm, part, [stage.item(part, stage.at(0.0011, -0.0007))])
    assert error_m < 2.0 * sd_m < 0.5e-3 / px_mm


@pytest.mark.parametrize("px_mm", [7.0, 14.0])
def test_the_place_of_a_code_is_as_sure_as_its_pixels_are_small(stage: Any, px_mm: float) -> None:
    size = {"focal_px": 1000.0 * px_mm, "width_px": round(87 * px_mm), "height_px": round(65 * px_mm)}
    camera = stage.camera.model_copy(update=size)
    items = [stage.item(stage.label, stage.at(0.0011, -0.0007), content="VLV-7")]
    pixels = render(items, camera, Light(), np.random.default_rng(5))
    place = measure(pixels, camera, [stage.ask(kind, stage.label, text="VLV-7") for kind in ("position", "code")])[0]
    assert place.uncertainty == pytest.approx(0.5e-3 / px_mm, rel=0.01)
    assert abs(place.value - math.hypot(0.0011, 0.0007)) < 2.0 * place.uncertainty
