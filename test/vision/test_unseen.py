"""What an image does not show of a part is not said to be good."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from microcell.description.checks import Patch, RightPart
from microcell.description.product import Box, Cylinder
from microcell.plant.render import Light, render
from microcell.plant.scene import Flaw
from microcell.vision.measure import measure
from microcell.vision.requests import Reading

SCRATCH = Flaw((-0.003, 0.0), (0.003, 0.0), 0.0005, (175, 175, 175))
SPOT = Patch(kind="patch", site="site", at_m=(0.0, 0.002), radius_m=0.001, colour_rgb=(200, 200, 200))


def button(stage: Any, colour: tuple[int, int, int]) -> Any:
    """A part that takes 1.4 % of the image."""
    return stage.part(Cylinder(kind="cylinder", diameter_m=0.01, height_m=0.003), colour)


def asked(stage: Any, part: Any, spot: Patch = SPOT) -> list[Any]:
    return [stage.ask("surface", part), stage.ask("colour", part), replace(stage.ask("patch", part), measured=spot)]


def test_a_small_part_whose_face_is_at_full_scale_is_uncertain_though_little_of_the_image_is(stage: Any) -> None:
    part = button(stage, (200, 200, 200))
    items = [stage.item(part, stage.at(), flaws=(SCRATCH,))]
    requests = asked(stage, part)
    drowned, shown = (measure(stage.photo(items, Light(level)), stage.camera, requests) for level in (3.0, 1.0))
    assert [(reading.uncertain, reading.text) for reading in drowned] == [
        (True, "overexposed: its pixels are at full scale")
    ] * 3
    assert not any(reading.uncertain for reading in shown)
    assert shown[0].value == pytest.approx(0.006, abs=0.0003)


def test_a_flaw_that_is_brighter_than_full_scale_is_seen_as_what_it_is(stage: Any) -> None:
    part = button(stage, (40, 40, 44))
    blot = Flaw((-0.002, 0.0), (0.002, 0.0), 0.001, (255, 255, 255), "dirt")
    pixels = stage.photo([stage.item(part, stage.at(), flaws=(blot,))], Light(1.4))
    reading = measure(pixels, stage.camera, [stage.ask("surface", part)])[0]
    assert (reading.uncertain, len(reading.findings)) == (False, 1)
    assert reading.value == pytest.approx(0.004, abs=0.001)


@pytest.mark.parametrize("side_m", [0.003, 0.005, 0.008])
def test_a_scratch_on_a_part_of_few_pixels_is_seen(stage: Any, side_m: float) -> None:
    part = chip(stage, side_m)
    scratch = Flaw((-0.3 * side_m, 0.0), (0.3 * side_m, 0.0), 0.0004, (100, 80, 20))
    clean, scratched = (small_photo(stage, stage.item(part, stage.at(), flaws=flaws)) for flaws in ((), (scratch,)))
    assert (clean.value, clean.uncertain) == (0.0, False)
    assert (scratched.value > 0.2 * side_m, scratched.uncertain) == (True, False)


def test_of_a_part_of_too_few_pixels_no_surface_is_told(stage: Any) -> None:
    reading = small_photo(stage, stage.item(chip(stage, 0.0015), stage.at()))
    assert (reading.uncertain, reading.text) == (True, "too few of its pixels show its own colour")


def chip(stage: Any, side_m: float) -> Any:
    return stage.part(Box(kind="box", length_m=side_m, width_m=side_m, height_m=0.002), (200, 160, 40))


def small_photo(stage: Any, item: Any) -> Reading:
    """A part's surface in an image with 3.6 pixels to a millimetre."""
    camera = stage.camera.model_copy(update={"focal_px": 3600.0, "width_px": 480, "height_px": 360})
    pixels = render([item], camera, Light(), np.random.default_rng(5))
    return measure(pixels, camera, [stage.ask("surface", item.part)])[0]


def test_a_mono_camera_tells_no_colour_but_of_what_is_grey(stage: Any) -> None:
    def readings(part: Any, mono: bool) -> list[Reading]:
        pixels = stage.photo([stage.item(part, stage.at())])
        if mono:
            pixels = np.repeat(pixels[..., 1:2], 3, axis=2)
        which = replace(
            stage.ask("right_part", part),
            measured=RightPart(kind="right_part", site="site"),
            parts={"plate": stage.plate, "it": part},
        )
        spot = SPOT.model_copy(update={"colour_rgb": part.colour_rgb})
        colour, patch = stage.ask("colour", part), replace(stage.ask("patch", part), measured=spot)
        return list(measure(pixels, stage.camera, [colour, patch, which]))

    def doubted(found: list[Reading]) -> list[bool]:
        return [
            (reading.uncertain or np.isnan(reading.value)) and reading.text == "the image has no colour" for reading in found
        ]

    dull = button(stage, (150, 152, 158))
    ochre = button(stage, (120, 116, 96))  # in one channel just grey
    assert doubted(readings(ochre, mono=True)) == [True, True, True]
    assert doubted(readings(ochre, mono=False)) == [False, False, False]
    assert doubted(readings(dull, mono=True)) == [False, False, True]  # it may be the yellow plate


def test_a_white_part_may_be_at_full_scale_in_the_right_light_and_not_in_more(stage: Any) -> None:
    part = button(stage, (250, 250, 246))
    white = SPOT.model_copy(update={"colour_rgb": part.colour_rgb})
    items = [stage.item(part, stage.at())]
    for level, uncertain in ((1.35, False), (2.0, True)):  # the rendered camera leaves a fifth as head room
        pixels = stage.photo(items, Light(level))
        assert np.count_nonzero(pixels.max(axis=2) >= 253) > 5000
        readings = measure(pixels, stage.camera, asked(stage, part, white))
        assert [reading.uncertain for reading in readings] == [uncertain] * 3
