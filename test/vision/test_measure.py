"""Every kind of check, on rendered images whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from microcell.description.checks import Dimension, Patch
from microcell.description.extents import turns_of
from microcell.description.product import Mark
from microcell.faults import FaultError
from microcell.plant.render import Light
from microcell.plant.scene import Flaw
from microcell.vision.measure import locate, measure
from microcell.vision.requests import Locate, Reading

SCRATCH = Flaw((-0.004, -0.009), (0.004, -0.0095), 0.0005, (150, 180, 220))


def read(stage: Any, items: Any, *requests: Any, light: Light | None = None) -> Reading:
    """The reading of the first request."""
    return measure(stage.photo(items, light), stage.camera, requests)[0]


def test_a_good_unit_reads_as_good(stage: Any) -> None:
    readings = measure(stage.photo(stage.closed(stage.cap)), stage.camera, stage.closed_checks(stage.cap))
    by_name = {reading.name: reading for reading in readings}
    assert by_name["cap_presence"].value > 0.75  # the screws hide a part of it
    assert by_name["cap_position"].value < 0.00005
    assert by_name["cap_colour"].value < 0.03
    assert by_name["cap_orientation"].value < 0.02
    assert by_name["cap_surface"].value == 0.0
    assert all(by_name[f"screw_{n}_presence"].value > 0.9 for n in range(4))
    assert (by_name["label_code"].value, by_name["label_code"].text) == (1.0, "VLV-000123")


def test_the_readings_come_in_the_order_of_the_requests(stage: Any) -> None:
    requests = stage.closed_checks(stage.cap)[::-1]
    readings = measure(stage.photo(stage.closed(stage.cap)), stage.camera, requests)
    assert [reading.name for reading in readings] == [request.name for request in requests]
    assert {reading.feature: reading.unit for reading in readings} == {
        "presence": "1", "position": "m", "colour": "1", "orientation": "rad", "surface": "m", "code": "1"
    }  # fmt: skip


def test_the_same_image_gives_the_same_readings(stage: Any) -> None:
    pixels, requests = stage.photo(stage.closed(stage.cap)), stage.closed_checks(stage.cap)
    assert measure(pixels, stage.camera, requests) == measure(pixels, stage.camera, requests)


def test_a_missing_screw_is_not_there(stage: Any) -> None:
    items = [item for item in stage.closed(stage.cap) if item.site != "screw_1"]
    readings = measure(stage.photo(items), stage.camera, stage.closed_checks(stage.cap))
    seen = {reading.name: reading.value for reading in readings if reading.name.startswith("screw")}
    assert [name for name, value in seen.items() if value < 0.1] == ["screw_1_presence"]


def test_a_part_in_the_wrong_colour_is_not_the_part(stage: Any) -> None:
    assert read(stage, [stage.item(stage.white_cap, stage.at())], stage.ask("presence", stage.cap)).value < 0.1


def test_half_hidden_is_half_visible(stage: Any) -> None:
    plate = stage.part(stage.plate.shape.model_copy(update={"length_m": 0.06, "width_m": 0.06}), (40, 40, 40))
    items = [stage.item(stage.disc, stage.at()), stage.item(plate, stage.at(x_m=-0.03, z_m=0.002))]
    assert read(stage, items, stage.ask("presence", stage.disc)).value == pytest.approx(0.5, abs=0.06)


@settings(max_examples=25)
@given(x=st.floats(-0.005, 0.005), y=st.floats(-0.005, 0.005))
def test_an_offset_is_measured_to_a_twentieth_of_a_millimetre(stage: Any, x: float, y: float) -> None:
    reading = read(stage, [stage.item(stage.disc, stage.at(x, y))], stage.ask("position", stage.disc))
    assert reading.value == pytest.approx(math.hypot(x, y), abs=0.00005)
    assert reading.uncertainty is not None and 0.0 < reading.uncertainty < 0.00002


def test_a_disc_in_a_bore_is_told_from_the_bore(stage: Any) -> None:
    items = [stage.item(stage.disc, stage.at(0.0002, 0.0, 0.014)), stage.item(stage.ring, stage.at(), "ring")]
    reading = read(stage, items, stage.ask("position", stage.disc, stage.at(z_m=0.014)))
    assert reading.value == pytest.approx(0.0002, abs=0.00005)


def test_a_part_that_is_not_there_is_half_its_size_off(stage: Any) -> None:
    items = [stage.item(stage.ring, stage.at(), "ring")]
    reading = read(stage, items, stage.ask("position", stage.disc, stage.at(z_m=0.014)))
    assert (reading.value, reading.uncertainty) == (0.012, None)


@settings(max_examples=25)
@given(yaw=st.floats(-3.1, 3.1))
def test_a_turn_is_measured_by_the_marks(stage: Any, yaw: float) -> None:
    items = [stage.item(stage.cap, stage.at(0.0005, -0.0003, yaw_rad=yaw))]
    assert read(stage, items, stage.ask("orientation", stage.cap)).value == pytest.approx(abs(yaw), abs=0.01)


def test_a_turn_is_measured_whatever_the_part_s_colour(stage: Any) -> None:
    items = [stage.item(stage.white_cap, stage.at(yaw_rad=1.2))]
    assert read(stage, items, stage.ask("orientation", stage.cap)).value == pytest.approx(1.2, abs=0.01)


def test_a_part_whose_marks_are_not_seen_reads_half_a_turn(stage: Any) -> None:
    plain = stage.cap.model_copy(update={"marks": ()})
    assert read(stage, [stage.item(plain, stage.at())], stage.ask("orientation", stage.cap)).value == math.pi


def test_a_box_without_marks_is_turned_by_its_sides(stage: Any) -> None:
    items = [stage.item(stage.plate, stage.at(yaw_rad=0.3))]
    assert read(stage, items, stage.ask("orientation", stage.plate)).value == pytest.approx(0.3, abs=0.005)


DOT = Mark(at_m=(0.0, 0.0), length_m=0.006, colour_rgb=(40, 40, 44))
HOLE = DOT.model_copy(update={"length_m": 0.0035})


def holes(*places_m: tuple[float, float]) -> tuple[Mark, ...]:
    return tuple(HOLE.model_copy(update={"at_m": place}) for place in places_m)


BAR = Mark(at_m=(0.001, 0.0), length_m=0.018, width_m=0.003, colour_rgb=(200, 60, 60))
MARKED = {
    "cap with two holes": ("white_cap", holes((0.012, 0.0), (-0.012, 0.0)), 2),
    "cap with three holes": ("white_cap", holes((0.012, 0.0), (-0.006, 0.01039), (-0.006, -0.01039)), 3),
    "cap with a bar through its middle": ("white_cap", (BAR.model_copy(update={"at_m": (0.0, 0.0)}),), 2),
    "cap with four holes and a notch": ("white_cap", (*holes((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)), BAR), 1),
    "plate with a dot": ("plate", (DOT,), 2),
    "plate with two holes": ("plate", holes((0.01, 0.0), (-0.01, 0.0)), 2),
    "plate with four holes": ("plate", holes((0.01, 0.005), (-0.01, 0.005), (0.01, -0.005), (-0.01, -0.005)), 2),
    "plate with a hole in a corner": ("plate", holes((0.012, 0.006)), 1),
}


@pytest.mark.parametrize("yaw", [0.5, 1.6, -3.0])
def test_a_wide_spot_beside_the_middle_tells_the_turn_too(stage: Any, yaw: float) -> None:
    part = stage.white_cap.model_copy(update={"marks": (DOT.model_copy(update={"at_m": (0.0045, 0.0), "length_m": 0.018}),)})
    assert turns_of(part) == 1
    photo = stage.photo([stage.item(part, stage.at(0.002, 0.001, yaw_rad=yaw))])
    assert measure(photo, stage.camera, [stage.ask("orientation", part)])[0].value == pytest.approx(abs(yaw), abs=0.1)


@pytest.mark.parametrize("name", MARKED)
@settings(max_examples=6)
@given(yaw=st.floats(-3.1, 3.1))
def test_of_the_turns_that_look_alike_the_nearest_is_told(stage: Any, name: str, yaw: float) -> None:
    shape, marks, count = MARKED[name]
    part = getattr(stage, shape).model_copy(update={"marks": marks})
    least = math.remainder(yaw, 2 * math.pi / count)
    assume(abs(abs(least) - math.pi / count) > 0.03)
    photo = stage.photo([stage.item(part, stage.at(0.002, 0.001, yaw_rad=yaw))])
    assert turns_of(part) == count
    assert measure(photo, stage.camera, [stage.ask("orientation", part)])[0].value == pytest.approx(abs(least), abs=0.015)
    assert locate(photo, stage.camera, Locate("tray", part, stage.at(), 0.01)).yaw == pytest.approx(least, abs=0.015)


def test_a_round_part_that_is_marked_in_its_middle_alone_has_no_turn(stage: Any) -> None:
    dotted = stage.white_cap.model_copy(update={"marks": (DOT,)})
    photo = stage.photo([stage.item(dotted, stage.at(yaw_rad=0.4))])
    for part in (dotted, stage.disc):
        reading = measure(photo, stage.camera, [stage.ask("orientation", part)])[0]
        assert (math.isnan(reading.value), reading.text) == (True, "neither its outline nor its marks tell its turn")
    assert locate(photo, stage.camera, Locate("tray", dotted, stage.at(), 0.01)).yaw == pytest.approx(0.0)


def test_a_marked_plate_is_as_long_as_it_is_though_its_marks_tell_no_turn(stage: Any) -> None:
    plate = stage.plate.model_copy(update={"marks": (DOT,)})
    size = {"from_m": (-0.02, 0.007), "to_m": (0.02, 0.007), "nominal_m": 0.03, "tolerance_m": 0.0005}
    request = replace(stage.ask("dimension", plate), measured=Dimension(kind="dimension", site="site", **size))
    assert read(stage, [stage.item(plate, stage.at(yaw_rad=0.2))], request).value == pytest.approx(0.03, abs=0.0001)


@settings(max_examples=15)
@given(level=st.floats(0.5, 1.1), red=st.floats(0.95, 1.05), blue=st.floats(0.95, 1.05))
def test_a_colour_does_not_depend_on_the_light(stage: Any, level: float, red: float, blue: float) -> None:
    light = Light(level, (red, 1.0, blue))
    request = stage.ask("colour", stage.disc)
    assert read(stage, [stage.item(stage.disc, stage.at())], request, light=light).value < 0.03


def test_another_colour_differs_as_much_as_it_does(stage: Any) -> None:
    reading = read(stage, [stage.item(stage.white_cap, stage.at())], stage.ask("colour", stage.cap))
    assert reading.value == pytest.approx(0.639, abs=0.04)


def test_a_scratch_is_as_long_as_it_is(stage: Any) -> None:
    items = stage.closed(stage.cap, flaws=(SCRATCH,))
    surface = [request for request in stage.closed_checks(stage.cap) if request.kind == "surface"]
    others = [request for request in stage.closed_checks(stage.cap) if request.kind != "surface"]
    assert read(stage, items, *surface, *others).value == pytest.approx(0.00802, abs=0.0003)


def test_a_turned_mark_is_not_a_flaw(stage: Any, turned: Callable[[Any, float], Any]) -> None:
    items = [turned(stage.item(stage.cap, stage.at()), 2.0)]
    assert read(stage, items, stage.ask("surface", stage.cap)).value == 0.0


def test_what_no_request_names_counts_as_a_flaw(stage: Any) -> None:
    reading = read(stage, stage.closed(stage.cap), stage.ask("surface", stage.cap, site="cap"))
    assert reading.value > 0.004


@pytest.mark.parametrize(("content", "contrast"), [("VLV-000124", 1.0), ("VLV-000123", 0.0), ("", 1.0)])
def test_another_or_unreadable_code_is_not_the_expected_one(stage: Any, content: str, contrast: float) -> None:
    items = [stage.item(stage.label, stage.at(), content=content, contrast=contrast)]
    reading = read(stage, items, stage.ask("code", stage.label, text="VLV-000123"))
    assert reading.value == 0.0
    assert reading.text == (content if contrast else "")


def test_nothing_read_is_never_the_expected_text(stage: Any) -> None:
    assert read(stage, [stage.item(stage.label, stage.at())], stage.ask("code", stage.label)).value == 0.0


def test_a_code_is_read_in_any_turn(stage: Any) -> None:
    items = [stage.item(stage.label, stage.at(0.001, -0.001, yaw_rad=0.7), content="VLV-7")]
    assert read(stage, items, stage.ask("code", stage.label, text="VLV-7")).text == "VLV-7"


@pytest.mark.parametrize("kind", ["presence", "position", "colour", "orientation", "surface", "outline", "code"])
def test_of_a_place_outside_of_the_image_nothing_is_told(stage: Any, kind: str) -> None:
    part = stage.label if kind == "code" else stage.cap
    reading = read(stage, [stage.item(stage.cap, stage.at())], stage.ask(kind, part, stage.at(x_m=0.5), text="A"))
    assert (reading.uncertain, reading.text) == (True, "out of the image")


@settings(max_examples=20)
@given(
    x=st.floats(0.0, 0.08),
    there=st.booleans(),
    kind=st.sampled_from(("presence", "position", "colour", "surface", "outline")),
)
def test_a_black_part_is_told_just_where_all_of_it_is_in_the_image(stage: Any, x: float, there: bool, kind: str) -> None:
    black = stage.cap.model_copy(update={"colour_rgb": (20, 20, 22), "marks": ()})
    pose, other = stage.at(x_m=x), stage.item(stage.plate, stage.at(x_m=-0.02), "other")
    reading = read(stage, [stage.item(black, pose), other] if there else [other], stage.ask(kind, black, pose))
    last = (
        479.5 / 11000 * 0.995 - 0.02 + 0.002
    )  # half the image at the top's height, less the radius; the lens is 2 mm aside
    assume(abs(x - last) > 0.0002)
    assert (reading.text == "out of the image") == reading.uncertain == (x > last)
    assert reading.uncertain or kind != "presence" or (reading.value > 0.9) == there


def test_a_part_is_not_taken_where_the_image_cuts_it_off(stage: Any) -> None:
    request = Locate("tray", stage.cap, stage.at(x_m=0.03), 0.01)
    with pytest.raises(FaultError, match="PART_NOT_FOUND at camera: .*'tray' lies partly out of the image"):
        locate(stage.photo([stage.item(stage.cap, stage.at(x_m=0.028))]), stage.camera, request)


@pytest.mark.parametrize("x_m", [0.0, 0.036])
def test_a_spot_out_of_the_image_has_no_colour(stage: Any, x_m: float) -> None:
    check = Patch(kind="patch", site="site", at_m=(0.012, 0.0), radius_m=0.003, colour_rgb=(0, 0, 0))
    pose = stage.at(x_m=x_m)
    request = replace(stage.ask("patch", stage.plate, pose), measured=check)
    reading = read(stage, [stage.item(stage.plate, pose)], request)
    assert reading.uncertain == (x_m > 0.0)
    assert reading.uncertain or reading.value > 0.3
