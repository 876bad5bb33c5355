"""A part and what lies beneath it in nearly its colour: a missing one is never taken for there."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.colours import delta_e
from microcell.description.ground import LEAST_DELTA_E
from microcell.description.loader import load_line
from microcell.devices.camera.modelled import Look, as_told, drawn_reading, true_reading
from microcell.plant.render import Light, photograph
from microcell.plant.scene import SceneItem
from microcell.plant.surroundings import surroundings
from microcell.skills.judging import requests_of
from microcell.vision.measure import measure
from microcell.vision.requests import LIKE_ITS_GROUND, CheckRequest

LEVEL = st.integers(20, 240)


def on_ground(
    stage: Any, own: tuple[int, int, int], ground: tuple[int, int, int], kind: str
) -> tuple[CheckRequest, Any, Any]:
    """What is asked of a disc on a plate, the plate with the disc on it, and without."""
    disc = stage.disc.model_copy(update={"colour_rgb": own})
    plate = stage.part(stage.plate.shape.model_copy(update={"length_m": 0.05, "width_m": 0.04}), ground)
    beneath = stage.item(plate, stage.at(), "plate")
    request = replace(stage.ask(kind, disc, stage.at(z_m=0.004)), ground_rgb=ground)
    return request, [beneath, replace(stage.item(disc, stage.at(z_m=0.004)), item_id=2)], [beneath]


@settings(max_examples=25)
@given(level=LEVEL, step=st.integers(-40, 40), brightness=st.floats(0.85, 1.05))
def test_a_missing_part_is_absent_or_uncertain_and_a_good_one_present_or_uncertain(
    stage: Any, level: int, step: int, brightness: float
) -> None:
    own = (min(250, max(10, level + step)),) * 3
    request, there, missing = on_ground(stage, own, (level, level, level), "presence")
    for items, is_there in ((there, True), (missing, False)):
        seen = measure(stage.photo(items, Light(brightness)), stage.camera, [request])[0]
        assert seen.uncertain == (delta_e(own, (level, level, level)) < LEAST_DELTA_E)
        assert seen.uncertain or (seen.value > 0.9 if is_there else seen.value < 0.1)
        assert seen.uncertain or true_reading(request, items).value == float(is_there)


@pytest.mark.parametrize("kind", ["position", "outline"])
def test_a_part_near_its_ground_s_colour_is_measured_and_one_nearer_is_uncertain(stage: Any, kind: str) -> None:
    request, there, missing = on_ground(stage, (150, 152, 158), (178, 182, 188), kind)
    seen, gone = (measure(stage.photo(items), stage.camera, [request])[0] for items in (there, missing))
    assert (seen.value < 0.0003, seen.uncertain) == (True, False)  # its shadow on the ground has nearly its colour
    assert (gone.value, gone.text, gone.uncertain) == (0.012, "not found", False)
    request, there, _ = on_ground(stage, (170, 172, 178), (178, 182, 188), kind)
    assert measure(stage.photo(there), stage.camera, [request])[0].uncertain


@pytest.mark.parametrize("kind", ["presence", "position", "outline"])
def test_the_modelled_camera_sees_no_more_than_an_image_shows(stage: Any, kind: str) -> None:
    request, there, missing = on_ground(stage, (170, 172, 178), (178, 182, 188), kind)
    for items in (there, missing):
        reading = as_told(request, drawn_reading(request, Look(items, Random("1"), "1", 0.0)), set())
        assert (reading.uncertain, reading.text) == (True, LIKE_ITS_GROUND)


def test_the_modelled_camera_takes_another_part_of_the_same_colour_for_the_missing_one_as_images_do(stage: Any) -> None:
    request, there, _ = on_ground(stage, (150, 152, 158), (60, 60, 60), "presence")
    other = replace(there[0], part=there[0].part.model_copy(update={"colour_rgb": (150, 152, 158)}))
    assert true_reading(request, [other]).value == 1.0
    assert measure(stage.photo([other]), stage.camera, [request])[0].value > 0.9


@pytest.mark.parametrize(
    ("line", "variant", "inspection", "later", "gone"),
    [
        ("controller", "eu", "closed", (), ("screw_1", "screw_3")),
        ("stool", "birch", "kit", ("lid_place", "label_area"), ("leg_1", "leg_2")),
        ("stool", "black", "kit", ("lid_place", "label_area"), ("leg_2", "leg_3")),
    ],
)
def test_shipped_lines_miss_what_is_missing(line: str, variant: str, inspection: str, later: Any, gone: Any) -> None:
    described = load_line(line)
    product, camera = described.product_description, described.cell_description.devices["camera_1"]
    seat = described.cell_description.devices["fixture_1"].seat_in_cell.pose
    items = []
    for number, (site, place) in enumerate(product.sites.items()):
        name = product.part_of(place.item, variant)
        if site not in (*later, *gone):
            pose = seat @ place.part_in_unit.pose
            items.append(SceneItem(number, name, product.parts[name], pose, "fixture_1", site))
    requests = [r for r in requests_of(described, variant, inspection, "fixture_1", "") if r.kind == "presence"]
    photo = photograph(items, camera, Light(), np.random.default_rng(1), surroundings(described))
    for reading, request in zip(measure(photo.pixels, camera, requests), requests, strict=True):
        assert not reading.uncertain
        assert (reading.value < 0.1) == (request.site in gone) == (true_reading(request, items).value < 0.1)
