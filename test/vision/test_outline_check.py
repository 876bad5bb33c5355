"""Short shots and burrs by the outline, dirt and scratches under uneven light, labels by their codes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from microcell.plant.render import Light, render
from microcell.plant.scene import EdgeFlaw, Flaw
from microcell.vision.measure import measure
from microcell.vision.optics import Optics
from microcell.vision.requests import Reading


def read(stage: Any, items: Any, *requests: Any) -> Reading:
    return measure(stage.photo(items), stage.camera, requests)[0]


def test_a_good_outline_is_true_to_a_tenth_of_a_millimetre(stage: Any) -> None:
    for part in (stage.cap, stage.ring, stage.plate):
        reading = read(stage, [stage.item(part, stage.at(0.001, -0.0005))], stage.ask("outline", part))
        assert reading.value < 0.0001, part
        assert (reading.findings, reading.text, reading.unit) == ((), "", "m")


@pytest.mark.parametrize("px_mm", [3.6, 11.0, 22.0])
@pytest.mark.parametrize("blur_px", [0.6, 2.0])
def test_how_sharp_an_image_is_and_how_large_is_no_size(stage: Any, px_mm: float, blur_px: float) -> None:
    for part in (stage.disc, stage.ring, stage.plate):
        assert seen_at(stage, px_mm, part, part, blur_px).value < 0.0001, part


def test_a_true_edge_over_a_part_of_nearly_the_same_colour_is_true(stage: Any) -> None:
    cap, below = (
        stage.item(stage.white_cap, stage.at(z_m=0.02), "cap"),
        replace(stage.item(stage.ring, stage.at()), item_id=2),
    )
    request = replace(stage.ask("outline", stage.white_cap, stage.at(z_m=0.02), "cap"), ground_rgb=stage.ring.colour_rgb)
    assert read(stage, [below, cap], request).value < 0.00005


@pytest.mark.parametrize(("diameter_m", "words"), [(0.042, "burr"), (0.0388, "")])
def test_a_part_of_another_size_is_off_all_around_as_far_as_pixels_do_not_explain(
    stage: Any, diameter_m: float, words: str
) -> None:
    wrong = stage.cap.model_copy(update={"shape": stage.cap.shape.model_copy(update={"diameter_m": diameter_m})})
    reading = seen_at(stage, 3.6, wrong, stage.cap)
    unexplained_m = abs(diameter_m - 0.04) / 2 - 1.5 / 3600
    assert reading.value == pytest.approx(unexplained_m, abs=0.0001)
    assert reading.text == words  # from 0.25 mm on


def seen_at(stage: Any, px_mm: float, part: Any, expected: Any, blur_px: float = 0.6) -> Reading:
    """The outline of a part as another one's is expected, in an image with so many pixels to a millimetre."""
    size = {"focal_px": 1000.0 * px_mm, "width_px": round(87 * px_mm), "height_px": round(65 * px_mm)}
    camera = stage.camera.model_copy(update=size)
    pixels = render([stage.item(part, stage.at())], camera, Light(blur_px=blur_px), np.random.default_rng(5))
    return measure(pixels, camera, [stage.ask("outline", expected)])[0]


@pytest.mark.parametrize(("kind", "words"), [("short", "short shot"), ("burr", "burr")])
@pytest.mark.parametrize("at_rad", [0.0, 2.0, -2.9])
def test_a_flaw_of_the_edge_is_measured_named_and_placed(stage: Any, kind: Any, words: str, at_rad: float) -> None:
    item = stage.item(stage.cap, stage.at(), edges=(EdgeFlaw(kind, at_rad, 0.006, 0.001),))
    reading = read(stage, [item], stage.ask("outline", stage.cap))
    assert reading.value == pytest.approx(0.001, abs=0.0001)
    assert reading.text == words
    left, top, right, bottom = reading.findings[0].box_px
    seen = Optics.of(stage.camera).unproject(((left + right) / 2, (top + bottom) / 2), 0.035)
    truth = stage.at(0.02 * math.cos(at_rad), 0.02 * math.sin(at_rad)).position[:2]
    assert math.dist(seen, truth) < 0.001


def test_a_short_shot_shows_over_a_part_of_nearly_the_same_colour(stage: Any) -> None:
    cap = stage.item(stage.white_cap, stage.at(z_m=0.02), "cap", edges=(EdgeFlaw("short", 1.0, 0.006, 0.001),))
    below = replace(stage.item(stage.ring, stage.at(), "body"), item_id=2)
    request = stage.ask("outline", stage.white_cap, stage.at(z_m=0.02), "cap")
    assert read(stage, [below, cap], request).value > 0.0008


def test_an_outline_that_is_not_there_reads_the_worst(stage: Any) -> None:
    assert read(stage, [], stage.ask("outline", stage.cap)).value == 0.02


def test_dirt_at_the_bottom_of_a_bore_is_told_from_the_shade_there(stage: Any) -> None:
    ring = stage.item(stage.ring, stage.at(), "ring")
    requests = (
        stage.ask("surface", stage.disc, stage.at(z_m=0.014), "disc"),
        stage.ask("position", stage.ring, stage.at(), "ring"),
    )
    clean = stage.item(stage.disc, stage.at(z_m=0.014), "disc")
    assert read(stage, [clean, ring], *requests).value == 0.0
    blot = Flaw((-0.002, 0.006), (0.002, 0.006), 0.0025, (70, 54, 40), "dirt")
    reading = read(stage, [replace(clean, flaws=(blot,)), ring], *requests)
    assert reading.value == pytest.approx(0.004, abs=0.0006)
    assert [finding.kind for finding in reading.findings] == ["flaw"]


def test_a_label_is_placed_by_its_code(stage: Any) -> None:
    items = stage.closed(stage.white_cap)
    shifted = [replace(i, part_in_cell=i.part_in_cell.shifted(0.0018, -0.0009)) if i.site == "label" else i for i in items]
    pose = stage.at(z_m=0.005)
    requests = (
        stage.ask("position", stage.label, pose, "label"),
        stage.ask("code", stage.label, pose, "label", "VLV-000123"),
    )
    assert read(stage, items, *requests).value < 0.0002
    assert read(stage, shifted, *requests).value == pytest.approx(math.hypot(0.0018, 0.0009), abs=0.0002)
    faded = [replace(item, contrast=0.0) if item.site == "label" else item for item in items]
    assert read(stage, faded, *requests).value == 0.0055
