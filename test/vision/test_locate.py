"""Finding a part near its nominal pose."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.vision.measure import locate
from microcell.vision.requests import Locate


def look(stage: Any, items: Any, part: Any, radius_m: float = 0.01) -> Pose:
    request = Locate("tray_1", part, stage.at(), radius_m)
    return locate(stage.photo(items), stage.camera, request, "camera_trays")


@settings(max_examples=25)
@given(x=st.floats(-0.006, 0.006), y=st.floats(-0.006, 0.006))
def test_a_disc_is_found_to_a_twentieth_of_a_millimetre(stage: Any, x: float, y: float) -> None:
    pose = look(stage, [stage.item(stage.disc, stage.at(x, y, yaw_rad=0.8))], stage.disc)
    assert pose.position == pytest.approx(stage.at(x, y).position, abs=0.00005)
    assert pose.orientation == stage.at().orientation


@settings(max_examples=15)
@given(yaw=st.floats(-3.1, 3.1))
def test_a_marked_part_is_found_in_every_turn(stage: Any, yaw: float) -> None:
    pose = look(stage, [stage.item(stage.cap, stage.at(0.002, 0.001, yaw_rad=yaw))], stage.cap)
    assert pose.position == pytest.approx(stage.at(0.002, 0.001).position, abs=0.00005)
    assert math.remainder(pose.yaw - yaw, 2 * math.pi) == pytest.approx(0.0, abs=0.01)


@settings(max_examples=15)
@given(yaw=st.floats(-1.4, 1.4))
def test_a_box_is_found_in_its_turn(stage: Any, yaw: float) -> None:
    pose = look(stage, [stage.item(stage.plate, stage.at(-0.001, 0.003, yaw_rad=yaw))], stage.plate)
    assert pose.position == pytest.approx(stage.at(-0.001, 0.003).position, abs=0.00005)
    assert pose.yaw == pytest.approx(yaw, abs=0.005)


def test_of_several_the_nearest_is_found(stage: Any) -> None:
    items = [stage.item(stage.disc, stage.at(x)) for x in (-0.031, 0.002, 0.033)]
    pose = look(stage, items, stage.disc, 0.05)
    assert pose.position == pytest.approx(stage.at(0.002).position, abs=0.00005)


def test_where_none_of_its_colour_is_one_of_its_outline_is_found(stage: Any) -> None:
    green = stage.disc.model_copy(update={"colour_rgb": (120, 186, 120)})
    pose = look(stage, [stage.item(green, stage.at(0.002, -0.003))], stage.disc)
    assert pose.position == pytest.approx(stage.at(0.002, -0.003).position, abs=0.00005)


def test_one_of_its_own_colour_is_found_before_a_nearer_one_of_another(stage: Any) -> None:
    green = stage.disc.model_copy(update={"colour_rgb": (120, 186, 120)})
    pose = look(stage, [stage.item(green, stage.at()), stage.item(stage.disc, stage.at(0.03))], stage.disc, 0.05)
    assert pose.position == pytest.approx(stage.at(0.03).position, abs=0.00005)


@pytest.mark.parametrize("case", ["nothing", "another size", "too far"])
def test_what_is_not_there_is_not_found(stage: Any, case: str) -> None:
    small = stage.disc.model_copy(update={"shape": stage.disc.shape.model_copy(update={"diameter_m": 0.015})})
    items = {
        "nothing": [],
        "another size": [stage.item(small, stage.at())],
        "too far": [stage.item(stage.disc, stage.at(0.012))],
    }[case]
    with pytest.raises(FaultError) as caught:
        look(stage, items, stage.disc)
    assert caught.value.fault.code == "PART_NOT_FOUND"
    assert caught.value.fault.where == "camera_trays"
    expected = "nothing of the part's outline at 'tray_1' within 10.0 mm of its place"
    assert caught.value.fault.detail == expected
